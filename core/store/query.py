"""What lists and tables of the store are made from."""

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from core.emotions import EMOTIONS
from core.store.store import Store

_RECORDING = ["recording", "name", "session", "speaker", "recorded_on", "tags", "added_at"]
_RECORDING += ["source", "kept", "size_bytes", "container", "codec", "sample_rate", "n_channels"]
_TRACK = ["recording", "channel", "track_key", "engine", "engine_id", "precision", "duration_s"]
_TRACK += ["speech_s", "emotion", "confidence", "warnings", "conditioning"]
_RUN = ["recording", "channel", "track_key", "run_key", "attempt", "n_segments", "created_at"]


def catalogue(store: Store) -> pd.DataFrame:
    """Returns a row for each run: its recording, its track and how many segments it has.

    The newest run comes first; `attempt` is the number under which its segments are stored.
    """
    runs = store.lake.read("runs", columns=_RUN).sort_by([("attempt", "descending")])
    rows = _joined(runs, store.lake.read("tracks", columns=_TRACK), _TRACK[:3])
    rows = _joined(rows, store.lake.read("recordings", columns=_RECORDING), _RECORDING[:1])
    found: pd.DataFrame = rows.to_pandas()
    return found


def _joined(rows: pa.Table, others: pa.Table, keys: list[str]) -> pa.Table:
    """Returns rows with the columns of the one row of a table that has the same keys, if any.

    Arrow's own join knows no columns of lists.
    """
    at = pc.index_in(_names(rows, keys), _names(others, keys))
    there = pc.is_valid(at)
    rows, beside = rows.filter(there), others.drop_columns(keys).take(at.filter(there))
    for name in beside.column_names:
        rows = rows.append_column(name, beside[name])
    return rows


def _names(rows: pa.Table, keys: list[str]) -> pa.ChunkedArray:
    """Returns one text for each row, the same where all keys are."""
    return pc.binary_join_element_wise(*(rows[key].cast(pa.string()) for key in keys), " ")


def seconds_by_emotion(store: Store, attempts: list[int], hop_s: float = 0.02) -> pd.DataFrame:
    """Returns the speech time of each emotion in each run.

    Args:
        store: where the segments are.
        attempts: the runs, by the numbers under which their segments are stored.
        hop_s: seconds of a frame.

    Returns:
        One row for each run in the order of `attempts`, a column of seconds for each emotion: the
        time of the segments that sound so to the engine.
    """
    mine = pc.field("attempt").isin(attempts)
    columns = ["attempt", "emotion", "n_frames"]
    segments = store.lake.read("segments", columns=columns, where=mine).to_pandas()
    names = [str(emotion) for emotion in EMOTIONS]
    sums = segments.pivot_table(
        index="attempt", columns="emotion", values="n_frames", aggfunc="sum"
    )
    seconds: pd.DataFrame = sums.reindex(index=attempts, columns=names).fillna(0.0) * hop_s
    return seconds


def failures(store: Store) -> pd.DataFrame:
    """Returns what could not be analysed, the latest first, each input once.

    An input that was analysed after all is left out.
    """
    found = store.lake.read("failures").to_pandas().sort_values("failed_at", ascending=False)
    done = store.lake.read("tracks", columns=["recording"])["recording"].to_pylist()
    found = found[~found["recording"].isin(done) | found["recording"].isna()]
    unique: pd.DataFrame = found.drop_duplicates(["recording", "name", "reason"])
    return unique.reset_index(drop=True)
