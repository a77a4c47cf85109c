"""Stores of an older schema version: opened, they are of this one, and hold what they held."""

import json
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import DeltaError

from core.errors import StoreError
from core.store import migrate as migrating
from core.store import rows
from core.store.check import check
from core.store.folder import SCHEMA_VERSION, VERSION_FILE
from core.store.layout import SHORT_LOG, configuration
from core.store.schema import TABLES
from core.store.store import Store
from tests.store.test_store import run_of, said
from tests.synthetic import make_recording, make_segment, make_track

LACKING = {"tracks": ["quality"], "projections": ["channel"], "clusterings": []}


def write_first_version(root: Path) -> None:
    """Writes a store as schema version 1 was, by deltalake alone."""
    track, _ = make_track(50)
    run = run_of([make_segment(0, 0, 1)])
    tables = {
        "recordings": rows.recording_row(make_recording()),
        "tracks": rows.track_row(track, 7, said().logits, said().emotion, None),
        "runs": rows.run_row(run, track, 7),
        "frames": rows.frame_rows(track, 7),
        "blocks": rows.block_rows(track, 7),
        "segments": rows.segment_rows(run, 7),
        "projections": pa.Table.from_pylist(
            [{"projection": "p", "recording": "ab" * 32, "segment": n} for n in (-1, 0)],
            schema=TABLES["projections"].schema,
        ),
    }
    for name, told in tables.items():
        old = told.drop_columns(LACKING.get(name, []))
        write_deltalake(
            root / "tables" / name,
            old,
            mode="append",
            configuration=dict(configuration(TABLES[name]).items() - SHORT_LOG.items()),
        )
    (root / VERSION_FILE).write_text(json.dumps({"format": "tonescope", "schema": 1}))


def assert_migrated(root: Path) -> None:
    store = Store(root)
    assert json.loads((root / VERSION_FILE).read_text())["schema"] == SCHEMA_VERSION
    track, _ = make_track(50)
    found = store.track(track.source.recording, None, track.source.track_key)
    assert found.logits.tobytes() == track.logits.tobytes()
    assert found.source.quality is None
    assert len(store.segments(track.source.recording, None, run_of([]).run_key)) == 1
    assert store.table("projections")["channel"].to_pylist() == [-1, -1]
    assert check(store).ok
    for name in ("tracks", "frames"):
        told = DeltaTable(root / "tables" / name).metadata().configuration
        assert told["delta.logRetentionDuration"] == "interval 1 hours"


def test_first_version_is_brought_to_this_one_when_it_is_opened(tmp_path):
    write_first_version(tmp_path)
    assert_migrated(tmp_path)
    store = Store(tmp_path)
    track, _ = make_track(25, recording="cd" * 32)
    with store.attempt() as attempt:  # and new results go in beside the old ones
        store.write_track(attempt, make_recording(recording="cd" * 32), track, said())
        store.write_run(attempt, track, run_of([], recording="cd" * 32))
    assert (check(store).ok, check(store).recordings) == (True, 2)


def test_opened_again_nothing_changes(tmp_path):
    write_first_version(tmp_path)
    Store(tmp_path)
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "tables").rglob("*")}
    Store(tmp_path)
    assert before == {p: p.stat().st_mtime_ns for p in (tmp_path / "tables").rglob("*")}


@pytest.mark.parametrize("after", [0, 1, 2, 3, 9, 21])
def test_killed_on_the_way_it_is_done_by_the_next(tmp_path, monkeypatch, after):
    """Whatever was the last change to be made, the store is of the old version until all is done."""
    write_first_version(tmp_path)
    left = iter(range(after))

    def dying(real):
        def work(*arguments, **options):
            if next(left, None) is None:
                raise KeyboardInterrupt
            return real(*arguments, **options)

        return work

    with monkeypatch.context() as patch:
        for name in ("_add", "_configure", "write_version"):
            patch.setattr(migrating, name, dying(getattr(migrating, name)))
        with pytest.raises(KeyboardInterrupt):
            Store(tmp_path)
    assert json.loads((tmp_path / VERSION_FILE).read_text())["schema"] == 1
    assert_migrated(tmp_path)


def test_disk_that_does_not_take_it_is_explained(tmp_path, monkeypatch):
    write_first_version(tmp_path)

    def refuse(*arguments):
        raise DeltaError("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(migrating, "_add", refuse)
        with pytest.raises(StoreError, match=r"version 1 and could not .*nothing was lost"):
            Store(tmp_path)
    assert_migrated(tmp_path)


def test_every_version_has_its_step():
    assert sorted(migrating.STEPS) == list(range(2, SCHEMA_VERSION + 1))
    for added in (added for step in migrating.STEPS.values() for added in step):
        assert added.column in TABLES[added.table].schema.names


def test_rows_of_an_older_version_are_completed_and_no_others():
    old = TABLES["projections"].schema.empty_table().drop_columns(["channel"])
    assert migrating.completed("projections", old).schema.equals(TABLES["projections"].schema)
    for name in ("recordings", "tracks"):
        lacking = TABLES[name].schema.empty_table().drop_columns(["recording"])
        assert "recording" not in migrating.completed(name, lacking).column_names
