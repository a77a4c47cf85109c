"""The map itself; under it the segment that was clicked last, or those that were marked."""

import numpy as np
import pandas as pd
import streamlit as st

from core.records import Span
from core.store.rows import MIX
from dashboard import map_figure, marked, navigation, palette, resources, words
from dashboard.components import player, selection
from dashboard.corpus import MapView
from dashboard.map_figure import Group, Scale
from dashboard.session import Keys, is_dark

HEAR, MARK = "Hear a point", "Mark several"
_KEYS = ["recording", "channel", "run_key", "segment"]


def show(
    view: MapView, points: pd.DataFrame, coloured: list[Group] | Scale, colour: str, engine: str
) -> None:
    """Shows a map.

    Args:
        view: the map.
        points: those that the filter shows.
        coloured: their groups or scale, in the same order.
        colour: what they are coloured by, for the words.
        engine: its id.
    """
    mark = st.session_state.get(Keys.MAP_SELECTION)
    inside = mark.holds(points) if mark is not None and mark.of == view.head.key else None
    cued = st.session_state.get(Keys.MAP_CUE)
    at = np.flatnonzero(_is(points, cued)) if cued is not None else ()
    chosen = int(at[0]) if len(at) and inside is None else None
    rows = map_figure.drawn_rows(len(points), chosen)
    drawn, dark = points.iloc[rows].reset_index(drop=True), is_dark()
    place = None if chosen is None else int(np.searchsorted(rows, chosen))
    # In one chart of Streamlit a click selects nothing where a drag can.
    marks = st.segmented_control(
        "On the map",
        (HEAR, MARK),
        default=HEAR,
        required=True,
        key="map.way",
        label_visibility="collapsed",
    )
    is_marking = marks == MARK
    turn = st.session_state.get(Keys.MAP_ROUND, 0)
    key = f"{Keys.MAP_CHART}.{view.head.key}.{colour}.{turn}.{'mark' if is_marking else 'hear'}"

    def take() -> None:
        found = st.session_state[key]["selection"]
        st.session_state[Keys.MAP_SELECTION] = area = marked.mark_of(found, view.head.key)
        numbers = [_row(p) for p in found["points"] if p.get("customdata") is not None]
        one = drawn.iloc[numbers[0]] if numbers and area is None else None
        st.session_state[Keys.MAP_CUE] = None if one is None else tuple(one[_KEYS])

    figure = map_figure.map_figure(
        drawn,
        _of(coloured, rows),
        title=view.title,
        dark=dark,
        chosen=place,
        whole=view.points,
    )
    figure.update_layout(dragmode="lasso" if is_marking else "pan")
    st.plotly_chart(
        figure,
        key=key,
        on_select=take,
        selection_mode=("box", "lasso") if is_marking else "points",
        config={"displaylogo": False, "scrollZoom": True},
        alt=f"{view.title} map of {len(points)} segments, coloured by {colour.lower()}",
    )
    if len(drawn) < len(points):
        st.caption(
            f"{len(drawn):,} of {len(points):,} points are drawn, taken at random; what is marked "
            "counts all. Zooming in brings no more of them: filter to see every one of fewer."
        )
    st.caption(
        ("Draw round points to mark them." if is_marking else "Click a point to hear it.")
        + f" {words.NO_EVIDENCE}",
        help=words.MAP_READ,
    )
    if inside is not None:
        made = {"marked_on": view.head.key, "space": view.head.parameters["space"]}
        selection.show(points[inside], points[~inside], engine, made)
    elif chosen is not None:
        _inspector(points.iloc[chosen], engine)


def _is(points: pd.DataFrame, cued: tuple[object, ...]) -> np.ndarray:
    found = np.ones(len(points), np.bool_)
    for name, value in zip(_KEYS, cued, strict=True):
        found &= (points[name] == value).to_numpy(bool)
    return found


def _row(point: dict[str, object]) -> int:
    data = point["customdata"]
    return int(data[0] if isinstance(data, list) else data)  # type: ignore[call-overload]


def _of(coloured: list[Group] | Scale, rows: np.ndarray) -> list[Group] | Scale:
    """Returns groups or scale of the points that are drawn."""
    if isinstance(coloured, Scale):
        return Scale(coloured.title, coloured.values[rows], coloured.ticks, coloured.ends)
    found = []
    for group in coloured:
        at = np.minimum(np.searchsorted(rows, group.rows), len(rows) - 1)
        mine = at[rows[at] == group.rows]
        found.append(Group(group.name, group.colour, group.symbol, mine))
    return [group for group in found if len(group.rows)]


def _inspector(point: pd.Series, engine: str) -> None:
    """Shows the chosen segment: what it is, its sound, the way to its recording and its like."""
    with st.container(border=True):
        left, right = st.columns([4, 1], vertical_alignment="center")
        sure = point["confidence"]
        sounds = f"sounds {palette.signed(point['emotion'])} to the engine"
        confidence = "no confidence" if pd.isna(sure) else f"calibrated confidence {sure:.2f}"
        left.text(f"{point['name']}, {point['start_s']:.2f} to {point['end_s']:.2f} s")
        said = [f"{k} {point[k]}" for k in ("session", "speaker") if isinstance(point[k], str)]
        left.text(" · ".join([sounds, confidence, *said]))
        with right:
            query = {Keys.RECORDING: point["recording"], Keys.TRACK: point["run_key"]}
            navigation.link("recording", "Open", ":material/arrow_forward:", **query)
            query = {
                Keys.RECORDING: point["recording"],
                Keys.REGION: f"{point['start_s']:.3f}-{point['end_s']:.3f}",
                Keys.MAP_ENGINE: engine,
            }
            if point["channel"] != MIX:
                query[Keys.SIMILAR_CHANNEL] = str(point["channel"])
            navigation.link("similar", "Same tone", ":material/hearing:", **query)
        missing = resources.has_audio(point["recording"])
        if missing:
            st.info(words.said(missing), icon=":material/volume_off:")
        else:
            player.show(point["recording"], Span(point["start_s"], point["end_s"]))
