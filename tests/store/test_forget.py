"""Forgetting: nothing of a recording is left in any byte of the store, and nothing else is lost."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import jsonschema
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import core.store.forget as forgetting
from core.contract import schema
from core.errors import StoreError
from core.labels import history
from core.labels.records import Draft, Kind
from core.records import Failure, Metadata, Turn
from core.store import consent, copies, maps, spaces
from core.store import turns as turn_versions
from core.store.check import check
from core.store.consent import Consent, Use
from core.store.forget import forget, recordings_of, resume
from core.store.samples import samples, write_sample
from core.store.schema import TABLES
from core.store.store import Store
from core.studies import metadata
from tests.store.test_store import run_of, said
from tests.synthetic import make_recording, make_segment, make_track

GONE, STAYS = "ab" * 32, "cd" * 32
NAME = "Zwetschgenknödel O'Hara"  # a quote, as names have them
SECRETS = (GONE, NAME, "interview-geheim.wav", "a very private note", "was gesagt wurde")
NOW = datetime(2026, 1, 2, tzinfo=UTC)


def written(store: Store, recording: str, **said_of: object) -> None:
    track, _ = make_track(50, recording=recording, seed=int(recording[:2], 16))
    with store.attempt() as attempt:
        store.write_track(attempt, make_recording(recording=recording, **said_of), track, said())
        store.write_run(attempt, track, run_of([make_segment(0, 0, 1)], recording=recording))


def a_label(recording: str, term: str, annotator: str, **more: object) -> Draft:
    return Draft(
        recording=recording, start_s=0.0, end_s=0.5, term=term, annotator=annotator, **more
    )


def a_map(store: Store, key: str, recordings: list[str]) -> None:
    rows = pd.DataFrame({"recording": recordings, "channel": -1, "run_key": "r", "segment": 0})
    rows = rows.assign(x=0.5, y=0.5, cluster=0, rank=1, score=0.5)
    for kind in (maps.PROJECTION, maps.CLUSTERING, maps.SELECTION):
        maps.write(store, maps.Head(kind, key, "pca", 0, {"n": len(rows)}, NOW), rows)


def every_other_table(store: Store) -> None:
    """Draws, verdicts, edits and spaces that tell of both recordings."""
    both = pd.DataFrame({"recording": [GONE, STAYS], "channel": -1, "run_key": "r", "segment": 0})
    drawn = both.assign(start_s=0.0, end_s=1.0)
    write_sample(store, "to label", {"engine_id": "fake", "way": "random", "n_of": 2}, drawn)
    metadata.edit(store, {GONE: Metadata(session="s", speaker=NAME, tags=(NAME,))}, "Cy")
    metadata.edit(store, {STAYS: Metadata(session="s", speaker="Bo")}, "Cy")
    common = {"kind": "moment", "queue": 1, "channel": -1, "start_s": 0.0, "end_s": 1.0}
    flags = [common | {"flag": n, "recording": r} for n, r in enumerate((GONE, STAYS))]
    store.lake.append("flags", pa.Table.from_pylist(flags, schema=TABLES["flags"].schema))
    vectors = {NAME: (np.ones(3, np.float32), 1), "Bo": (np.ones(3, np.float32), 1)}
    spaces.write(store, spaces.StoredSpace("s", {}, np.zeros(3, np.float32), None, vectors, NOW))


@pytest.fixture
def full(template: Path, tmp_path: Path) -> Store:
    """A store with two recordings, and of the one that goes a row of every kind."""
    return Store(shutil.copytree(template, tmp_path / "store"))


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = Store(tmp_path_factory.mktemp("template") / "store")
    written(store, GONE, name="interview-geheim.wav", speaker=NAME, tags=(NAME,))
    written(store, STAYS, name="other.wav", speaker="Bo")
    for recording, note in ((GONE, "a very private note"), (STAYS, "an ordinary note")):
        history.add(store, a_label(recording, "angry", "Cy", note=note))
        turn = Turn(f"ab {NAME}" if recording == GONE else "Bo", 0, 1, "hand")
        turn_versions.put(store, recording, None, [turn], "hand")
        consent.put(store, [recording], Consent("form", frozenset(Use), None, f"P-{recording[:2]}"))
    history.add(store, a_label(GONE, "was gesagt wurde", NAME, kind=Kind.TRANSCRIPT))
    store.record_failure(Failure(GONE, "interview-geheim.wav", "fake", "decode", "bad", NOW))
    store.record_failure(Failure(None, "interview-geheim.wav", "fake", "read", "bad", NOW))
    store.record_failure(Failure(None, "another.wav", "fake", "read", "bad", NOW))
    a_map(store, "with-both", [GONE, STAYS])
    a_map(store, "without", [STAYS])
    every_other_table(store)
    copies.note(store, "backup", store.root.parent / "backup.tar", [GONE, STAYS])
    card = json.dumps({"recordings": [GONE, STAYS], "speakers": [NAME, "Bo"]})
    head = {"head": "h1", "name": "mine", "engine_id": "fake-000000000000", "classes": ["a", "b"]}
    head |= {"weights": [1.0], "bias": [0.0], "card": card, "made_at": NOW}
    other = head | {"head": "h2", "engine_id": "other-1", "card": "{}"}
    rows = pa.Table.from_pylist([head, other], schema=TABLES["heads"].schema)
    store.lake.append("heads", rows)
    for recording in (GONE, STAYS):
        folder = store.root / "audio" / recording[:2]
        folder.mkdir(parents=True)
        for end in (".wav", ".play.webm", ".mix.peaks.npz", ".channel1.prosody.npz"):
            (folder / f"{recording}{end}").write_bytes(recording.encode() + end.encode())
        (folder / f".{recording}.wav.0badcafe.1").write_bytes(b"draft")
    (store.root / "indexes").mkdir()
    (store.root / "indexes" / "faiss.bin").write_bytes(GONE.encode())
    return store.root


def everything(root: Path) -> dict[str, str]:
    """All that any file of a store says, tables taken out of their compression."""
    told = {}
    for path in (p for p in root.rglob("*") if p.is_file()):
        text = f"{path}\n" + path.read_bytes().decode("utf-8", "replace")
        if path.suffix == ".parquet":
            table = pq.read_table(path)
            text += json.dumps(table.to_pylist(), default=str, ensure_ascii=False)
            text += str(pq.read_metadata(path).to_dict())
        told[str(path)] = text
    return told


def traces(root: Path) -> list[tuple[str, str]]:
    forms = [(s, form) for s in SECRETS for form in (s, json.dumps(s)[1:-1], s.replace("'", "''"))]
    return [(p, s) for p, text in everything(root).items() for s, form in forms if form in text]


def rest_of(store: Store) -> dict[str, list]:
    """What the store says of the recording that stays."""
    told = {}
    for name, table in TABLES.items():
        if "recording" in table.schema.names:
            rows = [row for row in store.table(name).to_pylist() if row["recording"] == STAYS]
            told[name] = [row for row in rows if "with-both" not in row.values()]
    (attempt,) = [row["attempt"] for row in told["tracks"]]
    for name in ("frames", "blocks"):
        rows = [row for row in store.table(name).to_pylist() if row["attempt"] == attempt]
        told[name] = sorted(rows, key=lambda row: row.get("frame", row.get("block")))
    return told


def test_the_store_that_is_searched_tells_of_the_recording_in_every_table(full):
    """A table that is new must be filled here too, or the test below would not see it."""
    attempt = full.table("tracks", GONE)["attempt"].to_pylist()[0]
    for name, table in TABLES.items():
        rows = full.table(name).to_pylist()
        if "recording" in table.schema.names:
            assert any(row["recording"] == GONE for row in rows), name
        elif name in ("frames", "blocks", "segments"):
            assert any(row["attempt"] == attempt for row in rows), name
        else:
            told = json.dumps(rows, default=str)
            assert NAME.split()[1] in told, name  # a card is JSON, which writes the ö otherwise


def test_a_random_draw_keeps_what_is_left_of_it(full):
    forget(full, [GONE], NAME)
    (drawn,) = samples(full)
    assert drawn.segments["recording"].tolist() == [STAYS]
    assert drawn.parameters["way"] == "random"


def test_no_byte_of_the_store_tells_of_a_forgotten_recording(full):
    assert {secret for _, secret in traces(full.root)} == set(SECRETS)
    before = rest_of(full)
    versions = {name: full.lake.version(name) for name in TABLES}
    done = forget(full, [GONE], NAME)
    assert traces(full.root) == []
    assert rest_of(full) == before
    assert (done.recordings, done.files) == ((GONE,), 5)
    kinds = ("projection", "clustering", "selection")
    assert set(done.maps) == {f"{kind} with-both" for kind in kinds}
    assert done.heads == ("h1 (mine)",)
    assert [(copy.kind, Path(copy.place).name) for copy in done.copies] == [
        ("backup", "backup.tar")
    ]
    assert check(full).ok
    cards = {row["head"]: row["card"] for row in full.lake.read("heads").to_pylist()}
    assert json.loads(cards["h1"]) == {
        "recordings": ["forgotten", STAYS],
        "speakers": ["forgotten", "Bo"],
    }
    assert [row["name"] for row in full.table("failures").to_pylist()] == ["another.wav"]
    assert len(list((full.root / "audio" / STAYS[:2]).iterdir())) == 5
    assert not (full.root / "indexes").exists()
    # What watches a table by the number of its last commit must see that it changed.
    written_to = [name for name, version in versions.items() if version >= 0]
    assert all(full.lake.version(name) > versions[name] for name in written_to)
    written(full, "ef" * 32)
    assert check(full).recordings == 2


class Killed(BaseException):
    """Stands for the end of the process, which no handler sees."""


@pytest.mark.parametrize(("step", "after"), [("_remove_files", 0), ("purge", 4), ("_redact", 0)])
def test_what_is_killed_on_the_way_is_ended_by_the_next_check(full, monkeypatch, step, after):
    before, calls = rest_of(full), []
    real = getattr(forgetting, step)

    def dying(*arguments):
        calls.append(arguments)
        if len(calls) > after:
            raise Killed
        return real(*arguments)

    monkeypatch.setattr(forgetting, step, dying)
    with pytest.raises(Killed):
        forget(full, [GONE], NAME)
    monkeypatch.setattr(forgetting, step, real)
    again = Store(full.root)
    found = check(again)
    assert (found.ok, found.recordings) == (True, 1), found.problems
    assert traces(full.root) == []
    assert rest_of(again) == before
    assert resume(again) is None


def test_every_delete_may_be_the_last(full, monkeypatch):
    before, real = rest_of(full), full.lake.delete
    n_deletes = 0
    for last in (1, 3, 6, 9):
        n_deletes = 0

        def dying(name, predicate, last=last):
            nonlocal n_deletes
            n_deletes += 1
            done = real(name, predicate)
            if n_deletes == last:
                raise Killed
            return done

        monkeypatch.setattr(full.lake, "delete", dying)
        with pytest.raises(Killed):
            resume(full) if last > 1 else forget(full, [GONE], NAME)
        monkeypatch.setattr(full.lake, "delete", real)
        assert full.table("tracks", GONE).num_rows == 0
    assert check(full).ok
    assert traces(full.root) == []
    assert rest_of(full) == before


def test_speaker_is_found_wherever_people_named_them(full):
    assert recordings_of(full, NAME) == [GONE]
    assert recordings_of(full, f"ab {NAME}") == [GONE]
    assert recordings_of(full, "Bo") == [STAYS]
    turn_versions.put(full, STAYS, None, [Turn("Speaker 1", 0, 1, "auto")], "auto")
    with pytest.raises(StoreError, match="has the speaker 'Speaker 1'"):
        recordings_of(full, "Speaker 1")


def test_what_was_made_from_the_whole_corpus_goes(full):
    assert full.lake.read("spaces").num_rows == 4
    forget(full, [GONE])
    assert full.lake.read("spaces").num_rows == 0
    assert [p for p, secret in traces(full.root) if "spaces" in p] == []


def test_upload_on_its_way_goes_as_well(full, tmp_path):
    from core.provenance import sha256_of

    incoming = full.root / "incoming"
    incoming.mkdir()
    (incoming / "aa").write_bytes(b"one")
    (incoming / "bb").write_bytes(b"two")
    written(full, sha256_of(incoming / "aa"))
    forget(full, [sha256_of(incoming / "aa")])
    assert [path.name for path in incoming.iterdir()] == ["bb"]


def test_damaged_note_of_what_is_to_go_is_told(full):
    (full.root / forgetting.JOURNAL).write_text("{")
    with pytest.raises(StoreError, match="is damaged; remove it"):
        check(full)


def test_command_forgets_and_answers_the_contract(run, full):
    place = ["--store", full.root]
    (line,) = run("forget", "--speaker", NAME, "--dry-run", *place).lines
    assert (line["recording"], line["speaker"]) == (GONE, NAME)
    assert full.table("recordings").num_rows == 2
    told = run("forget", "--speaker", NAME, *place)
    (line,) = told.lines
    jsonschema.validate(line, schema("forget"))
    assert (told.status, line["recordings"], line["files"]) == (0, 1, 5)
    assert line["rows"] > 50
    assert "backup.tar still holds a recording" in told.stderr
    assert "head h1 (mine) may have learned" in told.stderr
    assert traces(full.root) == []
    assert run("forget", "--speaker", NAME, *place).status == 1
    assert run("forget", "--recording", "ffff", *place).status == 1
    assert run("forget", *place).status == 2
    (line,) = run("forget", "--recording", STAYS[:8], *place).lines
    assert line["recordings"] == 1
    assert full.table("recordings").num_rows == 0
