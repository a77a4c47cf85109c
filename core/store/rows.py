"""Records to rows of the tables, and back."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from itertools import repeat
from typing import Any

import numpy as np
import pyarrow as pa

from core.emotions import EMOTIONS
from core.records import AudioInfo, Failure, Quality, Recording, Run, Segment, Track, TrackSource
from core.store.schema import TABLES

_OF_A_SEGMENT = ["segment", "start_s", "end_s", "n_frames", "emotion", "confidence", "speaker"]
MIX = -1  # stands for "the mean of all channels", as a key of a table may not be null


def channel_number(channel: int | None) -> int:
    """Returns the channel as it is stored."""
    return MIX if channel is None else channel


def recording_row(recording: Recording) -> pa.Table:
    """Returns the row of `recordings`."""
    return _one(
        "recordings",
        recording=recording.recording,
        name=recording.name,
        source=recording.source,
        kept=recording.kept,
        size_bytes=recording.size_bytes,
        duration_s=recording.duration_s,
        container=recording.info.container,
        codec=recording.info.codec,
        sample_rate=recording.info.sample_rate,
        n_channels=recording.info.n_channels,
        session=recording.session,
        speaker=recording.speaker,
        recorded_on=recording.recorded_on,
        tags=list(recording.tags),
        added_at=recording.added_at,
    )


def given_columns(recording: Recording) -> tuple[str, ...]:
    """Returns the columns that a recording sets anew where it is known already."""
    given = {
        "source": recording.source,
        "kept": recording.kept,
        "session": recording.session,
        "speaker": recording.speaker,
        "recorded_on": recording.recorded_on,
        "tags": recording.tags or None,
    }
    return tuple(column for column, value in given.items() if value is not None)


def recording_from(row: Mapping[str, Any]) -> Recording:
    """Returns the record of a row of `recordings`."""
    info = AudioInfo(
        row["container"], row["codec"], row["sample_rate"], row["n_channels"], row["duration_s"]
    )
    return Recording(
        recording=row["recording"],
        name=row["name"],
        source=row["source"],
        kept=row["kept"],
        size_bytes=row["size_bytes"],
        duration_s=row["duration_s"],
        info=info,
        session=row["session"],
        speaker=row["speaker"],
        recorded_on=row["recorded_on"],
        tags=tuple(row["tags"] or ()),
        added_at=row["added_at"],
    )


def track_row(
    track: Track, attempt: int, logits: np.ndarray, emotion: str, confidence: float | None
) -> pa.Table:
    """Returns the row of `tracks`, with the read-out of the utterance beside it."""
    source = track.source
    return _one(
        "tracks",
        recording=source.recording,
        channel=channel_number(source.channel),
        track_key=source.track_key,
        attempt=attempt,
        engine=source.engine,
        engine_id=source.engine_id,
        precision=source.precision,
        conditioning=source.conditioning,
        windowing=source.windowing,
        class_mask=list(source.class_mask),
        temperatures=None if source.temperatures is None else json.dumps(source.temperatures),
        versions=json.dumps(source.versions, sort_keys=True),
        warnings=list(source.warnings),
        quality=None if source.quality is None else json.dumps(asdict(source.quality)),
        duration_s=track.duration_s,
        hop_s=track.hop_s,
        offset_s=track.offset_s,
        n_frames=len(track.logits),
        n_dims=track.block_sums.shape[1],
        speech_s=float(track.speech.sum()) * track.hop_s,
        logits=logits.tolist(),
        emotion=emotion,
        confidence=confidence,
        created_at=source.created_at,
    )


def source_from(row: Mapping[str, Any]) -> TrackSource:
    """Returns where a track comes from, from its row of `tracks`."""
    widths = None if row["temperatures"] is None else json.loads(row["temperatures"])
    return TrackSource(
        recording=row["recording"],
        channel=None if row["channel"] == MIX else row["channel"],
        track_key=row["track_key"],
        engine=row["engine"],
        engine_id=row["engine_id"],
        precision=row["precision"],
        conditioning=row["conditioning"],
        windowing=row["windowing"],
        class_mask=tuple(row["class_mask"]),
        temperatures=None if widths is None else {float(k): v for k, v in widths.items()},
        versions=json.loads(row["versions"]),
        warnings=tuple(row["warnings"] or ()),
        created_at=row["created_at"],
        quality=_quality_from(row["quality"]),
    )


def _quality_from(text: str | None) -> Quality | None:
    if text is None:
        return None
    fields = json.loads(text)
    return Quality(**fields | {"channel_levels_db": tuple(fields["channel_levels_db"])})


def frame_rows(track: Track, attempt: int) -> pa.Table:
    """Returns the rows of `frames`."""
    n_frames = len(track.logits)
    columns: dict[str, Any] = {
        "attempt": np.full(n_frames, attempt),
        "frame": np.arange(n_frames, dtype=np.int32),
        **dict(zip(EMOTIONS, track.logits.T, strict=True)),
        "speech": track.speech,
    }
    return pa.table(columns, schema=TABLES["frames"].schema)


def block_rows(track: Track, attempt: int) -> pa.Table:
    """Returns the rows of `blocks`."""
    n_blocks = len(track.block_frames)
    columns = {
        "attempt": np.full(n_blocks, attempt),
        "block": np.arange(n_blocks, dtype=np.int32),
        "n_frames": track.block_frames.astype(np.int32),
        "embedding_sum": vectors(track.block_sums),
    }
    return pa.table(columns, schema=TABLES["blocks"].schema)


def run_row(run: Run, track: Track, attempt: int) -> pa.Table:
    """Returns the row of `runs`."""
    return _one(
        "runs",
        recording=run.recording,
        channel=channel_number(track.source.channel),
        track_key=run.track_key,
        run_key=run.run_key,
        attempt=attempt,
        segmentation=run.segmentation,
        embedding_resolution_s=run.embedding_resolution_s,
        n_segments=len(run.segments),
        created_at=track.source.created_at,
    )


def segment_rows(run: Run, attempt: int) -> pa.Table:
    """Returns the rows of `segments`."""
    rows = [
        {
            "attempt": attempt,
            "segment": segment.segment,
            "start_s": segment.start_s,
            "end_s": segment.end_s,
            "n_frames": segment.n_frames,
            "speaker": segment.speaker,
            **dict(zip(EMOTIONS, segment.logits.tolist(), strict=True)),
            "emotion": str(segment.emotion),
            "confidence": segment.confidence,
            "embedding": segment.embedding.tolist(),
        }
        for segment in run.segments
    ]
    return pa.Table.from_pylist(rows, schema=TABLES["segments"].schema)


def segments_from(table: pa.Table) -> tuple[Segment, ...]:
    """Returns the records of rows of `segments`, whether or not they were read with embeddings."""
    if not len(table):
        return ()
    logits = np.stack([table[str(emotion)].to_numpy() for emotion in EMOTIONS], axis=1)
    vectors: Iterable[np.ndarray] = repeat(np.zeros(0, np.float32))
    if "embedding" in table.column_names:
        vectors = matrix_of(table["embedding"], len(table["embedding"][0]))
    told = {name: table[name].to_pylist() for name in _OF_A_SEGMENT} | {
        "logits": logits,
        "embedding": vectors,
    }
    return tuple(map(Segment, *(told[field.name] for field in fields(Segment))))


def failure_row(failure: Failure) -> pa.Table:
    """Returns the row of `failures`."""
    return _one(
        "failures",
        recording=failure.recording,
        name=failure.name,
        engine=failure.engine,
        stage=failure.stage,
        reason=failure.reason,
        failed_at=failure.failed_at,
    )


def vectors(matrix: np.ndarray) -> pa.ListArray:
    """Returns the rows of a matrix, shape `(n_rows, n_dims)`, as lists."""
    n_rows, n_dims = matrix.shape
    offsets = pa.array(np.arange(n_rows + 1, dtype=np.int32) * n_dims)
    return pa.ListArray.from_arrays(offsets, pa.array(matrix.astype(np.float32).ravel()))


def sorted_by(table: pa.Table, column: str) -> pa.Table:
    """Returns a table in the order of a column of numbers; as it is where it lies so already."""
    numbers = table[column].to_numpy()
    return table if (numbers[1:] >= numbers[:-1]).all() else table.sort_by(column)


def matrix_of(column: pa.ChunkedArray | pa.Array, n_dims: int) -> np.ndarray:
    """Returns a column of equally long lists as a matrix, shape `(n_rows, n_dims)`."""
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    flat = whole.flatten().to_numpy(zero_copy_only=False)
    return np.ascontiguousarray(flat, dtype=np.float32).reshape(-1, n_dims)


def _one(table: str, /, **values: Any) -> pa.Table:
    return pa.Table.from_pylist([values], schema=TABLES[table].schema)
