"""The child process that decodes: `python -m core.audio.child`, started by `core.audio.workers`.

It reads one request after the other from stdin and answers on stdout. Whatever a file makes of it,
the limits below end it, and the parent tells why.
"""

import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from core.audio.clip import write_clip
from core.audio.copies import write_copy
from core.audio.decoder import SAMPLE_RATE, Decoder, open_decoder
from core.audio.wire import HEADER, MOST_BYTES, Kind
from core.errors import AudioError
from core.records import Floats, Span
from core.settings import DecodingLimits

if sys.platform != "win32":
    import resource


class Child:
    """Answers requests until stdin ends."""

    def __init__(self, requests: BinaryIO, answers: BinaryIO, limits: DecodingLimits) -> None:
        self._requests = requests
        self._answers = answers
        self._limits = limits
        self._started_s = 0.0

    def serve(self) -> None:
        """Serves until the parent closes the pipe, or is gone."""
        while (request := self._request()) is not None:
            self._started_s = time.process_time()
            self._allow_time(0.0)
            try:
                self._answer(request)
            except AudioError as error:
                self._send(Kind.ERROR, {"sentence": str(error)})
            except MemoryError:
                self._send(Kind.ERROR, {"sentence": too_large(request["name"], self._limits)})

    def _answer(self, request: dict[str, Any]) -> None:
        path, channel = Path(request["path"]), request["channel"]
        with open_decoder(path, channel, request["name"], self._limits) as decoder:
            self._send(Kind.INFO, vars(decoder.info))
            wanted = self._request()
            if wanted is None or wanted["do"] == "close":
                return
            if wanted["do"] == "copy":
                self._write_file(write_copy(decoder, Path(wanted["target"]), self._limits))
            elif wanted["do"] == "clip":
                span = Span(wanted["start_s"], wanted["end_s"])
                self._write_file(write_clip(decoder, Path(wanted["target"]), span))
            else:
                self._stream(decoder)
            self._send(
                Kind.END,
                {
                    "warnings": decoder.warnings,
                    "n_damaged": decoder.n_damaged,
                    "gap_s": decoder.gap_s,
                    "levels": decoder.levels.result(),
                },
            )

    def _write_file(self, steps: Iterator[float]) -> None:
        told_s = 0.0
        for done_s in steps:
            self._allow_time(done_s)
            if done_s - told_s >= 1.0:
                told_s = done_s
                self._send(Kind.ALIVE, None)

    def _stream(self, decoder: Decoder) -> None:
        n_samples = 0
        for piece in _by_second(decoder.samples()):
            n_samples += len(piece)
            self._allow_time(n_samples / SAMPLE_RATE)
            data = np.ascontiguousarray(piece, np.float32).tobytes()
            for start in range(0, len(data), MOST_BYTES):
                self._write(Kind.SAMPLES, data[start : start + MOST_BYTES])

    def _allow_time(self, done_s: float) -> None:
        """Allows processor time for the next step, and no more than real time in all."""
        if sys.platform == "win32":
            return
        now_s = time.process_time()
        whole_s = self._started_s + self._limits.stall_s + done_s
        most_s = min(now_s + self._limits.stall_s, whole_s)
        hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
        resource.setrlimit(resource.RLIMIT_CPU, (max(1, round(most_s)), hard))

    def _request(self) -> dict[str, Any] | None:
        line = self._requests.readline()
        request: dict[str, Any] | None = json.loads(line) if line.endswith(b"\n") else None
        return request

    def _send(self, kind: Kind, value: object) -> None:
        self._write(kind, json.dumps(value).encode())

    def _write(self, kind: Kind, data: bytes) -> None:
        self._answers.write(HEADER.pack(kind.value, len(data)))
        self._answers.write(data)
        self._answers.flush()


def too_large(name: str, limits: DecodingLimits) -> str:
    """Returns the sentence on a file whose decoding takes more memory than is allowed."""
    return (
        f"{name!r} needs more than {limits.memory_bytes / 1e9:.0f} GB of memory to be decoded, "
        "which no sound recording does; it is damaged or made to do harm, so use the original."
    )


def _by_second(chunks: Iterator[Floats]) -> Iterator[Floats]:
    """Gathers chunks to about a second each."""
    gathered: list[Floats] = []
    n_samples = 0
    for chunk in chunks:
        gathered.append(chunk)
        n_samples += len(chunk)
        if n_samples >= SAMPLE_RATE:
            yield np.concatenate(gathered)
            gathered, n_samples = [], 0
    if gathered:
        yield np.concatenate(gathered)


def main() -> None:
    """Runs the child: `stdin` and `stdout` are its pipes, its argument the limits as JSON."""
    limits = DecodingLimits(**json.loads(sys.argv[1]))
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing that a library prints may get between the messages
    if sys.platform != "win32":
        resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes, limits.memory_bytes))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        Child(sys.stdin.buffer, answers, limits).serve()
    except (BrokenPipeError, KeyboardInterrupt):  # the parent is gone, or was stopped
        os._exit(0)


if __name__ == "__main__":
    main()
