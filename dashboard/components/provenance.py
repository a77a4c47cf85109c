"""Where a result comes from: everything needed to make it again."""

import json

import streamlit as st

from core.timeline.track import Timeline


def caption(timeline: Timeline) -> str:
    """Returns one sentence that says what made a result, for figures and exports."""
    source = timeline.track.source
    windowing = json.loads(source.windowing)
    noise = ", noise reduced" if json.loads(source.conditioning).get("noise_reduction") else ""
    versions = ", ".join(f"{name} {version}" for name, version in source.versions.items())
    return (
        f"Engine {source.engine_id}, {source.precision}{noise}; windows of {windowing['window_s']:g} s "
        f"with {windowing['overlap_s']:g} s overlap; {versions}."
    )


def show(timeline: Timeline) -> None:
    """Shows engine, settings and versions of a track, folded away."""
    source = timeline.track.source
    with st.expander("How this was made"):
        st.markdown(caption(timeline))
        st.json(
            {
                "recording": source.recording,
                "track_key": source.track_key,
                "engine_id": source.engine_id,
                "precision": source.precision,
                "conditioning": json.loads(source.conditioning),
                "windowing": json.loads(source.windowing),
                "temperatures_by_width_s": source.temperatures,
                "versions": source.versions,
                "created_at": source.created_at.isoformat(timespec="seconds"),
            },
            expanded=1,
        )
