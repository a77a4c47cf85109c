"""One recording: how its emotion moves, what the engine says of it, and its data to take along."""

from functools import partial

import pandas as pd
import streamlit as st

from core.records import Segment, Span
from core.timeline.track import FrameChoice, Timeline
from dashboard import figures, navigation, palette, resources, words
from dashboard.components import (
    choose,
    conversation,
    exports,
    moved,
    player,
    provenance,
    quality,
    segment_table,
    summary,
)
from dashboard.session import (
    ALL_FRAMES,
    DEFAULT_SMOOTHING_S,
    LINES,
    SMOOTHING_S,
    SPEECH_ONLY,
    STACKED,
    Keys,
    frames_shown,
    is_dark,
)


def main() -> None:
    """Shows the page."""
    rows = resources.catalogue()
    if rows.empty:
        _nothing()
        return
    heading = st.container()
    row = _chosen(rows)
    choice = resources.choice_of(row)
    timeline, segments = resources.timeline(choice), resources.segments(choice)
    with heading:
        _title(row, timeline)
    _timeline(row, timeline, segments)
    _player(row["recording"], segment_table.cued(row, segments))
    summary.show(timeline, segments)
    segment_table.show(row, timeline, segments)
    conversation.show(choice, timeline)
    exports.show(row, choice, timeline, segments)
    quality.show(timeline)
    provenance.show(timeline)


def _nothing() -> None:
    st.title("Recording")
    with st.container(border=True):
        st.markdown(
            "**No recording yet.** Here you will see how emotion moves through one recording, hear "
            "it where it changes, and take charts and data along."
        )
        if st.button("Analyse a recording", type="primary"):
            navigation.open_page("analyze")


def _chosen(rows: pd.DataFrame) -> pd.Series:
    """Asks which recording and, where there are several, which of its tracks."""
    names = rows.drop_duplicates("recording").set_index("recording")
    wanted = st.query_params.get(Keys.RECORDING)
    if wanted and wanted not in names.index:
        st.warning(
            "The recording in this address is not in the store; the newest is shown instead.",
            icon=":material/search_off:",
        )
    recording = choose.show(
        "Recording", Keys.RECORDING, {k: _label(names.loc[k]) for k in names.index}
    )
    mine = rows[rows["recording"] == recording].set_index("run_key", drop=False)
    if len(mine) == 1:
        return mine.iloc[0]
    return mine.loc[
        choose.show("Track", Keys.TRACK, {k: _track_label(mine.loc[k]) for k in mine.index})
    ]


def _label(row: pd.Series) -> str:
    parts = [row["name"], row["session"], row["speaker"]]
    return " · ".join(str(part) for part in parts if isinstance(part, str) and part)


def _track_label(row: pd.Series) -> str:
    channel = "mean of channels" if row["channel"] < 0 else f"channel {row['channel']}"
    return f"{row['engine_id']} · {channel} · {row['n_segments']} segments"


def _title(row: pd.Series, timeline: Timeline) -> None:
    st.title(row["name"].replace("\n", " "), anchor=False)
    tags = row["tags"] if row["tags"] is not None else ()
    said = [row["session"], row["speaker"], *tags]
    parts = [str(part) for part in said if isinstance(part, str) and part]
    speech_s = float(timeline.track.speech.sum()) * timeline.track.hop_s
    parts += [palette.duration(timeline.track.duration_s), f"{palette.duration(speech_s)} speech"]
    st.text(" · ".join(parts))
    for warning in timeline.track.source.warnings:
        st.warning(warning, icon=":material/warning:")


def _timeline(row: pd.Series, timeline: Timeline, segments: tuple[Segment, ...]) -> None:
    bar = st.container(horizontal=True, gap="large")
    width_s = bar.select_slider(
        "Smoothing, s",
        SMOOTHING_S,
        value=DEFAULT_SMOOTHING_S,
        key=Keys.SMOOTHING,
        bind="query-params",
        help=words.SMOOTHING,
        width=420,
    )
    view = bar.segmented_control(
        "View",
        [LINES, STACKED],
        default=LINES,
        key=Keys.VIEW,
        bind="query-params",
        help=words.SCORE,
    )
    bar.segmented_control(
        "Frames",
        [SPEECH_ONLY, ALL_FRAMES],
        default=SPEECH_ONLY,
        key=Keys.FRAMES,
        bind="query-params",
        help=words.FRAMES,
    )
    cued = segment_table.cued(row, segments)
    figure = figures.timeline_figure(
        timeline,
        segments,
        width_s=float(width_s),
        frames=frames_shown() if timeline.track.speech.any() else FrameChoice.ALL,
        stacked=view == STACKED,
        dark=is_dark(),
        marked=None if cued is None else Span(cued.start_s, cued.end_s),
    )
    st.plotly_chart(
        figure,
        key=segment_table.key(Keys.CHART, row),
        on_select=partial(segment_table.cue_from_chart, row),
        selection_mode="points",
        config={"displaylogo": False, "modeBarButtonsToRemove": ["select2d", "lasso2d"]},
        alt=f"Scores of nine emotions over time for {row['name']}",
    )


def _player(recording: str, cued: Segment | None) -> None:
    missing = resources.has_audio(recording)
    if missing:
        moved.show(recording, missing)
        return
    player.show(recording, None if cued is None else Span(cued.start_s, cued.end_s))
    st.caption("Click a segment under the curves, or select one in the table, to hear it.")


main()
