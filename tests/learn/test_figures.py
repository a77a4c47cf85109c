"""Figures over speakers against scikit-learn; words of other label sets."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, recall_score

from core.emotions import EMOTIONS, Emotion
from core.learn.figures import answers_of, over_speakers
from core.learn.foreign import suggested
from core.learn.scoring import agreement


def test_figures_are_those_of_scikit_learn_and_of_the_command():
    rng = np.random.default_rng(0)
    labels = [EMOTIONS[i] for i in rng.choice([0, 3, 4, 6], 200)]
    scores = rng.dirichlet(np.ones(9), 200)
    scores[range(100), [EMOTIONS.index(label) for label in labels[:100]]] += 1
    speakers = [f"P{n}" for n in rng.integers(0, 10, 200)]
    found = over_speakers(labels, scores, speakers)
    answers, among = answers_of(labels, scores)
    truth, present = [str(x) for x in labels], ["angry", "happy", "neutral", "sad"]
    macro = {"labels": present, "average": "macro", "zero_division": 0}
    assert found["uar"].value == pytest.approx(recall_score(truth, answers, **macro))
    assert found["uar_present"].value == pytest.approx(recall_score(truth, among, **macro))
    assert found["wa"].value == pytest.approx(accuracy_score(truth, answers))
    assert found["f1"].value == pytest.approx(f1_score(truth, answers, **macro))
    command = agreement(labels, scores, [None] * 200)
    for name in ("uar", "uar_present", "wa", "f1"):
        assert found[name].value == pytest.approx(getattr(command, name))
        assert found[name].low < found[name].value < found[name].high
    assert over_speakers(labels, scores, ["P1"] * 200)["wa"].low is None


def test_words_of_other_label_sets_are_suggested_not_guessed():
    found = suggested(["Anger", "hap", "愤怒", "sad", "calm", "frustrated", ""])
    assert found == {
        "Anger": Emotion.ANGRY,
        "hap": Emotion.HAPPY,
        "愤怒": Emotion.ANGRY,
        "sad": Emotion.SAD,
        "calm": None,
        "frustrated": None,
        "": None,
    }
