"""What lists and tables of the store are made from."""

import pandas as pd
import pyarrow.compute as pc

from core.emotions import EMOTIONS
from core.store.store import Store

_RECORDING = ["recording", "name", "session", "speaker", "recorded_on", "tags", "added_at"]
_RECORDING += ["source", "kept", "size_bytes", "container", "codec", "sample_rate", "n_channels"]
_TRACK = ["recording", "channel", "track_key", "engine", "engine_id", "precision", "duration_s"]
_TRACK += ["speech_s", "emotion", "confidence", "warnings"]
_RUN = ["recording", "channel", "track_key", "run_key", "attempt", "n_segments", "created_at"]


def catalogue(store: Store) -> pd.DataFrame:
    """Returns a row for each run: its recording, its track and how many segments it has.

    The newest run comes first; `attempt` is the number under which its segments are stored.
    """
    recordings = store.lake.read("recordings", columns=_RECORDING).to_pandas()
    tracks = store.lake.read("tracks", columns=_TRACK).to_pandas()
    runs = store.lake.read("runs", columns=_RUN).to_pandas()
    keys = ["recording", "channel", "track_key"]
    rows = runs.merge(tracks, on=keys).merge(recordings, on="recording")
    ordered: pd.DataFrame = rows.sort_values("attempt", ascending=False).reset_index(drop=True)
    return ordered


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
