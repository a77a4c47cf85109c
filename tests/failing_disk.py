"""A process whose disk takes nothing: `python -m tests.failing_disk FOLDER` runs commands twice.

First the disk is full: the kernel's limit on the size of files, none takes more than 64 bytes. Then it
is read-only: all in the folder without permission to write, and no right of root to pass over that.
Commands come as JSON on stdin; what each said goes to stdout.
"""

import ctypes
import io
import json
import os
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

_DROP_BOUND, _DAC_OVERRIDE, _DAC_READ_SEARCH = 24, 1, 2  # of prctl(2), capabilities(7)


def main() -> None:
    folder = Path(sys.argv[1])
    if os.geteuid() == 0 and "--again" not in sys.argv:
        libc = ctypes.CDLL(None, use_errno=True)
        for right in (_DAC_OVERRIDE, _DAC_READ_SEARCH):
            assert libc.prctl(_DROP_BOUND, right, 0, 0, 0) == 0
        os.execv(  # noqa: S606
            sys.executable, [sys.executable, "-m", "tests.failing_disk", str(folder), "--again"]
        )

    import core.audio.survey
    from core import api
    from core.engines.registry import Registry
    from core.learn import heads
    from tests.fakes import FakeEngine
    from tests.synthetic import LevelDetector

    registry = Registry()
    registry.add("fake", lambda precision: FakeEngine())
    core.audio.survey.SpeechDetector = LevelDetector
    api.Registry = lambda: registry
    heads.STRENGTHS = (0.1,)
    asked = json.loads(sys.stdin.read())
    for disk in (full(), read_only(folder)):
        with disk:
            for arguments in asked:
                print(json.dumps(answer(arguments)), flush=True)


@contextmanager
def full() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    modes = {path: path.stat().st_mode for path in (folder, *folder.rglob("*"))}
    for path, mode in modes.items():
        path.chmod(mode & ~0o222)
    try:
        yield
    finally:
        for path, mode in modes.items():
            path.chmod(mode)


def answer(arguments: list[str]) -> tuple[int | str, str, str]:
    from core import cli

    said, told = io.StringIO(), io.StringIO()
    with redirect_stdout(told), redirect_stderr(said):
        try:
            status: int | str = cli.main(arguments)
        except BaseException as error:  # noqa: BLE001 - a panic of native code is no Exception
            status = f"{type(error).__name__}: {error}"
    return status, told.getvalue(), said.getvalue()


if __name__ == "__main__":
    main()
