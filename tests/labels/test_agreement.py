"""Agreement over the segments of an analysis: what is counted, what is left out."""

import pytest
from sklearn.metrics import cohen_kappa_score

from core.errors import StoreError
from core.labels import history, intervals
from core.labels.agreement import agreement
from core.labels.records import Draft, Kind
from core.records import Metadata


@pytest.fixture
def labelled(pipeline, talk_file, make_talk, store):
    """Two recordings of two speakers; the first has segments at 1 to 3 and 4 to 6.5 s."""
    first = pipeline.analyze(talk_file, store, Metadata(speaker="P1")).recording
    second = pipeline.analyze(make_talk("b.wav", 300), store, Metadata(speaker="P2")).recording

    def say(person, recording, start_s, end_s, term, **more):
        history.add(
            store,
            Draft(
                recording=recording,
                start_s=start_s,
                end_s=end_s,
                term=term,
                annotator=person,
                **more,
            ),
        )

    return store, first, second, say


def test_humans_and_engine_side_by_side(labelled, monkeypatch):
    store, first, second, say = labelled
    say("Anna", first, 0.9, 3.1, "sad")
    say("Anna", first, 4.0, 6.5, "angry", blind=False)
    say("Anna", second, 0.5, 2.0, "wistful")
    say("Ben", first, 1.0, 2.2, "sad")
    say("Ben", first, 2.2, 3.0, "happy")
    say("Ben", first, 4.0, 6.5, "happy")
    say("Ben", second, 0.0, 2.5, "wistful")
    found = agreement(store, "fake")
    assert found.annotators == ("Anna", "Ben")
    assert (found.counts.n_segments, found.counts.n_recordings, found.counts.n_speakers) == (
        3,
        2,
        2,
    )
    people, anna, ben = found.pairs
    assert (people.first, people.second, people.with_engine) == ("Anna", "Ben", False)
    assert people.agreement == pytest.approx(2 / 3)
    terms = (["sad", "angry", "wistful"], ["sad", "happy", "wistful"])
    assert people.kappa == pytest.approx(cohen_kappa_score(*terms))
    assert people.shared_s == pytest.approx(2.0 + 2.5 + 1.5)
    assert people.time_agreement == pytest.approx((1.2 + 1.5) / 6.0)
    assert people.seen == 1
    assert (anna.second, anna.with_engine) == ("fake-000000000000", True)
    assert (anna.counts.n_segments, anna.own_terms, anna.agreement) == (2, 1, 1.0)
    assert ben.agreement == 0.5
    assert anna.counts.n_speakers == 1
    few = "8 speakers or recordings, and there are 2 known speakers and 2 recordings"
    assert few in found.intervals.missing
    assert few in people.intervals.missing
    alone = agreement(store, "fake", [second])
    assert (alone.counts.n_segments, alone.alpha) == (1, None)
    monkeypatch.setattr(intervals, "LEAST_GROUPS", 2)
    people = agreement(store, "fake").pairs[0]
    told = people.intervals.figures["agreement"]  # P1: 1 of 2, P2: 1 of 1
    assert (told.low, told.high, told.by, told.n) == (0.5, 1.0, "speakers", 2)
    told = people.intervals.figures["time_agreement"]  # P1: 1.2 of 4.5 s, P2: 1.5 of 1.5 s
    assert (told.low, told.high) == pytest.approx((1.2 / 4.5, 1.0))
    assert (told.by, told.n) == ("speakers", 2)


def test_label_of_less_than_half_a_segment_is_not_about_it(labelled):
    store, first, _, say = labelled
    say("Anna", first, 1.0, 1.9, "sad")
    say("Ben", first, 1.0, 2.0, "sad")
    found = agreement(store, "fake")
    assert [pair.counts.n_segments for pair in found.pairs] == [0, 0, 1]
    assert found.pairs[0].shared_s == pytest.approx(0.9)
    assert found.alpha is None


def test_transcripts_and_other_channels_take_no_part(labelled):
    store, first, _, say = labelled
    say("Anna", first, 1.0, 3.0, "sad")
    say("Ben", first, 1.0, 3.0, "he said so", kind=Kind.TRANSCRIPT)
    assert agreement(store, "fake").annotators == ("Anna",)


def test_without_labels_there_is_nothing_to_agree_on(labelled):
    found = agreement(labelled[0], "fake")
    assert (found.annotators, found.alpha, found.pairs) == ((), None, ())


def test_engine_that_analysed_nothing_is_explained(labelled):
    with pytest.raises(StoreError, match="has analysed no recording"):
        agreement(labelled[0], "other")
