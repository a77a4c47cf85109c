"""Head, folds, weights and calibration, against independent answers."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from training.calibrate import (
    Regions,
    calibration_error,
    fit_temperature,
    measure,
    used_temperatures,
)
from training.data import balancing_weights, speaker_folds
from training.figures import by_corpus, by_speaker
from training.fit import fit_head, read_out

EMOTIONS = np.array(["angry", "happy", "neutral", "sad"])


def _blobs(n: int = 300, n_features: int = 40) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 4, n)
    centres = rng.standard_normal((4, n_features)) * 0.7
    scale = np.linspace(0.5, 3, n_features)
    x = ((centres[y] + rng.standard_normal((n, n_features))) * scale).astype(np.float32)
    return x, EMOTIONS[y]


def test_head_agrees_with_scikit_learn() -> None:
    x, y = _blobs()
    weights = np.random.default_rng(1).uniform(0.2, 2.0, len(x))
    head = fit_head(x, y.tolist(), weights, penalty=0.01)
    standard = (x - head.mean) / head.deviation
    # C * sum(w * loss) + |W|²/2 is ours, divided by C * sum(w).
    oracle = LogisticRegression(C=1 / (0.01 * weights.sum()), tol=1e-8, max_iter=1000)
    oracle.fit(standard, y, weights)
    expected = oracle.predict_proba(standard)
    logits = head.logits(x)
    found = np.exp(logits - logits.max(axis=1, keepdims=True))
    found /= found.sum(axis=1, keepdims=True)
    assert head.classes == tuple(oracle.classes_)
    np.testing.assert_allclose(found, expected, atol=5e-3)


def test_narrower_embedding_loses_nothing_of_the_head() -> None:
    x, y = _blobs()
    head = fit_head(x, y.tolist(), np.ones(len(x)), penalty=0.01)
    found = read_out(head, x, np.ones(len(x)), n_dims=12)
    embeddings = x @ found.projection.T + found.shift
    assert embeddings.shape == (len(x), 12)
    np.testing.assert_allclose(embeddings @ found.weight.T + found.bias, head.logits(x), atol=0.02)


def test_every_emotion_of_every_corpus_weighs_the_same() -> None:
    corpora = ["a"] * 160 + ["b"] * 800
    emotions = ["happy"] * 100 + ["sad"] * 60 + ["happy"] * 797 + ["angry"] * 3
    weights = balancing_weights(corpora, emotions, rare=40)
    cells = np.array([f"{c} {e}" for c, e in zip(corpora, emotions, strict=True)])
    total = {cell: weights[cells == cell].sum() for cell in set(cells)}
    assert total["a happy"] == pytest.approx(total["a sad"])
    assert total["a happy"] == pytest.approx(total["b happy"])
    assert total["b angry"] == pytest.approx(total["b happy"] * 3 / 40)
    assert weights.mean() == pytest.approx(1.0)


def test_folds_share_no_speaker_and_spread_every_corpus() -> None:
    speakers = [f"{corpus}{i % n}" for corpus, n in (("a", 7), ("b", 18)) for i in range(n * 4)]
    corpora = [speaker[0] for speaker in speakers]
    folds = speaker_folds(speakers, corpora, 5, seed=3)
    for speaker in set(speakers):
        assert len({f for f, s in zip(folds, speakers, strict=True) if s == speaker}) == 1
    for corpus in "ab":
        assert {f for f, c in zip(folds, corpora, strict=True) if c == corpus} == set(range(5))
    np.testing.assert_array_equal(folds, speaker_folds(speakers, corpora, 5, seed=3))


def _known(temperature: float, n: int = 20_000) -> tuple[np.ndarray, np.ndarray]:
    """Logits that are `temperature` times too large for the truth drawn from them."""
    rng = np.random.default_rng(2)
    honest = rng.standard_normal((n, 4)) * 1.5
    share = np.exp(honest) / np.exp(honest).sum(axis=1, keepdims=True)
    truth = (share.cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1)
    return (honest * temperature).astype(np.float32), truth


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_known_temperature_is_found(temperature: float) -> None:
    logits, truth = _known(temperature)
    found = fit_temperature(logits, truth, np.ones(len(truth)))
    assert found == pytest.approx(temperature, rel=0.05)


def test_calibration_brings_the_error_down() -> None:
    logits, truth = _known(3.0)
    folds = np.arange(len(truth)) % 5
    row = measure(Regions(logits, truth, np.ones(len(truth)), folds))
    assert row["ece_raw"] > 0.1
    assert row["ece_calibrated"] < 0.02


def test_calibration_error_of_a_worked_example() -> None:
    scores = np.array([[0.9, 0.1], [0.9, 0.1], [0.6, 0.4], [0.6, 0.4]], np.float32)
    truth = np.array([0, 1, 0, 0])
    # Bin of 0.9: right .5, gap .4; bin of 0.6: right 1, gap .4.
    assert calibration_error(scores, truth, np.ones(4)) == pytest.approx(0.4)


def test_uar_is_the_mean_recall_of_the_emotions_present() -> None:
    truth = ["happy"] * 8 + ["sad"] * 2
    found = ["happy"] * 8 + ["sad", "angry"]
    row = by_corpus(["a"] * 10, truth, found)["a"]
    assert row["uar"] == 0.75
    assert row["wa"] == 0.9
    assert row["n_classes"] == 2


def test_temperature_is_used_only_where_it_helps_and_never_rises() -> None:
    def row(temperature: float, raw: float, calibrated: float) -> dict[str, float]:
        return {"temperature": temperature, "ece_raw": raw, "ece_calibrated": calibrated}

    rows = {
        "10.0": row(1.1, 0.05, 0.07),
        "0.5": row(2.9, 0.3, 0.04),
        "1.0": row(3.1, 0.2, 0.04),
        "5.0": row(1.2, 0.06, 0.04),
    }
    assert used_temperatures(rows) == {"0.5": 2.9, "1.0": 2.9, "5.0": 1.2, "10.0": 1.0}


def test_spread_is_of_speakers_not_of_clips() -> None:
    corpora = np.array(["a"] * 7 + ["b"])
    speakers = np.array(["x", "x", "x", "x", "y", "y", "z", "w"])
    right = np.array([True, True, True, False, False, False, True, True])

    spread = by_speaker(corpora, speakers, right)

    assert spread["a"] == {"n_speakers": 3, "least": 0.0, "median": 0.75, "most": 1.0}
    assert spread["b"] == {"n_speakers": 1, "least": 1.0, "median": 1.0, "most": 1.0}
