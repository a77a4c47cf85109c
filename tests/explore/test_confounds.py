"""The audit against corpora of which it is known what they follow."""

import numpy as np
import pytest
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score

from core.explore.confounds import (
    Factor,
    Found,
    advice,
    agreement,
    audit,
    binned,
    coded,
    probe,
)
from core.explore.space import SpaceKind


@pytest.fixture(scope="module")
def corpus() -> dict:
    """Four speakers with five recordings of twelve segments: voices in four dimensions."""
    random = np.random.default_rng(0)
    speakers = np.repeat([f"P{i}" for i in range(4)], 60)
    recordings = np.repeat([f"r{i}" for i in range(20)], 12)
    mood = random.integers(0, 2, 240)
    vectors = random.normal(0, 0.5, (240, 12))
    vectors[np.arange(240), np.repeat(np.arange(4), 60)] += 3
    vectors[:, 6] += mood
    return {
        "vectors": vectors.astype(np.float32),
        "speakers": speakers.tolist(),
        "recordings": recordings.tolist(),
        "mood": np.array(["calm", "angry"])[mood].tolist(),
    }


def test_agreements_are_those_of_scikit_learn(corpus):
    random = np.random.default_rng(1)
    labels = random.integers(0, 3, 240)
    labels[:10] = -1
    codes = coded([None, *corpus["speakers"][1:]])
    found = agreement(labels, codes)
    two = labels[10:], codes[10:]
    assert found == pytest.approx((adjusted_mutual_info_score(*two), adjusted_rand_score(*two)))
    assert agreement(labels, np.full(240, -1)) == (None, None)


def test_values_that_occur_once_each_agree_with_nothing():
    assert adjusted_mutual_info_score([0, 1], [0, 1]) == pytest.approx(1)  # and says nothing
    assert agreement(np.array([0, 1, 1]), coded(["a", "b", "c"])) == (None, None)
    assert agreement(np.array([0, 1, 1, 0]), coded(["a", "b", "b", "a"])) == (1.0, 1.0)


def test_of_few_nothing_is_said():
    labels = np.array([0, 1, 1, 0])
    factors = {Factor.SPEAKER: ["a", "b", "b", "a"]}
    found = audit(np.eye(4, dtype=np.float32), labels, factors, list("wxyz"))
    assert found[0].ami == pytest.approx(1)
    assert "too few" in advice(found)


def test_clusters_that_are_speakers_are_found_out(corpus):
    labels = coded(corpus["speakers"])
    random = np.random.default_rng(2)
    found = audit(
        corpus["vectors"],
        labels,
        {
            Factor.SPEAKER: corpus["speakers"],
            Factor.RECORDING: corpus["recordings"],
            Factor.SESSION: [None] * 240,
            Factor.LEVEL: random.normal(size=240),
            Factor.DURATION: np.full(240, np.nan),
            Factor.EMOTION_PEOPLE: corpus["mood"],
            Factor.EMOTION_ENGINE: corpus["mood"],
        },
        corpus["recordings"],
    )
    by = {one.factor: one for one in found}
    speaker = by[Factor.SPEAKER]
    assert speaker.ami == pytest.approx(1)
    assert speaker.probe_accuracy > 0.95
    assert speaker.chance == pytest.approx(0.25, abs=0.2)
    assert by[Factor.EMOTION_PEOPLE].ami == pytest.approx(0, abs=0.05)
    assert by[Factor.EMOTION_PEOPLE].probe_accuracy > 0.7
    assert by[Factor.LEVEL].probe_accuracy == pytest.approx(by[Factor.LEVEL].chance, abs=0.12)
    assert by[Factor.SESSION].note == "It is not known here."
    assert by[Factor.DURATION].ami is None
    assert "circular" in by[Factor.EMOTION_ENGINE].note
    said = advice(found)
    assert said.startswith("The groups follow the speaker (adjusted mutual information 1.00) more")
    assert "Centre per speaker" in said
    assert "did not undo it" in advice(found, SpaceKind.SPEAKER)
    assert said == advice(found)


def test_probe_never_sees_a_recording_twice():
    random = np.random.default_rng(0)
    recordings = np.repeat(np.arange(40), 10)
    codes = (np.arange(40) % 2)[recordings]
    room = random.normal(size=(40, 30))[
        recordings
    ]  # tells the recording, and of the speaker nothing
    vectors = (room + random.normal(0, 0.01, room.shape)).astype(np.float32)
    accuracy, chance = probe(vectors, codes, recordings)
    assert accuracy == pytest.approx(0.5, abs=0.25)
    assert chance == pytest.approx(0.5, abs=0.2)
    seen, _ = probe(vectors, codes, np.arange(400))
    assert seen > 0.9


def test_probe_needs_two_values_in_two_recordings():
    vectors = np.eye(6, dtype=np.float32)
    assert probe(vectors, np.array([0, 0, 0, 1, 1, 1]), np.array([0, 0, 1, 2, 2, 2])) == (
        None,
        None,
    )
    found = audit(vectors, None, {Factor.SPEAKER: list("aaabbb")}, list("xxyzzz"))
    assert (found[0].ami, found[0].probe_accuracy) == (None, None)
    assert "no probe can be tried" in found[0].note


def test_bins_are_of_about_equal_size_and_unknown_stays_unknown():
    values = np.append(np.random.default_rng(0).normal(size=500), np.nan)
    bins = binned(values)
    assert bins[-1] == -1
    assert np.bincount(bins[:-1]).tolist() == [100] * 5
    assert set(binned(np.full(9, 3.0))) == {0}


def _one(factor: Factor, ami: float | None, probe_accuracy: float | None = None) -> Found:
    return Found(factor, 100, 4, ami, ami, probe_accuracy, 0.25)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (
            [_one(Factor.SPEAKER, 0.02)],
            "follow none of these clearly, the speaker most .*Label some segments",
        ),
        ([_one(Factor.LEVEL, 0.02), _one(Factor.EMOTION_PEOPLE, 0.4)], "people heard it is 0.40"),
        ([_one(Factor.SESSION, 0.2), _one(Factor.EMOTION_PEOPLE, 0.4)], "use them and say both"),
        ([_one(Factor.DURATION, 0.5)], "follow the duration.*do not read them as emotions. Cut"),
        (
            [_one(Factor.SPEAKER, None, 0.9)],
            "names the speaker.*in 90% of cases where chance is 25%",
        ),
        ([_one(Factor.SPEAKER, None, 0.26)], "no proof"),
        ([], "no proof"),
    ],
)
def test_advice_follows_from_the_numbers(found, said):
    import re

    assert re.search(said, advice(found))
