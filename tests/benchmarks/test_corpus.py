"""The benchmarks of the corpus, in small."""

import json

import numpy as np
import pytest

from benchmarks import corpus_scale, similar_tone
from tests.test_contract_schemas import valid
from training.search import precision_at_10 as of_training


@pytest.fixture
def clips() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Six speakers with three emotions, ten clips each: voices, and emotions within them."""
    random = np.random.default_rng(0)
    speakers = np.repeat([f"P{i}" for i in range(6)], 30)
    emotions = np.tile(np.repeat(["angry", "happy", "sad"], 10), 6)
    vectors = random.normal(0, 0.4, (180, 12))
    vectors[np.arange(180), np.repeat(np.arange(6), 30)] += 2
    vectors[np.arange(180), 6 + np.tile(np.repeat(np.arange(3), 10), 6)] += 1
    return vectors.astype(np.float32), emotions, speakers


def test_precision_in_the_centred_space_is_that_of_training(clips):
    vectors, emotions, speakers = clips
    found = similar_tone.measure(vectors, emotions, speakers)
    precision, chance = of_training(vectors, emotions, speakers)
    assert found["centred"]["precision_at_10"] == pytest.approx(precision)
    assert found["centred"]["chance"] == pytest.approx(chance)
    assert found["speaker"]["ami_speakers"] < 0.05 < found["centred"]["ami_speakers"]
    assert found["speaker"]["precision_at_10"] > found["raw"]["precision_at_10"]


def test_version_in_which_each_speaker_shows_mostly_one_emotion(clips):
    _, emotions, speakers = clips
    rows = similar_tone.mostly_one(emotions, speakers)
    mostly = []
    for speaker in np.unique(speakers):
        names, counts = np.unique(emotions[rows][speakers[rows] == speaker], return_counts=True)
        assert counts.max() / counts.sum() == pytest.approx(0.8, abs=0.04)
        mostly.append(names[counts.argmax()])
    assert set(mostly) == {"angry", "happy", "sad"}
    np.testing.assert_array_equal(rows, similar_tone.mostly_one(emotions, speakers))


def test_lines_answer_the_contract(clips, capsys):
    similar_tone.show("emodb_balanced_raw", similar_tone.measure(*clips)["raw"], 180)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    for line in lines:
        valid("benchmark", line)
    assert [line["figure"] for line in lines] == [
        f"emodb_balanced_raw_{name}" for name in ("precision_at_10", "ami_emotions", "ami_speakers")
    ]


def test_corpus_scale_measures_in_small(clips, capsys):
    vectors = corpus_scale.jittered(clips[0], 400)
    assert vectors.shape == (400, 12)
    np.testing.assert_array_equal(vectors, corpus_scale.jittered(clips[0], 400))
    space, placed = corpus_scale._space(vectors)
    corpus_scale.search(placed, space.apply(clips[0][:20]))
    corpus_scale.clusters(placed)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    for line in lines:
        valid("benchmark", line)
    found = {line["figure"]: line for line in lines}
    assert set(found) == {"exact_query_ms", "indexed_query_ms", "indexed_recall", "kmeans_s"}
    assert found["indexed_recall"]["value"] == 1
    assert found["exact_query_ms"]["limit"] == 100
