"""Reviewing a rule: flagged and unflagged moments, heard without knowing which; how good it is."""

from typing import Final

import streamlit as st

from core.errors import TonescopeError
from core.statistics.proportions import Estimate
from core.studies.flag_store import Moment, StoredRule
from core.studies.quality import Verdict
from dashboard import rule_words, studies, words
from dashboard.components import annotator, busy, choose, stretch_table
from dashboard.session import Keys

_AGAIN: Final = "flags.again"
_FAILED: Final = "flags.failed"
_NONE: Final = "flags.none_is_yours"
_SIZES: Final = (5, 10, 25, 50, 100, 200)


def show(chosen: StoredRule, engine: str) -> None:
    """Shows the queue of a rule, and what came of it.

    Args:
        chosen: the rule, in its newest version.
        engine: whose tracks.
    """
    st.caption(f"Looks for: {words.plain(rule_words.sentence(chosen.rule))}.")
    queues = studies.queues(chosen.rule.name)
    task = busy.show(studies.draw_key(chosen, engine), studies.WORK)
    if not queues:
        if task is None or task.finished:
            _draw(chosen, engine, first=True)
        return
    bar = st.container(horizontal=True, vertical_alignment="bottom", gap="medium")
    name = annotator.ask(bar, "Who listens")
    labels = {str(q): f"Queue {len(queues) - n}" for n, q in enumerate(queues)}
    queue = int(choose.show("Queue", Keys.QUEUE, labels, bar, width=180))
    _reviewed(queue, name)
    annotator.keep(name, f"flags-{queue}")
    with st.expander("Another queue", icon=":material/shuffle:"):
        _draw(chosen, engine, first=False)


@st.fragment
def _reviewed(queue: int, name: str) -> None:
    """Asks for the next moment and shows what came of those before; nothing else is run again."""
    failed = st.session_state.pop(_FAILED, None)
    if failed:
        st.error(words.said(failed), icon=":material/error:")
    moments = studies.moments(queue)
    open_ones = [moment for moment in moments if moment.verdict is None]
    said = len(moments) - len(open_ones)
    st.progress(said / len(moments), text=f"{said} of {len(moments)} moments reviewed")
    if open_ones:
        _moment(queue, open_ones[0], name)
    else:
        st.success("All moments of this queue are reviewed.", icon=":material/check:")
    _undo(queue, name, said)
    _figures(queue)


def _draw(chosen: StoredRule, engine: str, *, first: bool) -> None:
    if first:
        st.markdown(
            "**No queue yet.** Listen to some moments that the rule flagged and as many that it did "
            "not, and you know how often it is right and how much it misses."
        )
    bar = st.container(horizontal=True, vertical_alignment="bottom", gap="medium")
    n_flagged = bar.selectbox("Flagged moments", _SIZES, index=2, width=170)
    n_others = bar.selectbox(
        "Random unflagged ones", _SIZES, index=2, help=rule_words.REVIEW, width=190
    )
    if bar.button("Draw moments to review", type="primary" if first else "secondary"):
        task = studies.draw_queue(chosen, n_flagged, n_others, engine)
        if task.finished and not task.error:
            st.query_params[Keys.QUEUE] = str(task.result)
        st.rerun()


def _moment(queue: int, moment: Moment, name: str) -> None:
    """Asks what a person hears in one moment."""
    times = st.session_state.get(_AGAIN, 0)
    with st.container(border=True):
        st.markdown(
            "**Is this what the rule looks for?** Listen, then answer.", help=rule_words.REVIEW
        )
        span = moment.span
        st.caption(f"{span.duration_s:.2f} s of a recording; its name is hidden as well.")
        stretch_table.play(moment.recording, span, times)
        bar = st.container(horizontal=True, gap="small")
        wrong, right = Verdict.WRONG, Verdict.RIGHT
        yes, no = (right, wrong) if moment.flagged else (wrong, right)
        for label, key, verdict in (
            ("Yes, it is", "yes", yes),
            ("No, it is not", "no", no),
            ("Skip", "skip", Verdict.SKIP),
        ):
            bar.button(
                label,
                shortcut=key[0],
                key=f"flags.{key}",
                disabled=not name,
                on_click=_answer,
                args=(queue, moment.moment, verdict, name),
            )
        bar.button(
            "Listen again", shortcut="l", key="flags.listen", type="tertiary", on_click=_again
        )
        if not name:
            st.caption("Give a name above first: verdicts are kept by who gave them.")


def _again() -> None:
    st.session_state[_AGAIN] = st.session_state.get(_AGAIN, 0) + 1


def _answer(queue: int, moment: int, verdict: Verdict, name: str) -> None:
    try:
        studies.review(queue, moment, verdict, name)
    except TonescopeError as error:
        st.session_state[_FAILED] = str(error)
        return
    st.session_state[_AGAIN] = 0


def _undo(queue: int, name: str, n_said: int) -> None:
    """Takes the last verdict of a person back, by a button or its key."""
    if not n_said:
        return
    st.button(
        "Undo my last verdict",
        icon=":material/undo:",
        shortcut="u",
        key="flags.undo",
        disabled=not name,
        on_click=_take_back,
        args=(queue, name),
    )
    if st.session_state.pop(_NONE, False):
        st.caption("None of the verdicts of this queue is yours.")


def _take_back(queue: int, name: str) -> None:
    if studies.undo_review(queue, name):
        st.session_state[_AGAIN] = 0
    else:
        st.session_state[_NONE] = True


def _figures(queue: int) -> None:
    found = studies.quality(queue)
    st.subheader("How good it is", anchor=False)
    left, middle, right = st.columns(3)
    _metric(left, "Precision", found.precision, rule_words.PRECISION, "no flagged moment reviewed")
    _metric(middle, "Recall", found.recall, rule_words.RECALL, "cannot be told yet")
    skipped = f", {found.n_skipped} skipped" if found.n_skipped else ""
    with right:
        st.metric("Reviewed", f"{found.n_reviewed}")
        st.caption(
            f"of {words.counted(found.n_speakers, 'speaker')}; there are {found.n_flagged:,} flags and "
            f"{found.n_unflagged:,} unflagged stretches of speech{skipped}"
        )
    if 0 < found.n_reviewed < 20:
        st.caption("So few verdicts tell little; look at the intervals, not at the figures.")


def _metric(place: object, label: str, found: Estimate | None, help: str, none: str) -> None:
    with place:  # type: ignore[attr-defined]
        if found is None:
            st.metric(label, "none", help=help)
            st.caption(none)
            return
        st.metric(label, f"{found.value:.2f}", help=help)
        if found.low is None or found.high is None:
            st.caption("no interval, as it needs moments of several speakers")
            return
        st.caption(f"95% interval {found.low:.2f} to {found.high:.2f}, {found.n} moments")
