"""Transitions and dwell times against brute force over segments."""

from collections import Counter, defaultdict
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from core.emotions import EMOTIONS
from core.errors import StudyError
from core.store.corpus import corpus
from core.studies.transitions import over_speakers, places

NAMES = [str(emotion) for emotion in EMOTIONS]


def rows_of(n_speakers=9, seed=0) -> pd.DataFrame:
    """Segments of recordings in which two people alternate at random."""
    rng = np.random.default_rng(seed)
    made = []
    for recording in range(12):
        people = rng.choice(n_speakers, 2, replace=False)
        time = 0.0
        for segment in range(25):
            length = rng.uniform(0.5, 4)
            row = {"recording": f"r{recording:02}", "channel": -1, "segment": segment}
            row |= {"name": f"{recording}.wav", "speaker": f"P{rng.choice(people)}"}
            row |= {"emotion": rng.choice(["sad", "happy", "angry", "neutral"])}
            made.append(row | {"start_s": time, "end_s": time + length})
            time += length + 0.3
    return pd.DataFrame(made)


def brute(rows):
    """Goes through the segments one by one."""
    counts = defaultdict(Counter)
    dwell = defaultdict(lambda: defaultdict(list))
    last = {}
    for row in rows.to_dict("records"):
        place = (row["recording"], row["speaker"])
        lengths = dwell[row["speaker"]]
        if place in last and last[place] == row["emotion"]:
            lengths[row["emotion"]][-1] += row["end_s"] - row["start_s"]
            continue
        if place in last:
            counts[row["speaker"]][last[place], row["emotion"]] += 1
        lengths[row["emotion"]].append(row["end_s"] - row["start_s"])
        last[place] = row["emotion"]
    return counts, dwell


def test_chances_and_dwell_times_are_those_of_a_loop_over_segments():
    rows = rows_of()
    found = over_speakers(rows)
    counts, dwell = brute(rows.sort_values(["recording", "segment"]))
    for a, before in enumerate(NAMES):
        for b, after in enumerate(NAMES):
            assert found.counts[a, b] == sum(mine[before, after] for mine in counts.values())
            chances = []
            for mine in counts.values():
                of_row = sum(n for (first, _), n in mine.items() if first == before)
                if of_row:
                    chances.append(mine[before, after] / of_row)
            expected = np.mean(chances) if chances else np.nan
            np.testing.assert_allclose(found.chances.mean[a, b], expected)
        lengths = [mine[before] for mine in dwell.values() if mine[before]]
        expected = np.mean([np.mean(mine) for mine in lengths]) if lengths else np.nan
        np.testing.assert_allclose(found.dwell_s.mean[a], expected)
        assert found.n_stretches[a] == sum(len(mine) for mine in lengths)


def test_speakers_are_what_is_drawn_for_the_intervals():
    found = over_speakers(rows_of())
    assert len(found.chances.speakers) == 9
    drawn = np.random.default_rng(1).integers(0, 9, (4000, 9))
    sad = NAMES.index("sad")
    expected = np.quantile(found.dwell_s.each[drawn, sad].mean(axis=1), [0.025, 0.975])
    bounds = [found.dwell_s.low[sad], found.dwell_s.high[sad]]
    np.testing.assert_allclose(bounds, expected, rtol=0.03)
    assert over_speakers(rows_of(5)).chances.low is None


def test_places_are_where_it_changes():
    rows = rows_of()
    found = places(rows, EMOTIONS[0], EMOTIONS[6])
    counts = over_speakers(rows).counts[0, 6]
    assert len(found) <= counts  # a change after a pause of the other person counts as well
    expected = []
    for _, mine in rows.groupby(["recording", "speaker"], sort=False):
        told = mine.to_dict("records")
        expected += [
            (b["recording"], a["start_s"], b["end_s"])
            for a, b in pairwise(told)
            if (a["emotion"], b["emotion"]) == ("angry", "sad")
        ]
    assert len(expected) == counts
    key = ["recording", "start_s", "end_s"]
    assert sorted(found[key].itertuples(index=False, name=None)) == sorted(expected)
    assert places(rows.iloc[:0], EMOTIONS[0], EMOTIONS[6]).empty


def test_corpus_has_what_is_asked_for(study):
    rows = corpus(study, "fake").segments
    found = over_speakers(rows)
    assert found.chances.speakers == ("P0", "P1", "P2", "P3")
    assert found.n_stretches.sum() <= 8 * 5
    with pytest.raises(StudyError, match="no segment"):
        over_speakers(rows.iloc[:0])
