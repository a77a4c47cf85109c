"""Where there is speech: Silero VAD over a stream of samples.

Source: Silero Team, 2024, https://github.com/snakers4/silero-vad (MIT), weights in its package.
"""

import threading
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.audio.decode import SAMPLE_RATE
from core.audio.silero import CHUNK, SpeechGate, SpeechProbabilities
from core.records import Span
from core.settings import Conditioning

TOGETHER: Final = 256 * CHUNK  # samples that the network takes at once, 8 s


class SpeechDetector:
    """Finds the stretches of speech in samples that come chunk by chunk."""

    def __init__(self, settings: Conditioning) -> None:
        self._settings = settings
        self._pending: list[NDArray[np.float32]] = []
        self._n_pending = 0
        self._n_samples = 0
        self._start: int | None = None
        self._spans: list[tuple[int, int]] = []
        self._gate = _gate(settings)
        with _ONE_THREAD:
            self._probabilities = SpeechProbabilities()

    def feed(self, samples: NDArray[np.float32]) -> None:
        """Takes more samples, shape `(n_samples,)`, mono, 16 kHz."""
        self._pending.append(samples)
        self._n_pending += len(samples)
        if self._n_pending >= TOGETHER:
            held = np.concatenate(self._pending)
            n_whole = len(held) // CHUNK * CHUNK
            for start in range(0, n_whole, TOGETHER):
                self._hear(held[start : min(start + TOGETHER, n_whole)])
            self._pending = [held[n_whole:]]
            self._n_pending = len(held) - n_whole

    def finish(self) -> tuple[Span, ...]:
        """Returns all stretches of speech, in order, in seconds, none touching another."""
        held = np.concatenate([*self._pending, np.zeros(0, np.float32)])
        n_samples = self._n_samples + len(held)
        self._hear(np.pad(held, (0, -len(held) % CHUNK)))
        if self._start is not None:
            self._spans.append((self._start, n_samples))
        return _joined(self._spans, n_samples, self._settings.speech_min_s)

    def _hear(self, samples: NDArray[np.float32]) -> None:
        self._n_samples += len(samples)
        with _ONE_THREAD:
            probabilities = self._probabilities.of(samples)
        for probability in probabilities:
            event = self._gate(probability)
            if event is None:
                continue
            if "start" in event:
                self._start = event["start"]
            elif self._start is not None:
                self._spans.append((self._start, event["end"]))
                self._start = None


class _OneThread:
    """Keeps torch to one thread: the model is so small that two of them mostly wait.

    The number belongs to the thread that sets it, but a new thread takes over what was set last. So
    the first to enter keeps what there was, and everyone sets that again when leaving.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._n_inside = 0
        self._n_threads = 1

    def __enter__(self) -> None:
        import torch

        with self._lock:
            if self._n_inside == 0:
                self._n_threads = torch.get_num_threads()
            self._n_inside += 1
            torch.set_num_threads(1)

    def __exit__(self, *error: object) -> None:
        import torch

        with self._lock:
            self._n_inside -= 1
            torch.set_num_threads(self._n_threads)


_ONE_THREAD = _OneThread()


def _gate(settings: Conditioning) -> SpeechGate:
    return SpeechGate(settings)


def _joined(spans: list[tuple[int, int]], n_samples: int, min_s: float) -> tuple[Span, ...]:
    """Joins stretches that padding made touch, and leaves out those too short to be speech."""
    joined: list[tuple[int, int]] = []
    for start, end in spans:
        start, end = max(0, start), min(n_samples, end)
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return tuple(
        Span(start / SAMPLE_RATE, end / SAMPLE_RATE)
        for start, end in joined
        if end - start >= min_s * SAMPLE_RATE
    )
