"""A process whose disk takes nothing: `python -m tests.failing_disk full|read-only` runs commands.

Full is the kernel's limit on the size of files: no file takes more than 64 bytes. Read-only are folders
without permission to write, and no right of root to pass over that. Commands come as JSON on stdin;
what each said goes to stdout.
"""

import ctypes
import io
import json
import os
import resource
import sys
from contextlib import redirect_stderr, redirect_stdout

_DROP_BOUND, _DAC_OVERRIDE, _DAC_READ_SEARCH = 24, 1, 2  # of prctl(2), capabilities(7)


def main() -> None:
    how = sys.argv[1]
    if how == "read-only" and os.geteuid() == 0 and "--again" not in sys.argv:
        libc = ctypes.CDLL(None, use_errno=True)
        for right in (_DAC_OVERRIDE, _DAC_READ_SEARCH):
            assert libc.prctl(_DROP_BOUND, right, 0, 0, 0) == 0
        os.execv(sys.executable, [sys.executable, "-m", "tests.failing_disk", how, "--again"])  # noqa: S606

    import core.audio.survey
    from core import api, cli
    from core.engines.registry import Registry
    from tests.fakes import FakeEngine
    from tests.synthetic import LevelDetector

    registry = Registry()
    registry.add("fake", lambda precision: FakeEngine())
    core.audio.survey.SpeechDetector = LevelDetector
    api.Registry = lambda: registry
    if how == "full":
        resource.setrlimit(
            resource.RLIMIT_FSIZE, (64, resource.getrlimit(resource.RLIMIT_FSIZE)[1])
        )
    for arguments in json.loads(sys.stdin.read()):
        said, told = io.StringIO(), io.StringIO()
        with redirect_stdout(told), redirect_stderr(said):
            try:
                status = cli.main(arguments)
            except BaseException as error:  # noqa: BLE001 - a panic of native code is no Exception
                status = f"{type(error).__name__}: {error}"
        print(json.dumps([status, told.getvalue(), said.getvalue()]), flush=True)


if __name__ == "__main__":
    main()
