"""Recordings of any length through an engine of limited sight.

A recording is cut into windows that overlap; their frames are cross-faded where they do. All
windows but the last are equally long, so they run in batches without padding.
"""

from collections.abc import Iterable, Iterator

import numpy as np

from core.engines.base import HOP_S, HOP_SAMPLES, SAMPLE_RATE, Engine, Floats, Frames
from core.engines.turns import TURNS
from core.errors import EngineError


def run_windowed(
    engine: Engine, chunks: Iterable[Floats], batch: int | None = None
) -> Iterator[Frames]:
    """Yields the frames of a recording in order, piece by piece.

    Memory is bounded by `batch` windows, whatever the duration. Recordings that are analysed at the
    same time take turns at the engine, `batch` windows each. The pieces of a recording no longer
    than one window are exactly what the engine answers for the whole.

    Args:
        engine: the engine to run.
        chunks: mono samples at 16 kHz, each of shape `(n_samples,)`.
        batch: windows run at once; by default what the engine is best at.

    Raises:
        EngineError: the recording is too short for a single frame.
    """
    fader = _CrossFader()
    n_frames = 0
    for waveforms in _batches(engine, chunks, batch or engine.together):
        with TURNS:
            answers = engine.run(waveforms)
        for frames in answers:
            piece = fader.add(frames, _stride(engine))
            n_frames += len(piece)
            yield piece
    rest = fader.finish()
    if n_frames + len(rest) == 0:
        raise EngineError(
            "The recording is too short for a single frame; at least 0.025 s of sound are needed."
        )
    yield rest


def _stride(engine: Engine) -> int:
    """Frames from the start of one window to the start of the next."""
    windowing = engine.windowing
    return round((windowing.window_s - windowing.overlap_s) / HOP_S)


def _batches(engine: Engine, chunks: Iterable[Floats], batch: int) -> Iterator[Floats]:
    """Yields equally long windows, shape `(n_windows, n_samples)`, and the last one by itself."""
    n_window = round(engine.windowing.window_s * SAMPLE_RATE)
    n_stride = _stride(engine) * HOP_SAMPLES
    n_batch = n_window + (batch - 1) * n_stride
    held, started = np.zeros(0, dtype=np.float32), False
    pending: list[Floats] = []
    n_pending = 0
    for chunk in chunks:
        pending.append(chunk)
        n_pending += len(chunk)
        # One sample more than the windows: only then is it sure that another one follows.
        if len(held) + n_pending > n_batch:
            held = np.concatenate([held, *pending])
            pending, n_pending = [], 0
            while len(held) > n_batch:
                yield _windows(held, n_window, n_stride, batch)
                held, started = held[batch * n_stride :], True
    held = np.concatenate([held, *pending])
    if len(held) >= n_window:
        n_left = (len(held) - n_window) // n_stride + 1
        yield _windows(held, n_window, n_stride, n_left)
        if len(held) == n_window + (n_left - 1) * n_stride:
            return
        held, started = held[n_left * n_stride :], True
    if engine.n_frames(len(held)) > 0:
        yield held[np.newaxis]
    elif not started:
        raise EngineError(
            f"The recording is too short ({len(held) / SAMPLE_RATE:.3f} s); "
            "at least 0.025 s of sound are needed."
        )


def _windows(samples: Floats, n_window: int, n_stride: int, batch: int) -> Floats:
    return np.stack([samples[i * n_stride : i * n_stride + n_window] for i in range(batch)])


class _CrossFader:
    """Joins the frames of neighbouring windows with linear weights where they overlap."""

    def __init__(self) -> None:
        self._tail: Frames | None = None

    def add(self, frames: Frames, n_stride: int) -> Frames:
        """Takes the next window; returns the frames that no later window can change."""
        if self._tail is not None:
            frames = _faded(self._tail, frames)
        head = Frames(frames.logits[:n_stride], frames.embeddings[:n_stride])
        self._tail = Frames(frames.logits[n_stride:], frames.embeddings[n_stride:])
        return head

    def finish(self) -> Frames:
        """Returns the frames held back for a window that never came."""
        tail, self._tail = self._tail, None
        if tail is None:
            return Frames(np.zeros((0, 9), np.float32), np.zeros((0, 0), np.float32))
        return tail


def _faded(tail: Frames, frames: Frames) -> Frames:
    """Returns `frames` with its start faded in over `tail`."""
    n = len(tail)
    weight = (np.arange(1, n + 1, dtype=np.float32) / (n + 1))[:, np.newaxis]

    def fade(before: Floats, after: Floats) -> Floats:
        mixed = before[:n] * (1 - weight) + after[:n] * weight
        return np.concatenate([mixed, after[n:]])

    return Frames(
        fade(tail.logits, frames.logits),
        fade(tail.embeddings, frames.embeddings),
    )
