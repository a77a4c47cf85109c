"""The view of a recording: sound, curves and lanes on one time axis, with a playhead and a region.

One component without a build step. What users bring reaches it as data only; what it draws of a span it
asks the server's routes for, so that zooming runs no script. See `dashboard.scope`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import streamlit as st

from core.emotions import EMOTIONS
from core.records import Span
from core.timeline.turning_points import FALSE_PER_HOUR
from dashboard import labelling, palette, resources, routes, spans, words
from dashboard.components import labels
from dashboard.resources import Choice
from dashboard.scope import prepare, read_ahead
from dashboard.session import SPEECH_ONLY, Keys, is_dark

PROSODY_AT_ONCE_S: Final = 1200.0  # longer recordings are measured when it is asked for
_FILMS: Final = ("mov", "matroska", "mpegts", "avi", "asf", "mpeg")
_FOLDER = Path(__file__).parent
__all__ = ["Look", "forget_view_of_another", "read_ahead", "show"]
_scope = st.components.v2.component(
    "tonescope_scope",
    html=(_FOLDER / "scope.html").read_text("utf-8"),
    css=(_FOLDER / "scope.css").read_text("utf-8"),
    js=(_FOLDER / "scope.js").read_text("utf-8"),
    isolate_styles=False,  # Plotly puts its styles into the document
)


@dataclass(frozen=True)
class Look:
    """How curves are read out and drawn.

    Attributes:
        smoothing_s: width of the region that each point reads out.
        frames: `session.SPEECH_ONLY` or `session.ALL_FRAMES`.
        stacked: areas that add up to 1 instead of lines.
        second: another run of the same recording, beside this one.
        blind: without anything that the engine says.
        rate: false turning points per hour that are put up with.
        band: how far smoothing moves the curves is drawn round them.
    """

    smoothing_s: float
    frames: str
    stacked: bool
    second: Choice | None = None
    blind: bool = False
    rate: float = FALSE_PER_HOUR
    band: bool = False


def show(
    choice: Choice,
    duration_s: float,
    look: Look,
    names: tuple[str, str],
    cue: tuple[str, Span] | None,
) -> Span | None:
    """Shows the view; returns the region that is marked in it.

    Args:
        choice: the run.
        duration_s: of the recording.
        look: how it is drawn.
        names: of this track and of the second.
        cue: a stretch to mark and play, with a name that is new each time.
    """
    prepare(choice, None if look.blind else look.smoothing_s, look.frames == SPEECH_ONLY)
    region = spans.parse(st.query_params.get(Keys.REGION), duration_s)
    result = _scope(
        key=f"{Keys.SCOPE}.{choice.recording}",
        data=_data(choice, duration_s, look, names)
        | {
            "region": _times(region),
            "zoom": _times(spans.parse(st.query_params.get(Keys.ZOOM), duration_s)),
            "cue": None if cue is None else {"id": cue[0], **(_times(cue[1]) or {})},
            "labels": [str(e) for e in EMOTIONS],
        },
        on_region_change=_nothing,
        on_label_change=_nothing,
        on_undo_change=_nothing,
        on_measured_change=_nothing,
    )
    marked = result.get("region")
    if marked is not None:
        region = spans.checked(marked.get("start_s"), marked.get("end_s"), duration_s)
    _pass_on(choice, result, duration_s)
    return region


def forget_view_of_another(recording: str) -> None:
    """Takes region and zoom out of the address when another recording was chosen."""
    before = st.session_state.get(Keys.SCOPE_OF)
    st.session_state[Keys.SCOPE_OF] = recording
    if before not in (None, recording):
        for key in (Keys.REGION, Keys.ZOOM):
            if key in st.query_params:
                del st.query_params[key]


def _pass_on(choice: Choice, result: Any, duration_s: float) -> None:
    said = result.get("label")
    if said:
        span = spans.checked(said.get("start_s"), said.get("end_s"), duration_s)
        event = {"kind": "label", "emotion": said.get("label")}
        _tell(labels.apply_event(choice, event | (_times(span) or {})))
    if result.get("undo"):
        _tell(labels.apply_event(choice, {"kind": "undo"}))


def _tell(sentence: str | None) -> None:
    """Says why a label was not kept, or shows the page anew with what was."""
    if sentence is None:
        st.rerun()
    else:
        st.toast(words.said(sentence), icon=":material/info:")


def _data(choice: Choice, duration_s: float, look: Look, names: tuple[str, str]) -> dict[str, Any]:
    dark = is_dark()
    known = resources.recording(choice.recording)
    there = resources.has_audio(choice.recording) is None
    return {
        "name": known.name,
        "src": routes.audio_url(choice.recording) if there else "",
        "maybe_video": known.info.container in _FILMS,
        "duration_s": duration_s,
        "view": routes.view_url(choice.recording),
        "spectrogram": routes.spectrogram_url(choice.recording),
        "plotly": routes.plotly_url(),
        "track": _query(choice) | _said(look),
        "track_label": names[0],
        "second": None if look.second is None else _query(look.second),
        "second_label": names[1],
        "smoothing": look.smoothing_s,
        "frames": "speech" if look.frames == SPEECH_ONLY else "all",
        "stacked": look.stacked,
        "dark": dark,
        "prosody_at_once_s": PROSODY_AT_ONCE_S,
        "emotions": [
            {"name": str(e), "colour": palette.colour(e, dark), "dash": palette.dash(e)}
            for e in ([] if look.blind else EMOTIONS)
        ],
        "colours": {
            "ink": palette.INK[dark],
            "grid": palette.GRID[dark],
            "soft": "#9AA4B2" if dark else "#5E6877",
            "wave": palette.WAVE[dark],
            "red": palette.PLAYHEAD[dark],
            "blue": "#6FA3D8" if dark else "#2F5D8A",
            "onblue": "#14171C" if dark else "#FFFFFF",
            "ground": "#14171C" if dark else "#FFFFFF",
        },
    }


def _said(look: Look) -> dict[str, str]:
    """What else the lanes depend on; the version has them asked for anew after each label."""
    return {
        "blind": "1" if look.blind else "",
        "annotator": labelling.annotator() if look.blind else "",
        "rate": f"{look.rate:g}",
        "band": "1" if look.band else "",
        "labels": str(labelling.version()),
    }


def _query(choice: Choice) -> dict[str, str]:
    channel = "" if choice.channel is None else str(choice.channel)
    return {"track": choice.track_key, "run": choice.run_key, "channel": channel}


def _times(span: Span | None) -> dict[str, float] | None:
    return None if span is None else {"start_s": span.start_s, "end_s": span.end_s}


def _nothing() -> None:
    """Only says that the view tells of a change."""
