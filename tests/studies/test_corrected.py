"""The engine's error in group results: drawn at random, labelled, corrected; over many draws right."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from core.emotions import Emotion
from core.errors import StudyError
from core.labels import history
from core.labels.records import Draft
from core.learn import library
from core.learn.picking import Way
from core.records import Metadata
from core.statistics.prediction_powered import Sampled, corrected_difference
from core.store.corpus import corpus
from core.store.store import Store
from core.studies import corrected, metadata
from core.studies.courses import Grouping
from tests.studies.conftest import add_recording

SAD = Emotion.SAD
SESSIONS = ("s0", "s1")


@pytest.fixture
def filled(store) -> Store:
    for number in range(8):
        add_recording(store, number, f"P{number % 4}", f"s{number // 4}", ("all",))
    return store


def say(store, segments, term) -> None:
    for row in segments.to_dict("records"):
        place = {key: row[key] for key in ("recording", "start_s", "end_s")}
        history.add(store, Draft(term=term(row), annotator="Ann", **place))


def truth(row) -> str:
    """What a listener says: other than the engine in every third segment."""
    return "sad" if (int(row["recording"][0], 16) + row["segment"]) % 3 else "happy"


def test_estimate_is_that_of_the_labelled_and_the_rest(filled):
    drawn = corrected.draw(filled, Grouping.SESSION, SESSIONS, 10, "fake")
    assert len(drawn.segments) == 20
    assert drawn.parameters["way"] == corrected.WAY
    (found,) = {one.difference for one in [corrected.estimate(filled, drawn, SAD)]}
    assert found is None
    say(filled, drawn.segments.iloc[:14], truth)
    answer = corrected.estimate(filled, drawn, SAD)
    rows = corpus(filled, "fake").segments
    keys = drawn.segments.iloc[:14][["recording", "segment"]].apply(tuple, axis=1).tolist()
    said = np.array([key in keys for key in rows[["recording", "segment"]].apply(tuple, axis=1)])
    parts = []
    for session in SESSIONS:
        mine = (rows["session"] == session).to_numpy()
        labels = [float(truth(row) == "sad") for row in rows[mine & said].to_dict("records")]
        heard = (rows["emotion"] == "sad").to_numpy(float)
        who = rows["speaker"].to_numpy(str)
        parts.append(
            Sampled(
                np.array(labels),
                heard[mine & said],
                who[mine & said],
                heard[mine & ~said],
                who[mine & ~said],
            )
        )
        counts = answer.labelled[session]
        assert (counts.n_segments, counts.n_drawn, counts.n_later) == (20, 10, 0)
        assert counts.n_labelled == len(labels)
        assert answer.groups[session].engine_only == pytest.approx(heard[mine].mean())
        assert answer.groups[session].labels_only.value == pytest.approx(np.mean(labels))
    assert answer.difference == corrected_difference(*parts)
    assert not answer.changed
    assert answer.difference.estimate.low is None  # four speakers


def test_draw_is_random_whatever_was_labelled_and_grows(filled):
    say(filled, corpus(filled, "fake").segments.iloc[:10], truth)
    small = corrected.draw(filled, Grouping.SESSION, SESSIONS, 5, "fake")
    large = corrected.draw(filled, Grouping.SESSION, SESSIONS, 12, "fake")
    keys = [
        set(one.segments[["recording", "segment"]].apply(tuple, axis=1)) for one in (small, large)
    ]
    assert keys[0] < keys[1]
    hits = np.zeros(40)
    order = corpus(filled, "fake").segments.reset_index(drop=True)
    place = {(r["recording"], r["segment"]): n for n, r in order.iterrows()}
    for seed in range(16):
        one = corrected.draw(filled, Grouping.SESSION, SESSIONS, 10, "fake", seed)
        for row in one.segments.to_dict("records"):
            hits[place[row["recording"], row["segment"]]] += 1
    # each of 40 has a chance of a half: never or always in 16 draws comes up once in 800 studies
    assert 0 < hits.min() <= hits.max() < 16
    assert [s.sample for s in corrected.draws(filled, "fake-000000000000")][-2:] == [
        large.sample,
        small.sample,
    ]
    random = library.draw(filled, Way.RANDOM, 4, "fake")
    assert not library.in_samples(corpus(filled, "fake"), [random])[:10].any()
    with pytest.raises(StudyError, match="was not drawn from groups"):
        corrected.estimate(filled, random, SAD)


def test_what_came_later_is_left_out_and_what_moved_is_told(filled):
    drawn = corrected.draw(filled, Grouping.SESSION, SESSIONS, 10, "fake")
    say(filled, drawn.segments, truth)
    before = corrected.estimate(filled, drawn, SAD)
    later = datetime.now(UTC) + timedelta(days=1)
    add_recording(filled, 9, "P9", "s0", added_at=later)
    after = corrected.estimate(filled, drawn, SAD)
    assert after.labelled["s0"].n_later == 5
    assert not after.changed
    assert after.difference == before.difference
    metadata.edit(filled, {"0" * 64: Metadata("s1", "P0")}, "Ann")
    assert corrected.estimate(filled, drawn, SAD).changed


def test_what_cannot_be_drawn_is_explained(filled):
    with pytest.raises(StudyError, match="at least two of one or two groups"):
        corrected.draw(filled, Grouping.SESSION, SESSIONS, 1, "fake")
    metadata.edit(filled, {"0" * 64: Metadata("s0", "P0", None, ("all", "a"))}, "Ann")
    with pytest.raises(StudyError, match="1 recordings are in both"):
        corrected.draw(filled, Grouping.TAG, ("all", "a"), 5, "fake")
    one = corrected.draw(filled, Grouping.TAG, ("a",), 99, "fake")
    assert len(one.segments) == 5
    say(filled, one.segments.iloc[:3], truth)
    found = corrected.estimate(filled, one, SAD)
    assert found.difference is None
    assert found.groups["a"].n_labelled == 3
