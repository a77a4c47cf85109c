"""Many recordings in the commits of one: how a batch of short files is stored.

A recording stored by itself takes six commits and leaves six small files. Stored together, many
share those six. Each still has an attempt of its own, so what is killed before the rows of `tracks`
and `runs` are merged never happened, and `store check` takes away what it left.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from core.records import Recording, Run, Track
from core.store import rows
from core.store.attempts import open_attempts
from core.store.gate import writing
from core.store.store import Store, Utterance


@dataclass(frozen=True)
class Result:
    """What the analysis of one recording gave."""

    recording: Recording
    track: Track
    said: Utterance
    run: Run


def write_all(store: Store, results: Sequence[Result]) -> None:
    """Stores results together; where a key is there already, what is stored under it counts.

    Args:
        store: where they go.
        results: each of another recording, as many as fit into memory.

    Raises:
        StoreError: the disk does not take them, or others write all the time.
    """
    if not results:
        return
    with open_attempts(store.attempts, len(results)) as numbers, writing(store.root):
        each = list(zip(results, numbers, strict=True))
        lake = store.lake
        lake.append("frames", pa.concat_tables(rows.frame_rows(r.track, n) for r, n in each))
        lake.append("blocks", pa.concat_tables(rows.block_rows(r.track, n) for r, n in each))
        segments = [rows.segment_rows(r.run, n) for r, n in each if r.run.segments]
        if segments:
            lake.append("segments", pa.concat_tables(segments))
        store.put_recordings(result.recording for result in results)
        tracks = [
            rows.track_row(r.track, n, r.said.logits, r.said.emotion, r.said.confidence)
            for r, n in each
        ]
        lake.merge("tracks", pa.concat_tables(tracks))
        lake.merge("runs", pa.concat_tables(rows.run_row(r.run, r.track, n) for r, n in each))
