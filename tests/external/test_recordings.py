"""Real recordings beside the project: clips, a timeline, odd formats and damaged files."""

import csv
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score, recall_score

from core.audio.decode import open_audio
from core.audio.playable import write_browser_copy
from core.emotions import EMOTIONS
from core.errors import TonescopeError
from core.settings import MODELS_DIR
from dashboard import evaluating, shared
from tests.pages.conftest import open_page, shared_state  # noqa: F401
from tests.pages.test_evaluate import settled
from tests.pages.test_flags import button

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT.parent / "shared" / "data" / "fixtures"
WEIGHTS = MODELS_DIR / "compact" / "model.safetensors"

pytestmark = [
    pytest.mark.external,
    pytest.mark.skipif(
        not FIXTURES.is_dir(), reason="the recordings beside the project are not there"
    ),
]


@pytest.fixture(autouse=True)
def _weights() -> None:
    if not WEIGHTS.is_file():
        if os.environ.get("CI") == "true":
            pytest.fail("the weights of compact are missing; they belong to the repository")
        pytest.skip("the weights of compact are not in data/models/compact")


def core(*arguments: object) -> tuple[int, list[dict], str]:
    """Runs a command as a user does; returns exit status, JSON lines and stderr."""
    command = [sys.executable, "-m", "core", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def children_s() -> float:
    """Returns the processor time of all commands so far, with the processes that they started."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@pytest.fixture(scope="module")
def evaluated() -> dict:
    """What the command says of the manifest of clips; as it takes long, it is asked once."""
    status, (answer,), stderr = core("evaluate", FIXTURES / "manifest.csv")
    assert status == 0, stderr
    return answer


def files_of(folder: str) -> list[Path]:
    return sorted(p for p in (FIXTURES / folder).iterdir()) if FIXTURES.is_dir() else []


def test_clips_are_analysed_once_and_skipped_from_then_on(tmp_path, evaluated):
    arguments = ["analyze", FIXTURES / "emotion_clips", "--store", tmp_path / "store"]
    status, first, stderr = core(*arguments)
    assert (status, len(first)) == (0, 44), stderr
    assert {line["status"] for line in first} == {"done"}
    status, second, _ = core(*arguments)
    assert (status, [line["status"] for line in second]) == (0, ["skipped"] * 44)
    for one, two in zip(first, second, strict=True):
        assert one | {"status": ""} == two | {"status": ""}
    status, (found,), _ = core("store", "check", "--store", tmp_path / "store")
    assert (status, found["ok"], found["orphans"]) == (0, True, 0)
    assert found["recordings"] == found["tracks"] == 44
    with (FIXTURES / "manifest.csv").open(newline="", encoding="utf-8") as file:
        labels = {str(FIXTURES / row["file"]): row["emotion"] for row in csv.DictReader(file)}
    assert (evaluated["n"], evaluated["failed"]) == (44, 0)
    truth = [labels[line["file"]] for line in first]
    answers = [line["emotion"] for line in first]
    assert evaluated["uar"] == pytest.approx(balanced_accuracy_score(truth, answers), abs=1e-6)
    assert evaluated["wa"] == pytest.approx(accuracy_score(truth, answers), abs=1e-6)
    assert evaluated["in_training"] == 32  # the clips of EmoDB and CREMA-D among them


def test_page_shows_the_figures_of_the_command(open_page, evaluated):  # noqa: F811
    shared.scope.cache_clear()  # the embedded engine, not the fake one
    app = open_page("evaluate", csv=str(FIXTURES / "manifest.csv"))
    app = settled(button(app, "Compare").click().run())
    assert not app.exception
    found = list(evaluating.WORK._tasks.values())[-1].result
    with (FIXTURES / "manifest.csv").open(newline="", encoding="utf-8") as file:
        told = {row["file"].split("/")[-1]: row["emotion"] for row in csv.DictReader(file)}
    truth = [told[name] for name in found.items["name"]]
    answers = found.items["answer"].tolist()
    macro = {"labels": sorted(set(truth)), "average": "macro", "zero_division": 0}
    assert found.figures.uar == pytest.approx(recall_score(truth, answers, **macro))
    assert found.figures.wa == pytest.approx(accuracy_score(truth, answers))
    assert found.figures.f1 == pytest.approx(f1_score(truth, answers, **macro))
    for name in ("uar", "uar_present", "wa", "f1", "ece"):
        assert getattr(found.figures, name) == pytest.approx(evaluated[name], abs=1e-6)
    assert found.figures.confusion == evaluated["confusion"]
    assert found.in_training == evaluated["in_training"]
    shown = {m.label: m.value for m in app.metric}
    assert shown["UAR"] == f"{balanced_accuracy_score(truth, answers):.3f}"
    assert f"{found.in_training} of 44 items" in app.warning[0].value


def test_timeline_follows_the_clips_of_a_recording():
    long = FIXTURES / "long"
    status, (answer,), stderr = core(
        "predict", long / "timeline_emodb_composite.mp3", "--granularity", "segment"
    )
    assert status == 0, stderr
    with (long / "timeline_emodb_composite.csv").open(encoding="utf-8") as file:
        truth = [
            (float(row["start_s"]), float(row["end_s"]), row["emotion"])
            for row in csv.DictReader(file)
        ]
    inside = [
        (segment["emotion"], emotion)
        for segment in answer["segments"]
        for start_s, end_s, emotion in truth
        if start_s - 0.2 <= segment["start_s"] and segment["end_s"] <= end_s + 0.2
    ]
    assert len(inside) >= 40
    assert np.mean([said == true for said, true in inside]) >= 0.75


def test_long_recording_is_read_to_its_end():
    path = FIXTURES / "long" / "columbia_speech_198s_stereo44k.wma"
    with open_audio(path) as audio:
        n_samples = sum(map(len, audio.samples()))
    assert n_samples / 16_000 == pytest.approx(198, abs=1.5)


@pytest.mark.parametrize("path", files_of("formats"), ids=lambda path: path.name)
def test_every_format_is_decoded(path):
    with (FIXTURES / "files.csv").open(encoding="utf-8") as file:
        facts = {row["file"]: row for row in csv.DictReader(file)}[f"formats/{path.name}"]
    with open_audio(path) as audio:
        samples = np.concatenate(list(audio.samples()))
    assert np.isfinite(samples).all()
    if path.name.startswith("emodb"):  # the others may begin in silence
        assert np.abs(samples).max() > 0.1
    expected_s = float(facts["decoded_s_ffmpeg"])
    assert len(samples) / 16_000 == pytest.approx(expected_s, abs=0.1)


def test_every_file_gives_a_result_or_a_sentence(tmp_path):
    paths = [*files_of("formats"), *files_of("edge"), *files_of("corrupt")]
    before_s = children_s()
    status, lines, stderr = core("analyze", *paths, "--store", tmp_path / "store")
    assert children_s() - before_s < 60  # of processor time: others may be busy here as well
    assert "Traceback" not in stderr
    assert [line["file"] for line in lines] == [str(path) for path in paths]
    for path, line in zip(paths, lines, strict=True):
        if line["status"] == "failed":
            assert path.parent.name != "formats", line
            assert line["error"].endswith(".")
            assert path.name in line["error"] or "too short" in line["error"]
            assert "fault of the program" not in line["error"]
        else:
            assert line["emotion"] in list(EMOTIONS)
            assert line["duration_s"] > 0
    assert status == 1
    _, (found,), _ = core("store", "check", "--store", tmp_path / "store")
    assert found["ok"]
    assert found["tracks"] == len({line["recording"] for line in lines if not line["error"]})


@pytest.mark.parametrize("path", files_of("formats"), ids=lambda path: path.name)
def test_every_format_gets_a_copy_that_sounds_the_same(path, tmp_path):
    copy = tmp_path / "copy.webm"
    write_browser_copy(path, copy, path.name)
    with open_audio(path) as audio:
        expected = np.concatenate(list(audio.samples()))
    with open_audio(copy) as audio:
        found = np.concatenate(list(audio.samples()))
    assert len(found) == pytest.approx(len(expected), abs=0.03 * 16_000)
    n = min(len(found), len(expected))
    if np.std(expected) > 0.01:
        assert np.corrcoef(found[:n], expected[:n])[0, 1] > 0.9


@pytest.mark.parametrize("seed", range(6))
def test_damaged_formats_cost_no_more_than_a_sentence(seed, tmp_path):
    """Bytes overwritten, left out and cut off at random, in every format."""
    rng = np.random.default_rng(seed)
    for path in files_of("formats"):
        data = bytearray(path.read_bytes())
        for _ in range(int(rng.integers(1, 20))):
            at = int(rng.integers(0, len(data) if seed % 2 else min(600, len(data))))
            data[at : at + 8] = rng.bytes(8)
        damaged = tmp_path / f"damaged{path.suffix}"
        damaged.write_bytes(data[: int(rng.integers(len(data) // 2, len(data)))])
        started_s, said = time.monotonic(), ""
        try:
            with open_audio(damaged) as audio:
                assert all(np.isfinite(chunk).all() for chunk in audio.samples())
        except TonescopeError as error:
            said = str(error)
        assert not said or repr(damaged.name) in said
        assert "the decoder failed on it" not in said
        assert time.monotonic() - started_s < 40


@pytest.mark.parametrize("path", files_of("corrupt"), ids=lambda path: path.name)
def test_damaged_file_is_decoded_or_explained_at_once(path):
    started_s = time.monotonic()
    try:
        with open_audio(path) as audio:
            finite = all(np.isfinite(chunk).all() for chunk in audio.samples())
        said = ""
    except TonescopeError as error:
        finite, said = True, str(error)
    assert finite
    assert not said or repr(path.name) in said
    assert time.monotonic() - started_s < 10
