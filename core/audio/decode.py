"""Audio files as a stream of mono 16 kHz samples, decoded in a child process with limits.

A file that crashes the decoder, eats memory or never ends costs one child and gives a sentence.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from core.audio.wire import Kind
from core.audio.workers import POOL, Worker, WorkerLost
from core.errors import AudioError
from core.records import AudioInfo, Floats, Span
from core.settings import DecodingLimits, decoding_limits

SAMPLE_RATE = 16_000


class Audio:
    """One open audio file: what it declares, its samples, and what was odd about it.

    Attributes:
        info: what the container says.
        warnings: sentences on what was odd; complete once the samples were read to the end.
        n_damaged: packets that were skipped, complete at the end.
        gap_s: seconds of silence that stand for what was missing, complete at the end.
        levels: fields of `core.records.Quality` that only the file's own channels tell.
    """

    def __init__(self, worker: Worker, name: str, info: AudioInfo) -> None:
        self.name = name
        self.info = info
        self.warnings: tuple[str, ...] = ()
        self.n_damaged = 0
        self.gap_s = 0.0
        self.levels: dict[str, Any] = {}
        self._worker = worker
        self._read = False

    def samples(self) -> Iterator[Floats]:
        """Yields mono float32 chunks at 16 kHz, each of shape `(n_samples,)`, once.

        Raises:
            AudioError: the file holds no sample that can be decoded, or breaks a limit.
        """
        for data in self._run({"do": "samples"}):
            yield np.frombuffer(data, np.float32)

    def copy_to(self, target: Path) -> None:
        """Writes a copy that browsers play: Opus in WebM, with the times of the samples.

        Raises:
            AudioError: the file holds no sample that can be decoded, or breaks a limit.
        """
        for _ in self._run({"do": "copy", "target": str(target.absolute())}):
            pass

    def clip_to(self, target: Path, span: Span) -> None:
        """Writes a stretch as WAV, at the file's own rate and with its own channels.

        Raises:
            AudioError: nothing of the file lies in the stretch, or it breaks a limit.
        """
        request = {"do": "clip", "target": str(target.absolute())}
        for _ in self._run(request | {"start_s": span.start_s, "end_s": span.end_s}):
            pass

    def _run(self, request: dict[str, Any]) -> Iterator[bytearray]:
        if self._worker.between_files or self._read:
            raise AudioError(f"{self.name!r} was read already; open it again to read it anew.")
        self._read = True
        _ask(self._worker, request, self.name)
        while True:
            kind, data = _answer(self._worker, self.name)
            if kind is Kind.SAMPLES:
                yield data
            elif kind is Kind.END:
                break
        end = json.loads(data)
        self.warnings = tuple(end["warnings"])
        self.n_damaged, self.gap_s, self.levels = end["n_damaged"], end["gap_s"], end["levels"]

    def leave(self) -> None:
        """Has the child close the file, where nothing was read of it."""
        if not self._read:
            _ask(self._worker, {"do": "close"}, self.name)
            self._worker.between_files = True


@contextmanager
def open_audio(
    path: Path,
    channel: int | None = None,
    name: str | None = None,
    limits: DecodingLimits | None = None,
) -> Iterator[Audio]:
    """Opens an audio file for reading.

    Args:
        path: the file.
        channel: one channel, from 0, or None for the mix of all.
        name: what errors call it; by default the file's own name.
        limits: of time, memory and duration; by default those of the environment.

    Raises:
        AudioError: the file is missing, empty, or no audio.
    """
    name = name or path.name
    worker = POOL.take(limits or decoding_limits())
    try:
        _ask(worker, {"path": str(path.absolute()), "channel": channel, "name": name}, name)
        _, data = _answer(worker, name)
        audio = Audio(worker, name, AudioInfo(**json.loads(data)))
        try:
            yield audio
        finally:
            audio.leave()
    finally:
        POOL.give_back(worker)


def _ask(worker: Worker, request: dict[str, Any], name: str) -> None:
    try:
        worker.ask(request)
    except WorkerLost as lost:
        raise _lost(lost, name) from lost


def _answer(worker: Worker, name: str) -> tuple[Kind, bytearray]:
    try:
        kind, data = worker.answer()
    except WorkerLost as lost:
        raise _lost(lost, name) from lost
    if kind is Kind.ERROR:
        raise AudioError(json.loads(data)["sentence"])
    return kind, data


def _lost(lost: WorkerLost, name: str) -> AudioError:
    return AudioError(
        f"{name!r} cannot be decoded ({lost.reason}); it is damaged or made to do harm. "
        "Play it in another program, and export it again from there as WAV."
    )
