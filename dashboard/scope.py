"""Answers what the recording page asks for while one zooms: a span of one run, as plain data."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import streamlit as st

from core.records import Span
from core.timeline import compare
from core.timeline.track import FrameChoice, Timeline
from core.timeline.turning_points import FALSE_PER_HOUR, SmoothingBand, smoothing_band
from dashboard import changes, lanes, resources, scope_view, sound
from dashboard.resources import Choice
from dashboard.scope_view import MOST_PIXELS, Json

__all__ = ["MOST_PIXELS", "Wanted", "view"]
_AHEAD = ThreadPoolExecutor(1, thread_name_prefix="curves")
PIXELS_OF_TWO = 800  # of curves; the answer stays as large as that of one track
LANES, WAVE, PROSODY = "lanes", "wave", "prosody"


@dataclass(frozen=True)
class Wanted:
    """A span of a run, and what of it is to be drawn.

    Attributes:
        n_pixels: how wide the span is drawn.
        smoothing_s: width of the region that each point of a curve reads out.
        second: another run of the same recording, drawn beside it with the difference.
        blind: nothing that the engine says is told, nor what others than `annotator` labelled.
        rate: false turning points per hour that are put up with.
        band: how far smoothing moves the curves is drawn round them.
        parts: of `lanes`, `wave` and `prosody`, those that are drawn beside the curves.
    """

    recording: str
    channel: int | None
    track_key: str
    run_key: str
    span: Span
    n_pixels: int
    smoothing_s: float
    speech_only: bool = True
    stacked: bool = False
    dark: bool = False
    second: Choice | None = None
    blind: bool = False
    annotator: str = ""
    rate: float = FALSE_PER_HOUR
    band: bool = False
    parts: frozenset[str] = frozenset({LANES, WAVE})

    @property
    def choice(self) -> Choice:
        """The run."""
        return Choice(self.recording, self.channel, self.track_key, self.run_key)


def view(wanted: Wanted) -> Json:
    """Returns what a span looks like; what is still being made is told under `waiting`.

    Raises:
        StoreError: there is no such recording or track.
    """
    timeline = resources.timeline(wanted.choice)
    end_s = min(wanted.span.end_s, timeline.track.duration_s)
    span = Span(min(wanted.span.start_s, max(0.0, end_s - 0.02)), end_s)
    answer: Json = {
        "start_s": span.start_s,
        "end_s": span.end_s,
        "curves": {},
        "waiting": {},
        "failed": {},
    }
    if not wanted.blind:
        answer |= _curves(wanted, timeline, span)
        if wanted.band:
            found = smoothing(wanted.choice)
            answer["band"] = scope_view.band(timeline, found.low, found.high, span, wanted.n_pixels)
    if LANES in wanted.parts:
        found = lanes.lanes(
            wanted.choice,
            wanted.dark,
            blind=wanted.blind,
            annotator=wanted.annotator,
            rate=wanted.rate,
        )
        answer["lanes"] = scope_view.shown_lanes(found, span, wanted.n_pixels)
        answer["stops_name"], answer["stops"] = lanes.stops(found)
        if not wanted.blind:
            search = changes.look_for(wanted.choice, wanted.rate)
            if not search.finished:
                answer["waiting"]["turning points"] = changes.LOOKING
            elif search.error:
                answer["failed"]["turning points"] = search.error
    if WAVE in wanted.parts:
        wave = sound.peaks(wanted.recording, wanted.channel)
        if isinstance(wave, str):
            _tell(answer, wanted, "peaks", wave)
        else:
            answer["wave"] = scope_view.waveform(wave, span, wanted.n_pixels)
    if PROSODY in wanted.parts:
        voice = sound.prosody(wanted.recording, wanted.channel)
        if isinstance(voice, str):
            _tell(answer, wanted, "prosody", voice)
        elif voice is not None:
            answer["prosody"] = scope_view.prosody_lines(voice, span, wanted.n_pixels)
    return answer


def _curves(wanted: Wanted, timeline: Timeline, span: Span) -> Json:
    """Returns the curves of the run, those of the second, and how they differ."""
    scores = curve(wanted.choice, wanted.smoothing_s, wanted.speech_only)
    if wanted.second is not None:
        wanted = replace(wanted, n_pixels=min(wanted.n_pixels, PIXELS_OF_TWO))
    drawn = scope_view.curves(timeline, scores, span, wanted.n_pixels, every=wanted.stacked)
    if wanted.second is None:
        return {"curves": drawn}
    return {"curves": drawn} | _beside(wanted, wanted.second, timeline, scores, span)


def _beside(
    wanted: Wanted, second: Choice, timeline: Timeline, scores: np.ndarray, span: Span
) -> Json:
    """Returns the curves of the second run, and its scores minus those of the first."""
    other = resources.timeline(second)
    theirs = curve(second, wanted.smoothing_s, wanted.speech_only)
    less = compare.difference(timeline, other, (scores, theirs))
    width = wanted.n_pixels
    return {
        "second": scope_view.curves(other, theirs, span, width, every=wanted.stacked),
        "difference": scope_view.curves(timeline, less, span, width, every=False),
    }


@st.cache_resource(show_spinner=False, max_entries=6)
def curve(choice: Choice, smoothing_s: float, speech_only: bool) -> np.ndarray:
    """Returns the scores of a run round each frame, shape `(n_frames, 9)`, float32."""
    timeline = resources.timeline(choice)
    speech = speech_only and bool(timeline.track.speech.any())
    frames = FrameChoice.SPEECH if speech else FrameChoice.ALL
    return timeline.curve(smoothing_s, frames, np.float32)


def read_ahead(choice: Choice) -> None:
    """Begins to read a run's frames, which a page needs after it has made its head."""
    _AHEAD.submit(resources.timeline, choice)


def prepare(choice: Choice, smoothing_s: float | None, speech_only: bool) -> None:
    """Begins with what the browser will ask for once it has the page: sound and curves.

    Args:
        choice: the run.
        smoothing_s: of the curves, or None where they are hidden.
        speech_only: which frames they read out.
    """
    _AHEAD.submit(sound.peaks, choice.recording, choice.channel)
    _AHEAD.submit(sound.prosody, choice.recording, choice.channel, start=False)
    if smoothing_s is not None:
        _AHEAD.submit(curve, choice, smoothing_s, speech_only)


@st.cache_resource(show_spinner=False, max_entries=2)
def smoothing(choice: Choice) -> SmoothingBand:
    """Returns how far the scores of a run move when they are smoothed more or less."""
    return smoothing_band(resources.timeline(choice), dtype=np.float32)


def _tell(answer: Json, wanted: Wanted, kind: str, sentence: str) -> None:
    lost = sound.failed(wanted.recording, wanted.channel, kind) or sentence.endswith(".")
    answer["failed" if lost else "waiting"][kind] = sentence
