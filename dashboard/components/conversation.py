"""Who speaks when, to be corrected by hand: names, turns, how many speakers there are."""

from collections.abc import Hashable

import pandas as pd
import streamlit as st

from core.errors import TonescopeError, TurnError
from core.records import Segment, Span, Turn
from core.settings import MOST_SPEAKERS, Speakers
from core.speakers.turns import across, merge, overlaps, rename, speakers, speech_seconds
from core.timeline.track import Timeline
from dashboard import conversations, palette, resources, words
from dashboard.background import Action, Report, background
from dashboard.components import busy, turn_import, turning
from dashboard.session import Keys
from dashboard.shared import scope

FINDING = "Finding the speakers"
_SECONDS = st.column_config.NumberColumn(format="%.2f", min_value=0.0)


def show(choice: resources.Choice, timeline: Timeline, segments: tuple[Segment, ...]) -> None:
    """Shows speakers and turning points of one track."""
    left, right = st.columns(2, gap="large")
    with left:
        _speakers(choice, timeline, segments)
    with right:
        turning.show(choice)


def _speakers(choice: resources.Choice, timeline: Timeline, segments: tuple[Segment, ...]) -> None:
    st.subheader("Speakers", help=words.SPEAKERS, anchor=False)
    version = conversations.turn_version(choice)
    turns = () if version is None else version.turns
    if turns:
        _shares(choice, timeline, segments, turns)
    elif version is None:
        st.info(words.NO_SPEAKERS)
    else:
        st.info("All turns were taken away. Undo the last change, or find the speakers anew.")
    searching = _searching(choice)
    if not turns and not searching:
        _find(choice)
    if version is not None:
        with st.expander("Correct speakers and turns", icon=":material/edit:"):
            if turns:
                _names(choice, turns)
                _edit(choice, turns)
            if st.button("Undo the last change", key=_key("undo", choice)):
                change(choice, lambda: conversations.undo_turns(choice))
            st.caption(words.TURNS_KEPT)
            if turns and not searching:
                _find(choice)
    if turn_import.show(choice):
        to_newest(choice)


def _shares(
    choice: resources.Choice,
    timeline: Timeline,
    segments: tuple[Segment, ...],
    turns: tuple[Turn, ...],
) -> None:
    speech = timeline.speech_spans()
    seconds = speech_seconds(speech, turns)
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
    both = sum(span.duration_s for span in overlaps(conversations.everyone(choice)))
    told = [f"At the same time: {palette.duration(both)}."] if both else []
    if choice.channel is not None:
        told.append("The lane of speakers shows the turns of all channels.")
    told.append("Click a turn in the lane above to hear it; mark a region to give it to somebody.")
    wide = across([Span(s.start_s, s.end_s) for s in segments], speech, turns)
    if not wide:
        told.append("No segment of this run spans two speakers; what is said at once is in none.")
    st.caption(" ".join(told))
    if len(seconds) == 1 and choice.channel is None:
        st.info(
            "One voice was found. If more people speak, say how many under “Correct speakers and turns”."
        )
    if wide:
        one = "1 segment of this run spans" if wide == 1 else f"{wide:,} segments of this run span"
        st.warning(
            f"{one} several speakers, as the run was cut before these turns were there.",
            icon=":material/call_split:",
        )
        if st.button("Cut the segments by these turns", key=_key("recut", choice)):
            change(choice, lambda: conversations.cut_by_turns(choice))


def _names(choice: resources.Choice, turns: tuple[Turn, ...]) -> None:
    names = speakers(turns)
    left, middle, right = st.columns([2, 2, 1], vertical_alignment="bottom")
    old = left.selectbox("Speaker", names, key=_key(Keys.SPEAKER_OLD, choice))
    new = middle.text_input(
        "New name", key=_key(Keys.SPEAKER_NEW, choice), max_chars=100, help=words.RENAME
    )
    if right.button("Rename", disabled=not (new or "").strip(), key=_key("rename", choice)):
        change(choice, lambda: conversations.correct_turns(choice, rename(turns, old, new or "")))
    if len(names) < 2:
        return
    left, middle, right = st.columns([2, 2, 1], vertical_alignment="bottom")
    one = left.selectbox("Keep the name", names, key=_key(Keys.SPEAKER_ONE, choice))
    others = [name for name in names if name != one]
    other = middle.selectbox("Is the same as", others, key=_key(Keys.SPEAKER_OTHER, choice))
    if right.button("Merge", key=_key("merge", choice), help="Merge speakers: the two become one."):
        change(
            choice, lambda: conversations.change_turns(choice, lambda now: merge(now, one, other))
        )


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
    if st.button("Save the turns", key=_key("save", choice)):
        change(choice, lambda: conversations.correct_turns(choice, turns_from(edited, turns)))


def turns_from(edited: pd.DataFrame, before: tuple[Turn, ...]) -> tuple[Turn, ...]:
    """Returns the rows of the editor as turns; those that were not touched keep their source.

    Args:
        edited: columns of speaker, start and end; a row whose cells are all empty is none.
        before: the turns that were edited.

    Raises:
        TurnError: a row lacks a cell.
    """
    known = {(turn.speaker, turn.start_s, turn.end_s): turn for turn in before}
    found = []
    for number, row in enumerate(edited.itertuples(index=False), start=1):
        cells = zip(("speaker", "start", "end"), row, strict=True)
        empty = [name for name, cell in cells if pd.isna(cell)]
        if len(empty) == len(row):
            continue
        if empty:
            raise TurnError(
                f"Row {number} has no {' and no '.join(empty)}; fill it in, or delete the row."
            )
        key = (str(row[0]), float(row[1]), float(row[2]))
        found.append(known.get(key) or Turn(*key, source="hand"))
    return tuple(found)


def _search(choice: resources.Choice) -> Hashable:
    return FINDING, resources.place(), choice.recording, choice.channel


def _searching(choice: resources.Choice) -> bool:
    """Shows how far the search for speakers is; when it ends, what came of it."""
    task = background().view(_search(choice))
    if task is None:
        return False
    if not task.finished:
        busy.show(_search(choice))
        return True
    if st.session_state.pop(_key(Keys.FOUND, choice), False):
        if not task.error:
            to_newest(choice)
        st.error(words.plain(task.error or ""), icon=":material/error:")
    return False


def _find(choice: resources.Choice) -> None:
    """Offers to look for the speakers in the sound."""
    bar = st.container(horizontal=True, vertical_alignment="bottom")
    options = {str(Speakers.AUTO): "found automatically"}
    options |= {str(n): str(n) for n in range(1, MOST_SPEAKERS + 1)}
    count = bar.selectbox(
        "How many speakers",
        list(options),
        format_func=lambda name: options[name],
        key=_key(Keys.SPEAKER_COUNT, choice),
        help=words.FIND_SPEAKERS,
        width=220,
    )
    missing = resources.has_audio(choice.recording)
    if bar.button("Find speakers", key=_key("find", choice), disabled=missing is not None):
        background().start(_search(choice), FINDING, _finding(choice, count or str(Speakers.AUTO)))
        st.session_state[_key(Keys.FOUND, choice)] = True
        st.rerun()


def _finding(choice: resources.Choice, count: str) -> Action:
    library = scope()

    def action(report: Report) -> None:
        report("Listening to the voices")
        library.find_turns(
            choice.recording,
            count,
            choice.channel,
            lambda share: report(f"Listening to the voices, {share:.0%}"),
        )

    return action


def change(choice: resources.Choice, action: conversations.Change) -> None:
    """Makes a change and shows the run that follows it; tells why where it cannot be made."""
    try:
        action()
    except TonescopeError as error:
        st.error(words.said(str(error)), icon=":material/error:")
        return
    to_newest(choice)


def to_newest(choice: resources.Choice) -> None:
    """Shows the run of this track that was made last."""
    rows = resources.catalogue()
    mine = rows[(rows["recording"] == choice.recording) & (rows["track_key"] == choice.track_key)]
    st.query_params[Keys.TRACK] = str(mine["run_key"].iloc[0])
    st.rerun()


def _key(name: str, choice: resources.Choice) -> str:
    return f"{name}.{choice.recording}.{choice.channel}"
