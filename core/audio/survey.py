"""The first pass over a recording: how long it is, where there is speech, what is odd."""

from collections.abc import Callable
from pathlib import Path

from core.audio.condition import conditioned, heard_span
from core.audio.decode import SAMPLE_RATE, open_audio
from core.audio.levels import SILENCE_DB
from core.audio.quality import QualityMeter, remarks
from core.audio.speech import SpeechDetector
from core.records import Quality, Survey
from core.settings import Conditioning


def survey(
    path: Path,
    settings: Conditioning,
    name: str | None = None,
    progress: Callable[[float, float | None], None] | None = None,
) -> Survey:
    """Decodes the whole file once and returns what can be said without an engine.

    Args:
        path: the audio file.
        settings: channel, options and speech detection.
        name: what errors and warnings call it.
        progress: called with the seconds done so far and those declared, if any; may raise to
            stop.

    Raises:
        AudioError: the file cannot be read as audio.
    """
    detector, meter = SpeechDetector(settings), QualityMeter()
    n_samples = 0
    with open_audio(path, settings.channel, name) as audio:
        for chunk in conditioned(meter.watch(audio.samples()), settings):
            detector.feed(chunk)
            n_samples += len(chunk)
            if progress:
                progress(n_samples / SAMPLE_RATE, audio.info.declared_s)
    speech = detector.finish()
    heard = heard_span(speech, n_samples, settings)
    quality = meter.finish(speech, heard, audio.levels, audio.gap_s)
    return Survey(
        info=audio.info,
        n_samples=n_samples,
        duration_s=quality.duration_s,
        speech=speech,
        level_db=quality.level_db,
        warnings=audio.warnings
        + _shortfall(quality.duration_s, audio.info.declared_s)
        + _remarks(speech, quality),
        quality=quality,
    )


def _shortfall(decoded_s: float, declared_s: float | None) -> tuple[str, ...]:
    """Returns a warning where clearly less could be decoded than the file says it holds."""
    if declared_s is None or decoded_s > declared_s - max(0.2, 0.02 * declared_s):
        return ()
    return (
        f"The file says that it holds {declared_s:.2f} s, but only {decoded_s:.2f} s could be decoded; "
        "it is damaged or cut off, so use the original if you have it.",
    )


def _remarks(speech: tuple[object, ...], quality: Quality) -> tuple[str, ...]:
    if quality.level_db <= SILENCE_DB:
        return ("The recording is digital silence; check the microphone or the channel.",)
    if not speech:
        return (
            "No speech was found, so there are no segments; check that this is the right "
            "file and channel.",
            *remarks(quality),
        )
    return remarks(quality)
