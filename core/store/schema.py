"""The tables of the store, from the first day with a version.

Frames, blocks and segments carry only the number of the attempt that wrote them; the rows of
`tracks` and `runs` name the attempts that count. Statistics are kept for numbers alone: those of a
text column would stay in Delta's log after its rows were deleted.
"""

from typing import Final

import pyarrow as pa

from core.emotions import EMOTIONS
from core.store.said import SAID
from core.store.table import SEGMENT, TEXTS, TIME, Table

_VECTOR = pa.list_(pa.float32())
_LOGITS = [(str(emotion), pa.float32()) for emotion in EMOTIONS]
_TRACK = [("recording", pa.string()), ("channel", pa.int32()), ("track_key", pa.string())]


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
                ("tags", TEXTS),
                ("added_at", TIME),
            ]
        ),
        keys=("recording",),
        row_group=1 << 12,
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
                ("warnings", TEXTS),
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
                ("created_at", TIME),
            ]
        ),
        keys=("recording", "channel", "track_key"),
        statistics=("attempt",),
        row_group=1 << 12,
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
                ("created_at", TIME),
            ]
        ),
        keys=("recording", "channel", "run_key"),
        statistics=("attempt",),
        row_group=1 << 12,
    ),
    "frames": Table(
        pa.schema(
            [("attempt", pa.int64()), ("frame", pa.int32()), *_LOGITS, ("speech", pa.bool_())]
        ),
        statistics=("attempt", "frame"),
        floats=tuple(str(emotion) for emotion in EMOTIONS),
        row_group=1 << 14,
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
        row_group=1 << 9,
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
        row_group=1 << 13,
    ),
    "failures": Table(
        pa.schema(
            [
                ("recording", pa.string()),
                ("name", pa.string()),
                ("engine", pa.string()),
                ("stage", pa.string()),
                ("reason", pa.string()),
                ("failed_at", TIME),
            ]
        ),
    ),
    "projections": Table(
        pa.schema(
            [
                ("projection", pa.string()),
                ("method", pa.string()),
                ("parameters", pa.string()),
                ("seed", pa.int64()),
                *SEGMENT,
                ("x", pa.float32()),
                ("y", pa.float32()),
                ("made_at", TIME),
            ]
        ),
        keys=("projection", *(name for name, _ in SEGMENT)),
    ),
    "clusterings": Table(
        pa.schema(
            [
                ("clustering", pa.string()),
                ("method", pa.string()),
                ("parameters", pa.string()),
                ("seed", pa.int64()),
                *SEGMENT,
                ("cluster", pa.int32()),
                ("made_at", TIME),
            ]
        ),
        keys=("clustering", *(name for name, _ in SEGMENT)),
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
                ("made_at", TIME),
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
                *SEGMENT,
                ("rank", pa.int32()),
                ("score", pa.float32()),
                ("made_at", TIME),
            ]
        ),
        keys=("selection", *(name for name, _ in SEGMENT)),
    ),
    "heads": Table(
        pa.schema(
            [
                ("head", pa.string()),
                ("name", pa.string()),
                ("engine_id", pa.string()),
                ("classes", TEXTS),
                ("weights", _VECTOR),
                ("bias", _VECTOR),
                ("card", pa.string()),
                ("made_at", TIME),
            ]
        ),
        keys=("head",),
        vectors=("weights", "bias"),
    ),
    "copies": Table(
        pa.schema(
            [
                ("copy", pa.int64()),
                ("kind", pa.string()),
                ("place", pa.string()),
                ("recording", pa.string()),
                ("made_at", TIME),
            ]
        ),
        statistics=("copy",),
    ),
} | SAID
