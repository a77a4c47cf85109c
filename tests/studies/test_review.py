"""Rules in a store, and what reviewing measures of them."""

import numpy as np
import pytest

from core.emotions import Emotion
from core.errors import RuleError
from core.pipeline import Pipeline
from core.records import Metadata
from core.statistics.proportions import share_over_speakers
from core.store.store import Store
from core.studies import flag_store
from core.studies.quality import Verdict, measured
from core.studies.rules import EmotionHolds, LevelOver, PostProcessing, Rule
from tests.fakes import FakeEngine
from tests.synthetic import LevelDetector, talk, write

RIGHT, WRONG, SKIP = Verdict
LOUD = Rule("Loud", (EmotionHolds(Emotion.ANGRY, 0.6, 0.5),), post=PostProcessing(smoothing_s=0.2))


@pytest.fixture(scope="module")
def filled(tmp_path_factory) -> Store:
    """Two recordings of 20 s; in each 2 s are loud."""
    folder = tmp_path_factory.mktemp("flags")
    store = Store(folder / "store")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("core.audio.survey.SpeechDetector", LevelDetector)
        for number in range(2):
            sound = talk([(4.0, 0.05), (2.0, 0.6), (14.0, 0.05)], hz=200 + 50 * number)
            path = write(folder / f"{number}.wav", sound)
            said = Metadata(speaker=f"P{number}")
            assert Pipeline(FakeEngine()).analyze(path, store, said).status == "done"
    return store


def test_make_a_rule_review_ten_see_its_precision(filled):
    saved = flag_store.save_rule(filled, LOUD)
    assert saved.version == flag_store.save_rule(filled, LOUD).version == 1
    found = flag_store.find(filled, saved.rule, "fake")
    assert sorted(found["speaker"]) == ["P0", "P1"]
    np.testing.assert_allclose(found[["start_s", "end_s"]], [[4, 6], [4, 6]], atol=0.1)
    queue = flag_store.make_queue(filled, LOUD, 2, 8, "fake")
    moments = flag_store.moments(filled, queue)
    assert [m.flagged for m in moments].count(True) == 2
    assert len(moments) == 10
    for moment in moments:
        touches = moment.span.start_s < 5.9 and moment.span.end_s > 4.1
        assert moment.flagged == touches
    for number, moment in enumerate(moments):
        flag_store.review(filled, queue, moment.moment, WRONG, "Ann")
        flag_store.review(filled, queue, moment.moment, SKIP if number == 9 else RIGHT, "Ann")
    quality = flag_store.quality(filled, queue)
    assert (quality.n_flagged, quality.n_reviewed, quality.n_skipped) == (2, 9, 1)
    assert quality.precision.value == 1.0
    assert quality.recall.value == 1.0
    assert flag_store.queues(filled, "Loud") == flag_store.queues(filled) == [queue]
    with pytest.raises(RuleError, match="no moment 5"):
        flag_store.review(filled, queue, 5, RIGHT, "Ann")
    with pytest.raises(RuleError, match="who gives it"):
        flag_store.review(filled, queue, moments[0].moment, RIGHT, " ")
    with pytest.raises(RuleError, match="no queue 7"):
        flag_store.quality(filled, 7)


def test_verdicts_are_taken_back_one_by_one(filled):
    queue = flag_store.make_queue(filled, LOUD, 2, 2, "fake", seed=1)
    first, second = flag_store.moments(filled, queue)[:2]

    def said() -> list:
        return [m.verdict for m in flag_store.moments(filled, queue)[:2]]

    assert flag_store.undo_review(filled, queue, "Ann") is None
    flag_store.review(filled, queue, first.moment, RIGHT, "Ann")
    flag_store.review(filled, queue, second.moment, WRONG, "Bob")
    flag_store.review(filled, queue, first.moment, SKIP, "Ann")
    assert said() == [SKIP, WRONG]
    assert flag_store.undo_review(filled, queue, "Ann") == first.moment
    assert said() == [RIGHT, WRONG]
    assert flag_store.undo_review(filled, queue, "Ann") == first.moment
    assert said() == [None, WRONG]
    assert flag_store.undo_review(filled, queue, "Ann") is None
    flag_store.review(filled, queue, first.moment, WRONG, "Ann")
    assert said() == [WRONG, WRONG]
    assert flag_store.quality(filled, queue).n_reviewed == 2


def test_rules_are_kept_in_versions(filled):
    first = Rule("Level", (LevelOver(-20.0, 0.5),))
    second = Rule("Level", (LevelOver(-12.0, 0.5),))
    assert [flag_store.save_rule(filled, r).version for r in (first, second, second)] == [1, 2, 2]
    assert [v.rule for v in flag_store.versions(filled, "Level")] == [first, second]
    assert flag_store.rule(filled, "Level").rule == second
    assert "Level" in [r.rule.name for r in flag_store.rules(filled)]
    with pytest.raises(RuleError, match="no rule 'gone' in the store, but 'Level'"):
        flag_store.rule(filled, "gone")


def test_level_is_measured_where_a_rule_asks_for_it(filled):
    found = flag_store.find(filled, Rule("Level", (LevelOver(-15.0, 0.5),)), "fake")
    assert len(found) == 2
    np.testing.assert_allclose(found[["start_s", "end_s"]], [[4, 6], [4, 6]], atol=0.15)
    assert flag_store.find(filled, Rule("Level", (LevelOver(0.0, 0.5),)), "fake").empty


def test_store_without_speech_has_nothing_to_review(tmp_path):
    empty = Store(tmp_path / "s")
    assert flag_store.find(empty, LOUD, "fake").empty
    with pytest.raises(RuleError, match="analyse recordings first"):
        flag_store.make_queue(empty, LOUD)


def test_worked_example_of_recall():
    """20 of 25 flags right, 1 of 50 windows missed; the corpus has 100 flags and 1,000 windows.

    So 80 are found and 20 are missed: recall 0.8.
    """
    said = [(True, RIGHT)] * 20 + [(True, WRONG)] * 5 + [(False, RIGHT)] * 49 + [(False, WRONG)]
    said = [(*one, f"P{number % 5}") for number, one in enumerate(said)]
    found = measured([*said, (True, SKIP, "P7"), (False, None, "P8")], 100, 1000)
    assert found.recall.value == pytest.approx(0.8)
    right = [verdict is RIGHT for flagged, verdict, _ in said if flagged]
    assert found.precision == share_over_speakers(right, [who for f, _, who in said if f])
    assert found.precision.low < 0.8 < found.precision.high
    assert (found.n_reviewed, found.n_speakers, found.n_skipped) == (75, 5, 1)


def test_interval_of_recall_holds_the_truth_often_enough():
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(400):
        right = rng.random(30) < 0.7
        missed = rng.random(60) < 0.05
        who = [f"P{number}" for number in rng.integers(0, 12, 90)]
        said = [(True, RIGHT if r else WRONG, name) for r, name in zip(right, who, strict=False)]
        said += [(False, WRONG if m else RIGHT, n) for m, n in zip(missed, who[30:], strict=True)]
        found = measured(said, 200, 2000).recall
        held += found.low <= 140 / (140 + 100) <= found.high
    assert held >= 0.95 * 400


def test_without_verdicts_nothing_is_claimed():
    found = measured([(True, None, "A")], 5, 5)
    assert (found.precision, found.missed, found.recall) == (None, None, None)
    nothing = [(True, WRONG, "A"), (False, RIGHT, "B")]
    assert measured(nothing, 5, 5).recall is None  # nothing there at all
    alone = measured([(True, RIGHT, "A")], 5, 0)
    assert (alone.recall.value, alone.recall.low, alone.precision.low) == (1.0, None, None)


def test_moments_are_of_who_speaks_in_them(filled):
    queue = flag_store.make_queue(filled, LOUD, 2, 0, "fake", seed=2)
    for moment in flag_store.moments(filled, queue):
        flag_store.review(filled, queue, moment.moment, RIGHT, "Ann")
    found = flag_store.quality(filled, queue)
    assert (found.n_reviewed, found.n_speakers) == (2, 2)
    assert found.precision == share_over_speakers([True, True], ["P0", "P1"])
