"""A disk that is full or may not be written to: a sentence from every command, and nothing lost."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from core.store.check import check
from core.store.store import Store
from tests.synthetic import talk, write

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def corpus(run, tmp_path):
    """A store of two recordings, one more file, a rule, and a backup."""
    sounds = [talk([(0.3, 0), (1 + n / 5, 0.3), (0.3, 0)]) for n in range(3)]
    files = [write(tmp_path / f"{n}.wav", sound) for n, sound in enumerate(sounds)]
    root = tmp_path / "store"
    options = ["--engine", "fake", "--store", root, "--session", "1", "--speaker", "Anna"]
    assert run("analyze", *files[:2], *options).status == 0
    assert run("store", "backup", tmp_path / "backup.zip", "--store", root).status == 0
    (tmp_path / "out").mkdir()
    return Store(root), files


def commands(folder: Path, recording: str) -> list[list[str]]:
    out = str(folder / "out")
    asked = [
        ["analyze", str(folder / "2.wav"), "--engine", "fake"],
        ["analyze", str(folder / "0.wav"), "--engine", "fake", "--speaker", "Berta"],
        ["analyze", str(folder / "0.wav"), "--engine", "fake", "--outputs", out],
        ["store", "compact"],
        ["store", "backup", f"{out}/b.zip"],
        ["store", "restore", str(folder / "backup.zip")],
        ["forget", "--recording", recording],
        ["consent", "set", "--recording", recording, "--basis", "x", "--scope", "listen"],
        ["heads", "pick", "--engine", "fake", "-n", "1"],
        ["sessions", "names", "{speaker}"],
        *(["export", "--format", kind, "--out", out] for kind in ("csv", "json", "webvtt")),
        *(["export", "--format", kind, "--out", out] for kind in ("bundle", "report")),
    ]
    new = ["--store", f"{out}/new"]
    return [
        [*one, *(new if "restore" in one else ["--store", str(folder / "store")])] for one in asked
    ]


@pytest.mark.parametrize("how", ["full", "read-only"])
def test_every_command_says_so_in_a_sentence_and_loses_nothing(corpus, tmp_path, how):
    store, _ = corpus
    before = {name: store.table(name).to_pylist() for name in ("recordings", "tracks", "runs")}
    asked = commands(tmp_path, before["recordings"][0]["recording"])
    folders = [path for path in (tmp_path, *tmp_path.rglob("*")) if path.is_dir()]
    if how == "read-only":
        for path in folders:
            path.chmod(0o555)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "tests.failing_disk", how],
            input=json.dumps(asked),
            capture_output=True,
            text=True,
            cwd=ROOT,
            timeout=200,
        )
    finally:
        for path in folders:
            path.chmod(0o755)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(asked), done.stderr
    wrong = [
        (command, answer)
        for command, answer in zip(asked, answers, strict=True)
        if answer[0] != 1 or "fault of the program" in answer[1] or "Traceback" in answer[2]
    ]
    assert not wrong, json.dumps(wrong, indent=1)
    fresh = Store(store.root)
    assert check(fresh).ok
    assert {name: fresh.table(name).to_pylist() for name in before} == before
