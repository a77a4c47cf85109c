"""The small charts: Plotly figures from plain arrays, with no Streamlit in them."""

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from core.emotions import EMOTIONS, Emotion
from core.occlusion import Occlusion
from core.timeline.attribution import Attribution
from dashboard import palette

_GRID = palette.GRID
_INK = palette.INK


def attribution_figure(
    found: Attribution, emotion: Emotion, dark: bool, checked: Occlusion | None = None
) -> go.Figure:
    """Returns what each stretch of a region adds to the margin of an emotion, as bars over time.

    Args:
        found: the parts of the stretches.
        emotion: whose margin.
        dark: for a dark ground.
        checked: what the engine says without some of them, drawn beside as diamonds.
    """
    parts = found.of(emotion)
    texts = [
        f"{s.start_s:.2f} to {s.end_s:.2f} s adds {part:+.3f} to {emotion}"
        + ("" if n_frames else " (nothing is read out here)")
        for s, part, n_frames in zip(found.spans, parts, found.n_frames, strict=True)
    ]
    figure = go.Figure(
        go.Bar(
            x=[(s.start_s + s.end_s) / 2 for s in found.spans],
            y=parts,
            width=[s.duration_s * 0.92 for s in found.spans],
            marker={"color": palette.colour(emotion, dark), "line": {"width": 0}},
            name="part in the read-out",
            hovertext=texts,
            hovertemplate="%{hovertext}<extra></extra>",
        )
    )
    if checked is not None:
        effects = checked.effects[:, EMOTIONS.index(emotion)]
        figure.add_trace(
            go.Scatter(
                x=[(s.start_s + s.end_s) / 2 for s in checked.spans],
                y=effects,
                mode="markers",
                marker={"symbol": "diamond-open", "size": 11, "color": _INK[dark]},
                name="falls by, without it",
                hovertemplate="the margin falls by %{y:+.3f} without this stretch<extra></extra>",
            )
        )
    figure.update_layout(
        height=270,
        margin={"l": 0, "r": 8, "t": 6, "b": 36},
        xaxis={"title": "time, s", "fixedrange": True, "showgrid": False},
        yaxis={
            "title": "part of the margin",
            "fixedrange": True,
            "gridcolor": _GRID[dark],
            "zerolinecolor": palette.SPEECH[dark],
        },
        showlegend=checked is not None,
        legend={"orientation": "h", "y": 1.12, "x": 0},
    )
    return figure.update_layout(ground(dark))


def score_figure(
    values: Sequence[float],
    dark: bool,
    title: str,
    second: Sequence[float] | None = None,
) -> go.Figure:
    """Returns nine values from 0 to 1 as bars, in the order of the emotions.

    Args:
        values: of the nine.
        dark: for a dark ground.
        title: what they are.
        second: of another track, hatched, under each; the first is then `A`, this one `B`.
    """
    names = [str(emotion) for emotion in EMOTIONS]
    colours = [palette.colour(name, dark) for name in names]
    hatched = {"shape": "/", "fillmode": "overlay", "size": 5, "solidity": 0.4}
    tracks = [("", values, {})]
    if second is not None:
        tracks = [("A: ", values, {}), ("B: ", second, hatched)]
    bars = [
        go.Bar(
            x=scores,
            y=names,
            orientation="h",
            name=letter[:1],
            marker={"color": colours, "pattern": pattern},
            text=[f"{letter}{value:.2f}" for value in scores],
            textposition="outside",
            cliponaxis=False,
            hovertemplate=f"{letter}%{{y}} %{{x:.3f}}<extra></extra>",
        )
        for letter, scores, pattern in tracks
    ]
    return go.Figure(  # a layout given at once costs a quarter of `update_layout`
        bars,
        ground(dark)
        | {
            "height": 270 if second is None else 400,
            "barmode": "group",
            "bargap": 0.25,
            "margin": {"l": 0, "r": 36, "t": 6, "b": 36},
            "xaxis": {
                "range": [0, 1],
                "title": {"text": title},
                "gridcolor": _GRID[dark],
                "fixedrange": True,
            },
            "yaxis": {"autorange": "reversed", "fixedrange": True, "ticklabelstandoff": 6},
            "showlegend": False,
        },
    )


def share_figure(seconds: dict[str, float], dark: bool) -> go.Figure:
    """Returns speech time by emotion as one bar of parts, in the order of the emotions."""
    total = sum(seconds.values()) or 1.0
    figure = go.Figure()
    for emotion in EMOTIONS:
        share = seconds.get(str(emotion), 0.0) / total
        figure.add_trace(
            go.Bar(
                x=[share],
                y=["speech"],
                orientation="h",
                name=str(emotion),
                marker={"color": palette.colour(emotion, dark), "line": {"width": 0}},
                text=f"{share:.0%}" if share >= 0.05 else "",
                textposition="inside",
                insidetextanchor="middle",
                textangle=0,
                hovertemplate=f"{emotion}: {share:.0%} of the speech time<extra></extra>",
            )
        )
    figure.update_layout(
        barmode="stack",
        height=162,
        margin={"l": 0, "r": 0, "t": 4, "b": 78},
        xaxis={
            "range": [0, 1],
            "tickformat": ".0%",
            "title": {"text": "share of speech time", "standoff": 2},
        },
        yaxis={"visible": False},
        legend={"orientation": "h", "y": -0.72, "yanchor": "top", "x": 0, "traceorder": "normal"},
    )
    figure.update_xaxes(fixedrange=True, gridcolor=_GRID[dark])
    figure.update_yaxes(fixedrange=True)
    return figure.update_layout(ground(dark))


def ground(dark: bool) -> dict[str, Any]:
    """Returns the layout that all charts share: no ground of their own, ink for theirs."""
    return {
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": _INK[dark]},
    }
