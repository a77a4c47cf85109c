"""Bundles: the same figures elsewhere, nothing that was to stay, and no hostile file opened."""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.errors import StoreError
from core.export.bundle import Contents, write_bundle
from core.export.opening import open_bundle
from core.labels import history
from core.labels.records import Kind
from core.store import consent, maps
from core.store.check import check
from core.store.compact import compact
from core.store.consent import Consent, Use
from core.store.schema import TABLES
from core.store.store import Store
from tests.store.test_forget import STAYS, a_label, a_map, written

OTHER = "ef" * 32
ALL = frozenset(Use)


@pytest.fixture
def two(store: Store) -> Store:
    written(store, STAYS, name="Anna.wav", speaker="Anna", session="Clinic", source="/etc/passwd")
    written(store, OTHER, name="b.wav", speaker="Di")
    history.add(store, a_label(STAYS, "angry", "Cy", note="Anna was tired"))
    history.add(store, a_label(STAYS, "said by Anna", "Anna", kind=Kind.TRANSCRIPT))
    a_map(store, "both", [STAYS, OTHER])
    a_map(store, "one", [STAYS])
    return store


def told(store: Store, recording: str) -> list:
    """All that a store says of a recording."""
    rows = []
    for name, table in TABLES.items():
        if "recording" in table.schema.names and name != "copies":
            rows.append(
                [row for row in store.table(name).to_pylist() if row["recording"] == recording]
            )
    attempts = {row["attempt"] for row in store.table("tracks", recording).to_pylist()}
    attempts |= {row["attempt"] for row in store.table("runs", recording).to_pylist()}
    for name in ("frames", "blocks", "segments"):
        mine = [row for row in store.table(name).to_pylist() if row["attempt"] in attempts]
        rows.append(sorted(mine, key=lambda row: list(row.values())[1]))
    return rows


def kept(store: Store, recording: str, data: bytes) -> None:
    path = store.root / f"audio/{recording[:2]}/{recording}.wav"
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    store.lake.merge(
        "recordings",
        pa.Table.from_pylist(
            [
                store.table("recordings", recording).to_pylist()[0]
                | {"kept": str(path.relative_to(store.root))}
            ],
            schema=TABLES["recordings"].schema,
        ),
        ["kept"],
    )


def test_backup_restores_to_the_same_store(run, two, tmp_path):
    place = ["--store", two.root]
    path = tmp_path / "far" / "all.zip"
    assert run("store", "backup", path, *place).lines == [{"file": str(path), "recordings": 2}]
    new = tmp_path / "new"
    assert run("store", "restore", path, "--store", new).lines[0]["recordings"] == 2
    again = Store(new)
    for recording in (STAYS, OTHER):
        assert told(again, recording) == told(two, recording)
    assert check(again).ok
    assert run("store", "restore", path, "--store", new).status == 1


def test_bundle_reopens_to_the_same_figures_and_holds_nothing_else(two, tmp_path):
    path = tmp_path / "b.zip"
    assert write_bundle(two, path, Contents((STAYS,))) == 1
    assert open_bundle(path, tmp_path / "new") == 1
    again = Store(tmp_path / "new")
    track = two.table("tracks", STAYS).to_pylist()[0]
    old, new = (s.track(STAYS, None, track["track_key"]) for s in (two, again))
    np.testing.assert_array_equal(old.logits, new.logits)
    np.testing.assert_array_equal(old.block_sums, new.block_sums)
    assert again.table("runs").to_pylist() == two.table("runs", STAYS).to_pylist()
    assert {head.key for head in maps.heads(again, maps.PROJECTION)} == {"one"}
    assert history.of(again, STAYS) == history.of(two, STAYS)
    assert again.table("recordings").to_pylist()[0]["source"] is None  # no path of elsewhere
    assert OTHER.encode() not in path.read_bytes()
    assert check(again).ok


def test_pseudonyms_stand_for_names_everywhere(two, tmp_path):
    consent.put(two, [STAYS], Consent("form", ALL, None, "P07"), by="Dr Lang")
    path = tmp_path / "b.zip"
    write_bundle(two, path, Contents((STAYS, OTHER), pseudonyms=True))
    said = ""
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            data = archive.read(name)
            said += data.decode("latin-1")
            if name.endswith(".parquet"):
                said += json.dumps(pq.read_table(io.BytesIO(data)).to_pylist(), default=str)
    for secret in ("Anna", "Clinic", 'Cy"', "tired", "Lang", "passwd", '"Di"'):
        assert secret not in said
    open_bundle(path, tmp_path / "new")
    rows = {
        row["recording"]: row for row in Store(tmp_path / "new").table("recordings").to_pylist()
    }
    assert rows[STAYS]["speaker"] == "P07"
    assert rows[OTHER]["speaker"].startswith("person-")
    assert rows[STAYS]["name"] != rows[OTHER]["name"]


def test_sound_comes_only_when_asked_for_and_allowed(two, tmp_path):
    import hashlib

    data = b"RIFF sound"
    digits = hashlib.sha256(data).hexdigest()
    written(two, digits, name="c.wav")
    kept(two, digits, data)
    write_bundle(two, tmp_path / "without.zip", Contents((digits,)))
    write_bundle(two, tmp_path / "with.zip", Contents((digits,), audio=True))
    assert data not in (tmp_path / "without.zip").read_bytes()
    open_bundle(tmp_path / "with.zip", tmp_path / "new")
    again = Store(tmp_path / "new")
    assert (again.root / again.recording(digits).kept).read_bytes() == data
    open_bundle(tmp_path / "without.zip", tmp_path / "newer")
    assert Store(tmp_path / "newer").recording(digits).kept is None
    consent.put(two, [digits], Consent("form", frozenset({Use.PUBLISH})))
    write_bundle(two, tmp_path / "held.zip", Contents((digits,), audio=True))
    assert data not in (tmp_path / "held.zip").read_bytes()
    consent.put(two, [digits], Consent("form", frozenset({Use.LISTEN})))
    with pytest.raises(StoreError, match="nothing to put into the bundle"):
        write_bundle(two, tmp_path / "none.zip", Contents((digits,)))


def parquet(rows: list[dict], name: str = "recordings", schema: pa.Schema | None = None) -> bytes:
    into = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema=schema or TABLES[name].schema), into)
    return into.getvalue()


def forged(path: Path, held: dict[str, bytes], compression: int = 0, **about: object) -> Path:
    import hashlib

    listed = {name: {"sha256": hashlib.sha256(data).hexdigest()} for name, data in held.items()}
    manifest = {"format": "tonescope bundle", "schema": 1, "members": listed} | about
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in held.items():
            archive.writestr(name, data)
        archive.writestr("manifest.json", json.dumps(manifest))
    return path


GOOD = {"recording": STAYS, "name": "a.wav", "kept": "../../../etc/passwd", "source": "/etc/passwd"}
HOSTILE = {
    "slip": ({"../evil": b"x"}, {}, "holds '../evil'"),
    "absolute": ({"/etc/evil": b"x"}, {}, "holds '/etc/evil'"),
    "own file": ({"tonescope.json": b"{}"}, {}, "holds 'tonescope.json'"),
    "bomb": ({"tables/recordings.parquet": bytes(10**6)}, {"compression": 8}, "is compressed"),
    "no table": ({"tables/secrets.parquet": b""}, {}, "is not known"),
    "no parquet": ({"tables/recordings.parquet": b"PAR1nothing"}, {}, "damaged"),
    "not told": ({}, {"members": {"tables/runs.parquet": {"sha256": ""}}}, "does not fit"),
    "changed": (
        {"tables/runs.parquet": b"x"},
        {"members": {"tables/runs.parquet": {"sha256": "0" * 64}}},
        "not what its manifest says",
    ),
    "other sound": ({f"audio/cd/{STAYS}.wav": b"another"}, {}, "not what its name says"),
    "columns": ({"tables/runs.parquet": parquet([GOOD])}, {}, "other columns"),
    "no hash": (
        {"tables/recordings.parquet": parquet([GOOD | {"recording": "../x"}])},
        {},
        "has no SHA-256",
    ),
    "newer": ({}, {"schema": 99}, "has schema version 99"),
    "no list": ({}, {"members": []}, "cannot be read|does not fit"),
}


@pytest.mark.parametrize("how", HOSTILE)
def test_hostile_bundles_are_refused_and_leave_nothing(tmp_path, how):
    members, more, why = HOSTILE[how]
    path = forged(tmp_path / "b.zip", members, **more)
    with pytest.raises(StoreError, match=why):
        open_bundle(path, tmp_path / "in" / "new")
    assert [p.name for p in (tmp_path / "in").iterdir()] == []
    assert {p.name for p in tmp_path.iterdir()} == {"b.zip", "in"}


def test_paths_of_a_stranger_are_never_followed(tmp_path):
    path = forged(tmp_path / "b.zip", {"tables/recordings.parquet": parquet([GOOD])})
    open_bundle(path, tmp_path / "new")
    known = Store(tmp_path / "new").recording(STAYS)
    assert (known.kept, known.source) == (None, None)


def test_links_rows_out_of_nothing_and_no_zip_are_refused(tmp_path, monkeypatch):
    with zipfile.ZipFile(tmp_path / "link.zip", "w") as archive:
        link = zipfile.ZipInfo("tables/runs.parquet")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    (tmp_path / "text.zip").write_text("no zip")
    monkeypatch.setattr("core.export.opening._ROWS_A_BYTE", 0)
    rows = [GOOD | {"name": "x"}] * 10_001
    forged(tmp_path / "rows.zip", {"tables/recordings.parquet": parquet(rows)})
    for name, why in (("link", "no plain file"), ("text", "damaged"), ("rows", "more rows than")):
        with pytest.raises(StoreError, match=why):
            open_bundle(tmp_path / f"{name}.zip", tmp_path / "new")
    with pytest.raises(StoreError, match="cannot be opened"):
        open_bundle(tmp_path / "gone.zip", tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_commands_write_bundles_and_compact(run, two, tmp_path):
    place = ["--store", two.root]
    out = ["--out", tmp_path / "o"]
    said = run("export", "--format", "bundle", "--session", "Clinic", *out, *place)
    assert said.lines[0]["rows"] == 1
    assert "the sound was left out" in said.stderr
    (path,) = (tmp_path / "o").iterdir()
    assert run("bundle", "open", path, "--store", tmp_path / "n").lines[0]["recordings"] == 1
    assert run("export", "--format", "bundle", "--session", "none", *out, *place).status == 1
    before = [told(two, recording) for recording in (STAYS, OTHER)]
    (line,) = run("store", "compact", *place).lines
    assert line["files_after"] < line["files_before"]
    assert line["files_after"] == line["tables"]
    assert [told(two, recording) for recording in (STAYS, OTHER)] == before
    assert compact(two).files_after == line["files_after"]
    assert check(two).ok
