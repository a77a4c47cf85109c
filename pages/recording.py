"""One recording: how its emotion moves, what the engine says of it, and its data to take along."""

import pandas as pd
import streamlit as st

from core.records import Segment
from dashboard import navigation, palette, resources, words
from dashboard.components import (
    choose,
    conversation,
    cue,
    exports,
    inspector,
    labels,
    moved,
    privacy,
    provenance,
    quality,
    scope,
    segment_table,
    summary,
    turn_region,
    turning,
)
from dashboard.session import (
    ALL_FRAMES,
    DEFAULT_SMOOTHING_S,
    SPEECH_ONLY,
    STACKED,
    Keys,
)


def main() -> None:
    """Shows the page."""
    rows = resources.catalogue()
    if rows.empty:
        _nothing()
        return
    heading = st.container()
    row, others = _chosen(rows)
    scope.forget_view_of_another(row["recording"])
    choice = resources.choice_of(row)
    scope.read_ahead(choice)
    segments = resources.segments(choice)
    with heading:
        _title(row)
    missing = resources.has_audio(row["recording"])
    if missing:
        moved.show(row["recording"], missing)
    blind = labels.blind(choice.recording)
    look, name = _look(others, blind)
    names = choose.track_names(rows[rows["recording"] == row["recording"]].set_index("run_key"))
    _view(row, choice, segments, look, (names[row["run_key"]], name), labels.labelling_on())
    timeline = resources.timeline(choice)
    if not blind:
        summary.show(timeline, segments)
        segment_table.show(choice, timeline, segments)
        conversation.show(choice, timeline, segments)
        exports.show(row, look.second)
    quality.show(timeline)
    provenance.show(timeline)
    privacy.show(choice.recording)


def _nothing() -> None:
    st.title("Recording")
    with st.container(border=True):
        st.markdown(
            "**No recording yet.** Here you will see how emotion moves through one recording, hear "
            "it where it changes, and take charts and data along."
        )
        if st.button("Analyse a recording", type="primary"):
            navigation.open_page("analyze")


def _chosen(rows: pd.DataFrame) -> tuple[pd.Series, pd.DataFrame]:
    """Asks which recording and, where there are several, which of its tracks; returns the others too."""
    names = rows.drop_duplicates("recording").set_index("recording")
    wanted = st.query_params.get(Keys.RECORDING)
    if wanted and wanted not in names.index:
        st.warning(
            "The recording in this address is not in the store; the newest is shown instead.",
            icon=":material/search_off:",
        )
    bar = st.columns(2)
    recording = choose.show(
        "Recording", Keys.RECORDING, {k: _label(names.loc[k]) for k in names.index}, bar[0]
    )
    mine = rows[rows["recording"] == recording].set_index("run_key", drop=False)
    names = choose.track_names(mine)
    asked = st.query_params.get(Keys.TRACK)
    if asked and asked not in names and recording == wanted:
        st.warning(
            "The track in this address is not in the store; another one is shown instead.",
            icon=":material/search_off:",
        )
    track = choose.show("Track", Keys.TRACK, names, bar[1])
    return mine.loc[track], mine.drop(index=track)


def _label(row: pd.Series) -> str:
    parts = [row["name"], row["session"], row["speaker"]]
    return " · ".join(str(part) for part in parts if isinstance(part, str) and part)


def _title(row: pd.Series) -> None:
    st.title(words.plain(row["name"]), anchor=False)
    tags, warnings = (row[name] if row[name] is not None else () for name in ("tags", "warnings"))
    said = [row["session"], row["speaker"], *tags]
    parts = [str(part) for part in said if isinstance(part, str) and part]
    parts += [palette.duration(row["duration_s"]), f"{palette.duration(row['speech_s'])} speech"]
    st.text(" · ".join(parts))
    for warning in warnings:
        st.warning(warning, icon=":material/warning:")


def _look(others: pd.DataFrame, blind: bool) -> tuple[scope.Look, str]:
    """Asks how the curves are drawn, and which track beside them; returns its name too."""
    if blind:
        return scope.Look(DEFAULT_SMOOTHING_S, SPEECH_ONLY, stacked=False, blind=True), ""
    bar = st.container(horizontal=True, gap="medium")
    width_s, view = choose.curves(bar)
    frames = choose.one_of("Frames", [SPEECH_ONLY, ALL_FRAMES], Keys.FRAMES, bar, help=words.FRAMES)
    second, name = None, ""
    if len(others):
        names = {"": "nothing"} | choose.track_names(others)
        beside = choose.show("Beside it", Keys.SECOND, names, bar, help=words.SECOND, width=430)
        if beside:
            second, name = resources.choice_of(others.loc[beside]), names[beside]
    band = bar.toggle(
        "Smoothing sensitivity (not accuracy)",
        key=Keys.BAND,
        bind="query-params",
        help=words.SMOOTHING_BAND,
    )
    stacked = view == STACKED
    look = scope.Look(
        smoothing_s=float(width_s),
        frames=frames,
        stacked=stacked,
        second=second,
        rate=turning.rate(),
        band=band and not stacked,
    )
    return look, name


@st.fragment
def _view(
    row: pd.Series,
    choice: resources.Choice,
    segments: tuple[Segment, ...],
    look: scope.Look,
    names: tuple[str, str],
    labelled: bool,
) -> None:
    """Shows the recording over time; what is marked there is looked into and labelled below.

    Only this runs anew while one marks; what else the page shows does not depend on it.
    """
    asked = None if look.blind else cue.last(choice)
    marked = scope.show(choice, float(row["duration_s"]), look, names, asked)
    if not look.blind:
        second = None if look.second is None else (look.second, names[1])
        inspector.show(row, choice, segments, marked, labelled=labelled, second=second)
        turn_region.show(choice, marked)
    labels.show(row, choice, marked, labelled=labelled)


main()
