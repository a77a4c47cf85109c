"""Pseudonyms: no real name in any byte of what leaves, and all else as it is."""

import io
import json
import zipfile
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from core.export.annotations import AnnotationFormat
from core.export.pseudonyms import Pseudonyms, leaving
from core.export.tables import TableFormat
from core.labels import history
from core.labels.records import Kind
from core.records import Turn
from core.store import consent, maps
from core.store import turns as turn_versions
from core.store.consent import Consent, Use
from core.store.store import Store
from tests.store.test_forget import NOW, STAYS, a_label, written

OTHER = "ef" * 32
SECRETS = ("Anna", "Zofia", "Klinik", "Cyril", "tired", "geheim", "Ben", "2026-01-31")
FORMATS = [*map(str, (*TableFormat, *AnnotationFormat)), "report", "bundle"]


@pytest.fixture
def two(store: Store) -> Store:
    from datetime import date

    said = {"session": "Klinik", "recorded_on": date(2026, 1, 31), "tags": ("geheim",)}
    written(store, STAYS, name="Anna geheim.wav", speaker="Anna", **said)
    written(store, OTHER, name="open.wav", speaker="Dora", session="Open")
    history.add(store, a_label(STAYS, "angry", "Cyril", note="Anna was tired"))
    history.add(store, a_label(STAYS, "said Ben", "Zofia", kind=Kind.TRANSCRIPT))
    history.add(store, a_label(OTHER, "happy", "Eve", note="calm"))
    turn_versions.put(store, STAYS, None, [Turn("Zofia", 0, 1, "hand")], "hand")
    rows = pd.DataFrame({"recording": [STAYS], "channel": -1, "run_key": "r", "segment": 0})
    details = {
        "title": "Tones of Anna",
        "names": {"0": "calm Zofia", "2": "x"},
        "k": "auto",
        "n": 1,
    }
    maps.write(
        store, maps.Head(maps.CLUSTERING, "c", "hand", 0, details, NOW), rows.assign(cluster=0)
    )
    return store


def everything(folder: Path) -> str:
    """All that the files of an export say, tables taken out of their compression."""
    told = ""
    for path in (p for p in folder.rglob("*") if p.is_file()):
        members = {path.name: path.read_bytes()}
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                members |= {name: archive.read(name) for name in archive.namelist()}
        for name, data in members.items():
            told += f"{name}\n{data.decode('utf-8', 'replace')}\n"
            if name.endswith(".parquet"):
                rows = pq.read_table(io.BytesIO(data)).to_pandas().reset_index()
                told += json.dumps(rows.to_dict("records"), default=str, ensure_ascii=False)
    return told


@pytest.mark.parametrize("kind", FORMATS)
def test_no_real_name_leaves_where_a_consent_names_a_pseudonym(run, two, tmp_path, kind):
    out = ["--out", tmp_path / "o", "--store", two.root]
    assert run("export", "--format", kind, *out).status == 0
    open_before = everything(tmp_path / "o")
    assert "Anna" in open_before or kind == "npy"
    consent.put(two, [STAYS], Consent("form of Anna", frozenset(Use), None, "P07"), by="Ben")
    out[1] = tmp_path / "p"
    assert run("export", "--format", kind, *out).status == 0
    told = everything(tmp_path / "p")
    for secret in SECRETS:
        assert secret not in told, secret
    assert "Dora" in told or kind == "audformat"  # who has no pseudonym stays who they are
    out[1] = tmp_path / "q"
    assert run("export", "--format", kind, "--pseudonyms", *out).status == 0
    told = everything(tmp_path / "q")
    for secret in (*SECRETS, "Dora", "open.wav", "Eve"):
        assert secret not in told, secret


def test_the_same_person_has_the_same_pseudonym_everywhere(two):
    written(two, "ab" * 32, name="later.wav", speaker="Anna")
    consent.put(two, [STAYS], Consent("form", frozenset(Use), None, "P07"))
    names = Pseudonyms(two)
    assert names.hidden == {STAYS, "ab" * 32}  # Anna's other recording would tell who P07 is
    assert names.person("Anna") == "P07"
    assert names.person("Zofia") == names.person("Zofia") != names.person("Anna")
    assert not names.hides(OTHER)
    every = Pseudonyms(two, everybody=True)
    assert every.hidden == {STAYS, OTHER, "ab" * 32}
    assert every.person("Dora") == "person-2"


def test_parameters_keep_what_is_no_name(two):
    names = Pseudonyms(two, everybody=True)
    told = json.loads(
        names.parameters(json.dumps({"k": "Anna", "tried": {"2": 0.5}, "title": "Anna's"}))
    )
    assert told == {"k": "Anna", "tried": {"2": 0.5}, "title": "person-1's"}


def test_rows_that_may_leave(two):
    rows = pd.DataFrame(
        {"recording": [STAYS, OTHER], "name": ["a", "b"], "speaker": ["Anna", None], "x": [1, 2]}
    )
    pd.testing.assert_frame_equal(leaving(two, rows), rows)
    consent.put(two, [STAYS], Consent("form", frozenset(Use), None, "P07"))
    consent.put(two, [OTHER], Consent("form", frozenset({Use.LISTEN})))
    (row,) = leaving(two, rows).to_dict("records")
    assert (row["speaker"], row["x"]) == ("P07", 1)
    assert row["name"] == f"recording-{STAYS[:12]}"


def test_the_api_answers_as_exports_do(two):
    from core.errors import ConsentError
    from core.http import listing

    consent.put(two, [STAYS], Consent("form", frozenset(Use), None, "P07"))
    told = json.dumps(listing.recordings(two, 10, 0)) + json.dumps(listing.segments(two, STAYS))
    assert "Anna" not in told
    assert "P07" in told
    consent.put(two, [STAYS], Consent("form", frozenset({Use.ANALYSE}), None, "P07"))
    assert [r["recording"] for r in listing.recordings(two, 10, 0)["recordings"]] == [OTHER]
    with pytest.raises(ConsentError, match="does not allow to publish"):
        listing.segments(two, STAYS)
