"""What a recording's page needs of its sound: waveform, prosody, samples; made beside the pages.

Waveform and prosody are kept in the store. Samples lie in a file without a name, which the system
removes with the process.
"""

import tempfile
import threading
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from core.audio.decode import SAMPLE_RATE, open_audio
from core.audio.peaks import Peaks, load_peaks, peaks_of
from core.audio.prosody import Prosody, load_prosody, prosody_of
from core.errors import TonescopeError
from core.records import Floats, Recording
from core.store import consent
from core.store.consent import Use
from dashboard import resources
from dashboard.background import Background, Report
from dashboard.shared import scope

waveforms, _voices = Background(), Background()  # a thread each: prosody takes much longer
_SAMPLES = threading.Lock()
_AGAIN_S = 60  # after a failure; its cause may have been mended


def peaks(recording: str, channel: int | None) -> Peaks | str:
    """Returns the waveform of a recording, or what is being done for it, or why there is none."""
    return _made(waveforms, recording, channel, "peaks", _write_peaks, load_peaks)


def peaks_key(recording: str, channel: int | None) -> tuple[str, ...]:
    """Returns the name under which `waveforms` makes the waveform of a recording."""
    return _key(recording, channel, "peaks")


def prosody(recording: str, channel: int | None, *, start: bool = True) -> Prosody | str | None:
    """Returns the prosody of a recording, or what is being done for it, or why there is none.

    Args:
        recording: its SHA-256.
        channel: the one channel, or None for the mix of all.
        start: whether to begin with it; otherwise None tells that nobody has asked for it.
    """
    if not start and not _asked(_voices, recording, channel, "prosody"):
        return None
    return _made(_voices, recording, channel, "prosody", _write_prosody, load_prosody)


def failed(recording: str, channel: int | None, kind: str) -> bool:
    """Returns whether something could not be made: `peaks` or `prosody`."""
    task = (waveforms if kind == "peaks" else _voices).view(_key(recording, channel, kind))
    return task is not None and task.finished and task.error is not None


def samples(recording: str, channel: int | None) -> np.ndarray:
    """Returns a recording's samples at 16 kHz, shape `(n_samples,)`, int16, as a file in memory.

    Raises:
        TonescopeError: the audio is not there, or cannot be decoded.
    """
    store = scope().store
    known = resources.recording(recording)
    with _SAMPLES:
        return _samples(str(consent.sound_path(store, known, Use.LISTEN)), channel, known.name)


@lru_cache(maxsize=2)
def _samples(path: str, channel: int | None, name: str) -> np.ndarray:
    n_samples = 0
    with tempfile.TemporaryFile() as file, open_audio(Path(path), channel, name) as audio:
        for chunk in audio.samples():
            whole = np.clip(np.round(chunk * 32768), -32768, 32767).astype(np.int16)
            file.write(whole.tobytes())
            n_samples += len(chunk)
        file.flush()
        if not n_samples:  # an empty file cannot be mapped
            return np.zeros(0, np.int16)
        return np.memmap(file, np.int16, "r", shape=(n_samples,))


def forget() -> None:
    """Forgets the samples and the lanes that are held in memory."""
    with _SAMPLES:
        _samples.cache_clear()
    _loaded.cache_clear()


def _name(channel: int | None, kind: str) -> str:
    return f"{'mix' if channel is None else f'channel{channel}'}.{kind}.npz"


def _key(recording: str, channel: int | None, kind: str) -> tuple[str, ...]:
    return (str(scope().store.root), recording, _name(channel, kind))


def _asked(work: Background, recording: str, channel: int | None, kind: str) -> bool:
    store = scope().store
    digits, name = recording[:2], f"{recording}.{_name(channel, kind)}"
    made = store.root / "audio" / digits / name
    return made.exists() or work.view(_key(recording, channel, kind)) is not None


def _made(
    work: Background,
    recording: str,
    channel: int | None,
    kind: str,
    write: Callable[..., None],
    load: Callable[[Path], Any],
) -> Any:
    store = scope().store
    known = resources.recording(recording)
    target = store.derived_path(known, _name(channel, kind))
    try:
        consent.check(store, recording, Use.LISTEN if kind == "peaks" else Use.ANALYSE)
        if target.exists():
            return _loaded(load, str(target))
        path = consent.sound_path(store, known, Use.ANALYSE)
    except TonescopeError as error:
        return str(error)
    key = _key(recording, channel, kind)
    task = work.view(key)
    if task is None or (task.error and task.seconds > _AGAIN_S):

        def action(report: Report) -> None:
            store.derived(
                known, target.name[65:], lambda draft: write(draft, path, known, channel, report)
            )

        task = work.start(key, "Reading the sound", action)
    return task.error or task.doing


@lru_cache(maxsize=8)
def _loaded(load: Callable[[Path], Any], path: str) -> Any:
    return load(Path(path))


def _write_peaks(
    draft: Path, path: Path, known: Recording, channel: int | None, report: Report
) -> None:
    with open_audio(path, channel, known.name) as audio:
        told = _told(audio.samples(), known, report, "Reading the sound")
        peaks_of(told).save(draft)


def _write_prosody(
    draft: Path, path: Path, known: Recording, channel: int | None, report: Report
) -> None:
    with open_audio(path, channel, known.name) as audio:
        told = _told(audio.samples(), known, report, "Measuring pitch")
        prosody_of(told).save(draft)


def _told(
    chunks: Iterator[Floats], known: Recording, report: Report, doing: str
) -> Iterator[Floats]:
    n_samples = 0
    for chunk in chunks:
        n_samples += len(chunk)
        share = n_samples / SAMPLE_RATE / max(known.duration_s, 1e-6)
        report(f"{doing}, {min(share, 1):.0%}")
        yield chunk
