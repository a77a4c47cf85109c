"""An engine and heads against the labels of a store, with the tags of recordings."""

import numpy as np
import pytest
from sklearn.metrics import recall_score

from core.emotions import Emotion
from core.errors import HeadError, ManifestError
from core.labels import history
from core.labels.records import Draft
from core.learn import heads
from core.learn.heads import Linear
from core.learn.label_curve import curve_of_labels, labelled_at
from core.learn.stored import nine_scores, stored_answers
from core.records import Metadata
from core.store.corpus import corpus
from core.studies.metadata import edit
from tests.learn.test_library import filled  # noqa: F401


def named_head(engine_id="fake-000000000000", classes=("angry", "sad"), **card):
    weight = np.zeros((2, 4))
    weight[0, 0], weight[1, 0] = 50.0, -50.0
    return heads.named(Linear(classes, weight, np.array([-5.0, 5.0])), "x", engine_id, card)


@pytest.fixture
def said(filled):  # noqa: F811
    """The store, with a label of each third segment by Cy, after all others."""
    found = corpus(filled, "fake")
    rows = found.segments.iloc[::3].to_dict("records")
    for number, row in enumerate(rows):
        at = {key: row[key] for key in ("recording", "start_s", "end_s")}
        term = "odd" if number == 0 else ("angry", "sad")[number % 2]
        history.add(filled, Draft(**at, term=term, annotator="Cy"))
    one = found.segments["recording"].iloc[0]
    edit(filled, {one: Metadata(speaker="P0", tags=("phone", "loud"))}, "Cy")
    return filled


def test_answers_are_those_of_the_segments(said):
    words = {"angry": Emotion.ANGRY, "sad": Emotion.SAD}
    found = stored_answers(said, "fake", words)
    items = found.items
    assert len(items) == 13  # one of 14 labels stands for none of the nine
    segments = corpus(said, "fake").segments.set_index(["recording", "start_s"])
    for row in items.to_dict("records"):
        assert row["answer"] == segments.loc[(row["recording"], row["start_s"]), "emotion"]
    assert found.figures.uar == pytest.approx(
        recall_score(items["label"], items["answer"], labels=["angry", "sad"], average="macro")
    )
    tagged = items[items["speaker"] == "P0"]
    assert set(tagged["tags"]) == {("loud", "phone")} or set(tagged["tags"]) == {("phone", "loud")}
    assert found.fitted_on is None
    assert set(found.over_time) >= {"Cy"}
    timed = found.over_time["Cy"][0]
    assert len(timed.left_out) == 1
    assert timed.group == "P0"
    with pytest.raises(ManifestError, match="No label here stands"):
        stored_answers(said, "fake", {})


def test_head_answers_in_place_of_the_engine(said):
    head = named_head(made_at="2020-01-01T00:00:00+00:00")
    found = stored_answers(said, "fake", head=head)
    scores = nine_scores(head, np.array([[0.2, 0, 0, 0], [0.0, 0, 0, 0]], np.float32))
    assert scores.argmax(axis=1).tolist() == [0, 6]
    np.testing.assert_allclose(scores.sum(axis=1), 1)
    assert set(found.items["answer"]) <= {"angry", "sad"}
    np.testing.assert_allclose(found.items["confidence"], found.scores.max(axis=1))
    assert found.fitted_on == 0
    late = named_head(made_at="2999-01-01T00:00:00+00:00")
    with pytest.raises(HeadError, match="none of the nine"):
        stored_answers(said, "fake", head=named_head(classes=("angry", "odd")))
    assert stored_answers(said, "fake", head=late).fitted_on == len(found.items)
    assert stored_answers(said, "fake", head=named_head(made_at="?")).fitted_on is None
    with pytest.raises(HeadError, match="the segments are of fake"):
        stored_answers(said, "fake", head=named_head("other-0"))


def test_curve_of_a_store_needs_random_labels_and_follows_time(said):
    with pytest.raises(HeadError, match="needs at least 20"):
        curve_of_labels(said, "fake")
    found = corpus(said, "fake")
    times = labelled_at(said, found, {"Cy"})
    given = times[::3]
    assert np.isnat(np.delete(times, np.arange(0, 40, 3))).all()
    assert (np.diff(given.astype(np.int64)) > 0).all()
