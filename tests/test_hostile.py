"""Hostile names, tags and labels: in every export and on every page they are text, and open no path."""

import csv
import io
import json
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from streamlit.testing.v1 import AppTest

from core.contract import COMMANDS
from core.explore import groups, maps, selections
from core.explore.projection import Method
from core.export.annotations import AnnotationFormat
from core.export.tables import TableFormat
from core.labels import history
from core.labels.records import Draft, Kind
from core.learn import library
from core.learn.picking import Way
from core.pipeline import Pipeline
from core.records import Metadata
from core.settings import PROJECT_ROOT
from core.store.corpus import corpus
from core.store.store import Store
from core.studies import flag_store
from core.studies.rules import from_json
from dashboard import shared
from tests.export.test_report import Reader
from tests.fakes import FakeEngine
from tests.pages.conftest import DIARY, shared_state  # noqa: F401
from tests.pages.corpus_pages import settled
from tests.synthetic import talk, write

ENGINE = "fake-000000000000"
MARK = "![m](http://evil.example/m.png)"  # would be fetched if Markdown took it for an image
EVIL = {
    "name": f"=cmd|' /C calc'!A0\n../../../evil <img src=x onerror=alert(1)> {MARK} \x07\u202egnp.wav",
    "speaker": f"@SUM(1+1) <script>alert('s')</script> {MARK} \"; DROP",
    "session": f"+1+1 <svg onload=alert(2)> ../{MARK}/..",
    "tag": f"-2+3 <b>tag</b> {MARK}",
    "term": f"=1+1 <i>term</i> {MARK}",
    "note": f"@note <u>{MARK}</u> ]]> --> \x00 \r\n X",
    "transcript": f"=said <b>{MARK}</b> --> 00:00 {{\\rtf}}",
    "title": f"=title <b>{MARK}</b>",
    "cluster": f"+cluster <b>{MARK}</b>",
    "rule": f"=rule <b>{MARK}</b>",
    "annotator": f"-who <b>{MARK}</b>",
}
FORMULA = ("=", "+", "-", "@", "\t", "\r")
FORBIDDEN = {"script", "img", "svg/onload", "b", "u", "i/onload", "link", "iframe", "object"}


def fill(store: Store, pipeline: Pipeline, source: Path) -> str:
    """Fills a store with everything that takes a text of people; returns the recording."""
    said = Metadata(EVIL["session"], EVIL["speaker"], tags=(EVIL["tag"],))
    outcome = pipeline.analyze(source, store, said, name=EVIL["name"], keep=True)
    assert outcome.status == "done", outcome.error
    recording = outcome.recording
    common = {"recording": recording, "annotator": EVIL["annotator"], "start_s": 0.5}
    history.add(store, Draft(**common, end_s=1.5, term=EVIL["term"], note=EVIL["note"]))
    spoken = {"annotator": EVIL["speaker"], "kind": Kind.TRANSCRIPT, "term": EVIL["transcript"]}
    history.add(store, Draft(**common | spoken, end_s=2.0))
    maps.make_projection(store, ENGINE, Method.PCA)
    key = groups.make_clustering(store, ENGINE, 2).key
    groups.edit(store, key, EVIL["title"], {0: EVIL["cluster"]})
    rows = corpus(store, ENGINE).segments.assign(rank=1, score=0.5)
    selections.keep_selection(
        store, EVIL["title"], rows, {"engine_id": ENGINE, "query": EVIL["name"]}
    )
    condition = {"kind": "emotion", "emotion": "angry", "at_least": 0.1, "for_s": 0.1}
    rule = from_json(json.dumps({"name": EVIL["rule"], "conditions": [condition]}))
    flag_store.save_rule(store, rule)
    library.draw(store, Way.RANDOM, 2, ENGINE, name=EVIL["title"])
    gone = pipeline.analyze(source.parent / "gone.wav", store, name=EVIL["name"])
    assert gone.status == "failed"
    return recording


def members(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        yield path.name, path.read_bytes()
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                for name in archive.namelist():
                    assert not name.startswith("/")
                    assert ".." not in name
                    yield name.rpartition("/")[2], archive.read(name)


def readable(name: str, data: bytes) -> None:
    """Reads a file by a reader of its kind; nothing in it runs, fetches or calculates."""
    kind = name.rpartition(".")[2]
    if kind == "csv":
        for row in csv.reader(io.StringIO(data.decode(), newline="")):
            for cell in row:
                numeric = cell.lstrip("-").replace(".", "", 1).replace("e-", "").isdigit()
                assert numeric or not cell.startswith(FORMULA), cell
    elif kind == "html":
        page = Reader()
        page.feed(data.decode())
        assert {tag for tag, _ in page.tags}.isdisjoint(FORBIDDEN)
        assert not [
            a for _, attrs in page.tags for a in attrs if a[:2] == "on" or a in ("src", "href")
        ]
        assert MARK in page.text
    elif kind == "json":
        json.loads(data)
    elif kind == "parquet":
        pq.read_table(io.BytesIO(data))
    elif kind == "eaf":
        ET.fromstring(data)  # noqa: S314 - our own file
    assert b"\x00" not in data or kind in ("parquet", "npy", "zip", "wav", "mp3", "yaml")


def places(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*")}


def test_every_export_holds_hostile_names_as_text_and_keeps_to_its_folder(run, tmp_path):
    inside = tmp_path / "a" / "b" / "c" / "d"
    store = Store(inside / "store")
    parts = [part for n in range(5) for part in ((0.6, 0.0), (1.5, 0.05 + 0.15 * n))]
    source = write(tmp_path / "talk.wav", talk(parts))
    fill(store, Pipeline(FakeEngine()), source)
    before = places(tmp_path)
    place = ["--store", store.root]
    for kind in [*map(str, (*TableFormat, *AnnotationFormat)), "report", "bundle"]:
        out = inside / "out" / kind
        for line in run("export", "--format", kind, "--out", out, *place).lines:
            assert out in Path(line["file"]).resolve().parents
    run("sessions", "tidy", "--engine", "fake", "--out", inside / "out" / "tidy", *place)
    clusters = groups.saved(store)[0].key
    run("clusters", "export", clusters, "--out", inside / "out" / "clusters.csv", *place)
    run("store", "backup", inside / "out" / "all.zip", *place)
    written = [n for n, _ in members(inside / "out")]
    assert len(written) > 40
    for name, data in members(inside / "out"):
        assert name.isprintable()
        assert not set(name) & set("/\\<>|\"'\n=")
        readable(name, data)
    new = {p for p in places(tmp_path) - before if not p.startswith("a/b/c/d/")}
    assert new == set()


def shown(app: AppTest) -> Iterator[tuple[str, str]]:
    """Yields all that a page gives to Markdown, with what it is."""
    kinds = ["title", "header", "subheader", "markdown", "caption", "success", "info", "warning"]
    for kind in [*kinds, "error", "toast"]:
        for element in getattr(app, kind):
            assert not getattr(element, "allow_html", False) or MARK not in element.value
            yield kind, element.value
    labels = ["expander", "button", "checkbox", "toggle", "metric", "selectbox", "text_input"]
    for kind in [*labels, "tabs", "multiselect", "download_button", "popover"]:
        for element in app.get(kind):
            proto = getattr(element, "proto", element)
            yield kind, str(getattr(element, "label", "") or getattr(proto, "label", ""))
    for kind in ("radio", "button_group"):
        for element in app.get(kind):
            for option in getattr(element, "options", ()):
                yield kind, str(getattr(option, "content", option))


QUERIES = [
    ("overview", {"find": MARK}),
    ("analyze", {}),
    ("recording", {"region": "1.000-2.000"}),
    ("recording", {"recording": MARK, "track": MARK}),
    ("map", {"method": "PCA", "colour": "Speaker"}),
    ("clusters", {}),
    ("similar", {"region": "1.000-2.000"}),
    ("sessions", {}),
    ("sessions", {"step": "Trend"}),
    ("sessions", {"step": "Table for R"}),
    ("flags", {"rule": EVIL["rule"]}),
    ("flags", {"draft": json.dumps({"name": MARK})}),
    ("evaluate", {}),
    ("calibrate", {}),
    ("export", {}),
    ("export", {"what": "Charts", "chart": "Share of speech time"}),
    ("export", {"what": "Report and bundle"}),
    ("engines", {}),
]


@pytest.mark.usefixtures("shared_state")
def test_every_page_shows_hostile_names_as_text():
    files = {path.stem for path in (PROJECT_ROOT / "pages").glob("*.py")} - {"__init__"}
    assert files == {name for name, _ in QUERIES}
    store = shared.scope().store
    recording = fill(store, Pipeline(FakeEngine()), DIARY)
    wrong = []
    for name, query in QUERIES:
        wanted = {"recording": recording} if name in ("recording", "similar") else {}
        app = AppTest.from_file(str(PROJECT_ROOT / "dashboard" / "main.py"), default_timeout=60)
        for key, value in (wanted | query).items():
            app.query_params[key] = value
        app = settled(app.switch_page(f"../pages/{name}.py"))
        wrong += [(name, "exception", e.value) for e in app.exception]
        wrong += [(name, kind, text) for kind, text in shown(app) if MARK in text]
    assert wrong == []


def test_no_command_is_left_out():
    """What writes files for people is in the tests above; a new one must join them."""
    assert {name for name, answer in COMMANDS.items() if answer == "export"} == {
        "clusters export",
        "export",
        "heads export",
        "sessions tidy",
    }
