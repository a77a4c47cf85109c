"""The contract: real output of every command against its JSON Schema."""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest
from jsonschema import Draft202012Validator

from core.cli import _parser
from core.contract import COMMANDS, answer_of, names, schema
from core.emotions import EMOTIONS
from tests.synthetic import silence, tone, write

ROOT = Path(__file__).resolve().parents[1]


def valid(name: str, answer: object) -> None:
    validator = Draft202012Validator(
        schema(name), format_checker=Draft202012Validator.FORMAT_CHECKER
    )
    validator.validate(answer)


def test_every_schema_is_itself_valid():
    expected = {
        "analyze",
        "benchmark",
        "engines",
        "engines_verify",
        "export",
        "predict",
        "store_check",
    }
    assert set(names()) >= expected
    for name in names():
        Draft202012Validator.check_schema(schema(name))


def commands(parser: argparse.ArgumentParser, name: str = "") -> Iterator[str]:
    """Yields every command that can be given, with its action."""
    inner = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    if name and not (inner and inner[0].required):
        yield name
    for action in inner:
        for word, found in action.choices.items():
            yield from commands(found, f"{name} {word}".strip())


def test_every_command_has_a_schema_that_its_answers_are_held_against():
    listed = set(commands(_parser()))
    assert {"predict", "engines", "engines fetch", "store check"} <= listed
    assert listed - {"serve"} == {name.partition(" --")[0] for name in COMMANDS}
    assert set(COMMANDS.values()) | {"benchmark"} == set(names())
    assert answer_of(["forget", "--speaker", "A", "--dry-run"]) == "forget_plan"
    assert answer_of(["engines"]) == "engines"
    assert answer_of(["serve"]) is None


def test_unknown_schema_names_the_known_ones():
    with pytest.raises(KeyError, match="choose one of analyze"):
        schema("../settings")


@pytest.mark.parametrize("granularity", ["utterance", "segment", "frame"])
def test_predict_answers_the_contract(run, talk_file, granularity):
    answer = run("predict", talk_file, "--engine", "fake", "--granularity", granularity).lines[0]
    valid("predict", answer)
    for part in [answer, *answer.get("segments", []), *answer.get("frames", [])]:
        assert list(part["scores"]) == [str(emotion) for emotion in EMOTIONS]
        assert sum(part["scores"].values()) == pytest.approx(1, abs=1e-6)
        assert part["emotion"] == max(part["scores"], key=part["scores"].get)


@pytest.mark.parametrize(
    "options", [["--start-s", "1"], ["--end-s", "2.5"], ["--frames", "speech"]]
)
def test_predict_of_a_region_answers_the_contract(run, talk_file, options):
    valid("predict", run("predict", talk_file, "--engine", "fake", *options).lines[0])


def test_analyze_answers_the_contract_whatever_becomes_of_a_file(run, talk_file, tmp_path):
    (tmp_path / "text.wav").write_text("no sound")
    quiet = write(tmp_path / "quiet.wav", silence(1.0))
    short = write(tmp_path / "short.wav", tone(0.01))
    files = [talk_file, tmp_path / "text.wav", tmp_path / "gone.wav", quiet, short]
    arguments = ["analyze", *files, talk_file, "--engine", "fake", "--store", tmp_path / "s"]
    lines = [*run(*arguments).lines, *run(*arguments).lines]
    assert {line["status"] for line in lines} == {"done", "skipped", "failed"}
    for line in lines:
        valid("analyze", line)


def test_skipped_line_is_filled_like_the_done_one(run, talk_file, tmp_path):
    arguments = ["analyze", talk_file, "--engine", "fake", "--store", tmp_path / "s"]
    done, skipped = run(*arguments).lines[0], run(*arguments).lines[0]
    assert (done.pop("status"), skipped.pop("status")) == ("done", "skipped")
    assert done == skipped


def test_export_and_check_answer_the_contract(run, talk_file, tmp_path):
    place = ["--store", tmp_path / "s"]
    run("analyze", talk_file, "--engine", "fake", *place)
    kinds = ("csv", "parquet", "json", "npy")
    kinds += ("textgrid", "eaf", "audacity", "webvtt", "rttm", "audformat")
    for kind in kinds:
        for line in run("export", "--format", kind, "--out", tmp_path / kind, *place).lines:
            valid("export", line)
            assert Path(line["file"]).is_file()
    valid("store_check", run("store", "check", *place).lines[0])
    for path in (tmp_path / "s" / "tables" / "frames").glob("*.parquet"):
        path.unlink()
    broken = run("store", "check", *place)
    assert broken.status == 1
    valid("store_check", broken.lines[0])


def test_engines_answers_the_contract():
    done = subprocess.run(
        [sys.executable, "-m", "core", "engines"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert "compact" in [line["name"] for line in lines]
    for line in lines:
        valid("engines", line)


def test_verify_and_fetch_answer_the_contract(run, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    gone = str(tmp_path / "gone")
    for arguments, name, status in (
        (["verify", "fake"], "fake", 0),
        (["verify", gone], gone, 1),
        (["fetch", "emotion2vec_plus_base", "--hub", "hf"], "emotion2vec_plus_base", 1),
    ):
        said = run("engines", *arguments)
        assert said.status == status
        (line,) = said.lines
        valid("engines_verify", line)
        assert (line["name"], line["ok"]) == (name, status == 0)
    assert "cannot be reached" in line["reason"]
    with pytest.raises(jsonschema.ValidationError):
        valid("engines_verify", {"name": "compact", "ok": False, "reason": None})
    assert run("engines", "fetch", "compact").status == 2
    assert run("engines", "fetch", "emotion2vec_plus_base", "--hub", "elsewhere").status == 2


def test_schemas_refuse_what_the_contract_does_not_allow(run, talk_file):
    answer = run("predict", talk_file, "--engine", "fake").lines[0]
    for change in (
        {"emotion": "bored"},
        {"confidence": 1.5},
        {"scores": {**answer["scores"], "bored": 0.0}},
        {"scores": {"angry": 1.0}},
        {"granularity": "segment"},
        {"duration_s": "7"},
    ):
        with pytest.raises(jsonschema.ValidationError):
            valid("predict", answer | change)
    for key in ("emotion", "confidence", "scores", "timestamp", "engine", "duration_s"):
        with pytest.raises(jsonschema.ValidationError):
            valid("predict", {k: v for k, v in answer.items() if k != key})


def test_benchmark_line_of_the_contract_passes_and_others_do_not():
    line = {"figure": "scan_s", "value": 1.5, "unit": "s", "against": None, "ratio": None}
    valid("benchmark", line | {"limit": 10})
    with pytest.raises(jsonschema.ValidationError):
        valid("benchmark", line)


def test_project_and_cluster_answer_the_contract(run, make_talk, tmp_path):
    place = ["--engine", "fake", "--store", tmp_path / "s"]
    files = [make_talk(f"{n}.wav", 200 + 40 * n, level=0.1 + 0.2 * n) for n in range(4)]
    run("analyze", *files, "--session", "one", *place)
    for method in ("umap", "pca", "tsne"):
        said = run("project", "--method", method, *place)
        valid("project", said.lines[0])
        assert (said.lines[0]["method"], said.lines[0]["points"]) == ("pca", 4)
        assert ("too few" in said.stderr) == (method != "pca")
    for options in ([], ["--k", "auto"], ["--k", "4"], ["--unit", "recording", "--k", "2"]):
        said = run("cluster", *options, *place)
        assert said.status == 0
        valid("cluster", said.lines[0])
        assert len(said.lines[0]["sizes"]) == said.lines[0]["k"]
        assert sum(said.lines[0]["sizes"]) == 4
    assert run("cluster", "--unit", "session", *place).status == 1


def test_similar_and_confounds_answer_the_contract(run, make_talk, tmp_path):
    place = ["--engine", "fake", "--store", tmp_path / "s"]
    files = [make_talk(f"{n}.wav", 200 + 40 * n, level=0.1 + 0.2 * n) for n in range(4)]
    done = [run("analyze", f, "--speaker", f"P{n % 2}", *place) for n, f in enumerate(files)]
    assert run("confounds", *place).status == 1
    clustering = run("cluster", "--k", "2", *place).lines[0]["clustering"]
    region = [
        "--recording",
        done[0].lines[0]["recording"][:16],
        "--start-s",
        "0.6",
        "--end-s",
        "1.6",
    ]
    said = run("similar", *region, *place)
    assert said.status == 0, said.stderr
    assert [line["rank"] for line in said.lines] == [1, 2, 3]
    for line in said.lines:
        valid("similar", line)
    assert len(run("similar", *region, "-k", "2", "--other-recordings", *place).lines) == 2
    others = run("similar", *region, "--other-speakers", "--space", "whitened", *place)
    assert {line["speaker"] for line in others.lines} == {"P1"}
    said = run("confounds", "--clustering", clustering, "--store", tmp_path / "s")
    assert said.status == 0, said.stderr
    for line in said.lines:
        valid("confounds", line)
    factors = [line["factor"] for line in said.lines]
    assert factors[:5] == ["speaker", "recording", "session", "level", "duration"]
    assert "circular" in said.stderr
    assert run("similar", "--recording", "ff", "--start-s", "0", "--end-s", "1", *place).status == 1
    assert "mostly feels" in run("cluster", "--space", "speaker", *place).stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["similar", "--recording", "aa", "--start-s", "0"],
        ["similar", "--recording", "aa", "--start-s", "-1", "--end-s", "2"],
        ["similar", "--recording", "aa", "--start-s", "0", "--end-s", "2", "-k", "0"],
        ["similar", "--recording", "aa", "--start-s", "0", "--end-s", "2", "--channel", "x"],
        ["cluster", "--space", "cosine"],
        ["cluster", "--k", "1"],
        ["cluster", "--k", "few"],
        ["cluster", "--unit", "word"],
        ["project", "--method", "mds"],
        ["project", "--seed", "-1"],
    ],
)
def test_wrong_usage_of_project_and_cluster_is_2(run, arguments):
    assert run(*arguments).status == 2
