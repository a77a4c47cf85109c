"""Where there is speech: Silero VAD over a stream of samples.

Source: Silero Team, 2024, https://github.com/snakers4/silero-vad (MIT), weights in its package.
"""

import threading
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from core.audio.decode import SAMPLE_RATE
from core.records import Span
from core.settings import Conditioning

CHUNK: Final = 512


class SpeechDetector:
    """Finds the stretches of speech in samples that come chunk by chunk."""

    def __init__(self, settings: Conditioning) -> None:
        self._settings = settings
        self._rest = np.zeros(0, dtype=np.float32)
        self._n_samples = 0
        self._start: int | None = None
        self._spans: list[tuple[int, int]] = []
        self._iterator = _vad_iterator(settings)

    def feed(self, samples: NDArray[np.float32]) -> None:
        """Takes more samples, shape `(n_samples,)`, mono, 16 kHz."""
        import torch

        samples = np.concatenate([self._rest, samples])
        n_whole = len(samples) // CHUNK * CHUNK
        self._rest = samples[n_whole:]
        self._n_samples += n_whole
        with torch.inference_mode(), _ONE_THREAD:
            for chunk in torch.from_numpy(samples[:n_whole]).view(-1, CHUNK):
                self._step(chunk)

    def finish(self) -> tuple[Span, ...]:
        """Returns all stretches of speech, in order, in seconds, none touching another."""
        import torch

        n_samples = self._n_samples + len(self._rest)
        if len(self._rest):
            padded = np.pad(self._rest, (0, CHUNK - len(self._rest)))
            with torch.inference_mode(), _ONE_THREAD:
                self._step(torch.from_numpy(padded))
        if self._start is not None:
            self._spans.append((self._start, n_samples))
        return _joined(self._spans, n_samples, self._settings.speech_min_s)

    def _step(self, chunk: Any) -> None:
        event = self._iterator(chunk)
        if event is None:
            return
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


def _vad_iterator(settings: Conditioning) -> Any:
    """Loads the model anew, as it keeps the state of one stream."""
    with _ONE_THREAD:  # its import sets torch to one thread for the whole process
        from silero_vad import VADIterator, load_silero_vad
    return VADIterator(
        load_silero_vad(),
        threshold=settings.speech_threshold,
        sampling_rate=SAMPLE_RATE,
        min_silence_duration_ms=round(settings.speech_pause_s * 1000),
        speech_pad_ms=round(settings.speech_pad_s * 1000),
    )


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
