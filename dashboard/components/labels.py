"""Labels by people on a recording: made here or imported, undone, compared; blind to the engine."""

from typing import Any

import pandas as pd
import streamlit as st

from core.emotions import EMOTIONS
from core.labels.records import Draft, Kind, Label
from core.records import Span
from dashboard import labelling, palette, words
from dashboard.components import annotator, label_agreement, label_form, label_import
from dashboard.resources import Choice
from dashboard.session import Keys


def blind(recording: str) -> bool:
    """Returns whether the page must hide what the engine says of a recording.

    It must while somebody labels, until they ask for it. A page that shows the engine's results
    calls this first: what it shows is taken for seen, and labels made afterwards are marked so.

    Args:
        recording: its SHA-256.
    """
    hidden = labelling_on() and recording not in _marked(Keys.REVEALED)
    st.session_state[Keys.BLIND_ASKED] = True
    if not hidden:
        _marked(Keys.SEEN).add(recording)
    return hidden


def show(row: pd.Series, choice: Choice, cue: Span | None, *, labelled: bool) -> None:
    """Shows a switch, and under it the labels of a recording.

    Args:
        row: of the catalogue.
        choice: the analysis that is open.
        cue: the marked region, which a new label is about unless changed.
        labelled: whether the switch was on when the page was made; where it is not so any more,
            the page is made anew, as it then hides something or shows it again.
    """
    recording = choice.recording
    if not st.session_state.get(Keys.BLIND_ASKED):  # the page shows the engine's results
        _marked(Keys.SEEN).add(recording)
    bar = st.container(horizontal=True, vertical_alignment="center", gap="large")
    bar.subheader("Labels", help=words.LABELS, anchor=False, width="content")
    on = bar.toggle("Label this recording", key=Keys.LABELLING, bind="query-params")
    if on != labelled:
        st.rerun()
    known = labelling.of(recording)
    if not on:
        people = {label.annotator for label in known.labels if label.kind is Kind.EMOTION}
        if known.labels:
            st.caption(f"{len(known.labels)} labels of {len(people)} annotators are stored.")
        return
    bar = st.container(horizontal=True, vertical_alignment="bottom", gap="medium")
    name = annotator.ask(bar)
    hidden = _reveal(bar, recording)
    place = st.container()
    chosen = _table(known.labels, name if hidden else None)
    with place:
        label_form.show(choice, float(row["duration_s"]), name, chosen, cue, _was_blind(recording))
        _steps(recording, name, known)
    label_import.show(recording, name)
    if not hidden:
        label_agreement.show(recording)
    annotator.keep(name, recording)


def apply_event(choice: Choice, event: dict[str, Any]) -> str | None:
    """Does what a key on the timeline asks for.

    Args:
        choice: the analysis that is open.
        event: `{"kind": "label", "emotion", "start_s", "end_s"}` or `{"kind": "undo"}`.

    Returns:
        None when done, or the sentence that says why it could not be.
    """
    name = labelling.annotator()
    if not name:
        return (
            "Switch on Label this recording and give your name first: labels are kept by annotator."
        )
    if event.get("kind") == "undo":
        return labelling.undo(choice.recording, name)
    if event.get("kind") != "label":
        return None
    try:
        start_s, end_s = float(event["start_s"]), float(event["end_s"])
    except (KeyError, TypeError, ValueError):
        return "A label needs a stretch of time; select a region first."
    draft = Draft(
        recording=choice.recording,
        channel=choice.channel,
        start_s=start_s,
        end_s=end_s,
        term=str(event.get("emotion", "")),
        annotator=name,
        blind=_was_blind(choice.recording),
    )
    return labelling.add(draft)


def form_in(place: Any, row: pd.Series, choice: Choice, cue: Span) -> None:
    """Shows, in a container, what it takes to label a region, where the page does not label now."""
    with place:
        name = annotator.ask(st)
        blind = _was_blind(choice.recording)
        label_form.show(choice, float(row["duration_s"]), name, None, cue, blind)
        annotator.keep(name, choice.recording)


def labelling_on() -> bool:
    """Returns whether somebody labels on this page."""
    in_address = st.query_params.get(Keys.LABELLING) == "true"
    return bool(st.session_state.get(Keys.LABELLING, in_address))


def _marked(key: str) -> set[str]:
    found: set[str] = st.session_state.setdefault(key, set())
    return found


def _was_blind(recording: str) -> bool:
    return recording not in _marked(Keys.SEEN)


def _reveal(bar: Any, recording: str) -> bool:
    """Offers to show what is hidden, and says what that means; returns whether anything is."""
    hidden = st.session_state.get(Keys.BLIND_ASKED) and recording not in _marked(Keys.REVEALED)
    hidden = bool(hidden)
    if hidden and bar.button("Reveal the engine's results", help=words.BLIND):
        _marked(Keys.REVEALED).add(recording)
        st.rerun()
    if not _was_blind(recording):
        st.caption(
            "You have seen the engine's results of this recording on this visit; new labels are "
            "marked as not blind."
        )
    return hidden


def _steps(recording: str, name: str, known: Any) -> None:
    bar = st.container(horizontal=True, vertical_alignment="center")
    steps = [("Undo", "undo", known.done, labelling.undo)]
    steps += [("Redo", "redo", known.undone, labelling.redo)]
    for title, icon, actions, step in steps:
        clicked = bar.button(
            title, icon=f":material/{icon}:", disabled=not actions.get(name), key=f"labels.{icon}"
        )
        if clicked:
            error = step(recording, name)
            if error:
                st.error(error)
            else:
                st.rerun()
    bar.caption("Undo works back through your own steps on this recording, also after a reload.")


def _table(labels: tuple[Label, ...], only: str | None = None) -> Label | None:
    """Shows the labels, or only those of one person; returns the one that was selected."""
    others = len(labels)
    labels = labelling.seen(labels, only)
    others -= len(labels)
    if others:
        st.caption(f"Labels of others, {others} by now, are hidden until you reveal the results.")
    if not labels:
        st.info("No labels yet. Give a stretch and a word above, or import a file.")
        return None
    table = pd.DataFrame(
        {
            "Start, s": [x.start_s for x in labels],
            "End, s": [x.end_s for x in labels],
            "Label": [_worded(x) for x in labels],
            "Intensity": ["" if x.intensity is None else f"{x.intensity:.1f}" for x in labels],
            "Annotator": [x.annotator for x in labels],
            "Note": [x.note or "" for x in labels],
            "Blind": [x.blind for x in labels],
        }
    )
    seconds = st.column_config.NumberColumn(format="%.3f")
    found = st.dataframe(
        table,
        key=f"labels.table.{labels[0].recording}.{labelling.version()}",
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        height=min(38 + 35 * len(labels), 400),
        column_config={
            "Start, s": seconds,
            "End, s": seconds,
        },
    )
    rows = found["selection"]["rows"]
    st.caption("Select a row to change or delete it.")
    return labels[rows[0]] if rows and rows[0] < len(labels) else None


def _worded(label: Label) -> str:
    if label.kind is Kind.TRANSCRIPT:
        return f"“{label.term}”"
    return palette.signed(label.term) if label.term in EMOTIONS else label.term
