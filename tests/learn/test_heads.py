"""Heads on embeddings of speakers who differ: against scikit-learn, and what they promise."""

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import recall_score
from sklearn.preprocessing import StandardScaler

from core.emotions import EMOTIONS
from core.errors import HeadError
from core.learn import calibrating, heads
from core.learn.calibrating import calibrate, fit_temperature, threshold_for
from core.learn.heads import Labelled, fit, speaker_folds
from core.learn.scoring import recall_of

CLASSES = ("angry", "neutral", "sad")


@pytest.fixture(autouse=True)
def few_strengths(monkeypatch):
    """Two strengths to choose from in place of seven, as every choice fits each in five folds."""
    monkeypatch.setattr(heads, "STRENGTHS", (0.01, 0.1))


def corpus(n=240, n_speakers=10, seed=0, noise=1.0, classes=CLASSES) -> Labelled:
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, len(classes), n)
    who = rng.integers(0, n_speakers, n)
    centres = np.random.default_rng(99).normal(size=(len(classes), 12))
    voices = np.random.default_rng(98).normal(size=(n_speakers, 12))
    points = centres[kind] + 0.7 * voices[who] + noise * rng.normal(size=(n, 12))
    scale = np.logspace(-2, 2, 12)
    return Labelled(
        (points * scale + 5 * scale).astype(np.float32),
        np.array(classes)[kind],
        np.array([f"S{k}" for k in who]),
    )


def test_head_on_raw_embeddings_is_the_regression_on_scaled_ones():
    labelled = corpus()
    found = fit(labelled, strength=0.1)
    scaled = StandardScaler().fit_transform(labelled.embeddings.astype(np.float64))
    model = LogisticRegression(C=0.1, class_weight="balanced", max_iter=2000, tol=1e-8)
    model.fit(scaled, labelled.terms)
    scores = heads.softmax(found.logits(labelled.embeddings))
    np.testing.assert_allclose(scores, model.predict_proba(scaled), atol=2e-3)
    assert found.classes == tuple(model.classes_)


def test_two_classes_give_two_rows():
    labelled = corpus(classes=("calm", "stressed"))
    found = fit(labelled, strength=0.1)
    scaled = StandardScaler().fit_transform(labelled.embeddings.astype(np.float64))
    model = LogisticRegression(C=0.1, class_weight="balanced", max_iter=2000, tol=1e-8)
    model.fit(scaled, labelled.terms)
    assert found.weight.shape == (2, 12)
    np.testing.assert_allclose(
        heads.softmax(found.logits(labelled.embeddings)), model.predict_proba(scaled), atol=2e-3
    )


def test_folds_never_share_a_speaker():
    labelled = corpus()
    tested = []
    for train, test in speaker_folds(labelled.terms, labelled.speakers):
        assert not set(labelled.speakers[train]) & set(labelled.speakers[test])
        tested += test.tolist()
    assert sorted(tested) == list(range(240))
    single = np.repeat("one", 240)
    assert len(speaker_folds(labelled.terms, single)) == 5


def test_recall_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    terms, answers = rng.choice(list(CLASSES), (2, 50))
    expected = recall_score(terms, answers, average="macro")
    assert recall_of(terms, answers) == pytest.approx(expected)
    assert np.isnan(recall_of(terms[:0], answers[:0]))


def test_calibrated_head_is_judged_on_speakers_it_never_heard(monkeypatch):
    taught = []
    plain = heads.fit

    def spy(labelled, strength=None, seed=0):
        taught.append(set(labelled.speakers))
        return plain(labelled, strength, seed)

    monkeypatch.setattr(heads, "fit", spy)
    sample = corpus(120, seed=1)
    scores = np.full((120, 9), 1 / 9)
    found = calibrate("mine", "fake-0", corpus(90, seed=2), sample, scores)
    *folds, last = taught
    assert len(folds) == 5
    assert all(len(speakers) == 8 for speakers in folds)  # of ten, two are left out each time
    assert len(last) == 10
    assert found.uar.low < found.uar.value < found.uar.high
    assert found.uar.value > 0.6
    assert found.n_labels == 210
    assert found.head.card["n_sample"] == 120
    # the engine's own head knows nothing here: it answers the first of the classes
    assert found.uar_engine.value == pytest.approx(1 / 3)
    assert found.better.value == pytest.approx(found.uar.value - 1 / 3)


def test_strength_is_chosen_without_the_speakers_that_are_answered(monkeypatch):
    asked, fitted = [], []
    search, plain = heads.best_strength, heads.fit

    def spy(labelled, seed=0):
        asked.append((set(labelled.speakers), search(labelled, seed)))
        return asked[-1][1]

    def fit_spy(labelled, strength=None, seed=0):
        fitted.append(set(labelled.speakers))
        return plain(labelled, strength, seed)

    monkeypatch.setattr(heads, "best_strength", spy)
    monkeypatch.setattr(heads, "fit", fit_spy)
    sample = corpus(80, seed=1, n_speakers=5)
    found = calibrate("mine", "fake-0", corpus(40, seed=2, n_speakers=5), sample, np.zeros((80, 9)))
    *folds, (every, last) = asked
    assert len(folds) == 5
    assert [speakers for speakers, _ in folds] == fitted[:-1]
    assert all(len(speakers) == 4 for speakers, _ in folds)
    assert len(every) == 5
    assert found.head.card["strength"] == last


def test_labels_that_say_nothing_are_not_told_to_say_something():
    """Of shuffled labels the recall on other speakers is that of chance."""
    rng = np.random.default_rng(0)
    found = []
    for seed in range(3):
        sample = corpus(60, n_speakers=12, seed=seed)
        terms = rng.permutation(sample.terms)
        shuffled = Labelled(sample.embeddings, terms, sample.speakers)
        none = shuffled.part(np.zeros(60, dtype=bool))
        made = calibrate("mine", "fake-0", none, shuffled, np.zeros((60, 9)))
        found.append(made.uar.value)
    assert np.mean(found) < 1 / 3 + 0.1


def test_head_beside_the_engine_has_a_paired_test():
    sample = corpus(60, n_speakers=5, seed=1)
    scores = np.full((60, 9), 1 / 9)
    found = calibrate("mine", "fake-0", corpus(60, seed=2, n_speakers=5), sample, scores)
    assert found.compared.difference == found.better
    assert found.compared.smallest_p == 2 / 32
    assert found.head.card["p"] == found.compared.p < 0.2


def test_share_that_is_answered_comes_from_thresholds_of_other_speakers():
    sample = corpus(120, seed=5, noise=2.0)
    rng = np.random.default_rng(0)
    sure, right = rng.random(120), rng.random(120) < 0.6
    spoken = calibrating.answered(sure, right, sample, 0.7, 0)
    for train, test in speaker_folds(sample.terms, sample.speakers, 0):
        bound = threshold_for(sure[train], right[train], 0.7)
        np.testing.assert_array_equal(spoken[test], sure[test] >= bound)
    assert calibrating.answered(sure, right, sample, None, 0).all()


def test_held_out_recall_is_that_on_new_speakers_and_not_the_flattering_one():
    sample, voices = corpus(150, seed=3, noise=2.0), corpus(3000, seed=4, noise=2.0)
    none = Labelled(sample.embeddings[:0], sample.terms[:0], sample.speakers[:0])
    found = calibrate("mine", "fake-0", none, sample, np.full((150, 9), 1 / 9))
    answers, sure, _ = found.head.answers(voices.embeddings)
    fresh = recall_of(voices.terms, answers)
    seen, _, _ = found.head.answers(sample.embeddings)
    assert abs(found.uar.value - fresh) < 0.1
    assert recall_of(sample.terms, seen) > fresh
    assert abs(sure.mean() - (answers == voices.terms).mean()) < 0.1  # the temperature's work


def test_temperature_is_the_best_of_a_search():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 400)
    logits = 5 * (rng.normal(size=(400, 3)) + np.eye(3)[truth])
    terms = np.array(CLASSES)[truth]

    def loss(x):
        scores = heads.softmax(logits / np.exp(x[0]))
        return -np.log(scores[np.arange(400), truth]).mean()

    expected = np.exp(minimize(loss, [0.0], method="Nelder-Mead").x[0])
    assert fit_temperature(logits, terms, CLASSES) == pytest.approx(expected, rel=1e-2)
    assert expected > 2


def test_class_that_a_fold_lacks_leaves_the_others_as_sure_as_they_are():
    """One segment of a class that only one speaker has: no head of other speakers can answer it."""
    sample = corpus(120, seed=5, n_speakers=6)
    rare = sample.speakers == sample.speakers[0]
    terms = sample.terms.astype("<U9").copy()
    terms[np.flatnonzero(rare)[:2]] = "surprised"
    odd = Labelled(sample.embeddings, terms, sample.speakers)
    none = odd.part(np.zeros(0, np.intp))
    classes = tuple(np.unique(terms).tolist())
    logits = calibrating.held_out(none, odd, classes, 0)
    without = logits[terms != "surprised"]
    expected = fit_temperature(without, terms[terms != "surprised"], classes)
    assert fit_temperature(logits, terms, classes) == pytest.approx(expected, rel=1e-6)
    assert fit_temperature(logits[:1] * 0 - 50, terms[:1], classes) == 1.0
    made = calibrate("mine", "fake-0", none, odd, np.full((120, 9), 1 / 9))
    assert made.ece < 0.25


def test_threshold_of_a_worked_example():
    sure = np.array([0.9, 0.8, 0.7, 0.6, 0.5])
    right = np.array([True, True, False, True, False])
    assert threshold_for(sure, right, 0.75) == 0.6  # of four, three are right
    assert threshold_for(sure, right, 1.0) == 0.8
    assert threshold_for(sure, ~right, 0.9) > 1  # never sure enough: it always abstains
    tied = np.array([0.9, 0.9, 0.9])
    assert threshold_for(tied, np.array([True, False, False]), 0.9) > 1


def test_head_abstains_where_it_is_not_sure():
    found = calibrate(
        "mine",
        "fake-0",
        corpus(60),
        corpus(200, seed=5, noise=2.0),
        np.zeros((200, 9)),
        accuracy=0.9,
    )
    assert 0 < found.coverage < 1
    assert found.uar_answered > found.uar.value
    _, sure, silent = found.head.answers(corpus(50, seed=6).embeddings)
    np.testing.assert_array_equal(silent, sure < found.head.threshold)


def test_own_classes_have_no_engine_beside_them():
    sample = corpus(80, classes=("ironic", "sad"))
    found = calibrate(
        "mine", "fake-0", corpus(40, seed=1, classes=("ironic", "sad")), sample, np.zeros((80, 9))
    )
    assert found.uar_engine is None
    assert found.better is None
    assert found.head.classes == ("ironic", "sad")


def test_engine_chooses_among_the_same_classes():
    scores = np.zeros((2, 9))
    scores[:, EMOTIONS.index("happy")] = 0.5
    scores[0, EMOTIONS.index("sad")] = 0.4
    scores[1, EMOTIONS.index("angry")] = 0.3
    assert calibrating.engine_answers(scores, CLASSES).tolist() == ["sad", "angry"]


def test_one_speaker_is_said_to_tell_nothing_of_others():
    sample = corpus(40, n_speakers=1)
    found = calibrate("mine", "fake-0", corpus(40, 1, seed=1), sample, np.zeros((40, 9)))
    assert not found.other_speakers
    assert found.uar.low is None


@pytest.mark.parametrize(
    ("labelled", "said"),
    [
        (corpus(30).part(np.array([0])), "1 labelled segments of 1 classes"),
        (
            Labelled(
                np.full((4, 2), np.nan, np.float32), np.array(list("aabb")), np.array(list("xyxy"))
            ),
            "finite",
        ),
        (
            Labelled(np.ones((3, 2), np.float32), np.array(list("aab")), np.array(list("xyz"))),
            "b stand on one",
        ),
    ],
)
def test_labels_that_make_no_head_are_explained(labelled, said):
    with pytest.raises(HeadError, match=said):
        fit(labelled)


def test_small_sample_is_refused():
    with pytest.raises(HeadError, match="random sample has 5 labels"):
        calibrate("x", "e", corpus(50), corpus(5), np.zeros((5, 9)))


def test_other_engines_embeddings_are_refused():
    head = heads.named(fit(corpus()), "mine", "fake-0", {})
    with pytest.raises(HeadError, match="12 numbers and got 3"):
        head.answers(np.ones((2, 3), np.float32))
