"""The tables of what people say of recordings: turns, labels, verdicts, metadata, consent."""

from typing import Final

import pyarrow as pa

from core.store.table import SEGMENT, TIME, Table

SAID: Final[dict[str, Table]] = {
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
                ("made_at", TIME),
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
                ("made_at", TIME),
            ]
        ),
        keys=("event",),
        statistics=("event",),
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
                ("made_at", TIME),
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
                *SEGMENT,
                ("start_s", pa.float64()),
                ("end_s", pa.float64()),
                ("made_at", TIME),
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
                ("made_at", TIME),
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
                ("made_at", TIME),
            ]
        ),
        keys=("event",),
        statistics=("event",),
    ),
}
