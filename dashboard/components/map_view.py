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
from dashboard.marked import Mark, Part
from dashboard.session import Keys, is_dark

HEAR, MARK, CLOSER = "Hear a point", "Mark several", "Look closer"
_KEYS = ["recording", "channel", "run_key", "segment"]
_DO = {
    HEAR: "Click a point to hear it.",
    MARK: "Draw round points to mark them.",
    CLOSER: "Draw a box to see that part alone, with the points that a large map leaves out.",
}


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
    part = _part(view)
    within = np.arange(len(points)) if part is None else np.flatnonzero(part.holds(points))
    rows = map_figure.drawn_rows(within, chosen)
    drawn = points.iloc[rows].reset_index(drop=True)
    way = _way(part)
    turn = st.session_state.get(Keys.MAP_ROUND, 0)
    parts = (Keys.MAP_CHART, view.head.key, colour, turn, way, part.name if part else "")
    key = ".".join(map(str, parts))

    def take() -> None:
        found = st.session_state[key]["selection"]
        area = marked.mark_of(found, view.head.key)
        if way == CLOSER:
            _look_closer(area, points)
            return
        st.session_state[Keys.MAP_SELECTION] = area
        numbers = [_row(p) for p in found["points"] if p.get("customdata") is not None]
        one = drawn.iloc[numbers[0]] if numbers and area is None else None
        st.session_state[Keys.MAP_CUE] = None if one is None else tuple(one[_KEYS])

    figure = map_figure.map_figure(
        drawn,
        map_figure.drawn_of(coloured, len(points), rows, within),
        title=view.title,
        dark=is_dark(),
        chosen=None if chosen is None else int(np.searchsorted(rows, chosen)),
        ends=map_figure.ends_of(view.points) if part is None else (part.x, part.y),
    )
    figure.update_layout(dragmode={HEAR: "pan", MARK: "lasso", CLOSER: "select"}[way])
    st.plotly_chart(
        figure,
        key=key,
        on_select=take,
        selection_mode={HEAR: "points", MARK: ("box", "lasso"), CLOSER: "box"}[way],
        config={"displaylogo": False, "scrollZoom": True},
        alt=f"{view.title} map of {len(within)} segments, coloured by {colour.lower()}",
    )
    if part is not None or len(rows) < len(within):
        st.caption(_counted(len(drawn), len(within), len(points), part))
    st.caption(f"{_DO[way]} {words.NO_EVIDENCE}", help=words.MAP_READ)
    if inside is not None:
        made = {"marked_on": view.head.key, "space": view.head.parameters["space"]}
        selection.show(points[inside], points[~inside], engine, made)
    elif chosen is not None:
        _inspector(points.iloc[chosen], engine)


def _part(view: MapView) -> Part | None:
    """Returns the part of the map that the address names; one of another map is left out."""
    part = marked.part_named(st.query_params.get(Keys.MAP_PART), view.head.key)
    if part is None and Keys.MAP_PART in st.query_params:
        del st.query_params[Keys.MAP_PART]
    return part


def _way(part: Part | None) -> str:
    """Asks what the mouse does on the map: in one chart a click selects nothing where a drag can."""
    # Set at each run: what is only once set here the browser no longer shows after a click.
    st.session_state[Keys.MAP_WAY] = st.session_state.get(Keys.MAP_WAY, HEAR)
    bar = st.container(horizontal=True, vertical_alignment="center")
    way = bar.segmented_control(
        "On the map", tuple(_DO), required=True, key=Keys.MAP_WAY, label_visibility="collapsed"
    )
    if part is not None:
        bar.button("Whole map", on_click=_go, args=(None,), icon=":material/zoom_out_map:")
    return str(way)


def _look_closer(area: Mark | None, points: pd.DataFrame) -> None:
    part = None if area is None else marked.part_of(area)
    if part is None:
        return
    if part.holds(points).any():
        _go(part)
    else:
        st.toast("No point lies in that box; draw it round some.", icon=":material/info:")


def _go(part: Part | None) -> None:
    """Shows a part of the map, or all of it."""
    if part is not None:
        st.query_params[Keys.MAP_PART] = part.name
    elif Keys.MAP_PART in st.query_params:
        del st.query_params[Keys.MAP_PART]
    for key in (Keys.MAP_SELECTION, Keys.MAP_CUE):
        st.session_state[key] = None
    st.session_state[Keys.MAP_WAY] = HEAR


def _counted(n_drawn: int, n_within: int, n_points: int, part: Part | None) -> str:
    """Says how many points of how many are drawn."""
    whole = f"this part of the map, which has {n_points:,} in all," if part else "the map"
    if not n_within:
        return f"No point that the filter shows lies in {whole}."
    if n_within == 1:
        return f"The one point of {whole} is drawn."
    if n_drawn >= n_within:
        return f"All {n_within:,} points of {whole} are drawn."
    return (
        f"{n_drawn:,} of {n_within:,} points of {whole} are drawn, taken at random; what is marked "
        f"counts all. *{CLOSER}* brings the rest of {'a smaller' if part else 'a'} part."
    )


def _is(points: pd.DataFrame, cued: tuple[object, ...]) -> np.ndarray:
    found = np.ones(len(points), np.bool_)
    for name, value in zip(_KEYS, cued, strict=True):
        found &= (points[name] == value).to_numpy(bool)
    return found


def _row(point: dict[str, object]) -> int:
    data = point["customdata"]
    return int(data[0] if isinstance(data, list) else data)  # type: ignore[call-overload]


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
