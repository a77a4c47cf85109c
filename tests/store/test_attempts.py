"""Attempts: alive as long as their writer, dead with it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import StoreError
from core.store import attempts
from core.store.attempts import alive, new_number, open_attempt

ROOT = Path(__file__).resolve().parents[2]
HOLD = """
import sys, time
from pathlib import Path
from core.store.attempts import open_attempt
with open_attempt(Path(sys.argv[1])) as number:
    print(number, flush=True)
    time.sleep(60)
"""


def test_numbers_grow_with_time():
    numbers = [new_number() for _ in range(2_000)]
    assert all(0 < number < 2**63 for number in numbers)
    coarse = [number >> 22 for number in numbers]
    assert coarse == sorted(coarse)


def test_number_that_is_in_use_is_not_given_again(tmp_path, monkeypatch):
    drawn = iter([7, 7, 7, 8])
    monkeypatch.setattr(attempts, "new_number", lambda: next(drawn))
    with open_attempt(tmp_path) as one, open_attempt(tmp_path) as two:
        assert (one, two) == (7, 8)


def test_attempt_is_alive_while_it_is_held(tmp_path):
    folder = tmp_path / "attempts"
    assert alive(folder) == set()
    with open_attempt(folder) as one, open_attempt(folder) as two:
        assert alive(folder) == {one, two}
        assert alive(folder) == {one, two}
    assert alive(folder) == set()
    assert list(folder.iterdir()) == []


def test_attempt_ends_with_an_error_of_its_writer(tmp_path):
    with pytest.raises(ZeroDivisionError), open_attempt(tmp_path):
        raise ZeroDivisionError
    assert alive(tmp_path) == set()


def test_attempt_of_another_process_is_alive_until_that_is_killed(tmp_path):
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            number = int(process.stdout.readline())
            assert alive(tmp_path) == {number}
            assert (tmp_path / f"{number}.lock").exists()
        finally:
            os.kill(process.pid, signal.SIGKILL)
    assert alive(tmp_path) == set()
    assert list(tmp_path.iterdir()) == []


def test_file_that_is_no_attempt_does_no_harm(tmp_path):
    (tmp_path / "notes.lock").write_text("")
    assert alive(tmp_path) == set()


def test_folder_that_may_not_be_written_to_is_explained(tmp_path, monkeypatch):
    def refuse(path: Path, *args: object, **kwargs: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with (
        pytest.raises(StoreError, match=r"cannot be written to \(Permission denied\)"),
        open_attempt(tmp_path / "attempts"),
    ):
        raise AssertionError("never reached")
