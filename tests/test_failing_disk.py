"""A disk that is full or may not be written to: a sentence from every command, and nothing lost."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from core.labels import history
from core.labels.records import Draft
from core.learn import heads
from core.store.check import check
from core.store.schema import TABLES
from core.store.store import Store
from tests.synthetic import talk, write

ROOT = Path(__file__).resolve().parents[1]
ENGINE = ["--engine", "fake"]
BY = ["--annotator", "Ann"]
RULE = {
    "name": "Loud",
    "conditions": [{"kind": "emotion", "emotion": "angry", "at_least": 0.5, "for_s": 0.1}],
}


@dataclass(frozen=True)
class Corpus:
    """A store with something of every kind in it, and the names of that."""

    folder: Path
    store: Store
    recording: str
    queue: int
    moment: int
    clustering: str
    set: str


@pytest.fixture
def corpus(run, tmp_path, monkeypatch):
    """Two recordings, labels, a head, a reviewed rule, clusters, a set; another file, and a backup."""
    for n in range(3):
        parts = [(1.0, 0.0)]
        for k in range(10):
            parts += [(0.8, (0.5 if k % 2 else 0.05) * (1 + n / 10)), (1.0, 0.0)]
        write(tmp_path / f"{n}.wav", talk(parts))
    root = tmp_path / "store"
    monkeypatch.setattr(heads, "STRENGTHS", (0.1,))
    (tmp_path / "out").mkdir()
    (tmp_path / "rule.json").write_text(json.dumps(RULE))
    (tmp_path / "other.json").write_text(json.dumps(RULE | {"name": "Other"}))
    (tmp_path / "labels.csv").write_text("start_s,end_s,label\n1.0,1.8,sad\n")
    (tmp_path / "turns.rttm").write_text("SPEAKER x 1 1.0 0.8 <NA> <NA> Bo <NA> <NA>\n")

    def done(*arguments):
        said = run(*arguments, "--store", root)
        assert said.status == 0, said.stderr
        return said.lines

    known = [tmp_path / "0.wav", tmp_path / "1.wav"]
    lines = done("analyze", *known, *ENGINE, "--session", "1", "--speaker", "Anna")
    store = Store(root)
    for line in lines:
        for k in range(10):
            start_s = 1.0 + 1.8 * k
            at = {"recording": line["recording"], "start_s": start_s, "end_s": start_s + 0.8}
            history.add(store, Draft(**at, term="angry" if k % 2 else "sad", annotator="Ann"))
    done("calibrate", "--name", "mine", "--all-random", *ENGINE)
    done("heads", "export", "--head", "mine", "--out", tmp_path / "heads")
    done("flags", "save", tmp_path / "rule.json")
    drawn = done("flags", "draw", "Loud", *ENGINE, "--flagged", "2", "--unflagged", "1")
    clusters = done("cluster", "--k", "2", *ENGINE)
    region = ["--recording", lines[0]["recording"], "--start-s", "1", "--end-s", "1.8"]
    done("similar", *region, *ENGINE, "-k", "2", "--save", "like it")
    (kept,) = done("sets", "list")
    done("sessions", "set", lines[0]["recording"], "--tags", "a", "--by", "Ann")
    done("sessions", "set", lines[1]["recording"], "--tags", "b", "--by", "Ann")
    queue = drawn[0]["queue"]
    moments = [line["moment"] for line in done("flags", "moments", "--queue", queue)]
    done("flags", "review", "right", "--queue", queue, "--moment", moments[0], "--by", "Ann")
    done("store", "backup", tmp_path / "backup.zip")
    return Corpus(
        tmp_path,
        store,
        lines[0]["recording"],
        queue,
        moments[1],
        clusters[0]["clustering"],
        kept["set"],
    )


def commands(corpus: Corpus) -> list[list[str]]:
    """Returns every command that writes, as each would be given on a disk that takes all."""
    folder, out, mine = corpus.folder, str(corpus.folder / "out"), ["--recording", corpus.recording]
    region = ["--start-s", "1", "--end-s", "1.8"]
    queue = ["--queue", str(corpus.queue)]
    asked = [
        ["analyze", str(folder / "2.wav"), *ENGINE],
        ["analyze", str(folder / "0.wav"), *ENGINE, "--speaker", "Berta"],
        ["analyze", str(folder / "0.wav"), *ENGINE, "--outputs", out],
        ["store", "compact"],
        ["store", "backup", f"{out}/b.zip"],
        ["store", "restore", str(folder / "backup.zip")],
        ["forget", *mine],
        ["consent", "set", *mine, "--basis", "x", "--scope", "listen"],
        ["labels", "add", *mine, *region, "--term", "happy", *BY],
        ["labels", "import", str(folder / "labels.csv"), *mine, *BY],
        ["labels", "undo", *mine, *BY],
        ["calibrate", "--name", "other", "--all-random", *ENGINE],
        ["heads", "pick", *ENGINE, "-n", "1"],
        ["heads", "export", "--head", "mine", "--out", out],
        ["heads", "import", str(folder / "heads" / "mine")],
        ["flags", "save", str(folder / "other.json")],
        ["flags", "draw", "Loud", *ENGINE, "--flagged", "1", "--unflagged", "1"],
        ["flags", "review", "right", *queue, "--moment", str(corpus.moment)],
        ["flags", "undo", *queue, "--by", "Ann"],
        ["project", "--method", "pca", *ENGINE],
        ["cluster", "--k", "3", *ENGINE],
        ["clusters", "save", corpus.clustering, "--title", "two"],
        ["clusters", "export", corpus.clustering, "--out", f"{out}/c.csv"],
        ["similar", *mine, *region, *ENGINE, "-k", "3", "--save", "more"],
        ["sets", "remove", corpus.set],
        ["turns", "import", str(folder / "turns.rttm"), *mine],
        ["turns", "give", *mine, *region, "--to", "Bo"],
        ["sessions", "names", "{speaker}"],
        ["sessions", "set", corpus.recording, "--speaker", "Berta", "--by", "Ann"],
        ["sessions", "undo", "--by", "Ann"],
        ["sessions", "tidy", *ENGINE, "--out", f"{out}/tidy"],
        ["estimates", "draw", *ENGINE, "--by", "tag", "--group", "a", "--group", "b", "-n", "1"],
        *(["export", "--format", kind, "--out", out] for kind in ("csv", "json", "webvtt")),
        *(["export", "--format", kind, "--out", out] for kind in ("bundle", "report")),
    ]
    new = (["store", "restore"], ["heads", "import"])  # what is known already writes nothing
    return [
        [*one, "--store", f"{out}/new" if one[:2] in new else str(corpus.store.root)]
        for one in asked
    ]


def rows(store: Store) -> dict[str, list]:
    return {name: store.table(name).to_pylist() for name in TABLES}


def test_every_command_says_so_in_a_sentence_and_loses_nothing(corpus, tmp_path):
    before, asked = rows(corpus.store), commands(corpus)
    done = subprocess.run(
        [sys.executable, "-m", "tests.failing_disk", str(tmp_path)],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=280,
    )
    tried = [(how, command) for how in ("full", "read-only") for command in asked]
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(tried), done.stderr
    wrong = [
        (how, command, answer)
        for (how, command), answer in zip(tried, answers, strict=True)
        if answer[0] != 1 or "fault of the program" in answer[1] or "Traceback" in answer[2]
    ]
    assert not wrong, json.dumps(wrong, indent=1)
    fresh = Store(corpus.store.root)
    assert check(fresh).ok
    assert rows(fresh) == before
