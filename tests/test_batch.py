"""Batches: everything once, in order, in bounded memory; failures, patterns, lists and URLs."""

import json
import threading
from pathlib import Path

import fsspec
import pytest

from core import batch
from core.batch import Input
from core.channels import EachChannel
from core.errors import AudioError, StoreError
from core.pipeline import Pipeline
from core.provenance import sha256_of
from core.store.check import check
from tests.fakes import FakeEngine
from tests.synthetic import talk, write


@pytest.fixture
def files(make_talk, tmp_path) -> list[Path]:
    (tmp_path / "in").mkdir()
    return [make_talk(f"in/{n}.wav", 200 + 20 * n, seconds=1 + n / 5) for n in range(5)]


def test_results_come_in_order_and_are_those_of_one_by_one(pipeline, store, files, tmp_path):
    (tmp_path / "in" / "2b.wav").write_text("no sound")
    places = [*files[:3], tmp_path / "in" / "2b.wav", *files[3:]]
    done = list(batch.run(pipeline, [Input(str(p)) for p in places], store))
    assert [item.place for item, _ in done] == [str(p) for p in places]
    statuses = [outcome.status for _, tracks in done for _, outcome in tracks]
    assert statuses == ["done"] * 3 + ["failed"] + ["done"] * 2
    for path in files:
        stored = pipeline.stored(sha256_of(path), store)
        fresh = pipeline.predict(path)
        assert (stored.track.logits == fresh.track.logits).all()
    assert check(store).ok
    again = batch.run(pipeline, [Input(str(p)) for p in files], store)
    assert {outcome.status for _, tracks in again for _, outcome in tracks} == {"skipped"}


def test_no_more_files_are_taken_than_are_worked_on(pipeline, store, files):
    taken = []

    def inputs():
        for path in files:
            taken.append(path)
            yield Input(str(path))

    running = batch.run(pipeline, inputs(), store, at_once=1, together=1)
    next(running)
    assert len(taken) == 2
    running.close()  # ends at once what is under way; nothing is half there
    found = check(store)
    assert found.ok
    assert found.recordings <= 2


def test_files_are_worked_on_at_the_same_time(store, files, loud_is_speech):
    both = threading.Barrier(2, timeout=30)

    class Meeting(FakeEngine):
        met = threading.local()

        def n_frames(self, n_samples):
            if not hasattr(self.met, "once"):
                self.met.once = both.wait()  # breaks where the other file waits for this one
            return super().n_frames(n_samples)

    inputs = [Input(str(path)) for path in files[:2]]
    done = list(batch.run(Pipeline(Meeting()), inputs, store, at_once=2))
    assert [tracks[0][1].status for _, tracks in done] == ["done", "done"]


def test_what_fails_is_tried_again_as_often_as_was_asked(store, files, pipeline, monkeypatch):
    tried = []
    real = Pipeline._run

    def shaky(self, path, *rest):
        tried.append(path)
        if len(tried) < 3:
            raise AudioError("The disk stumbled.")
        return real(self, path, *rest)

    monkeypatch.setattr(Pipeline, "_run", shaky)
    one = [Input(str(files[0]))]
    ((_, ((_, outcome),)),) = batch.run(pipeline, one, store, retries=1)
    assert (outcome.status, len(tried)) == ("failed", 2)
    ((_, ((_, outcome),)),) = batch.run(pipeline, one, store, retries=5)
    assert (outcome.status, len(tried)) == ("done", 3)


def test_channels_are_tracks_of_their_own(store, tmp_path, loud_is_speech):
    import numpy as np

    sound = talk([(0.3, 0), (1.0, 0.3), (0.3, 0)])
    path = write(tmp_path / "call.wav", np.stack([sound, sound[::-1]]))
    ((_, tracks),) = batch.run(EachChannel(FakeEngine()), [Input(str(path))], store)
    assert [outcome.channel for _, outcome in tracks] == [0, 1]


def test_urls_are_fetched_and_named(run, files, tmp_path):
    far = fsspec.filesystem("memory")
    for path in files[:2]:
        far.pipe(f"/corpus/{path.name}", path.read_bytes())
    options = ["--engine", "fake", "--store", tmp_path / "s"]
    said = run("analyze", "memory://corpus/*.wav", *options)
    assert [line["status"] for line in said.lines] == ["done", "done"]
    assert [line["file"] for line in said.lines] == [f"memory:///corpus/{n}.wav" for n in (0, 1)]
    assert [line["recording"] for line in said.lines] == [sha256_of(p) for p in files[:2]]
    local = run("analyze", *files[:2], "--engine", "fake", "--store", tmp_path / "t")
    kept = ("emotion", "segments", "duration_s", "warnings")
    assert [[line[k] for k in kept] for line in said.lines] == [
        [line[k] for k in kept] for line in local.lines
    ]
    again = run("analyze", "memory://corpus/0.wav", "memory://corpus/gone.wav", *options)
    assert [line["status"] for line in again.lines] == ["skipped", "failed"]
    assert "cannot be fetched" in again.lines[1]["error"]
    assert run("analyze", "nowhere://x/*.wav", *options).status == 1
    from core.store.store import Store

    rows = Store(tmp_path / "s").table("recordings").to_pylist()
    assert {row["source"] for row in rows} == {"memory://corpus/0.wav", "memory:///corpus/1.wav"}
    assert {row["name"] for row in rows} == {"0.wav", "1.wav"}


def test_patterns_lists_and_folders_name_each_file_once(run, files, tmp_path):
    listed = tmp_path / "list.txt"
    listed.write_text(f"# mine\n{files[0]}\n\n{files[4]}\n")
    options = ["--engine", "fake", "--store", tmp_path / "s"]
    said = run("analyze", tmp_path / "in" / "[01].wav", "--list", listed, *options)
    names = [Path(line["file"]).name for line in said.lines]
    assert names == ["0.wav", "1.wav", "4.wav"]
    assert "3 done, 0 skipped, 0 failed" in said.stderr
    assert "3 of 3, 0 s left" in said.stderr
    assert len(run("analyze", tmp_path / "in", *options).lines) == 5
    assert run("analyze", *options).status == 2
    assert run("analyze", "--list", tmp_path / "none.txt", *options).status == 1


def test_dry_run_tells_how_much_there_is_and_stores_nothing(run, files, tmp_path):
    store = tmp_path / "s"
    told = run("analyze", *files, "--dry-run", "--engine", "fake", "--store", store)
    (line,) = told.lines
    assert (line["files"], line["unknown"]) == (5, 0)
    assert line["duration_s"] == pytest.approx(sum(2 + n / 5 for n in range(5)), abs=0.01)
    assert line["expected_s"] == pytest.approx(
        line["duration_s"] / line["seconds_per_second"], abs=1
    )
    assert json.dumps(line)
    assert not (store / "tables").exists()


def test_files_with_the_same_bytes_are_stored_once_though_stored_together(pipeline, store, files):
    twin = files[0].with_name("twin.wav")
    twin.write_bytes(files[0].read_bytes())
    done = batch.run(pipeline, [Input(str(p)) for p in (files[0], twin, files[1])], store)
    statuses = [outcome.status for _, ((_, outcome),) in done]
    assert statuses in (["done", "skipped", "done"], ["skipped", "done", "done"])
    assert len(store.table("tracks")) == 2
    assert check(store).orphans == 0


def test_many_files_share_commits_and_none_waits_long(pipeline, store, files, monkeypatch):
    inputs = [Input(str(path)) for path in files]
    list(batch.run(pipeline, inputs[:4], store))
    assert store.lake.version("frames") == 0
    monkeypatch.setattr(batch, "GATHERED_S", 0.0)
    list(batch.run(pipeline, inputs[4:], store))
    assert store.lake.version("frames") == 1


def test_what_the_store_does_not_take_fails_each_file_and_the_batch_goes_on(
    pipeline, store, files, monkeypatch
):
    real, tried = store.lake.append, []

    def full(name, rows):
        tried.append(name)
        if len(tried) == 1:
            raise StoreError("The disk is full.")
        return real(name, rows)

    monkeypatch.setattr(store.lake, "append", full)
    done = batch.run(pipeline, [Input(str(p)) for p in files[:4]], store, together=2)
    statuses = [outcome.status for _, ((_, outcome),) in done]
    assert sorted(statuses) == ["done"] * 2 + ["failed"] * 2
    assert store.table("failures")["stage"].to_pylist() == ["store"] * 2
    assert check(store).ok


def test_a_batch_that_ends_early_loses_no_more_than_is_stored_together(store, files, pipeline):
    found = []

    class Counting(Pipeline):
        def find(self, *args, **options):
            found.append(super().find(*args, **options))
            return found[-1]

    many = [Input(str(path)) for path in files]
    running = batch.run(Counting(pipeline.engine), many, store, at_once=1, together=2)
    next(running)
    assert len(store.table("tracks")) == 2
    running.close()
    assert len(found) - len(store.table("tracks")) <= 2
