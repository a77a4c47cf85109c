"""The map: points in colours and shapes that say what they belong to."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.emotions import EMOTIONS
from dashboard import palette
from dashboard.palette import GRID, INK, escaped

EMOTION: Final = "Emotion"
CLUSTER: Final = "Cluster"
SPEAKER: Final = "Speaker"
SESSION: Final = "Session"
COLOURS: Final = (EMOTION, CLUSTER, SPEAKER, SESSION)
VECTOR_UNTIL: Final = 3_000  # points; beyond, WebGL draws them
MOST_GROUPS: Final = 32
# Source: Okabe and Ito 2008, without black and with the yellow darkened for white ground.
QUALITATIVE: Final = (
    *("#0072B2", "#E69F00", "#009E73", "#CC79A7"),
    *("#56B4E9", "#D55E00", "#B59F00", "#7F7F7F"),
)
SYMBOLS: Final = (
    *("circle", "diamond", "square", "triangle-up", "cross", "triangle-down"),
    *("x", "star", "hexagon"),
)
_NONE: Final = "#B8BEC8"


@dataclass(frozen=True)
class Group:
    """Points that look alike: a name for the legend, and which rows they are."""

    name: str
    colour: str
    symbol: str
    rows: np.ndarray


def groups_of(points: pd.DataFrame, by: str, dark: bool) -> list[Group]:
    """Returns the points in groups, in an order that does not depend on what is shown.

    Args:
        points: with `emotion`, `speaker`, `session` and, for clusters, `cluster`.
        by: one of `COLOURS`.
        dark: for a dark ground.
    """
    if by == EMOTION:
        values = points["emotion"].to_numpy()
        looks = [(str(e), palette.colour(e, dark), SYMBOLS[i]) for i, e in enumerate(EMOTIONS)]
        found = [Group(*look, np.flatnonzero(values == look[0])) for look in looks]
        return [group for group in found if len(group.rows)]
    if by == CLUSTER:
        names = points["cluster"].map(lambda c: f"cluster {c + 1}" if c >= 0 else None)
        order = [f"cluster {c + 1}" for c in sorted(points["cluster"].unique()) if c >= 0]
        missing = "in no cluster"
    else:
        column = points[by.lower()]
        names = column.where(column.fillna("") != "", None)
        order = sorted(names.dropna().unique())
        missing = f"{by.lower()} not given"
    return _numbered(names, order, missing)


def _numbered(names: pd.Series, order: list[str], missing: str) -> list[Group]:
    """Returns groups by name; what is beyond the most that can be told apart is put together."""
    if len(order) > MOST_GROUPS:
        largest = set(names.value_counts().index[: MOST_GROUPS - 1])
        others = f"{len(order) - len(largest)} others"
        names = names.where(names.isna() | names.isin(largest), others)
        order = [name for name in order if name in largest]
    else:
        others = None
    found = []
    for i, name in enumerate(order):
        symbol = SYMBOLS[i // len(QUALITATIVE) % len(SYMBOLS)]
        colour = QUALITATIVE[i % len(QUALITATIVE)]
        found.append(Group(str(name), colour, symbol, np.flatnonzero(names == name)))
    if others:
        found.append(Group(others, _NONE, "circle-open", np.flatnonzero(names == others)))
    if names.isna().any():
        found.append(Group(missing, _NONE, "x-thin-open", np.flatnonzero(names.isna())))
    return found


def map_figure(
    points: pd.DataFrame,
    groups: list[Group],
    *,
    title: str,
    dark: bool,
    chosen: int | None = None,
    vector: bool = False,
) -> go.Figure:
    """Returns a map.

    Args:
        points: with `x`, `y` and what the hover says; the row's number is each point's `customdata`.
        groups: from `groups_of`.
        title: name of the method, for the axes.
        dark: for a dark ground.
        chosen: row of the point that is set off, or None.
        vector: never draw by WebGL, which gives no vectors.
    """
    trace = go.Scatter if vector or len(points) <= VECTOR_UNTIL else go.Scattergl
    size = 10 if len(points) < 500 else 7 if len(points) < 5_000 else 4
    x, y = points["x"].to_numpy(np.float64), points["y"].to_numpy(np.float64)
    texts = np.array([_sentence(row) for row in points.to_dict("records")], dtype=object)
    figure = go.Figure()
    for group in groups:
        figure.add_trace(
            trace(
                x=x[group.rows],
                y=y[group.rows],
                mode="markers",
                name=f"{escaped(group.name)} ({len(group.rows):,})",
                customdata=group.rows,
                text=texts[group.rows],
                hovertemplate="%{text}<extra></extra>",
                marker=_marker(group, size, dark),
                unselected={"marker": {"opacity": 0.55}},
            )
        )
    if chosen is not None:
        figure.add_trace(_ring(x[chosen], y[chosen], size, dark))
    _dress(figure, title, dark)
    return figure


def _marker(group: Group, size: int, dark: bool) -> dict[str, Any]:
    is_open = group.symbol.endswith("open")
    line = {"width": 1.2} if is_open else {"width": 0.6, "color": palette.SPEECH[dark]}
    return {
        "color": group.colour,
        "symbol": group.symbol,
        "size": size,
        "opacity": 0.9,
        "line": line,
    }


def _ring(x: float, y: float, size: int, dark: bool) -> go.Scatter:
    line = {"width": 2, "color": INK[dark]}
    marker = {"size": size + 9, "symbol": "circle-open", "color": INK[dark], "line": line}
    return go.Scatter(
        x=[x], y=[y], mode="markers", marker=marker, hoverinfo="skip", showlegend=False
    )


def _sentence(row: dict[str, Any]) -> str:
    sure = row["confidence"]
    confidence = "" if sure is None or np.isnan(sure) else f", confidence {sure:.2f}"
    return (
        f"{escaped(row['name'])}, {row['start_s']:.2f} to {row['end_s']:.2f} s,<br>"
        f"sounds {row['emotion']} to the engine{confidence}"
    )


def _dress(figure: go.Figure, title: str, dark: bool) -> None:
    axis = {"showticklabels": False, "zeroline": False, "showgrid": False}
    axis |= {"showline": True, "mirror": True, "linecolor": GRID[dark]}
    figure.update_xaxes(title=f"{title} 1, no unit", **axis)
    figure.update_yaxes(title=f"{title} 2, no unit", **axis)
    figure.update_layout(
        height=500,
        margin={"l": 0, "r": 3, "t": 30, "b": 40},
        legend={"orientation": "h", "y": -0.12, "yanchor": "top", "x": 0, "itemsizing": "constant"},
        modebar={"bgcolor": "rgba(0,0,0,0)", "color": INK[dark], "activecolor": INK[dark]},
        dragmode="pan",
        hovermode="closest",
        uirevision="keep",
    )
    figure.update_layout(
        paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)", font={"color": INK[dark]}
    )
