"""Charts of the pages on the corpus: emotions against others and over time, and how k was chosen."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from core.emotions import EMOTIONS
from core.records import Floats
from dashboard import palette
from dashboard.palette import GRID, INK

NAMES = [str(emotion) for emotion in EMOTIONS]
_LABEL = 0.15  # width of a number, of the greatest value


def mix_figure(
    mine: Sequence[float],
    rest: Sequence[float] | None,
    dark: bool,
    *,
    title: str,
    others: str = "the rest",
    height: int = 250,
    score: bool = False,
) -> go.Figure:
    """Returns nine shares as bars, with a line for those of the others.

    Args:
        mine: length 9, from 0 to 1.
        rest: length 9, or None where there are no others.
        dark: for a dark ground.
        title: of the axis.
        others: what the line stands for.
        height: in pixels.
        score: whether these are scores and no shares.
    """
    form = ".2f" if score else ".0%"
    figure = go.Figure(
        go.Bar(
            x=list(mine),
            y=NAMES,
            orientation="h",
            name="these",
            marker={"color": [palette.colour(name, dark) for name in NAMES], "line": {"width": 0}},
            hovertemplate=f"%{{y}}: %{{x:{form}}}<extra></extra>",
            showlegend=False,
        )
    )
    if rest is not None:
        line = {"width": 2, "color": INK[dark]}
        figure.add_trace(
            go.Scatter(
                x=list(rest),
                y=NAMES,
                mode="markers",
                name=others,
                marker={"symbol": "line-ns", "size": 13, "line": line, "color": INK[dark]},
                hovertemplate=f"%{{y}}, {others}: %{{x:{form}}}<extra></extra>",
            )
        )
    most = max([*mine, *(rest or ()), 0.1])
    pairs = zip(
        mine, rest or mine, strict=True
    )  # a number stands at its bar, or after a line there
    ends = [other if own < other < own + _LABEL * most else own for own, other in pairs]
    figure.add_trace(
        go.Scatter(
            x=ends,
            y=NAMES,
            mode="text",
            text=[f"  {value:{form}}" if value >= 0.005 else "" for value in mine],
            textposition="middle right",
            cliponaxis=False,
            hoverinfo="skip",
            showlegend=False,
        )
    )
    figure.update_layout(
        height=height,
        margin={"l": 0, "r": 30, "t": 24, "b": 36},
        xaxis={
            "range": [0, min(1.0, most * 1.15)],
            "title": title,
            "tickformat": form,
            "gridcolor": GRID[dark],
            "fixedrange": True,
        },
        yaxis={"autorange": "reversed", "fixedrange": True, "ticklabelstandoff": 6},
        legend={"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom"},
    )
    return _ground(figure, dark)


def course_figure(course: Floats, dark: bool) -> go.Figure:
    """Returns the mean course of some recordings or sessions over time, as nine lines.

    Args:
        course: shape `(n_steps, 9)`, scores from 0 to 1.
        dark: for a dark ground.
    """
    figure = go.Figure()
    shares = (np.arange(len(course)) + 0.5) / len(course)
    for name, line in zip(NAMES, course.T, strict=True):
        figure.add_trace(
            go.Scatter(
                x=shares,
                y=line,
                mode="lines",
                name=name,
                line={
                    "color": palette.colour(name, dark),
                    "dash": palette.dash(name),
                    "width": 1.6,
                },
                hovertemplate=f"{name} at %{{x:.0%}}: %{{y:.2f}}<extra></extra>",
            )
        )
    figure.update_layout(
        height=260,
        margin={"l": 0, "r": 6, "t": 8, "b": 36},
        xaxis={"title": "share of the whole time", "tickformat": ".0%", "range": [0, 1]},
        yaxis={"title": "calibrated score", "range": [0, 1.02], "gridcolor": GRID[dark]},
        legend={"orientation": "h", "x": 0, "y": -0.3, "yanchor": "top"},
    )
    figure.update_xaxes(fixedrange=True, showgrid=False)
    figure.update_yaxes(fixedrange=True)
    return _ground(figure, dark)


def k_figure(
    tried: Mapping[str, float], steady: Mapping[str, float], chosen: int, least: float, dark: bool
) -> go.Figure:
    """Returns silhouette and stability of each k that was tried.

    Args:
        tried: silhouette by k.
        steady: stability by k.
        chosen: the k that was taken.
        least: stability from which a k counts as stable.
        dark: for a dark ground.
    """
    figure = go.Figure()
    looks: list[tuple[str, Mapping[str, float], str, dict[str, Any]]] = [
        ("silhouette", tried, "circle", {"width": 1.5, "color": palette.WAVE[dark]}),
        ("stability", steady, "diamond", {"width": 1.5, "color": palette.PLAYHEAD[dark]}),
    ]
    for name, values, symbol, line in looks:
        ks = sorted(values, key=int)
        figure.add_trace(
            go.Scatter(
                x=[int(k) for k in ks],
                y=[values[k] for k in ks],
                mode="lines+markers",
                name=name,
                line=line | {"dash": "solid" if symbol == "circle" else "dash"},
                marker={"symbol": symbol, "size": 7},
                hovertemplate=f"k = %{{x}}: {name} %{{y:.2f}}<extra></extra>",
            )
        )
    figure.add_vline(x=chosen, line={"width": 1, "color": INK[dark]}, opacity=0.6)
    figure.add_hline(y=least, line={"width": 1, "dash": "dot", "color": INK[dark]}, opacity=0.5)
    low = min([0.0, *tried.values(), *steady.values()])
    figure.update_layout(
        height=230,
        margin={"l": 0, "r": 6, "t": 26, "b": 36},
        xaxis={"title": "number of clusters, k", "dtick": 1, "fixedrange": True, "showgrid": False},
        yaxis={"range": [low - 0.05, 1.05], "gridcolor": GRID[dark], "fixedrange": True},
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
    )
    return _ground(figure, dark)


def _ground(figure: go.Figure, dark: bool) -> go.Figure:
    figure.update_layout(
        paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)", font={"color": INK[dark]}
    )
    return figure
