"""A job as it goes: progress of each file, time left, cancel, and what came of it."""

import streamlit as st

from core.jobs import FileProgress, JobView, State
from dashboard import jobs, navigation, words
from dashboard.palette import duration, signed, time_left

_MARKS = {
    State.WAITING: ":material/schedule:",
    State.RUNNING: ":material/graphic_eq:",
    State.DONE: ":material/check:",
    State.SKIPPED: ":material/check:",
    State.FAILED: ":material/error:",
    State.CANCELLED: ":material/block:",
}
_LISTED = 50


def show(job: str) -> JobView | None:
    """Shows a job, anew every second while it runs; returns how it stands, None if unknown."""
    view = jobs.view(job)
    if view is None:
        return None
    if view.finished:
        _result(view)
    else:
        _running(job)
    return view


@st.fragment(run_every=0.7)
def _running(job: str) -> None:
    view = jobs.view(job)
    if view is None or view.finished:
        st.rerun()
        return
    with st.container(border=True):
        left, right = st.columns([5, 1], vertical_alignment="center")
        current = next((f for f in view.files if f.state is State.RUNNING), None)
        doing = f"Analysing {words.plain(current.name)}" if current else "Starting the engine"
        left.progress(
            min(1.0, view.share),
            text=f"{doing} · {view.done} of {len(view.files)} finished · {time_left(view.eta_s)}",
        )
        if right.button("Cancel", key=f"cancel-{job}", width="stretch"):
            jobs.cancel(job)
        _files(view)


def _result(view: JobView) -> None:
    counts = {state: sum(f.state is state for f in view.files) for state in State}
    good = counts[State.DONE] + counts[State.SKIPPED]
    parts = [f"{good} analysed"]
    if counts[State.SKIPPED]:
        parts.append(f"{counts[State.SKIPPED]} of them known already")
    if counts[State.FAILED]:
        parts.append(f"{counts[State.FAILED]} failed")
    if counts[State.CANCELLED]:
        parts.append(f"{counts[State.CANCELLED]} cancelled")
    with st.container(border=True):
        st.markdown(f"**{', '.join(parts)}.**")
        _files(view)


def _files(view: JobView) -> None:
    for file in view.files[:_LISTED]:
        _file(file)
    if len(view.files) > _LISTED:
        st.caption(f"and {len(view.files) - _LISTED} more")


def _file(file: FileProgress) -> None:
    outcome = file.outcome
    failed = outcome is not None and outcome.error is not None
    widths = [4, 8] if failed else [4, 6, 2]  # a reason needs the room of the link
    name, state, *action = st.columns(widths, vertical_alignment="center")
    name.markdown(f"{_MARKS[file.state]} {words.plain(file.name)}")
    if file.state is State.RUNNING:
        state.progress(min(1.0, file.share))
    elif outcome and outcome.error:
        state.markdown(f":red[{words.plain(outcome.error)}]")
    elif outcome and outcome.duration_s is not None:
        known = " · known already" if file.state is State.SKIPPED else ""
        said = "a track for each channel"  # which have no single emotion
        if outcome.emotion:
            said = f"sounds {signed(outcome.emotion)} to the engine"
        state.markdown(
            f"{said} · {duration(outcome.duration_s)} · {outcome.segments} segments{known}"
        )
        for warning in outcome.warnings:
            state.caption(f":material/warning: {warning}")
    else:
        state.caption(str(file.state))
    if outcome and outcome.recording and not failed:
        with action[0]:
            navigation.link(
                "recording", "Open", ":material/arrow_forward:", recording=outcome.recording
            )
