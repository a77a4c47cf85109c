"""Many recordings stored together: as if one by one, in the commits of one."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from deltalake import DeltaTable, WriterProperties

from core.store.attempts import alive, new_number, open_attempt, open_attempts
from core.store.batches import Result, write_all
from core.store.check import check
from core.store.schema import TABLES
from core.store.store import Store
from tests.store.test_store import run_of, said
from tests.synthetic import make_recording, make_segment, make_track


def result(number: int, **said_of) -> Result:
    recording = f"{number:064x}"
    track, _ = make_track(30 + number, seed=number, recording=recording)
    segments = [make_segment(0, 0, 1, seed=number)] if number % 2 else []
    run = run_of(segments, recording=recording)
    return Result(make_recording(recording=recording, **said_of), track, said(), run)


def assert_there(store: Store, results: list[Result]) -> None:
    for one in results:
        key, run_key = one.track.source.track_key, one.run.run_key
        found = store.track(one.recording.recording, None, key)
        np.testing.assert_array_equal(found.logits, one.track.logits)
        np.testing.assert_array_equal(found.block_sums, one.track.block_sums)
        segments = store.segments(one.recording.recording, None, run_key)
        assert [s.start_s for s in segments] == [s.start_s for s in one.run.segments]
        assert store.recording(one.recording.recording).speaker == one.recording.speaker


def test_batch_is_there_as_if_stored_one_by_one(store):
    results = [result(number) for number in range(7)]
    write_all(store, results)
    assert_there(store, results)
    assert {store.lake.version(name) for name in ("frames", "blocks", "segments")} == {0}
    assert (check(store).ok, check(store).tracks, check(store).orphans) == (True, 7, 0)
    write_all(store, [])


def test_of_what_is_there_the_first_counts(store):
    write_all(store, [result(1), result(2, speaker="Anna")])
    write_all(store, [result(2, speaker="Berta"), result(3, speaker="Cleo")])
    assert store.recording(f"{2:064x}").speaker == "Berta"
    assert check(store).orphans == 1  # frames of the second analysis, which nobody names
    assert_there(store, [result(1), result(3, speaker="Cleo")])
    assert (check(store).ok, check(store).tracks, check(store).orphans) == (True, 3, 0)


def test_killed_before_its_tracks_a_batch_never_happened(store, monkeypatch):
    write_all(store, [result(1)])
    merge = store.lake.merge

    def dying(name, rows, update=()):
        if name == "tracks":
            raise KeyboardInterrupt
        return merge(name, rows, update)

    with monkeypatch.context() as patch:
        patch.setattr(store.lake, "merge", dying)
        with pytest.raises(KeyboardInterrupt):
            write_all(store, [result(2), result(3)])
    assert len(store.table("frames")) == 31
    assert check(store).orphans == 2
    assert len(store.lake.read("frames")) == 31


def test_attempts_of_a_batch_are_held_together(tmp_path):
    with open_attempts(tmp_path, 5) as many, open_attempt(tmp_path) as one:
        assert alive(tmp_path) == {*many, one}
        assert len({*many, one}) == 6
    assert alive(tmp_path) == set()
    assert list(tmp_path.iterdir()) == []


def test_numbers_that_another_holds_are_never_given(tmp_path, monkeypatch):
    first = new_number()
    drawn = iter([first, first + 3, first + 2, first + 5])
    monkeypatch.setattr("core.store.attempts.new_number", lambda: next(drawn))
    with open_attempts(tmp_path, 5) as many, open_attempt(tmp_path) as one:
        assert (many[0], one) == (first, first + 5)
        assert alive(tmp_path) == {*many, one}


def test_many_small_commits_leave_few_files(store):
    schema = TABLES["failures"].schema
    for number in range(70):
        rows = pa.Table.from_pylist([{"name": f"{number}.wav"}], schema=schema)
        store.lake.append("failures", rows)
    assert len(DeltaTable(store.root / "tables" / "failures").file_uris()) < 40
    names = store.lake.read("failures")["name"].to_pylist()
    assert sorted(names) == sorted(f"{number}.wav" for number in range(70))


@pytest.mark.parametrize("earlier", [False, True])
def test_texts_are_found_in_files_that_a_merge_wrote_many_rows_to(store, monkeypatch, earlier):
    """Arrow's `string_view` with least and greatest values, as files once had, made pyarrow give up."""
    if earlier:
        monkeypatch.setattr("core.store.lake.properties", lambda table: WriterProperties())
    write_all(store, [result(number, session=f"S{number}") for number in range(5)])
    found = store.lake.read("recordings", ["session"], pc.field("session") == "S3")
    assert found["session"].to_pylist() == ["S3"]
    assert len(store.lake.read("recordings", where=pc.field("session") == "S3")) == 1
