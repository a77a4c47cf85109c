"""Child processes that decode: kept for the next file, replaced when a file was the end of one."""

import atexit
import json
import logging
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict
from typing import IO, Any

from core.audio.wire import HEADER, Kind
from core.errors import AudioError
from core.settings import PROJECT_ROOT, DecodingLimits

log = logging.getLogger(__name__)

MOST_FILES = 200  # one child decodes, so that what a library may leak cannot add up
MOST_IDLE = 4
_COMMAND = [sys.executable, "-m", "core.audio.child"]


class WorkerLost(Exception):  # noqa: N818 - never leaves core.audio
    """The child ended, or was ended, before it answered; `reason` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Worker:
    """One child process.

    Attributes:
        between_files: whether it waits for a new file.
    """

    def __init__(self, limits: DecodingLimits) -> None:
        self.limits = limits
        self.n_files = 0
        self.between_files = True
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the child
        self._process = subprocess.Popen(  # noqa: S603 - our own module, no shell
            [*_COMMAND, json.dumps(asdict(limits))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            bufsize=0,
            cwd=PROJECT_ROOT,
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
            start_new_session=True,  # Ctrl-C is for the parent, which then ends the child
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in, self._out = self._process.stdin, self._process.stdout
        self._ready = selectors.DefaultSelector()
        self._ready.register(self._out, selectors.EVENT_READ)

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process.poll() is None

    def ask(self, request: dict[str, Any]) -> None:
        """Sends a request.

        Raises:
            WorkerLost: the child is gone.
        """
        self.between_files = False
        try:
            self._in.write(json.dumps(request).encode() + b"\n")
        except OSError as error:
            raise WorkerLost(self._why()) from error

    def answer(self) -> tuple[Kind, bytearray]:
        """Returns the next message.

        Raises:
            WorkerLost: the child is gone, or said nothing for longer than the limit.
        """
        end_s = time.monotonic() + self.limits.stall_s
        kind, n_bytes = HEADER.unpack(self._exactly(HEADER.size, end_s))
        data = self._exactly(n_bytes, end_s)
        self.between_files = Kind(kind) in (Kind.END, Kind.ERROR)
        return Kind(kind), data

    def _exactly(self, n_bytes: int, end_s: float) -> bytearray:
        data = bytearray(n_bytes)
        view = memoryview(data)
        while view:
            if not self._ready.select(max(0.0, end_s - time.monotonic())):
                self.close()
                raise WorkerLost(f"nothing came of it for {self.limits.stall_s:g} s")
            n_read = self._out.readinto(view)  # type: ignore[attr-defined]
            if not n_read:
                raise WorkerLost(self._why())
            view = view[n_read:]
        return data

    def _why(self) -> str:
        """Waits for the child's end and says what it was."""
        try:
            status = self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            return "the decoder closed its pipe"
        self._log.seek(0)
        said = self._log.read()[-4000:].decode("utf-8", "replace")
        log.info("the decoding process ended with %d: %s", status, said)
        if status == -getattr(signal, "SIGXCPU", 0):
            return "it took more processor time than a recording can need"
        return "the decoder crashed on it" if status < 0 else "the decoder failed on it"

    def close(self) -> None:
        """Ends the child at once."""
        if self.running:
            self._process.kill()
        self._process.wait()
        self._ready.close()
        for pipe in (self._in, self._out, self._log):
            pipe.close()


class Pool:
    """Children of this process, one for each file that is open."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[Worker] = []
        self._process = os.getpid()

    def take(self, limits: DecodingLimits) -> Worker:
        """Returns a child that is ready for a file.

        Raises:
            AudioError: no process can be started.
        """
        with self._lock:
            if self._process != os.getpid():  # a fork: the pipes belong to the parent
                self._process, self._idle = os.getpid(), []
            while self._idle:
                worker = self._idle.pop()
                if worker.limits == limits and worker.running:
                    return worker
                worker.close()
        try:
            return Worker(limits)
        except OSError as error:
            raise AudioError(
                f"No process for decoding can be started ({error.strerror}); "
                "close other programs, or raise the limit of processes, and try again."
            ) from error

    def give_back(self, worker: Worker) -> None:
        """Keeps a child that has finished its file for the next one, and ends any other."""
        worker.n_files += 1
        with self._lock:
            fit = worker.between_files and worker.n_files < MOST_FILES
            if fit and len(self._idle) < MOST_IDLE:
                self._idle.append(worker)
                return
        worker.close()

    def close(self) -> None:
        """Ends the children that are idle."""
        with self._lock:
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.close()


POOL = Pool()
atexit.register(POOL.close)
