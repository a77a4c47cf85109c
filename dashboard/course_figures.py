"""Charts of shapes, dwell times and corrected estimates; no Streamlit in them."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from core.emotions import EMOTIONS
from core.statistics.proportions import Estimate
from core.studies.trajectories import Band
from core.timeline.calibration import Doubles
from dashboard import palette
from dashboard.study_figures import dressed

_NAMES = [str(emotion) for emotion in EMOTIONS]


def shape_figure(
    query: Doubles, hits: Sequence[tuple[str, Doubles]], emotion: str, step_s: float, dark: bool
) -> go.Figure:
    """Returns a course that was sought, and under it those that were found.

    Args:
        query: shape `(n_points,)`, scores of one emotion.
        hits: name and course of each, the most alike first.
        emotion: whose scores.
        step_s: from one point to the next.
        dark: for a dark ground.
    """
    figure = go.Figure()
    for number, (name, course) in enumerate(hits):
        label = palette.escaped(name)[:60]
        figure.add_trace(
            go.Scatter(
                x=(np.arange(len(course)) + 0.5) * step_s,
                y=course,
                mode="lines",
                name="found",
                showlegend=number == 0,
                line={"color": palette.colour(emotion, dark), "width": 1.2},
                opacity=0.7,
                hovertemplate=f"{label}: %{{y:.2f}}<extra></extra>",
            )
        )
    figure.add_trace(
        go.Scatter(
            x=(np.arange(len(query)) + 0.5) * step_s,
            y=query,
            mode="lines",
            name="looked for",
            line={"color": palette.INK[dark], "width": 2.6, "dash": "dash"},
            hovertemplate="looked for: %{y:.2f}<extra></extra>",
        )
    )
    figure.update_xaxes(title="time from the start of the stretch, s", fixedrange=True)
    figure.update_yaxes(title=f"score of {emotion}", range=[0, 1.02], fixedrange=True)
    dressed(figure, dark, 300)
    legend = {"orientation": "h", "y": 1.16, "x": 0}
    return figure.update_layout(showlegend=True, legend=legend)


def dwell_figure(band: Band, n_stretches: Sequence[int], dark: bool) -> go.Figure:
    """Returns how long each emotion lasts: the mean over speakers, and its interval or the speakers.

    Args:
        band: `each` of shape `(n_speakers, 9)`, in seconds.
        n_stretches: shape `(9,)`; emotions without any are left out.
        dark: for a dark ground.
    """
    figure = go.Figure()
    for number, name in enumerate(_NAMES):
        if not n_stretches[number]:
            continue
        label = f"{palette.signed(name)} ({n_stretches[number]})"
        look = {}
        if band.low is None or band.high is None:
            each = band.each[:, number]
            figure.add_trace(
                go.Scatter(
                    x=each,
                    y=[label] * len(each),
                    mode="markers",
                    marker={"size": 5, "color": palette.SPEECH[dark], "opacity": 0.7},
                    text=[palette.escaped(speaker)[:40] for speaker in band.speakers],
                    hovertemplate="%{text}: %{x:.2f} s<extra></extra>",
                )
            )
        else:
            look["error_x"] = {
                "array": [band.high[number] - band.mean[number]],
                "arrayminus": [band.mean[number] - band.low[number]],
                "thickness": 1.4,
                "width": 4,
            }
        figure.add_trace(
            go.Scatter(
                x=[band.mean[number]],
                y=[label],
                mode="markers",
                marker={"size": 10, "color": palette.colour(name, dark)},
                hovertemplate=f"{name}: %{{x:.2f}} s<extra></extra>",
                **look,
            )
        )
    figure.update_xaxes(title="mean length of a stretch, s", rangemode="tozero", fixedrange=True)
    figure.update_yaxes(autorange="reversed", fixedrange=True, type="category")
    return dressed(figure, dark, 90 + 26 * max(2, int(np.count_nonzero(n_stretches))))


def estimates_figure(
    rows: Sequence[tuple[str, float, Estimate, Estimate]], emotion: str, dark: bool
) -> go.Figure:
    """Returns raw, corrected and labelled shares under one another.

    Args:
        rows: name, engine alone, corrected, labels alone.
        emotion: whose colour the corrected ones have.
        dark: for a dark ground.
    """
    names = [palette.escaped(name)[:40] for name, *_ in rows]
    grey = palette.SPEECH[dark]
    figure = go.Figure()
    kinds = (
        ("engine alone", [row[1] for row in rows], None, "diamond-open", grey),
        ("labels alone", [row[3].value for row in rows], 3, "circle-open", grey),
        ("corrected", [row[2].value for row in rows], 2, "circle", palette.colour(emotion, dark)),
    )
    for number, (title, values, column, symbol, colour) in enumerate(kinds):
        look = {}
        if column is not None:
            look["error_x"] = _reach([row[column] for row in rows])
        figure.add_trace(
            go.Scatter(
                x=values,
                y=np.arange(len(rows)) + 0.2 * (number - 1),
                name=title,
                mode="markers",
                marker={"size": 10, "symbol": symbol, "color": colour, "line": {"width": 1.6}},
                text=names,
                hovertemplate=f"%{{text}}, {title}: %{{x:.2f}}<extra></extra>",
                **look,
            )
        )
    figure.add_vline(x=0, line={"color": palette.SPEECH[dark], "width": 1, "dash": "dot"})
    figure.update_xaxes(title=f"share of segments, {emotion}", fixedrange=True)
    figure.update_yaxes(
        tickvals=list(range(len(rows))),
        ticktext=names,
        range=[len(rows) - 0.5, -0.5],
        fixedrange=True,
    )
    dressed(figure, dark, 110 + 62 * len(rows))
    legend = {"orientation": "h", "y": 1.22, "x": 0}
    return figure.update_layout(showlegend=True, legend=legend)


def _reach(found: Sequence[Estimate]) -> dict[str, object]:
    """Returns error bars; none where there is no interval."""
    high = [0.0 if one.high is None else one.high - one.value for one in found]
    low = [0.0 if one.low is None else one.value - one.low for one in found]
    return {"array": high, "arrayminus": low, "thickness": 1.4, "width": 4}
