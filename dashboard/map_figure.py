"""The map: points in colours and shapes that say what they belong to."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pyarrow as pa
import pyarrow.compute as pc

from core.emotions import EMOTIONS
from core.explore.sampling import any_of
from dashboard import palette
from dashboard.palette import GRID, INK, escaped

EMOTION: Final = "Emotion"
CLUSTER: Final = "Cluster"
SPEAKER: Final = "Speaker"
SESSION: Final = "Session"
RECORDING: Final = "Recording"
TAGS: Final = "Tags"
LABEL: Final = "People's label"
SCORE: Final = "Score"
QUALITY: Final = "Quality"
DATE: Final = "Date"
PRINTED: Final = (EMOTION, SPEAKER, SESSION)
_COLUMNS: Final = {
    SPEAKER: "speaker",
    SESSION: "session",
    RECORDING: "name",
    TAGS: "tags",
    LABEL: "heard",
}
MOST_DRAWN: Final = 50_000  # points that are sent to a browser
MARGIN: Final = 0.04  # of the map's width, round it
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
Ends = tuple[float, float]


@dataclass(frozen=True)
class Group:
    """Points that look alike.

    Attributes:
        name: for the legend.
        colour: of them.
        symbol: as Plotly calls it.
        rows: which points they are.
        count: how many there are where only some of them are drawn, or None for as many as `rows`.
    """

    name: str
    colour: str
    symbol: str
    rows: np.ndarray
    count: int | None = None

    @property
    def title(self) -> str:
        """Its name in the legend, with how many it has."""
        return f"{self.name} ({len(self.rows) if self.count is None else self.count:,})"


@dataclass(frozen=True)
class Scale:
    """Points coloured by a number.

    Attributes:
        title: with its unit, above the colour bar.
        values: shape `(n_points,)`; NaN where not known.
        ticks: values and words beside the bar, or None for plain numbers.
        ends: the least and greatest value of the bar, or None for those that occur.
    """

    title: str
    values: np.ndarray
    ticks: tuple[list[float], list[str]] | None = None
    ends: tuple[float, float] | None = None


def drawn_rows(rows: np.ndarray, keep: int | None = None) -> np.ndarray:
    """Returns which points are sent to a browser: all, or so many drawn at random.

    Args:
        rows: that could be shown, in ascending order.
        keep: a row that is drawn in any case.
    """
    drawn = rows[any_of(len(rows), MOST_DRAWN)]
    return drawn if keep is None or keep in drawn else np.sort(np.append(drawn, keep))


def drawn_of(
    coloured: list[Group] | Scale, n_points: int, rows: np.ndarray, among: np.ndarray
) -> list[Group] | Scale:
    """Returns groups or scale of the points that are drawn, numbered anew.

    Args:
        coloured: groups or scale of all points.
        n_points: how many these are.
        rows: those that are drawn, in ascending order.
        among: those that they stand for, which the legend counts.
    """
    if isinstance(coloured, Scale):
        return replace(coloured, values=coloured.values[rows])
    place, counted = np.full(n_points, -1), np.zeros(n_points, np.bool_)
    place[rows], counted[among] = np.arange(len(rows)), True
    found = []
    for group in coloured:
        mine = place[group.rows]
        count = int(counted[group.rows].sum())
        found.append(replace(group, rows=mine[mine >= 0], count=count))
    return [group for group in found if len(group.rows)]


def groups_of(points: pd.DataFrame, by: str, dark: bool) -> list[Group]:
    """Returns the points in groups, in an order that does not depend on what is shown.

    Args:
        points: with the column that is coloured by: `emotion`, `speaker`, `session`, `name`,
            `tags`, `heard`, or `cluster` and, where these have names, `cluster_name`.
        by: `EMOTION`, `CLUSTER`, or another kind of groups.
        dark: for a dark ground.
    """
    if by == EMOTION:
        codes, known = pd.factorize(points["emotion"])
        rows = {name: np.flatnonzero(codes == code) for code, name in enumerate(known)}
        looks = [(str(e), palette.colour(e, dark), SYMBOLS[i]) for i, e in enumerate(EMOTIONS)]
        return [Group(*look, rows[look[0]]) for look in looks if look[0] in rows]
    if by == CLUSTER:
        titles = points["cluster"].map(lambda c: f"cluster {c + 1}" if c >= 0 else None)
        names = points.get("cluster_name", titles)
        names = names.where(points["cluster"] >= 0, None)
        first = names.groupby(points["cluster"]).first()
        order = [first[c] for c in sorted(points["cluster"].unique()) if c >= 0]
        missing = "in no cluster"
    else:
        column = points[_COLUMNS[by]]
        names = column.where(column.fillna("") != "", None)
        order = sorted(names.dropna().unique())
        missing = "not labelled" if by == LABEL else f"{by.lower()} not given"
        if by == LABEL:
            return _labelled(names, order, missing, dark)
    return _numbered(names, order, missing)


def _labelled(names: pd.Series, order: list[str], missing: str, dark: bool) -> list[Group]:
    """Returns groups by people's labels: emotions as everywhere, then words of their own."""
    known = [str(e) for e in EMOTIONS if str(e) in order]
    rest = _numbered(names.where(~names.isin(known)), [n for n in order if n not in known], missing)
    rows = np.flatnonzero(names.isna())
    looks = [(name, palette.colour(name, dark), SYMBOLS[EMOTIONS.index(name)]) for name in known]
    found = [Group(*look, np.flatnonzero(names == look[0])) for look in looks]
    own = [group for group in rest if group.name != missing]
    return [*found, *own, Group(missing, _NONE, "x-thin-open", rows)] if len(rows) else found + own


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


def ends_of(points: pd.DataFrame) -> tuple[Ends, Ends]:
    """Returns the ends of the axes of a whole map."""
    return _ends(points["x"]), _ends(points["y"])


def _ends(values: pd.Series) -> Ends:
    low, high = float(values.min()), float(values.max())
    margin = MARGIN * (high - low) or 1.0
    return low - margin, high + margin


def map_figure(
    points: pd.DataFrame,
    coloured: list[Group] | Scale,
    *,
    title: str,
    dark: bool,
    chosen: int | None = None,
    vector: bool = False,
    ends: tuple[Ends, Ends] | None = None,
) -> go.Figure:
    """Returns a map.

    Args:
        points: with `x`, `y` and what the hover says; the row's number is each point's `customdata`.
        coloured: from `groups_of`, or a scale.
        title: name of the method, for the axes.
        dark: for a dark ground.
        chosen: row of the point that is set off, or None.
        vector: never draw by WebGL, which gives no vectors.
        ends: of the axes, so that nothing moves when some points are hidden.
    """
    trace = go.Scatter if vector or len(points) <= VECTOR_UNTIL else go.Scattergl
    size = 10 if len(points) < 500 else 7 if len(points) < 5_000 else 4
    x, y = points["x"].to_numpy(np.float32), points["y"].to_numpy(np.float32)
    texts = _sentences(points)
    figure = go.Figure()
    every = np.arange(len(points))
    for rows, look in _looks(coloured, every, size, dark):
        figure.add_trace(
            trace(
                x=x[rows],
                y=y[rows],
                mode="markers",
                customdata=rows,
                text=texts[rows],
                hovertemplate="%{text}<extra></extra>",
                unselected={"marker": {"opacity": 0.55}},
                **look,
            )
        )
    if chosen is not None:
        figure.add_trace(_ring(x[chosen], y[chosen], size, dark))
    _dress(figure, title, dark)
    if ends is not None:
        figure.update_xaxes(range=ends[0])
        figure.update_yaxes(range=ends[1])
    return figure


def _looks(
    coloured: list[Group] | Scale, every: np.ndarray, size: int, dark: bool
) -> list[tuple[np.ndarray, dict[str, Any]]]:
    """Returns rows and look of each trace."""
    if isinstance(coloured, Scale):
        return _scaled(coloured, every, size, dark)
    return [
        (
            group.rows,
            {
                "name": escaped(group.title),
                "marker": _marker(group, size, dark),
            },
        )
        for group in coloured
    ]


def _scaled(
    scale: Scale, every: np.ndarray, size: int, dark: bool
) -> list[tuple[np.ndarray, dict[str, Any]]]:
    known = ~np.isnan(scale.values)
    bar: dict[str, Any] = {"title": {"text": scale.title}, "thickness": 12, "outlinewidth": 0}
    if scale.ticks is not None:
        bar |= {"tickvals": scale.ticks[0], "ticktext": scale.ticks[1]}
    marker: dict[str, Any] = {
        "color": scale.values[known].astype(np.float32),
        "colorscale": "Viridis",
        "colorbar": bar,
        "size": size,
        "opacity": 0.9,
        "line": {"width": 0.6, "color": palette.SPEECH[dark]},
    }
    if scale.ends is not None:
        marker |= {"cmin": scale.ends[0], "cmax": scale.ends[1]}
    found = [(every[known], {"name": "known", "showlegend": False, "marker": marker})]
    if not known.all():
        missing = Group("not known", _NONE, "x-thin-open", every[~known])
        name = f"not known ({len(missing.rows):,})"
        look = {"name": name, "showlegend": True, "marker": _marker(missing, size, dark)}
        found.append((missing.rows, look))
    return found


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


def _sentences(points: pd.DataFrame) -> np.ndarray:
    """Returns what the hover says of each point, shape `(n_points,)`.

    Each word is made once for all the points that have it; one by one 50,000 took 0.2 s.
    """
    sure = points["confidence"].to_numpy(np.float64, na_value=np.nan)
    known = np.rint(np.nan_to_num(sure) * 100).astype(int)
    confidences = [*(f", confidence {n / 100:.2f}" for n in range(101)), ""]
    parts = [
        _each(points["name"], escaped),
        ", ",
        _fixed(points["start_s"]),
        " to ",
        _fixed(points["end_s"]),
        _each(points["emotion"], lambda name: f" s,<br>sounds {name} to the engine"),
        pa.array(confidences).take(np.where(np.isnan(sure), 101, known)),
        "",
    ]
    found: np.ndarray = pc.binary_join_element_wise(*parts).to_numpy(zero_copy_only=False)
    return found.astype(str)  # an array of objects is copied one by one


def _each(column: pd.Series, say: Callable[[str], str]) -> pa.Array:
    codes, known = pd.factorize(column, use_na_sentinel=False)
    return pa.array([say(str(value)) for value in known], pa.string()).take(codes)


def _fixed(seconds: pd.Series) -> pa.Array:
    """Returns numbers with two digits behind the point."""
    hundredths = np.rint(seconds.to_numpy(np.float64) * 100).astype(np.int64)
    rest = pa.array([f".{n:02}" for n in range(100)]).take(hundredths % 100)
    return pc.binary_join_element_wise(pa.array(hundredths // 100).cast(pa.string()), rest, "")


def _dress(figure: go.Figure, title: str, dark: bool) -> None:
    axis = {"showticklabels": False, "zeroline": False, "showgrid": False}
    axis |= {"showline": True, "mirror": True, "linecolor": GRID[dark]}
    figure.update_xaxes(title=f"{title} 1, no unit", **axis)
    figure.update_yaxes(title=f"{title} 2, no unit", **axis)
    figure.update_layout(
        height=500,
        margin={"l": 0, "r": 10, "t": 30, "b": 40},
        legend={"orientation": "h", "y": -0.12, "yanchor": "top", "x": 0, "itemsizing": "constant"},
        modebar={"bgcolor": "rgba(0,0,0,0)", "color": INK[dark], "activecolor": INK[dark]},
        newselection={"line": {"color": INK[dark], "width": 1.5, "dash": "dot"}},
        hovermode="closest",
        showlegend=True,  # also where there is one group, as Plotly would leave it out
        uirevision="keep",
    )
    figure.update_layout(
        paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)", font={"color": INK[dark]}
    )
