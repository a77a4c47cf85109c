"""What is drawn of a span, against brute force over all frames."""

import itertools
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.audio.prosody import HOP_S, Prosody
from core.emotions import EMOTIONS
from core.records import Span
from core.timeline.track import FrameChoice, Timeline
from dashboard import scope_view, spans
from dashboard.lanes import Item, Lane, stops, thinned
from tests.synthetic import make_track

TRACK, _ = make_track(9000, speech=np.arange(9000) % 700 < 600)
TIMELINE = Timeline(TRACK)
SCORES = TIMELINE.curve(0.1, FrameChoice.SPEECH).astype(np.float32)


@pytest.mark.parametrize("every", [False, True], ids=["lines", "areas"])
@pytest.mark.parametrize("span", [Span(0, 180), Span(20, 150), Span(33.3, 34.1)])
def test_no_peak_of_a_curve_is_lost(span, every):
    found = scope_view.curves(TIMELINE, SCORES, span, 300, every=every)
    first, last = TIMELINE.frame_at(span.start_s), TIMELINE.frame_at(span.end_s)
    assert list(found) == [str(e) for e in EMOTIONS]
    for number, line in enumerate(found.values()):
        known = [y for y in line["y"] if y is not None]
        assert max(known) >= np.nanmax(SCORES[first:last, number]) - 1e-4
        assert min(known) <= np.nanmin(SCORES[first:last, number]) + 1e-4
        assert line["x"] == sorted(line["x"])
    json.dumps(found, allow_nan=False)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 400), st.integers(1, 3000), st.integers(0, 5))
def test_extremes_of_every_bin_are_drawn(n_bins, n, seed):
    values = np.random.default_rng(seed).standard_normal(n).astype(np.float32)
    rows = scope_view.extremes(values, n_bins)
    assert len(rows) <= max(2 * n_bins, 2)
    assert {values.argmax(), values.argmin()} <= set(rows.tolist())
    if n > 2 * n_bins:
        edges = np.linspace(0, n, n_bins + 1)
        for a, b in itertools.pairwise(edges):
            near = rows[(rows >= a - 2) & (rows < b + 2)]
            inner = values[int(np.ceil(a)) + 2 : int(b) - 2]
            if len(inner):
                assert values[near].max() >= inner.max()
                assert values[near].min() <= inner.min()


def test_a_gap_breaks_the_line_where_it_can_be_seen():
    values = np.ones(1000, np.float32)
    values[400:500] = np.nan
    values[700:702] = np.nan
    rows = scope_view.extremes(values, 100)
    broken = rows[np.isnan(values[rows])]
    assert broken.tolist() == [400]
    assert len(scope_view.extremes(np.full(5, np.nan), 10)) == 0


def test_a_span_is_drawn_with_its_own_frames():
    found = scope_view.curves(TIMELINE, SCORES, Span(1.0, 1.2), 500, every=False)["angry"]
    np.testing.assert_allclose(found["x"], np.arange(0.99, 1.22, 0.02), atol=1e-6)
    np.testing.assert_allclose(found["y"], SCORES[49:61, 0], atol=1e-4)


def test_prosody_is_drawn_with_its_peaks():
    rng = np.random.default_rng(0)
    f0 = np.where(rng.random(5000) < 0.5, rng.uniform(80, 300, 5000), np.nan).astype("f4")
    level = rng.uniform(-60, -10, 5000).astype("f4")
    prosody = Prosody(f0, level, np.array([10.0, 20.0, 20.5], "f4"))
    found = scope_view.prosody_lines(prosody, Span(5.0, 75.0), 200)
    rows = prosody.frames(Span(5.0, 75.0))
    assert max(y for y in found["f0"]["y"] if y) == pytest.approx(np.nanmax(f0[rows]), abs=0.06)
    assert min(found["level"]["y"]) == pytest.approx(level[rows].min(), abs=0.06)
    assert max(found["rate"]["y"]) == 1.0  # two in two seconds
    assert found["level"]["x"][0] >= 5.0 - HOP_S


def test_stretches_within_a_pixel_become_one():
    items = [Item(start_s=n * 0.1, end_s=n * 0.1 + 0.05, text=str(n)) for n in range(1000)]
    lane = Lane(name="segments", kind="interval", items=items)
    assert thinned(lane, Span(0, 10), 1000)["items"] == items[:101]
    shown = thinned(lane, Span(0, 100), 50)["items"]
    assert len(shown) <= 51
    assert shown[0]["text"] == "20 in one pixel; zoom in to tell them apart"
    assert (shown[0]["start_s"], shown[-1]["end_s"]) == (0.0, items[-1]["end_s"])


def test_one_steps_through_turning_points_or_else_through_segments():
    segment = Lane(name="segments", kind="interval", items=[Item(start_s=1, end_s=2, text="")])
    point = Lane(name="turning points", kind="point", items=[Item(start_s=3, end_s=3, text="")])
    assert stops([segment, point]) == ("turning point", [3])
    assert stops([segment]) == ("border of a segment", [1, 2])
    assert stops([]) == ("border of a segment", [])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.500-2.250", Span(1.5, 2.25)),
        ("8-99", Span(8.0, 10.0)),
        ("-", None),
        ("", None),
        (None, None),
        ("2-1", None),
        ("nan-3", None),
        ("1-inf", None),
        ("<script>-2", None),
        ("11-12", None),
    ],
)
def test_an_address_names_a_stretch_or_none(text, expected):
    assert spans.parse(text, 10.0) == expected
