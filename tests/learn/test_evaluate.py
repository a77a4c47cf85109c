"""An engine against a manifest, from the command line."""

from pathlib import Path

import pytest

from core.engines.emotion2vec_files import CONFIG
from core.engines.registry import Registry
from core.errors import EngineError
from core.provenance import sha256_of
from core.settings import MODELS_DIR
from tests.test_contract_schemas import valid


@pytest.fixture
def labelled(tmp_path: Path, make_talk) -> Path:
    """Two loud recordings and a quiet one; to the fake engine loud is angry and quiet sad."""
    make_talk("loud.wav", level=0.5)
    make_talk("louder.wav", level=0.6, hz=300)
    make_talk("quiet.wav", level=0.01, seconds=3.0)
    (tmp_path / "text.wav").write_text("no sound")
    path = tmp_path / "labels.csv"
    path.write_text(
        "file,emotion,speaker,start_s,end_s\n"
        "quiet.wav,sad,S1,,\nloud.wav,angry,S1,,\nlouder.wav,happy,S2,0.5,2.0\n"
        "text.wav,sad,,,\nloud.wav,angry,S1,90,91\n"
    )
    return path


def test_answers_the_contract_and_leaves_out_what_fails(run, labelled):
    said = run("evaluate", labelled, "--engine", "fake")
    assert said.status == 1
    (answer,) = said.lines
    valid("evaluate", answer)
    assert answer["n"] == 3
    assert answer["failed"] == 2
    assert answer["wa"] == pytest.approx(2 / 3, abs=1e-6)
    assert answer["uar"] == pytest.approx(2 / 3, abs=1e-6)  # angry 1, happy 0, sad 1
    assert answer["confusion"] == {"angry": {"angry": 1}, "happy": {"angry": 1}, "sad": {"sad": 1}}
    assert (answer["in_training"], answer["in_training_known"]) == (0, False)
    assert "line 5: 'text.wav' cannot be read as audio" in said.stderr
    assert "line 6: The region starts at 90.00 s" in said.stderr


def test_scores_are_those_of_predict(run, labelled):
    whole = run("predict", labelled.parent / "quiet.wav", "--engine", "fake").lines[0]
    labelled.write_text(f"file,emotion\nquiet.wav,{whole['emotion']}\n")
    said = run("evaluate", labelled, "--engine", "fake")
    assert said.status == 0
    assert said.lines[0]["wa"] == 1
    assert said.lines[0]["ece"] == pytest.approx(1 - whole["confidence"], abs=1e-6)


def test_manifest_of_nothing_but_failures_is_an_error(run, labelled):
    labelled.write_text("file,emotion\ntext.wav,sad\n")
    said = run("evaluate", labelled, "--engine", "fake")
    assert (said.status, said.lines) == (1, [])
    assert "None of the 1 recording(s)" in said.stderr


def test_training_files_are_counted(run, labelled, monkeypatch):
    heard = frozenset({sha256_of(labelled.parent / "loud.wav")})
    monkeypatch.setattr(Registry, "trained_on", lambda self, name: heard)
    said = run("evaluate", labelled, "--engine", "fake")
    assert (said.lines[0]["in_training"], said.lines[0]["in_training_known"]) == (2, True)
    assert "2 of the recordings were in the engine's training data" in said.stderr


def test_embedded_engine_tells_its_training_files(tmp_path):
    heard = Registry().trained_on("compact")
    listed = (MODELS_DIR / "compact" / "training_files.sha256").read_text().split()[0::2]
    assert heard == set(listed)
    assert len(heard) > 4000
    assert all(len(sha256) == 64 for sha256 in heard)


def test_changed_list_of_training_files_is_refused(tmp_path):
    for name in ("SHA256SUMS", "training_files.sha256"):
        (tmp_path / name).write_bytes((MODELS_DIR / "compact" / name).read_bytes())
    with (tmp_path / "training_files.sha256").open("a") as file:
        file.write("0" * 64 + "  more.wav\n")
    with pytest.raises(EngineError, match=r"training_files.sha256 has SHA-256"):
        Registry().trained_on(str(tmp_path))


def test_training_files_of_emotion2vec_are_not_known(tmp_path):
    assert Registry().trained_on("emotion2vec_plus_base") is None
    (tmp_path / CONFIG).write_text("model: Emotion2vec\n")
    assert Registry().trained_on(str(tmp_path)) is None
