"""One recording among many: found by its keys, and read from few rows."""

from dataclasses import replace

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from core.store.batches import write_all
from core.store.compact import compact
from core.store.keyed import Keyed
from core.store.schema import TABLES
from core.store.store import Store
from tests.store.test_batches import assert_there, result


@pytest.fixture
def in_parts(store: Store, monkeypatch) -> Store:
    """A store of 60 recordings in several files of several parts."""
    for name in ("recordings", "tracks", "runs", "frames", "blocks", "segments"):
        monkeypatch.setitem(TABLES, name, replace(TABLES[name], row_group=8))
    for first in range(0, 60, 12):
        write_all(store, [result(number) for number in range(first, first + 12)])
    return store


@pytest.mark.parametrize("name", ["recordings", "tracks", "runs"])
def test_rows_are_those_that_a_scan_finds(in_parts, name):
    lake = in_parts.lake
    for where in (
        pc.field("recording") == f"{17:064x}",
        pc.starts_with(pc.field("recording"), "0" * 63),
        pc.field("recording").isin([f"{n:064x}" for n in (3, 59, 30, 99)]),
        pc.field("recording") == "none",
    ):
        found = lake.pick(name, where).sort_by("recording")
        assert found.equals(lake.read(name, where=where).sort_by("recording"))
        assert found.schema.equals(lake.read(name, where=where).schema)
        some = lake.pick(name, where, ["recording"])
        assert some.column_names == ["recording"]
        assert len(some) == len(found)


def test_rows_of_other_parts_are_not_read(in_parts, monkeypatch):
    dataset = in_parts.lake._open("recordings")[1]
    keyed = Keyed(dataset, ("recording",))
    assert len(keyed._groups) > 5
    (mine,) = [
        number
        for number, group in enumerate(keyed._groups)
        if f"{17:064x}" in group.to_table(columns=["recording"])["recording"].to_pylist()
    ]
    keyed._groups = [
        group if number == mine else None for number, group in enumerate(keyed._groups)
    ]
    assert keyed.rows(pc.field("recording") == f"{17:064x}")["name"].to_pylist() == [
        result(17).recording.name
    ]


def test_what_is_written_later_is_found(in_parts):
    where = pc.field("recording") == f"{70:064x}"
    assert len(in_parts.lake.pick("tracks", where)) == 0
    write_all(Store(in_parts.root), [result(70)])
    assert len(in_parts.lake.pick("tracks", where)) == 1
    assert_there(in_parts, [result(70), result(1)])


def test_table_that_was_never_written_has_no_rows(store):
    found = store.lake.pick("runs", pc.field("recording") == "none", ["attempt"])
    assert (found.column_names, len(found)) == (["attempt"], 0)


def test_compaction_leaves_each_recording_in_neighbouring_rows(in_parts):
    compact(in_parts)
    assert_there(in_parts, [result(number) for number in (0, 17, 59)])
    for name in ("frames", "blocks", "segments"):
        (path,) = (in_parts.root / "tables" / name).glob("*.parquet")
        attempts = pq.read_table(path, columns=["attempt"])["attempt"].to_numpy()
        assert (np.diff(attempts) >= 0).all()


def test_vectors_have_no_dictionary_and_come_back_to_the_bit(store):
    made = [result(number) for number in range(20)]
    write_all(store, made)
    assert_there(store, made)
    for name, column in (("blocks", "embedding_sum"), ("segments", "embedding")):
        (path,) = (store.root / "tables" / name).glob("*.parquet")
        group = pq.ParquetFile(path).metadata.row_group(0)
        told = {group.column(n).path_in_schema: group.column(n) for n in range(group.num_columns)}
        assert set(told[next(n for n in told if n.startswith(column))].encodings) == {
            "RLE",
            "BYTE_STREAM_SPLIT",
        }
        assert told["attempt"].is_stats_set
        assert not any(told[text].is_stats_set for text in ("speaker", "emotion") if text in told)
