"""The command line: exit status, pure JSON on stdout, the rest on stderr."""

import json
import os
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from core.audio.decode import open_audio
from core.pipeline import Pipeline
from core.timeline.track import Timeline
from core.version import VERSION
from tests.fakes import FakeEngine
from tests.synthetic import talk, tone, write

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def place(tmp_path):
    return ["--engine", "fake", "--store", tmp_path / "store"]


def python_m_core(*arguments: object, **options) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "core", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, **options)


def test_all_went_well_is_0(run, talk_file, place):
    said = run("analyze", talk_file, *place)
    assert (said.status, len(said.lines)) == (0, 1)
    assert said.lines[0]["status"] == "done"
    assert "1 of 1" in said.stderr
    assert "1 done, 0 skipped, 0 failed" in said.stderr


def test_any_failed_input_is_1_and_costs_only_itself(run, talk_file, place, tmp_path):
    (tmp_path / "bad.mp3").write_bytes(b"")
    said = run("analyze", tmp_path / "bad.mp3", talk_file, tmp_path / "gone.wav", *place)
    assert said.status == 1
    assert [line["status"] for line in said.lines] == ["failed", "done", "failed"]
    assert next(line["file"] for line in said.lines) == str(tmp_path / "bad.mp3")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["fly"],
        ["analyze"],
        ["predict"],
        ["predict", "a.wav", "--granularity", "word"],
        ["predict", "a.wav", "--start-s", "soon"],
        ["predict", "a.wav", "--start-s", "nan"],
        ["predict", "a.wav", "--start-s", "-1"],
        ["predict", "a.wav", "--precision", "fp8"],
        ["export", "--format", "docx", "--out", "x"],
        ["export", "--format", "csv"],
        ["store"],
        ["analyze", "a.wav", "--unknown"],
    ],
)
def test_wrong_usage_is_2(run, arguments):
    said = run(*arguments)
    assert (said.status, said.lines) == (2, [])
    assert "usage: python -m core" in said.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["predict", "gone.wav", "--engine", "fake"], "'gone.wav' cannot be read"),
        (["predict", "gone.wav", "--engine", "guess"], "no engine 'guess'; choose compact"),
        (["predict", "gone.wav", "--engine", "fake", "--channel", "-1"], "count from 0"),
    ],
)
def test_error_is_one_sentence_and_1(run, arguments, words):
    said = run(*arguments)
    assert (said.status, said.lines) == (1, [])
    assert words in said.stderr
    assert said.stderr.startswith("tonescope: ")
    assert len(said.stderr.splitlines()) == 1


def test_prediction_stores_nothing(run, talk_file, tmp_path, monkeypatch):
    monkeypatch.setenv("TONESCOPE_STORE", str(tmp_path / "store"))
    assert run("predict", talk_file, "--engine", "fake").status == 0
    assert not (tmp_path / "store").exists()


def test_region_is_read_as_told(run, talk_file):
    quiet = run("predict", talk_file, "--engine", "fake", "--start-s", 1, "--end-s", 3).lines[0]
    loud = run("predict", talk_file, "--engine", "fake", "--start-s", 4, "--end-s", 6.5).lines[0]
    assert (quiet["emotion"], loud["emotion"]) == ("sad", "angry")
    outside = run("predict", talk_file, "--engine", "fake", "--start-s", 100)
    assert outside.status == 1
    assert "ends at 7.00 s" in outside.stderr


def test_folder_is_searched_and_what_is_no_media_is_counted(run, talk_file, place, tmp_path):
    folder = tmp_path / "corpus"
    (folder / "sub").mkdir(parents=True)
    (folder / ".hidden").mkdir()
    data = talk_file.read_bytes()
    (folder / "sub" / "a.wav").write_bytes(data)
    (folder / "b.unknown-suffix").write_bytes(data)  # sound, whatever its name
    (folder / "notes.txt").write_text("notes")
    (folder / ".hidden" / "c.wav").write_bytes(data)
    (folder / ".d.wav").write_bytes(data)
    said = run("analyze", folder, *place)
    assert said.status == 0
    assert [Path(line["file"]).name for line in said.lines] == ["b.unknown-suffix", "a.wav"]
    assert "passed over 1 file(s) that are no media" in said.stderr


def test_file_of_unknown_codec_in_a_folder_costs_no_more_than_itself(
    run, talk_file, place, tmp_path
):
    from tests.audio.test_decode import wav_of

    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "a.data").write_bytes(wav_of(b"\1\2" * 1_000, tag=0x7777))
    (folder / "b.wav").write_bytes(talk_file.read_bytes())
    said = run("analyze", folder, *place)
    assert [line["status"] for line in said.lines][-1] == "done"


def test_folder_without_media_is_1(run, place, tmp_path):
    (tmp_path / "empty").mkdir()
    said = run("analyze", tmp_path / "empty", *place)
    assert (said.status, said.lines) == (1, [])
    assert "holds no media" in said.stderr


def test_file_named_twice_is_taken_once(run, talk_file, place):
    assert len(run("analyze", talk_file, talk_file, *place).lines) == 1


def test_metadata_goes_to_the_store(run, talk_file, place, store):
    options = ["--session", "3", "--speaker", "Anna", "--tags", "a, b,,"]
    recording = run("analyze", talk_file, *options, *place).lines[0]["recording"]
    found = store.recording(recording)
    assert (found.session, found.speaker, found.tags) == ("3", "Anna", ("a", "b"))


def test_outputs_hold_result_sound_and_embedding(run, talk_file, place, tmp_path, loud_is_speech):
    said = run("analyze", talk_file, "--outputs", tmp_path / "out", *place)
    assert said.status == 0
    (folder,) = (tmp_path / "out").iterdir()
    assert folder.name.startswith("outputs_2")
    assert len(folder.name) == len("outputs_20260512_101010")
    assert sorted(p.name for p in folder.iterdir()) == [
        "embedding.npy",
        "processed_audio.wav",
        "result.json",
    ]
    result = json.loads((folder / "result.json").read_text())
    predicted = run("predict", talk_file, "--engine", "fake").lines[0]
    assert result["scores"] == pytest.approx(predicted["scores"])
    assert result["granularity"] == "utterance"
    timeline = Timeline(Pipeline(FakeEngine()).predict(talk_file).track)
    np.testing.assert_allclose(np.load(folder / "embedding.npy"), timeline.embedding(), atol=1e-6)
    with av.open(str(folder / "processed_audio.wav")) as container:
        stream = container.streams.audio[0]
        assert (stream.sample_rate, stream.channels) == (16_000, 1)
        heard = np.concatenate([f.to_ndarray().ravel() for f in container.decode(stream)])
    expected = talk([(1.0, 0.0), (2.0, 0.05), (1.0, 0.0), (2.5, 0.6), (0.5, 0.0)])
    np.testing.assert_allclose(heard / 32768, expected, atol=1e-4)


def test_outputs_are_never_overwritten(run, make_talk, place, tmp_path):
    paths = [make_talk(f"{hz}.wav", hz) for hz in (200, 300, 400)]
    for _ in range(2):
        run("analyze", *paths, "--outputs", tmp_path / "out", *place)
    results = [p.read_text() for p in (tmp_path / "out").glob("outputs_*/result.json")]
    assert len(results) == 6


def test_outputs_that_cannot_be_written_are_explained(run, talk_file, place, tmp_path):
    (tmp_path / "out").write_text("a file")
    said = run("analyze", talk_file, "--outputs", tmp_path / "out", *place)
    assert said.status == 1
    assert "cannot be written to" in said.stderr
    assert "Traceback" not in said.stderr
    assert [line["status"] for line in said.lines] == ["done"]  # the analysis is stored


def test_recording_that_vanishes_before_its_outputs_is_explained(run, place, tmp_path):
    path = write(tmp_path / "tiny.wav", tone(0.5))
    said = run("analyze", path, "--outputs", tmp_path / "deep" / "er", *place)
    assert said.status == 0
    assert len(list((tmp_path / "deep" / "er").iterdir())) == 1


def test_check_says_what_it_found(run, talk_file, place, tmp_path):
    run("analyze", talk_file, *place)
    said = run("store", "check", "--store", tmp_path / "store")
    assert said.status == 0
    assert {k: said.lines[0][k] for k in ("ok", "recordings", "tracks", "orphans")} == {
        "ok": True,
        "recordings": 1,
        "tracks": 1,
        "orphans": 0,
    }


def test_folder_that_is_no_store_is_refused(run, talk_file, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.doc").write_text("")
    said = run("analyze", talk_file, "--engine", "fake", "--store", tmp_path / "mine")
    assert said.status == 1
    assert "holds other files and no store" in said.stderr


def test_nothing_to_export_is_explained(run, tmp_path):
    arguments = ["--format", "csv", "--out", tmp_path / "o", "--store", tmp_path / "s"]
    said = run("export", *arguments)
    assert (said.status, said.lines) == (1, [])
    assert "nothing to export; analyse a recording first" in said.stderr


def test_version_and_help_are_told_by_a_process_of_its_own():
    done = python_m_core("--version")
    assert (done.returncode, done.stdout) == (0, f"tonescope {VERSION}\n")
    helped = python_m_core("--help")
    assert helped.returncode == 0
    for command in ("analyze", "predict", "engines", "export", "store"):
        assert command in helped.stdout


def test_wrong_usage_of_a_process_is_2():
    done = python_m_core("predict")
    assert (done.returncode, done.stdout) == (2, "")


def test_name_that_is_no_unicode_is_told_by_a_process(tmp_path):
    bad = tmp_path / os.fsdecode(b"caf\xe9.wav")
    bad.write_bytes(b"")
    script = (
        "import sys; from core.engines.registry import Registry; from tests.fakes import FakeEngine"
        "\nimport core.api\nr = Registry(); r.add('fake', lambda p: FakeEngine())\n"
        "core.api.Registry = lambda: r\nfrom core.cli import main\nsys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", script, "analyze", str(tmp_path), "--engine", "fake"]
    done = subprocess.run(
        [*command, "--store", str(tmp_path / "s")], cwd=ROOT, capture_output=True, check=False
    )
    assert b"Traceback" not in done.stderr, done.stderr.decode(errors="replace")
    assert done.returncode == 1
    assert json.loads(done.stdout)["status"] == "failed"


def test_options_of_conditioning_are_off_unless_given(run, talk_file, tmp_path):
    store, outputs = tmp_path / "store", tmp_path / "outputs"
    common = ["analyze", talk_file, "--engine", "fake", "--store", store]
    assert run(*common).lines[0]["status"] == "done"
    trimmed = run(*common, "--trim-silence", "--outputs", outputs)
    assert trimmed.lines[0]["status"] == "done"
    assert run(*common, "--trim-silence", "--noise-reduction").lines[0]["status"] == "done"
    assert run(*common).lines[0]["status"] == "skipped"
    (folder,) = outputs.iterdir()
    with open_audio(folder / "processed_audio.wav") as audio:
        assert sum(map(len, audio.samples())) == 5.7 * 16_000  # what the engine heard


def test_prediction_takes_the_options(run, talk_file):
    plain = run("predict", talk_file, "--engine", "fake").lines[0]
    trimmed = run("predict", talk_file, "--engine", "fake", "--trim-silence").lines[0]
    assert trimmed["duration_s"] == plain["duration_s"]
    assert trimmed["scores"] != plain["scores"]
