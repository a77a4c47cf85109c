"""Who speaks when, to be corrected by hand, and where the emotion of a recording changes for good."""

import pandas as pd
import streamlit as st

from core.errors import TonescopeError
from core.records import Turn
from core.speakers.turns import overlaps, rename, speakers, speech_seconds
from core.timeline.track import Timeline
from core.timeline.turning_points import (
    FALSE_PER_HOUR,
    PENALTIES,
    TurningPoint,
    peaks,
    smoothing_band,
)
from dashboard import changes, palette, resources, words
from dashboard.components import turn_import
from dashboard.session import Keys

_SECONDS = st.column_config.NumberColumn(format="%.2f", min_value=0.0)


def show(choice: resources.Choice, timeline: Timeline) -> None:
    """Shows speakers and turning points of one track."""
    turns = resources.turns(choice)
    left, right = st.columns(2, gap="large")
    with left:
        _speakers(choice, timeline, turns)
    with right:
        _turning_points(choice, timeline)


def _speakers(choice: resources.Choice, timeline: Timeline, turns: tuple[Turn, ...]) -> None:
    st.subheader("Speakers", help=words.SPEAKERS, anchor=False)
    if not turns:
        st.info(
            "Speakers were not told apart. Analyse the recording again with speakers “found "
            "automatically”, which does not run the engine again, or import who speaks when."
        )
        _import(choice)
        return
    seconds = speech_seconds(timeline.speech_spans(), turns)
    total = sum(seconds.values()) or 1.0
    table = pd.DataFrame(
        {
            "Speaker": list(seconds),
            "Speech": [palette.duration(s) for s in seconds.values()],
            "Share": [s / total for s in seconds.values()],
            "Turns": [sum(turn.speaker == name for turn in turns) for name in seconds],
        }
    )
    share = st.column_config.ProgressColumn(format="percent", min_value=0.0, max_value=1.0)
    st.dataframe(table, hide_index=True, column_config={"Share": share})
    both = sum(span.duration_s for span in overlaps(turns))
    st.caption(
        f"At the same time: {palette.duration(both)}. It belongs to no segment, as no segment "
        "spans two speakers."
    )
    with st.expander("Correct speakers and turns"):
        _rename(choice, turns)
        _edit(choice, turns)
    _import(choice)


def _import(choice: resources.Choice) -> None:
    if turn_import.show(choice):
        _to_newest()


def _rename(choice: resources.Choice, turns: tuple[Turn, ...]) -> None:
    left, middle, right = st.columns([2, 2, 1], vertical_alignment="bottom")
    old = left.selectbox("Speaker", speakers(turns), key=_key(Keys.SPEAKER_OLD, choice))
    new = middle.text_input(
        "New name", key=_key(Keys.SPEAKER_NEW, choice), max_chars=100, help=words.RENAME
    )
    if right.button("Rename", disabled=not (new or "").strip(), key=_key("rename", choice)):
        _change(lambda: resources.correct_turns(choice, rename(turns, old, new or "")))


def _edit(choice: resources.Choice, turns: tuple[Turn, ...]) -> None:
    table = pd.DataFrame(
        {
            "Speaker": [turn.speaker for turn in turns],
            "Start, s": [turn.start_s for turn in turns],
            "End, s": [turn.end_s for turn in turns],
        }
    )
    edited = st.data_editor(
        table,
        hide_index=True,
        num_rows="dynamic",
        key=f"{_key(Keys.TURN_TABLE, choice)}.{hash(turns)}",
        column_config={"Start, s": _SECONDS, "End, s": _SECONDS},
        height=min(76 + 35 * len(turns), 400),
    )
    left, right = st.columns(2)
    if left.button("Save the turns", type="primary", key=_key("save", choice)):
        _change(lambda: resources.correct_turns(choice, _turns_from(edited, turns)))
    if right.button("Undo the last change", key=_key("undo", choice)):
        _change(lambda: resources.undo_turns(choice))
    st.caption(words.TURNS_KEPT)


def _turns_from(edited: pd.DataFrame, before: tuple[Turn, ...]) -> tuple[Turn, ...]:
    """Returns the rows of the editor as turns; those that were not touched keep their source."""
    known = {(turn.speaker, turn.start_s, turn.end_s): turn for turn in before}
    found = []
    for speaker, start_s, end_s in edited.dropna().itertuples(index=False):
        key = (str(speaker), float(start_s), float(end_s))
        found.append(known.get(key) or Turn(*key, source="hand"))
    return tuple(found)


def _change(action: resources.Change) -> None:
    """Makes a change and shows the newest run; tells why where it cannot be made."""
    try:
        action()
    except TonescopeError as error:
        st.error(words.said(str(error)), icon=":material/error:")
        return
    _to_newest()


def _to_newest() -> None:
    """Shows the run that was made last."""
    st.query_params.pop(Keys.TRACK, None)
    st.session_state.pop(Keys.TRACK, None)
    st.rerun()


def _found(choice: resources.Choice, rate: float) -> tuple[TurningPoint, ...] | None:
    """Returns the points, or None while they are looked for."""
    task = changes.look_for(choice, rate)
    if not task.finished:
        _looking(choice, rate)
    elif task.error:
        st.error(words.said(task.error), icon=":material/error:")
    return task.result


@st.fragment(run_every=0.5)
def _looking(choice: resources.Choice, rate: float) -> None:
    if changes.look_for(choice, rate).finished:
        st.rerun()
    st.caption(f":material/hourglass_top: {changes.LOOKING} …")


def _turning_points(choice: resources.Choice, timeline: Timeline) -> None:
    st.subheader("Turning points", help=words.TURNING_POINTS, anchor=False)
    rate = st.selectbox(
        "False points per hour",
        list(PENALTIES),
        index=list(PENALTIES).index(FALSE_PER_HOUR),
        format_func=lambda value: f"{value:g}",
        key=Keys.SENSITIVITY,
        help=words.SENSITIVITY,
        width=220,
    )
    found = _found(choice, rate)
    if found is None:
        return
    if found:
        table = pd.DataFrame(
            {
                "Time, s": [point.time_s for point in found],
                "From": [palette.signed(point.before) for point in found],
                "To": [palette.signed(point.after) for point in found],
                "New speaker": [point.new_speaker for point in found],
            }
        )
        st.dataframe(table, hide_index=True, column_config={"Time, s": _SECONDS})
    else:
        st.caption("None: it sounds the same to the engine throughout, as far as can be told.")
    if st.toggle("Strongest moments, and smoothing", key=_key(Keys.MOMENTS, choice)):
        strongest = peaks(timeline)
        st.dataframe(
            pd.DataFrame(
                {
                    "Time, s": [peak.time_s for peak in strongest],
                    "Sounds": [palette.signed(peak.emotion) for peak in strongest],
                    "Score": [peak.score for peak in strongest],
                }
            ),
            hide_index=True,
            column_config={"Time, s": _SECONDS, "Score": _SECONDS},
        )
        band = smoothing_band(timeline)
        widths = ", ".join(f"{width:g}" for width in band.widths_s)
        st.caption(
            f"Smoothing sensitivity (not accuracy): at widths of {widths} s the highest emotion is "
            f"the same for {band.same_label:.0%} of the speech.",
            help=words.SMOOTHING_BAND,
        )


def _key(name: str, choice: resources.Choice) -> str:
    return f"{name}.{choice.recording}.{choice.channel}"
