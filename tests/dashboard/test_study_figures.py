"""Charts of studies: lines that can be told apart, gaps that stay gaps, the whole behind its parts."""

import numpy as np
import pandas as pd
import pytest

from dashboard import study_figures


def lines(n: int) -> pd.DataFrame:
    """A value and an interval for each of n lines in two sessions."""
    rows = [(f"P{k:02}", s, k / n, k / n - 0.1, k / n + 0.1) for k in range(n) for s in ("a", "b")]
    frame = pd.DataFrame(rows, columns=["line", "session", "value", "low", "high"])
    return frame.assign(single=False, place=frame["session"].map({"a": 0, "b": 1}))


def test_few_lines_have_dashes_and_a_legend_and_many_have_neither():
    few = study_figures.trend_figure(lines(8), "sad", "session", False, "share")
    assert len({trace.line.dash for trace in few.data}) == 8
    assert all(trace.showlegend is None for trace in few.data)
    many = study_figures.trend_figure(lines(9), "sad", "session", False, "share")
    assert {trace.line.dash for trace in many.data} == {"solid"}
    assert not any(trace.showlegend for trace in many.data)
    assert [trace.name for trace in many.data] == [f"P{k:02}" for k in range(9)]


def test_hover_of_a_mean_tells_its_interval():
    trace = study_figures.trend_figure(lines(2), "sad", "session", False, "share").data[1]
    np.testing.assert_allclose(trace.customdata, [[0.4, 0.6]] * 2)
    assert "95% %{customdata[0]:.2f} to %{customdata[1]:.2f}" in trace.hovertemplate


def test_pauses_are_gaps_in_the_scores_of_a_head():
    scores = {"sad": np.array([0.1, np.nan, 0.3]), "calm": np.array([0.9, np.nan, 0.7])}
    figure = study_figures.scores_figure(np.array([0.25, 0.75, 1.25]), scores, False)
    assert [trace.name for trace in figure.data] == ["sad", "calm"]
    assert np.isnan(figure.data[0].y[1])
    assert not figure.data[0].connectgaps


def test_whole_stands_behind_its_parts():
    rows = pd.DataFrame(
        {"slice": ["a", "b"], "n": [3, 4], "n_speakers": 1, "uar": [0.2, 0.8], "low": np.nan}
    ).assign(high=np.nan)
    figure = study_figures.forest_figure(rows, False, "UAR", whole=0.55)
    assert [shape.x0 for shape in figure.layout.shapes] == [pytest.approx(0.55)]
    assert not study_figures.forest_figure(rows, False, "UAR").layout.shapes
