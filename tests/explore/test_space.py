"""The space of comparison, against scikit-learn and by hand."""

import json
from dataclasses import replace

import numpy as np
import pytest
from sklearn.covariance import LedoitWolf
from sklearn.preprocessing import normalize

from core.errors import ExploreError
from core.explore.space import (
    SpaceKind,
    SpaceSettings,
    comparable,
    directions,
    fit,
    means,
    settings_from,
)


def _embeddings(n: int = 40, dims: int = 8, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(3, 1, (n, dims)).astype(np.float32)


def test_directions_are_centred_rows_of_length_1():
    raw = _embeddings()
    np.testing.assert_allclose(directions(raw), normalize(raw - raw.mean(axis=0)), atol=1e-5)


def test_input_is_left_as_it_was():
    raw = _embeddings()
    before = raw.copy()
    directions(raw)
    np.testing.assert_array_equal(raw, before)


def test_common_offset_changes_nothing():
    raw = _embeddings()
    np.testing.assert_allclose(directions(raw + 5), directions(raw), atol=1e-5)


def test_segment_at_the_centre_has_no_direction():
    raw = np.array([[1.0, 1], [3, 3], [2, 2]], np.float32)
    np.testing.assert_allclose(directions(raw)[2], 0)


@pytest.mark.parametrize(("n", "said"), [(0, "no segments"), (1, "only 1 segment"), (2, "only 2")])
def test_too_few_are_refused(n, said):
    with pytest.raises(ExploreError, match=f"{said}.*at least 3 are needed"):
        directions(_embeddings(n))


def test_equal_embeddings_are_refused_in_spite_of_rounding():
    raw = np.tile(_embeddings(1, 384), (1000, 1))
    raw[::2] *= np.float32(1 + 1e-7)
    with pytest.raises(ExploreError, match="All 1000 segments have the same embedding"):
        directions(raw)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_none_are_refused(value):
    raw = _embeddings()
    raw[3, 2] = value
    with pytest.raises(ExploreError, match="no finite numbers"):
        directions(raw)


def test_means_of_groups_by_hand():
    vectors = np.array([[0, 2], [10, 0], [4, 4]], np.float32)
    np.testing.assert_array_equal(means(vectors, np.array([1, 0, 1])), [[10, 0], [2, 3]])


def test_whitened_corpus_has_the_covariance_of_ledoit_and_wolf_made_round():
    raw = (_embeddings(300) * np.linspace(0.1, 5, 8)).astype(np.float32)
    space = fit(raw, SpaceSettings(SpaceKind.WHITENED))
    shrunk = LedoitWolf().fit(raw).covariance_
    np.testing.assert_allclose(space.matrix @ shrunk @ space.matrix, np.eye(8), atol=1e-3)
    np.testing.assert_allclose(space.matrix, space.matrix.T, atol=1e-6)
    expected = normalize((raw - raw.mean(axis=0)) @ space.matrix)
    np.testing.assert_allclose(space.apply(raw), expected, atol=1e-4)


def test_raw_space_only_takes_the_length_away():
    raw = _embeddings()
    np.testing.assert_allclose(
        fit(raw, SpaceSettings(SpaceKind.RAW)).apply(raw), normalize(raw), atol=1e-6
    )


def test_speakers_are_centred_with_shrinkage_and_few_segments_by_the_corpus():
    raw, names = _embeddings(40), [*["A"] * 25, *["B"] * 10, *["C"] * 3, None, ""]
    settings = SpaceSettings(SpaceKind.SPEAKER, shrinkage=5, min_segments=5)
    space = fit(raw, settings, names)
    assert set(space.offsets) == {"A", "B"}
    mean = raw.mean(axis=0)
    for name, part, n in (("A", raw[:25], 25), ("B", raw[25:35], 10)):
        expected = n / (n + 5) * (part.mean(axis=0) - mean)
        np.testing.assert_allclose(space.offsets[name].vector, expected, atol=1e-5)
    found = space.apply(raw, names)
    np.testing.assert_allclose(
        found[:25], normalize(raw[:25] - mean - space.offsets["A"].vector), atol=1e-5
    )
    np.testing.assert_allclose(found[35:], directions(raw)[35:], atol=1e-5)
    np.testing.assert_allclose(space.apply(raw), directions(raw), atol=1e-5)


def test_neutral_reference_keeps_what_a_speaker_mostly_feels():
    random = np.random.default_rng(3)
    voice = {"A": np.array([4.0, 0, 0, 0]), "B": np.array([0, 4.0, 0, 0])}
    names = ["A"] * 40 + ["B"] * 40
    calm = np.array(([True] * 10 + [False] * 30) * 2)
    mood = np.where(calm, 0, [1] * 40 + [-1] * 40)  # A is always glad, B always sad, but when calm
    raw = np.stack([voice[n] for n in names]) + random.normal(0, 0.1, (80, 4))
    raw[:, 2] += 3 * mood
    settings = SpaceSettings(SpaceKind.SPEAKER, shrinkage=0, min_segments=5)
    raw = raw.astype(np.float32)
    by_all = fit(raw, settings, names).apply(raw, names)
    with_calm = replace(settings, neutral=True)
    by_calm = fit(raw, with_calm, names, calm).apply(raw, names)
    quiet, sad = calm & (np.arange(80) < 40), mood == -1
    assert (by_all[quiet] @ by_all[sad].T).mean() > 0.9  # the calm of A passes for B's sadness
    assert abs((by_calm[quiet] @ by_calm[sad].T).mean()) < 0.4
    assert (by_calm[mood == 1] @ by_calm[sad].T).mean() < -0.9
    assert all(one.neutral for one in fit(raw, with_calm, names, calm).offsets.values())
    assert not any(one.neutral for one in fit(raw, with_calm, names).offsets.values())


def test_comparisons_between_speakers_never_centre_per_speaker():
    per_speaker = SpaceSettings(SpaceKind.SPEAKER, shrinkage=3)
    assert comparable(per_speaker).kind is SpaceKind.CENTRED
    assert comparable(SpaceSettings(SpaceKind.WHITENED)).kind is SpaceKind.WHITENED
    assert "mostly feels" in per_speaker.warning
    assert SpaceSettings().warning is None


@pytest.mark.parametrize("kind", SpaceKind)
def test_settings_come_back_from_json_and_are_said(kind):
    settings = SpaceSettings(kind)
    assert settings_from(json.loads(json.dumps(settings.as_json()))) == settings
    assert settings.sentence.endswith("length 1")


def test_what_makes_no_space_is_explained():
    with pytest.raises(ExploreError, match="No speaker is known"):
        fit(_embeddings(), SpaceSettings(SpaceKind.SPEAKER), [None] * 40)
    with pytest.raises(ExploreError, match="shrinkage of -1"):
        SpaceSettings(shrinkage=-1)
    with pytest.raises(ExploreError, match="choose 1 or more"):
        SpaceSettings(min_segments=0)
    with pytest.raises(ExploreError, match="5 dimensions do not fit a space of 8"):
        fit(_embeddings()).apply(_embeddings(dims=5))
