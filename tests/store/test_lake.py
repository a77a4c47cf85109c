"""Delta tables in a folder: opening, first writes, deletion, and what a log may not say."""

import json
import shutil
import threading
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from deltalake.exceptions import CommitFailedError

from core.errors import StoreError
from core.records import Failure
from core.store import lake
from core.store.folder import VERSION_FILE
from core.store.lake import Lake
from core.store.rows import failure_row, recording_row
from core.store.schema import TABLES
from core.store.store import Store
from tests.synthetic import make_recording


def test_table_never_written_is_empty(store):
    for name, table in TABLES.items():
        assert store.lake.read(name).schema == table.schema
        assert len(store.lake.read(name)) == 0
        assert store.lake.version(name) == -1
    assert store.lake.read("tracks", columns=["attempt"]).column_names == ["attempt"]
    assert store.lake.delete("tracks", "attempt = 1") == 0


def test_folder_of_other_things_is_refused(tmp_path):
    (tmp_path / "thesis.doc").write_text("mine")
    with pytest.raises(StoreError, match="holds other files and no store; choose an empty"):
        Store(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.doc"]


def test_file_is_no_folder(tmp_path):
    (tmp_path / "store").write_text("")
    with pytest.raises(StoreError, match="cannot be used"):
        Store(tmp_path / "store")


@pytest.mark.parametrize("schema", [0, 3, "1", None, True])
def test_other_schema_version_is_refused_and_left_alone(tmp_path, schema):
    Store(tmp_path)
    text = json.dumps({"format": "tonescope", "schema": schema})
    (tmp_path / VERSION_FILE).write_text(text)
    with pytest.raises(StoreError, match=r"reads up to version 2; use the version of Tonescope"):
        Store(tmp_path)
    assert (tmp_path / VERSION_FILE).read_text() == text


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"\xff\xfe", b"null"])
def test_damaged_version_file_is_explained(tmp_path, content):
    Store(tmp_path)
    (tmp_path / VERSION_FILE).write_bytes(content)
    with pytest.raises(StoreError, match="is damaged; restore it from a backup"):
        Store(tmp_path)


def test_folder_that_may_not_be_written_to_is_explained(tmp_path, monkeypatch):
    def refuse(path: Path, *args: object, **kwargs: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(StoreError, match=r"cannot be used \(Permission denied\); choose a folder"):
        Store(tmp_path / "store")


def test_disk_that_is_full_is_explained(store, monkeypatch):
    def refuse(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(lake, "write_deltalake", refuse)
    with pytest.raises(StoreError, match=r"No space left on device.*stored before is unharmed"):
        store.lake.append("failures", TABLES["failures"].schema.empty_table())


def test_store_that_another_process_begins_at_once_is_opened(tmp_path, monkeypatch):
    """The version file may appear between the look for it and the look at the folder."""
    listed = Path.iterdir
    once = []

    def racing(path: Path):
        if path == tmp_path and not once:
            once.append(1)
            Store(tmp_path)
        return listed(path)

    monkeypatch.setattr(Path, "iterdir", racing)
    assert Store(tmp_path).lake.read("tracks").num_rows == 0
    assert once


def test_table_whose_first_writer_was_killed_can_be_written(store):
    """The folder of Delta's log is made before its first commit."""
    (store.root / "tables" / "recordings" / "_delta_log").mkdir(parents=True)
    (store.root / "tables" / "failures" / "_delta_log").mkdir(parents=True)
    assert len(store.lake.read("recordings")) == 0
    assert store.lake.merge("recordings", recording_row(make_recording())) == 1
    store.lake.append("failures", TABLES["failures"].schema.empty_table())


def test_merge_inserts_once_and_updates_what_it_is_told(store):
    rows = recording_row(make_recording(speaker="Anna"))
    assert store.lake.merge("recordings", rows) == 1
    again = recording_row(make_recording(speaker="Berta", session="2"))
    assert store.lake.merge("recordings", again, ["session"]) == 0
    found = store.lake.read("recordings").to_pylist()
    assert [(row["speaker"], row["session"]) for row in found] == [("Anna", "2")]


def at_once(n: int, work) -> list[Exception]:
    """Runs `work(number)` in threads that start together; returns what they raised."""
    gate, raised = threading.Barrier(n), []

    def run(number: int) -> None:
        gate.wait(timeout=30)
        try:
            work(number)
        except Exception as error:  # noqa: BLE001 - all of them are told
            raised.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return raised


@pytest.mark.parametrize("trial", range(3))
def test_first_merges_of_many_writers_all_land(tmp_path, trial):
    def work(number: int) -> None:
        row = recording_row(make_recording(recording=f"{number:064x}"))
        assert Lake(tmp_path / "store").merge("recordings", row) == 1

    assert at_once(6, work) == []
    assert len(Lake(tmp_path / "store").read("recordings")) == 6


@pytest.mark.parametrize("trial", range(3))
def test_first_appends_of_many_writers_all_land(tmp_path, trial):
    root = Store(tmp_path / "store").root

    def work(number: int) -> None:
        Lake(root).append("failures", failure_row(failed(f"{number}.wav")))

    assert at_once(6, work) == []
    assert len(Lake(root).read("failures")) == 6


def test_equal_merges_of_many_writers_leave_one_row(store):
    counts = []
    row = recording_row(make_recording())
    assert at_once(4, lambda number: counts.append(store.lake.merge("recordings", row))) == []
    assert sum(counts) == 1
    assert len(store.lake.read("recordings")) == 1


def test_writer_that_is_always_too_late_is_told(store, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda seconds: None)

    def late() -> None:
        raise CommitFailedError("another was first")

    with pytest.raises(StoreError, match="other writers were faster 12 times"):
        lake._guarded(late, "write")


def test_no_text_of_a_row_stands_in_delta_logs(store):
    """What stands in a log outlives the deletion of its rows."""
    private = "Zsófia-Quillfeather"
    recording = make_recording(
        name=f"{private}.wav",
        source=f"/{private}",
        session=private,
        speaker=private,
        tags=(private,),
    )
    store.put_recording(recording)
    store.put_recording(recording)
    schema = TABLES["labels"].schema
    label = {f.name: private for f in schema if f.type == pa.string()} | {"event": 1}
    store.lake.merge("labels", pa.Table.from_pylist([label], schema=schema))
    store.lake.delete("recordings", "recording = 'x'")
    logs = list(store.root.glob("tables/*/_delta_log/*"))
    assert len(logs) >= 4
    for log in logs:
        assert private.encode() not in log.read_bytes()
        assert b"Quillfeather" not in log.read_bytes()


def test_deleted_rows_are_gone_for_readers(store):
    store.put_recording(make_recording(recording="aa" * 32))
    store.put_recording(make_recording(recording="bb" * 32))
    assert store.lake.delete("recordings", f"recording = '{'aa' * 32}'") == 1
    assert store.lake.read("recordings")["recording"].to_pylist() == ["bb" * 32]


def failed(name: str) -> Failure:
    return Failure(None, name, "fake", "read", "gone", datetime.now(UTC))


def test_reader_sees_at_once_what_another_wrote_deleted_and_joined(tmp_path):
    reader, writer = Lake(tmp_path), Lake(tmp_path)
    for number in range(1, 4):
        writer.append("failures", failure_row(failed(f"{number}.wav")))
        assert len(reader.read("failures")) == number
        assert reader.version("failures") == writer.version("failures")
    writer.tidy("failures", most_files=2)
    writer.delete("failures", "name = '2.wav'")
    assert sorted(reader.read("failures")["name"].to_pylist()) == ["1.wav", "3.wav"]


def test_reader_sees_a_table_that_was_begun_anew(tmp_path):
    reader = Lake(tmp_path)
    for name in ("old.wav", "new.wav"):
        shutil.rmtree(tmp_path / "tables", ignore_errors=True)
        Lake(tmp_path).append("failures", failure_row(failed(name)))
        assert reader.read("failures")["name"].to_pylist() == [name]


def test_logits_come_back_to_the_bit(store):
    rows = pa.table({"attempt": [1] * 4, "frame": range(4)})
    values = np.array([np.nan, -0.0, 1e-45, 3.4e38], np.float32)
    for name in TABLES["frames"].floats:
        rows = rows.append_column(name, pa.array(values))
    store.lake.append("frames", rows.append_column("speech", pa.array([True] * 4)))
    read = store.lake.read("frames")
    for name in TABLES["frames"].floats:
        assert read[name].to_numpy().tobytes() == values.tobytes()
