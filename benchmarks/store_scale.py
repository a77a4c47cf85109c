"""What a store of many recordings costs: writing, reading all, reading one, joining its files.

    python -m benchmarks.store_scale [--recordings N] [--frames 100] [--batch 1000]

Recordings are made up: 2 s each, one segment, embeddings of the size of `compact`, stored by the store's
own batches (`core.store.batches`). `commit_ms` is the median of the last tenth of the batches, in the
full store, beside recordings stored one at a time in it. `scan_s` reads every frame that counts, beside
pyarrow on one plain Parquet file of the same rows. `read_recording_ms` is the median of finding a
recording by its SHA-256 and reading its track and segments, over recordings drawn at random, after
compaction and before it. `compact_s` is `store compact`. The system's cache is warm. Processor time
goes to stderr, for a busy machine.
"""

import argparse
import hashlib
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from benchmarks.figures import Figure
from benchmarks.long_recording import peak_gb
from core.emotions import EMOTIONS, N_EMOTIONS, Emotion
from core.records import AudioInfo, Recording, Run, Segment, Track, TrackSource
from core.store.batches import Result, write_all
from core.store.check import check
from core.store.compact import compact
from core.store.store import Store, Utterance

N_DIMS = 384
FRAMES_A_BLOCK = 25
ONE_BY_ONE = 10
READS = 40
RUN_KEY, TRACK_KEY = "r" * 16, "t" * 16


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recordings", type=int, default=2_000)
    parser.add_argument("--frames", type=int, default=100, help="of each recording")
    parser.add_argument("--batch", type=int, default=1000, help="recordings in one commit")
    parser.add_argument("--folder", type=Path, help="on the disk to be measured")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        measure(Path(folder), options.recordings, options.frames, options.batch)


def measure(folder: Path, n: int, n_frames: int, batch: int) -> None:
    """Fills a store and prints the figures."""
    store = Store(folder / "store")
    times = []
    for first in range(0, n, batch):
        made = [result(i, n_frames) for i in range(first, min(first + batch, n))]
        times.append(_ms(lambda made=made: write_all(store, made)))
        if len(times) % 10 == 0:
            _say(f"{first + batch:,} recordings, last {times[-1]:.0f} ms")
    few = [result(n + i, n_frames) for i in range(ONE_BY_ONE)]
    single_ms = statistics.median([_ms(lambda one=one: _write(store, one)) for one in few])
    last = times[-max(1, len(times) // 10) :]
    commit_ms, as_many = statistics.median(last), min(batch, n)
    _say(f"first batches {statistics.median(times[: len(last)]):.0f} ms, last {commit_ms:.0f} ms")
    Figure(
        "commit_ms",
        round(commit_ms, 1),
        f"ms for {as_many} recordings",
        f"one at a time: {single_ms:.0f} ms each",
        round(single_ms * as_many / commit_ms, 2),
        n,
    ).show()
    chosen = np.random.default_rng(0).choice(n, min(READS, n), replace=False)
    loose_ms = _reads(store, chosen)
    start_s = time.perf_counter()
    done = compact(store)
    compact_s = time.perf_counter() - start_s
    _say(f"compacted: {done}")
    _scan(store, folder / "plain.parquet", compact_s, n)
    read_ms = _reads(store, chosen)
    Figure(
        "read_recording_ms",
        round(read_ms, 1),
        "ms",
        f"before compaction: {loose_ms:.1f} ms",
        round(loose_ms / read_ms, 2),
        n,
    ).show()
    start_s = time.perf_counter()
    found = check(store)
    _say(f"check in {time.perf_counter() - start_s:.1f} s: {found}")
    if not found.ok or found.recordings != n + ONE_BY_ONE:
        raise RuntimeError(f"The store is not whole: {found}")


def result(number: int, n_frames: int) -> Result:
    """Returns a made-up recording with its track and one segment, the same for the same number."""
    rng = np.random.default_rng(number)
    recording = hashlib.sha256(str(number).encode()).hexdigest()
    n_blocks = -(-n_frames // FRAMES_A_BLOCK)
    duration_s, now = n_frames * 0.02, datetime.now(UTC)
    logits = rng.standard_normal((n_frames, N_EMOTIONS), np.float32)
    mean, said = logits.mean(axis=0), Emotion(EMOTIONS[number % N_EMOTIONS])
    track = Track(
        source=TrackSource(
            recording=recording,
            channel=None,
            track_key=TRACK_KEY,
            engine="compact",
            engine_id="compact-000000000000",
            precision="fp32",
            conditioning="{}",
            windowing="{}",
            class_mask=(True,) * N_EMOTIONS,
            temperatures=None,
            versions={"tonescope": "0"},
            warnings=(),
            created_at=now,
        ),
        duration_s=duration_s,
        hop_s=0.02,
        offset_s=0.0,
        logits=logits,
        speech=rng.random(n_frames) < 0.8,
        block_sums=rng.standard_normal((n_blocks, N_DIMS), np.float32),
        block_frames=np.full(n_blocks, FRAMES_A_BLOCK, np.int32),
    )
    segment = Segment(
        segment=0,
        start_s=0.0,
        end_s=duration_s,
        n_frames=n_frames,
        logits=mean,
        embedding=rng.standard_normal(N_DIMS, np.float32),
        emotion=said,
        confidence=None,
    )
    return Result(
        Recording(
            recording=recording,
            name=f"{number}.wav",
            source=f"/corpus/{number % 1000}/{number}.wav",
            kept=None,
            size_bytes=n_frames * 640,
            duration_s=duration_s,
            info=AudioInfo("wav", "pcm_s16le", 16_000, 1, duration_s),
            session=f"S{number // 500}",
            speaker=f"P{number // 50}",
            added_at=now,
        ),
        track,
        Utterance(mean, said, None),
        Run(recording, TRACK_KEY, RUN_KEY, "{}", 0.02, (segment,)),
    )


def _write(store: Store, one: Result) -> None:
    with store.attempt() as attempt:
        store.write_track(attempt, one.recording, one.track, one.said)
        store.write_run(attempt, one.track, one.run)


def _scan(store: Store, plain: Path, compact_s: float, n: int) -> None:
    """Prints the figures of reading all frames, and of compaction beside it."""
    start_s = time.perf_counter()
    frames = store.table("frames")
    scan_s = time.perf_counter() - start_s
    n_frames = len(frames)
    pq.write_table(frames, plain, compression="zstd")
    del frames
    start_s = time.perf_counter()
    if len(pq.read_table(plain)) != n_frames:
        raise RuntimeError("The plain file lost rows.")
    plain_s = time.perf_counter() - start_s
    against = f"pyarrow, one plain Parquet file: {plain_s:.2f} s"
    unit = f"s for {n_frames:,} frames"
    Figure("scan_s", round(scan_s, 3), unit, against, round(plain_s / scan_s, 2), n).show()
    Figure("compact_s", round(compact_s, 2), "s", None, None, n).show()


def _reads(store: Store, numbers: Any) -> float:
    """Returns the median of finding a recording and reading its track and segments, in ms."""

    def read(number: int) -> None:
        known = store.recording(hashlib.sha256(str(number).encode()).hexdigest())
        track = store.track(known.recording, None, TRACK_KEY)
        segments = store.segments(known.recording, None, RUN_KEY)
        if track is None or not segments:
            raise RuntimeError(f"Recording {number} is not there.")

    read(int(numbers[0]))
    return statistics.median([_ms(lambda i=i: read(int(i))) for i in numbers])


def _ms(work: Callable[[], object]) -> float:
    start_s = time.perf_counter()
    work()
    return (time.perf_counter() - start_s) * 1000


def _say(text: str) -> None:
    """Tells how far it is, with the processor time and memory so far."""
    spent = f"{time.process_time():.0f} s of processor time, {peak_gb():.2f} GB"
    print(f"{text} ({spent})", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
