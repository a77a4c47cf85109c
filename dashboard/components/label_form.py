"""The form of one label: a new one, or the one that was selected."""

from typing import Any, Final

import streamlit as st

from core.emotions import EMOTIONS
from core.labels.records import Draft, Kind, Label
from core.records import Span
from dashboard import labelling, palette, words
from dashboard.resources import Choice

_NEW_S: Final = 2.0
_INTENSITIES: Final = [None, *(round(0.1 * step, 1) for step in range(1, 11))]


def show(
    choice: Choice,
    duration_s: float,
    annotator: str,
    label: Label | None,
    cue: Span | None,
    blind: bool,
) -> None:
    """Shows the form, and does what it is told.

    Args:
        choice: the analysis that is open.
        duration_s: of the recording.
        annotator: who labels.
        label: the one to change, or None for a new one.
        cue: the selected region, which a new label is about unless changed.
        blind: whether the engine's results were hidden.
    """
    of = label or cue or Span(0.0, min(_NEW_S, duration_s))
    name = f"labels.{choice.recording}.{label.label if label else 'new'}.{of.start_s}.{of.end_s}"
    with st.form(f"{name}.form", border=True):
        st.markdown("**Change the selected label**" if label else "**New label**")
        bar = st.columns([2, 2, 4, 3], vertical_alignment="bottom")
        start_s = _seconds(bar[0], "Start, s", of.start_s, duration_s, f"{name}.start")
        end_s = _seconds(bar[1], "End, s", of.end_s, duration_s, f"{name}.end")
        term = _term(bar[2], label, f"{name}.term")
        intensity = bar[3].select_slider(
            "Intensity",
            _INTENSITIES,
            value=_nearest(label.intensity if label else None),
            format_func=lambda step: "not given" if step is None else f"{step:.1f}",
            key=f"{name}.intensity",
            help=words.INTENSITY,
        )
        note = st.text_input(
            "Note", (label.note or "") if label else "", key=f"{name}.note", max_chars=2000
        )
        buttons = st.container(horizontal=True)
        done = buttons.form_submit_button("Save" if label else "Add label", type="primary")
        gone = label is not None and buttons.form_submit_button("Delete")
    if not done and not gone:
        return
    draft = Draft(
        recording=choice.recording,
        channel=label.channel if label else choice.channel,
        start_s=start_s,
        end_s=end_s,
        term=term or "",
        annotator=label.annotator if label else annotator,
        intensity=intensity,
        note=note,
        kind=label.kind if label else Kind.EMOTION,
        blind=blind,
        origin=label.origin if label else None,
    )
    error = _done(label, draft, annotator, gone)
    if error:
        st.error(error, icon=":material/error:")
    else:
        st.rerun()


def _done(label: Label | None, draft: Draft, annotator: str, gone: bool) -> str | None:
    if not annotator:
        return "Give your name as annotator first: labels are kept by annotator."
    if label is None:
        return labelling.add(draft)
    return (
        labelling.remove(label, annotator)
        if gone
        else labelling.change(label.label, draft, annotator)
    )


def _seconds(place: Any, title: str, value: float, most: float, key: str) -> float:
    found = place.number_input(title, 0.0, most, min(value, most), step=0.1, format="%.3f", key=key)
    return float(found)


def _term(place: Any, label: Label | None, key: str) -> str | None:
    options = [str(emotion) for emotion in EMOTIONS] + labelling.own_terms()
    if label and label.term not in options:
        options.append(label.term)
    found: str | None = place.selectbox(
        "Emotion or own term",
        options,
        index=options.index(label.term) if label else None,
        format_func=lambda term: palette.signed(term) if term in EMOTIONS else term,
        accept_new_options=True,
        placeholder="choose, or type a word",
        key=key,
    )
    return found


def _nearest(value: float | None) -> float | None:
    return None if value is None else max(0.1, round(value, 1))
