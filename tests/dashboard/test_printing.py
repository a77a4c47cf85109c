"""Charts for paper without a browser: grey, waveform, sizes."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from core.emotions import EMOTIONS
from core.records import Span
from dashboard import figures, map_figure, palette, printing
from dashboard.printing import Sheet


def luminance(colour: str) -> float:
    digits = colour.lstrip("#")
    digits = "".join(d * 2 for d in digits) if len(digits) == 3 else digits
    red, green, blue = (int(digits[i : i + 2], 16) for i in (0, 2, 4))
    assert red == green == blue, "not grey"
    return red / 255


def test_lines_differ_without_colour():
    assert len(set(palette.DASHES)) == len(EMOTIONS)
    lines = [
        go.Scatter(x=[0, 1], y=[0, 1], name=str(e), line={"dash": palette.dash(e), "color": "red"})
        for e in EMOTIONS
    ]
    grey = printing.in_grey(go.Figure(lines))
    assert [trace.line.dash for trace in grey.data] == list(palette.DASHES)
    assert all(luminance(trace.line.color) <= 0.6 for trace in grey.data)
    assert lines[0].line.color == "red"


def test_areas_and_bars_differ_by_shade_or_hatching():
    share = figures.share_figure(dict.fromkeys(map(str, EMOTIONS), 1.0), False)
    grey = printing.in_grey(share)
    looks = [(t.marker.color[0], t.marker.pattern.shape[0]) for t in grey.data]
    assert len(set(looks)) == len(EMOTIONS)
    assert all(luminance(shade) >= 0 for shade, _ in looks)
    areas = [go.Scatter(x=[0, 1], y=[1, 1], name=str(e), stackgroup="all") for e in EMOTIONS]
    shapes = [
        (t.fillpattern.bgcolor, t.fillpattern.shape) for t in printing.in_grey(areas_of(areas)).data
    ]
    assert shapes == looks


def areas_of(traces) -> go.Figure:
    return go.Figure(traces)


def test_sheet_is_measured_in_millimetres_and_points():
    sheet = Sheet(25.4, 72.0)
    assert (sheet.width_px, sheet.font_px) == (pytest.approx(96), pytest.approx(96))


def test_waveform_keeps_its_peaks_and_its_time():
    figure = figures.score_figure([0.1] * 9, False, "x")
    pairs = np.array([[-0.2, 0.1], [-0.9, 0.8]])
    trace = printing.with_waveform(figure, pairs, Span(0.0, 4.0), 4.0).data[-1]
    assert list(trace.x) == [1.0, 3.0, 3.0, 1.0]
    assert list(trace.y) == [0.1, 0.8, -0.9, -0.2]
    assert len(figure.data) == 1


@pytest.mark.parametrize("by", ["Emotion", "Speaker"])
def test_groups_of_a_map_differ_without_colour(by):
    points = pd.DataFrame(
        {
            "x": np.arange(90.0),
            "y": 0.0,
            "name": "a.wav",
            "start_s": 0.0,
            "end_s": 1.0,
            "emotion": [str(EMOTIONS[i % 9]) for i in range(90)],
            "confidence": 0.5,
            "speaker": [f"P{i % 30}" if i % 45 else None for i in range(90)],
        }
    )
    groups = map_figure.groups_of(points, by, False)
    figure = map_figure.map_figure(points, groups, title="PCA", dark=False)
    grey = printing.in_grey(figure)
    looks = {(trace.marker.color, trace.marker.symbol) for trace in grey.data}
    assert len(looks) == len(grey.data) > 8
    assert all(0 <= luminance(colour) < 0.9 for colour, _ in looks)


def test_scale_of_a_map_is_printed_in_grey():
    points = pd.DataFrame({"x": [0.0, 1.0], "y": 0.0, "name": "a", "start_s": 0.0, "end_s": 1.0})
    points = points.assign(emotion="sad", confidence=0.5)
    scale = map_figure.Scale("score", np.array([0.1, 0.9]))
    figure = map_figure.map_figure(points, scale, title="PCA", dark=False)
    colours = [colour for _, colour in printing.in_grey(figure).data[0].marker.colorscale]
    assert len({tuple(c.removeprefix("rgb(").rstrip(")").split(",")) for c in colours}) > 2
    for colour in colours:
        assert len(set(colour.removeprefix("rgb(").rstrip(")").replace(" ", "").split(","))) == 1
