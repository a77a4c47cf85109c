"""The tables of the store, from the first day with a version.

Frames, blocks and segments carry only the number of the attempt that wrote them; the rows of
`tracks` and `runs` name the attempts that count. Statistics are kept for numbers alone: those of a
text column would stay in Delta's log after its rows were deleted.
"""

from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from core.emotions import EMOTIONS

_TIME = pa.timestamp("us", tz="UTC")
_TEXTS = pa.list_(pa.string())
_VECTOR = pa.list_(pa.float32())
_LOGITS = [(str(emotion), pa.float32()) for emotion in EMOTIONS]
_TRACK = [("recording", pa.string()), ("channel", pa.int32()), ("track_key", pa.string())]
_SEGMENT = [("recording", pa.string()), ("channel", pa.int32())]
_SEGMENT += [("run_key", pa.string()), ("segment", pa.int32())]


@dataclass(frozen=True)
class Table:
    """One Delta table.

    Attributes:
        keys: columns that together name a row, or none where rows are only appended.
        statistics: the numeric columns whose least and greatest values each file declares.
        vectors: list columns, written without a dictionary (reading is 4 times faster).
        floats: columns written byte by byte without a dictionary (a third less, read in half the time).
    """

    schema: pa.Schema
    keys: tuple[str, ...] = ()
    statistics: tuple[str, ...] = ()
    vectors: tuple[str, ...] = ()
    floats: tuple[str, ...] = ()


TABLES: Final[dict[str, Table]] = {
    "recordings": Table(
        pa.schema(
            [
                ("recording", pa.string()),
                ("name", pa.string()),
                ("source", pa.string()),
                ("kept", pa.string()),
                ("size_bytes", pa.int64()),
                ("duration_s", pa.float64()),
                ("container", pa.string()),
                ("codec", pa.string()),
                ("sample_rate", pa.int32()),
                ("n_channels", pa.int32()),
                ("session", pa.string()),
                ("speaker", pa.string()),
                ("recorded_on", pa.date32()),
                ("tags", _TEXTS),
                ("added_at", _TIME),
            ]
        ),
        keys=("recording",),
    ),
    "tracks": Table(
        pa.schema(
            [
                *_TRACK,
                ("attempt", pa.int64()),
                ("engine", pa.string()),
                ("engine_id", pa.string()),
                ("precision", pa.string()),
                ("conditioning", pa.string()),
                ("windowing", pa.string()),
                ("class_mask", pa.list_(pa.bool_())),
                ("temperatures", pa.string()),
                ("versions", pa.string()),
                ("warnings", _TEXTS),
                ("quality", pa.string()),
                ("duration_s", pa.float64()),
                ("hop_s", pa.float64()),
                ("offset_s", pa.float64()),
                ("n_frames", pa.int64()),
                ("n_dims", pa.int32()),
                ("speech_s", pa.float64()),
                ("logits", _VECTOR),
                ("emotion", pa.string()),
                ("confidence", pa.float64()),
                ("created_at", _TIME),
            ]
        ),
        keys=("recording", "channel", "track_key"),
        statistics=("attempt",),
    ),
    "runs": Table(
        pa.schema(
            [
                *_TRACK,
                ("run_key", pa.string()),
                ("attempt", pa.int64()),
                ("segmentation", pa.string()),
                ("embedding_resolution_s", pa.float64()),
                ("n_segments", pa.int32()),
                ("created_at", _TIME),
            ]
        ),
        keys=("recording", "channel", "run_key"),
        statistics=("attempt",),
    ),
    "frames": Table(
        pa.schema(
            [("attempt", pa.int64()), ("frame", pa.int32()), *_LOGITS, ("speech", pa.bool_())]
        ),
        statistics=("attempt", "frame"),
        floats=tuple(str(emotion) for emotion in EMOTIONS),
    ),
    "blocks": Table(
        pa.schema(
            [
                ("attempt", pa.int64()),
                ("block", pa.int32()),
                ("n_frames", pa.int32()),
                ("embedding_sum", _VECTOR),
            ]
        ),
        statistics=("attempt", "block"),
        vectors=("embedding_sum",),
    ),
    "segments": Table(
        pa.schema(
            [
                ("attempt", pa.int64()),
                ("segment", pa.int32()),
                ("start_s", pa.float64()),
                ("end_s", pa.float64()),
                ("n_frames", pa.int32()),
                ("speaker", pa.string()),
                *_LOGITS,
                ("emotion", pa.string()),
                ("confidence", pa.float64()),
                ("embedding", _VECTOR),
            ]
        ),
        statistics=("attempt", "segment"),
        vectors=("embedding",),
    ),
    "failures": Table(
        pa.schema(
            [
                ("recording", pa.string()),
                ("name", pa.string()),
                ("engine", pa.string()),
                ("stage", pa.string()),
                ("reason", pa.string()),
                ("failed_at", _TIME),
            ]
        ),
    ),
    "turns": Table(
        pa.schema(
            [
                ("recording", pa.string()),
                ("channel", pa.int32()),
                ("version", pa.int64()),
                ("turn", pa.int32()),
                ("speaker", pa.string()),
                ("start_s", pa.float64()),
                ("end_s", pa.float64()),
                ("source", pa.string()),
                ("parent", pa.int64()),
                ("method", pa.string()),
                ("made_at", _TIME),
            ]
        ),
        statistics=("version",),
    ),
    "labels": Table(
        pa.schema(
            [
                ("event", pa.int64()),
                ("action", pa.int64()),
                ("kind", pa.string()),
                ("by", pa.string()),
                ("label", pa.int64()),
                ("recording", pa.string()),
                ("channel", pa.int32()),
                ("tier", pa.string()),
                ("start_s", pa.float64()),
                ("end_s", pa.float64()),
                ("term", pa.string()),
                ("intensity", pa.float64()),
                ("note", pa.string()),
                ("annotator", pa.string()),
                ("blind", pa.bool_()),
                ("origin", pa.string()),
                ("made_at", _TIME),
            ]
        ),
        keys=("event",),
        statistics=("event",),
    ),
    "projections": Table(
        pa.schema(
            [
                ("projection", pa.string()),
                ("method", pa.string()),
                ("parameters", pa.string()),
                ("seed", pa.int64()),
                *_SEGMENT,
                ("x", pa.float32()),
                ("y", pa.float32()),
                ("made_at", _TIME),
            ]
        ),
        keys=("projection", *(name for name, _ in _SEGMENT)),
    ),
    "clusterings": Table(
        pa.schema(
            [
                ("clustering", pa.string()),
                ("method", pa.string()),
                ("parameters", pa.string()),
                ("seed", pa.int64()),
                *_SEGMENT,
                ("cluster", pa.int32()),
                ("made_at", _TIME),
            ]
        ),
        keys=("clustering", *(name for name, _ in _SEGMENT)),
    ),
    "spaces": Table(
        pa.schema(
            [
                ("space", pa.string()),
                ("part", pa.int32()),
                ("parameters", pa.string()),
                ("speaker", pa.string()),
                ("n_segments", pa.int64()),
                ("vector", _VECTOR),
                ("made_at", _TIME),
            ]
        ),
        keys=("space", "part"),
        vectors=("vector",),
    ),
    "selections": Table(
        pa.schema(
            [
                ("selection", pa.string()),
                ("method", pa.string()),
                ("parameters", pa.string()),
                ("seed", pa.int64()),
                *_SEGMENT,
                ("rank", pa.int32()),
                ("score", pa.float32()),
                ("made_at", _TIME),
            ]
        ),
        keys=("selection", *(name for name, _ in _SEGMENT)),
    ),
    "heads": Table(
        pa.schema(
            [
                ("head", pa.string()),
                ("name", pa.string()),
                ("engine_id", pa.string()),
                ("classes", _TEXTS),
                ("weights", _VECTOR),
                ("bias", _VECTOR),
                ("card", pa.string()),
                ("made_at", _TIME),
            ]
        ),
        keys=("head",),
        vectors=("weights", "bias"),
    ),
    "flags": Table(
        pa.schema(
            [
                ("flag", pa.int64()),
                ("kind", pa.string()),
                ("name", pa.string()),
                ("version", pa.int32()),
                ("rule", pa.string()),
                ("queue", pa.int64()),
                ("recording", pa.string()),
                ("channel", pa.int32()),
                ("start_s", pa.float64()),
                ("end_s", pa.float64()),
                ("flagged", pa.bool_()),
                ("of", pa.int64()),
                ("review", pa.string()),
                ("by", pa.string()),
                ("made_at", _TIME),
            ]
        ),
        keys=("flag",),
        statistics=("flag",),
    ),
    "samples": Table(
        pa.schema(
            [
                ("sample", pa.int64()),
                ("number", pa.int32()),
                ("name", pa.string()),
                ("parameters", pa.string()),
                *_SEGMENT,
                ("start_s", pa.float64()),
                ("end_s", pa.float64()),
                ("made_at", _TIME),
            ]
        ),
        statistics=("sample",),
    ),
    "metadata": Table(
        pa.schema(
            [
                ("event", pa.int64()),
                ("action", pa.int64()),
                ("kind", pa.string()),
                ("by", pa.string()),
                ("recording", pa.string()),
                ("before", pa.string()),
                ("after", pa.string()),
                ("origin", pa.string()),
                ("made_at", _TIME),
            ]
        ),
        keys=("event",),
        statistics=("event",),
    ),
    "consents": Table(
        pa.schema(
            [
                ("event", pa.int64()),
                ("recording", pa.string()),
                ("basis", pa.string()),
                ("analyse", pa.bool_()),
                ("listen", pa.bool_()),
                ("publish", pa.bool_()),
                ("retain_until", pa.date32()),
                ("pseudonym", pa.string()),
                ("by", pa.string()),
                ("made_at", _TIME),
            ]
        ),
        keys=("event",),
        statistics=("event",),
    ),
    "copies": Table(
        pa.schema(
            [
                ("copy", pa.int64()),
                ("kind", pa.string()),
                ("place", pa.string()),
                ("recording", pa.string()),
                ("made_at", _TIME),
            ]
        ),
        statistics=("copy",),
    ),
}
