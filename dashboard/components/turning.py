"""Where the emotion of a recording changes for good, and its strongest moments."""

import pandas as pd
import streamlit as st

from core.emotions import EMOTIONS
from core.records import Span
from core.timeline.turning_points import FALSE_PER_HOUR, PENALTIES, Peak, TurningPoint
from dashboard import changes, palette, resources, words
from dashboard.components import cue
from dashboard.session import Keys

MEASURED = "compact"  # the engine whose false points were counted
BEFORE_S, AFTER_S = 2.0, 4.0  # heard of a turning point
PEAK_S = 2.0  # heard of a peak: as wide as it was looked for
_SECONDS = st.column_config.NumberColumn(format="%.2f")
_SENSITIVITY = dict(zip(PENALTIES, ("low", "medium", "high"), strict=True))


def show(choice: resources.Choice) -> None:
    """Shows turning points and peaks of a run; a row that is chosen is heard."""
    st.subheader("Turning points", help=words.TURNING_POINTS, anchor=False)
    chosen = _rate(choice)
    task = changes.look_for(choice, chosen)
    if not task.finished:
        _looking(choice, chosen)
    elif task.error:
        st.error(task.error, icon=":material/error:")
    else:
        _points(choice, task.result.points)
        _peaks(choice, task.result.peaks)


def rate() -> float:
    """Returns the false points per hour that are put up with, as the visitor chose."""
    return float(st.session_state.get(Keys.SENSITIVITY, FALSE_PER_HOUR))


def _rate(choice: resources.Choice) -> float:
    measured = resources.timeline(choice).track.source.engine == MEASURED
    found = st.selectbox(
        "False points per hour" if measured else "Sensitivity (not measured for this engine)",
        list(PENALTIES),
        index=list(PENALTIES).index(FALSE_PER_HOUR),
        format_func=lambda value: f"{value:g}" if measured else _SENSITIVITY[value],
        key=Keys.SENSITIVITY,
        help=words.SENSITIVITY if measured else words.SENSITIVITY_UNKNOWN,
        width=320,
    )
    return float(found or FALSE_PER_HOUR)


@st.fragment(run_every=0.5)
def _looking(choice: resources.Choice, rate: float) -> None:
    if changes.look_for(choice, rate).finished:
        st.rerun()
    st.caption(f":material/hourglass_top: {changes.LOOKING} …")


def _points(choice: resources.Choice, points: tuple[TurningPoint, ...]) -> None:
    if not points:
        st.caption("None: it sounds the same to the engine throughout, as far as can be told.")
        return
    table = pd.DataFrame(
        {
            "Time, s": [point.time_s for point in points],
            "From": [palette.signed(point.before) for point in points],
            "To": [palette.signed(point.after) for point in points],
            "New speaker": ["▢ yes" if point.new_speaker else "◆ no" for point in points],
        }
    )
    heard = [Span(max(0.0, p.time_s - BEFORE_S), p.time_s + AFTER_S) for p in points]
    columns = {"Time, s": _SECONDS}
    cue.table(choice, Keys.POINT_TABLE, table, _within(choice, heard), column_config=columns)
    st.caption(
        "Choose a row to hear it. Where another person begins to speak (▢), that may be all there "
        "is to it."
    )


def _peaks(choice: resources.Choice, peaks: tuple[Peak, ...]) -> None:
    st.markdown("**Peaks of each emotion**", help=words.PEAKS)
    if not peaks:
        st.caption("None: no emotion's score stands out anywhere.")
        return
    ordered = sorted(peaks, key=lambda peak: (EMOTIONS.index(peak.emotion), -peak.score))
    table = pd.DataFrame(
        {
            "Sounds": [palette.signed(peak.emotion) for peak in ordered],
            "Time, s": [peak.time_s for peak in ordered],
            "Score": [peak.score for peak in ordered],
        }
    )
    heard = [Span(max(0.0, p.time_s - PEAK_S / 2), p.time_s + PEAK_S / 2) for p in ordered]
    columns = {"Time, s": _SECONDS, "Score": _SECONDS}
    cue.table(choice, Keys.PEAK_TABLE, table, _within(choice, heard), column_config=columns)


def _within(choice: resources.Choice, spans: list[Span]) -> list[Span]:
    end_s = resources.timeline(choice).track.duration_s
    return [Span(span.start_s, min(span.end_s, end_s)) for span in spans]
