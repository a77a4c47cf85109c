"""Reports: one file that fetches and runs nothing, says what made it, and obeys consent."""

import re
from html.parser import HTMLParser

import pytest

from core.errors import StoreError
from core.export.report import write_report
from core.store import consent
from core.store.consent import Consent, Use
from tests.store.test_forget import STAYS, written

OTHER = "ef" * 32
HOSTILE = "<script>alert(1)</script>\"'&.wav"


class Reader(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags, self.text = [], ""

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


def read(path) -> Reader:
    reader = Reader()
    reader.feed(path.read_text("utf-8"))
    return reader


@pytest.fixture
def two(store):
    written(store, STAYS, name=HOSTILE, speaker="<b>Anna", session="Clinic")
    written(store, OTHER, name="b.wav", speaker="Di")
    return store


def test_report_is_whole_and_runs_nothing(run, two, tmp_path):
    said = run("export", "--format", "report", "--out", tmp_path / "o", "--store", two.root)
    assert said.lines[0]["rows"] == 2
    (path,) = (tmp_path / "o").iterdir()
    page = read(path)
    assert {tag for tag, _ in page.tags}.isdisjoint({"script", "link", "img", "iframe", "b"})
    assert not [a for _, attrs in page.tags for a in attrs if a in ("src", "href") or a[:2] == "on"]
    assert HOSTILE in page.text
    assert "<b>Anna" in page.text
    for said_of in (
        "fake-000000000000",
        "Licence of the weights",
        "@software{tonescope",
        "This is information, not legal advice.",
        "No diagnosis.",
        STAYS[:12],
    ):
        assert said_of in page.text
    rects = [attrs for tag, attrs in page.tags if tag == "rect"]
    # Each recording has one emotion in its bar, and a segment from 0 to 1 s of its 1 s.
    assert [(float(r["x"]), float(r["width"])) for r in rects] == [(0.0, 1000.0)] * 4
    shares = [float(s) for s in re.findall(r"(\d+\.\d)%", page.text)[:9]]
    assert sum(shares) == pytest.approx(100, abs=0.5)


def test_report_leaves_out_names_and_what_is_held_back(two, tmp_path):
    consent.put(two, [OTHER], Consent("form", frozenset({Use.ANALYSE})))
    consent.put(two, [STAYS], Consent("form", frozenset(Use), None, "P07"))
    path = tmp_path / "r.html"
    assert write_report(two, path, [STAYS, OTHER], pseudonyms=True) == 1
    text = read(path).text
    assert "P07" in text
    for secret in ("Anna", "alert", "Clinic", "b.wav", OTHER[:12]):
        assert secret not in text
    with pytest.raises(StoreError, match="nothing to report"):
        write_report(two, path, [OTHER])
    with pytest.raises(StoreError, match="cannot be written"):
        write_report(two, tmp_path / "r.html" / "x" / "y.html", [STAYS])
