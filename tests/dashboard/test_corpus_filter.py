"""The filter of the corpus pages: what it keeps, and that an address gives it back."""

from datetime import date

import pandas as pd
import pytest

from dashboard.corpus_filter import Filter, from_query, options


@pytest.fixture
def segments() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "recording": ["a" * 64, "a" * 64, "b" * 64, "c" * 64],
            "name": ["a.wav", "a.wav", "b.wav", "<c>.wav"],
            "speaker": ["Anna", "Ben", None, "Ben"],
            "emotion": ["sad", "angry", "sad", "happy"],
            "start_s": [0.0, 1.0, 0.0, 2.0],
            "end_s": [1.0, 4.0, 2.0, 8.0],
            "session": ["one", "one", None, "two"],
            "tags": ["calm; studio", "calm; studio", "", "studio"],
            "heard": ["sad", None, None, "my own"],
            "snr_db": [20.0, 20.0, float("nan"), 5.0],
            "in_clusters": [True, False, False, True],
            "day": [date(2026, 5, 1), date(2026, 5, 1), date(2026, 5, 2), date(2026, 6, 1)],
        }
    )


@pytest.mark.parametrize(
    ("found", "rows"),
    [
        (Filter(), [0, 1, 2, 3]),
        (Filter(speakers=("Ben",)), [1, 3]),
        (Filter(recordings=("a" * 12, "b" * 12)), [0, 1, 2]),
        (Filter(emotions=("sad",), speakers=("Anna",)), [0]),
        (Filter(seconds=(1.5, 3.0)), [1, 2]),
        (Filter(days=(date(2026, 5, 2), date(2026, 6, 1))), [2, 3]),
        (Filter(speakers=("Nobody",)), []),
        (Filter(sessions=("one",)), [0, 1]),
        (Filter(tags=("calm", "other")), [0, 1]),
        (Filter(tags=("stud",)), []),
        (Filter(heard=("my own", "sad")), [0, 3]),
        (Filter(quality=(10.0, 30.0)), [0, 1]),
        (Filter(in_clusters=("abc.0",)), [0, 3]),
    ],
)
def test_it_keeps_what_passes_every_part(segments, found, rows):
    assert found.keeps(segments).nonzero()[0].tolist() == rows


def test_an_address_gives_it_back(segments):
    found = Filter(
        speakers=("Anna", "Ben"),
        recordings=("a" * 12,),
        emotions=("sad",),
        seconds=(0.5, 3.0),
        days=(date(2026, 5, 1), date(2026, 5, 2)),
        sessions=("two",),
        tags=("studio",),
        heard=("my own",),
        in_clusters=("abc.0",),
        quality=(-2.0, 20.5),
    )
    assert found.count == 10
    more = {"heard": {"my own": "my own"}, "in_clusters": {"abc.0": "Tones: calm"}}
    assert from_query(found.as_query(), options(segments, segments) | more) == found
    gone = from_query(found.as_query(), options(segments, segments))
    assert (gone.heard, gone.in_clusters, gone.count) == ((), (), 8)
    assert Filter().as_query() == {}


def test_what_an_address_makes_up_is_left_out(segments):
    asked = {
        "speakers": ["Anna", "<script>"],
        "recordings": ["f" * 12],
        "seconds": ["nan..3"],
        "days": ["2026-13-01..x"],
    }
    assert from_query(asked, options(segments, segments)) == Filter(speakers=("Anna",))
    assert from_query({"seconds": ["5..1"]}, {}) == Filter()
    assert from_query({"seconds": ["5"]}, {}) == Filter()


def test_names_to_choose_from(segments):
    known = options(segments, segments)
    assert known["speakers"] == {"Anna": "Anna", "Ben": "Ben"}
    assert known["recordings"]["c" * 12] == "<c>.wav"
    assert list(known["sessions"]) == ["one", "two"]
    assert list(known["tags"]) == ["calm", "studio"]
