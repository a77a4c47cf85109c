"""The map itself, and beside it the segment that was clicked last."""

import pandas as pd
import streamlit as st

from core.records import Span
from dashboard import map_figure, navigation, palette, resources, words
from dashboard.components import player
from dashboard.corpus import MapView
from dashboard.session import Keys, is_dark


def show(view: MapView, points: pd.DataFrame, colour: str) -> None:
    """Shows a map.

    Args:
        view: the map.
        points: of it, with `cluster` where it is coloured by that.
        colour: one of `map_figure.COLOURS`.
    """
    cued = st.session_state.get(Keys.MAP_CUE)
    keys = points[["recording", "channel", "run_key", "segment"]].apply(tuple, axis=1).tolist()
    chosen = keys.index(cued) if cued in keys else None
    dark = is_dark()
    groups = map_figure.groups_of(points, colour, dark)
    key = f"{Keys.MAP_CHART}.{view.head.key}.{colour}"

    def choose_point() -> None:
        clicked = st.session_state[key]["selection"]["points"]
        rows = [p["customdata"] for p in clicked if p.get("customdata") is not None]
        row = rows[0][0] if rows and isinstance(rows[0], list) else rows[0] if rows else None
        st.session_state[Keys.MAP_CUE] = None if row is None else keys[int(row)]

    st.plotly_chart(
        map_figure.map_figure(points, groups, title=view.title, dark=dark, chosen=chosen),
        key=key,
        on_select=choose_point,
        selection_mode="points",
        config={"displaylogo": False, "scrollZoom": True},
        alt=f"{view.title} map of {len(points)} segments, coloured by {colour.lower()}",
    )
    if chosen is None:
        st.caption(f"Click a point to hear it. {words.NO_EVIDENCE}", help=words.MAP_READ)
    else:
        _inspector(points.iloc[chosen])


def _inspector(point: pd.Series) -> None:
    """Shows the chosen segment: what it is, its sound, the way to its recording."""
    with st.container(border=True):
        left, right = st.columns([6, 1], vertical_alignment="center")
        sure = point["confidence"]
        sounds = f"sounds {palette.signed(point['emotion'])} to the engine"
        confidence = "no confidence" if pd.isna(sure) else f"calibrated confidence {sure:.2f}"
        left.text(f"{point['name']}, {point['start_s']:.2f} to {point['end_s']:.2f} s")
        said = [f"{k} {point[k]}" for k in ("session", "speaker") if isinstance(point[k], str)]
        left.text(" · ".join([sounds, confidence, *said]))
        with right:
            query = {Keys.RECORDING: point["recording"], Keys.TRACK: point["run_key"]}
            navigation.link("recording", "Open", ":material/arrow_forward:", **query)
        missing = resources.has_audio(point["recording"])
        if missing:
            st.info(missing, icon=":material/volume_off:")
        else:
            player.show(point["recording"], Span(point["start_s"], point["end_s"]))
