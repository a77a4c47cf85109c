"""The first pass over a recording: how long it is, where there is speech, what is odd."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np

from core.audio.decode import SAMPLE_RATE, open_audio
from core.audio.speech import SpeechDetector
from core.records import Survey
from core.settings import Conditioning

SILENCE_DB = -120.0


def survey(
    path: Path,
    settings: Conditioning,
    name: str | None = None,
    progress: Callable[[float, float | None], None] | None = None,
) -> Survey:
    """Decodes the whole file once and returns what can be said without an engine.

    Args:
        path: the audio file.
        settings: channel and speech detection.
        name: what errors and warnings call it.
        progress: called with the seconds done so far and those declared, if any; may raise to
            stop.

    Raises:
        AudioError: the file cannot be read as audio.
    """
    detector = SpeechDetector(settings)
    n_samples, energy = 0, 0.0
    with open_audio(path, settings.channel, name) as audio:
        for chunk in audio.samples():
            detector.feed(chunk)
            n_samples += len(chunk)
            energy += float(np.dot(chunk, chunk))
            if progress:
                progress(n_samples / SAMPLE_RATE, audio.info.declared_s)
    speech = detector.finish()
    mean_square = energy / n_samples
    level_db = 10 * math.log10(mean_square) if mean_square > 0 else SILENCE_DB
    return Survey(
        info=audio.info,
        n_samples=n_samples,
        duration_s=n_samples / SAMPLE_RATE,
        speech=speech,
        level_db=max(level_db, SILENCE_DB),
        warnings=audio.warnings
        + _shortfall(n_samples / SAMPLE_RATE, audio.info.declared_s)
        + _remarks(speech, level_db),
    )


def _shortfall(decoded_s: float, declared_s: float | None) -> tuple[str, ...]:
    """Returns a warning where clearly less could be decoded than the file says it holds."""
    if declared_s is None or decoded_s > declared_s - max(0.2, 0.02 * declared_s):
        return ()
    return (
        f"The file says that it holds {declared_s:.2f} s, but only {decoded_s:.2f} s could be decoded; "
        "it is damaged or cut off, so use the original if you have it.",
    )


def _remarks(speech: tuple[object, ...], level_db: float) -> tuple[str, ...]:
    if level_db <= SILENCE_DB:
        return ("The recording is digital silence; check the microphone or the channel.",)
    if not speech:
        return (
            "No speech was found, so there are no segments; check that this is the right "
            "file and channel.",
        )
    return ()
