"""The timeline for files: two tracks with their difference, labels as lanes, hostile words."""

import json

import numpy as np
import pytest

from core.emotions import EMOTIONS
from core.labels import history
from core.labels.records import Draft, Kind
from core.records import Span
from core.settings import Analysis, Conditioning
from core.store import consent
from core.store.consent import Use
from core.timeline.track import FrameChoice
from dashboard import printing, resources, shared, takeaway
from tests.pages.conftest import DIARY, diary, diary_store, shared_state  # noqa: F401

HOSTILE = "<b>wry</b> & <a href='x'>so</a>"


@pytest.fixture
def two(diary):  # noqa: F811
    """The rows of two runs of the diary, the second with less noise; and labels of two people."""
    library = shared.scope()
    pipeline = library.pipeline("compact")
    other = type(pipeline)(
        pipeline.engine, Analysis(conditioning=Conditioning(noise_reduction=True))
    )
    assert other.analyze(DIARY, library.store).status == "done"
    said = {"recording": diary, "blind": True}
    for start_s, term, who in (
        (1.0, "sad", "Anna"),
        (3.0, HOSTILE, "Anna"),
        (6.0, "angry", "<i>B"),
    ):
        draft = Draft(**said, start_s=start_s, end_s=start_s + 1.5, term=term, annotator=who)
        history.add(library.store, draft)
    draft = Draft(
        **said, start_s=2.0, end_s=3.0, term="words", annotator="vtt", kind=Kind.TRANSCRIPT
    )
    history.add(library.store, draft)
    rows = resources.catalogue()
    return [row for _, row in rows.iterrows()]


def drawn(figure, axis: str) -> dict:
    return {t.name: t for t in figure.data if t.yaxis == axis and t.type == "scatter"}


def test_a_second_track_stands_below_with_b_minus_a(two):
    first, second = (resources.choice_of(row) for row in two)
    figure, caption = takeaway.timeline_chart(two[0], takeaway.TimelineLook(0.5, second=second))
    a, b = (resources.timeline(c).curve(0.5, FrameChoice.SPEECH) for c in (first, second))
    for axis, expected in (("y", a), ("y2", b), ("y3", b - a)):
        lines = drawn(figure, axis)
        assert list(lines) == [str(e) for e in EMOTIONS]
        for number, emotion in enumerate(EMOTIONS):
            line = lines[emotion]
            rows = np.round(np.array(line.x, float) / 0.02 - 0.5).astype(int)
            np.testing.assert_allclose(line.y, expected[rows, number], atol=1.1e-4)
    titles = [figure.layout[axis].title.text for axis in ("yaxis", "yaxis2", "yaxis3")]
    assert titles == ["A: score", "B: score", "B minus A"]
    assert len([t for t in figure.data if t.showlegend]) == 9  # each emotion once
    for part in ("A: Mean of channels", "B: Mean of channels", "noise reduced", "B minus those"):
        assert part in caption
    for part in (
        "Engine fake-000000000000, fp32",
        "windows of 4 s with 1 s overlap",
        "tonescope 0",
    ):
        assert caption.count(part) == 2


def test_labels_are_a_lane_for_each_person_and_no_markup(two):
    look = takeaway.TimelineLook(labels=True, region=Span(2.0, 7.0))
    figure, _ = takeaway.timeline_chart(two[0], look)
    lanes = {t.y[0]: t for t in figure.data if t.type == "bar"}
    assert set(lanes) == {"segments", "speech", "labels <i>B", "labels Anna", "transcript vtt"}
    anna = lanes["labels Anna"]
    assert list(zip(anna.base, anna.x, strict=True)) == [(1.0, 1.5), (3.0, 1.5)]
    assert anna.text == ("sad", "&lt;b&gt;wry&lt;/b&gt; &amp; &lt;a href='x'&gt;so&lt;/a&gt;")
    assert "labels &lt;i&gt;B" in figure.layout.yaxis2.ticktext
    page = printing.printed(figure, "x", width=400)
    cut = next(t.text for t in page.data if t.name == "labels Anna")
    assert cut == ("sad", "&lt;b&gt;wry&lt;/b&gt; &amp; &lt;a…")
    page = printing.printed(figure, "x")
    assert (
        page.layout.height > printing.printed(takeaway.timeline_chart(two[0])[0], "x").layout.height
    )
    shades = printing.in_grey(figure).data[-2].marker.color
    assert len(set(shades)) == 2  # a person's own word is no emotion


def test_a_pseudonym_stands_for_annotator_and_file_and_hides_the_transcript(two):
    store = shared.scope().store
    allowed = consent.Consent("form", frozenset(Use), pseudonym="P1")
    consent.put(store, [two[0]["recording"]], allowed)
    figure, caption = takeaway.timeline_chart(two[0], takeaway.TimelineLook(labels=True))
    text = json.dumps(figure.to_plotly_json(), default=str) + caption
    assert "labels annotator-1" in text
    for hidden in ("Anna", "vtt", "words", DIARY.name):
        assert hidden not in text


def test_wide_zooms_keep_peaks_and_stay_small(two):
    figure, _ = takeaway.timeline_chart(two[0], takeaway.TimelineLook(0.02, stacked=True))
    scores = resources.timeline(resources.choice_of(two[0])).curve(0.02, FrameChoice.SPEECH)
    for number, emotion in enumerate(EMOTIONS):
        line = drawn(figure, "y")[emotion]
        assert len(line.x) <= 4_000
        assert np.nanmax(line.y) == pytest.approx(np.nanmax(scores[:, number]), abs=1e-4)
