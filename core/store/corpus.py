"""All segments of one engine: what maps and clusters are made from.

Engines are never mixed, recordings whose consent does not allow to analyse are left out, and of each
recording only one analysis counts: the newest of that engine, or, where its channels were analysed
one by one, the newest of each channel.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from core.emotions import EMOTIONS
from core.errors import ConsentError, StoreError
from core.records import Floats
from core.settings import digest
from core.store import consent
from core.store.consent import Use
from core.store.query import catalogue
from core.store.rows import MIX, matrix_of
from core.store.store import Store

Names = NDArray[np.str_]
SEGMENT_KEYS: Final = ("recording", "channel", "run_key", "segment")
_READ = ["attempt", "segment", "start_s", "end_s", "emotion", "confidence", "speaker"]
_EMOTIONS = [str(emotion) for emotion in EMOTIONS]
_RUN = ["attempt", "recording", "channel", "track_key", "run_key", "name", "session", "speaker"]
_RUN += ["recorded_on", "added_at", "duration_s"]


@dataclass(frozen=True)
class Corpus:
    """The segments of one engine.

    Attributes:
        engine_id: of all of them.
        run_keys: the settings under which they were made; several where analyses differ.
        segments: a row for each, ordered by `recording`, `channel` and `segment`, with `run_key`,
            `start_s`, `end_s`, `emotion`, `confidence`, `speaker`, and the `track_key`, `name`,
            `session`, `recorded_on`, `added_at` and `duration_s` of its recording.
        version: names exactly these segments.
    """

    engine_id: str
    run_keys: tuple[str, ...]
    segments: pd.DataFrame
    version: str


def engine_ids(store: Store) -> list[str]:
    """Returns the engines that have analysed anything, the one used last first."""
    return [str(found) for found in catalogue(store)["engine_id"].unique()]


def corpus(store: Store, engine: str = "compact") -> Corpus:
    """Returns the segments of an engine.

    Args:
        store: where they are.
        engine: its name, of which the weights used last are taken, or its full id.

    Raises:
        StoreError: the engine has analysed nothing.
    """
    runs = _runs(store, engine)
    read = store.lake.read("segments", columns=_READ, where=_mine(runs)).to_pandas()
    rows = runs[_RUN].merge(read, on="attempt", suffixes=("", "_heard"))
    rows["speaker"] = rows["speaker_heard"].fillna(rows["speaker"])
    rows = rows.sort_values(["recording", "channel", "segment"]).reset_index(drop=True)
    keys = sorted(zip(runs["recording"], runs["channel"], runs["run_key"], strict=True))
    version = digest({"runs": [[r, int(c), k] for r, c, k in keys], "n": len(rows)})
    return Corpus(
        engine_id=str(runs["engine_id"].iloc[0]),
        run_keys=tuple(sorted(runs["run_key"].unique())),
        segments=rows.drop(columns=["attempt", "speaker_heard"]),
        version=version,
    )


def embeddings(store: Store, of: Corpus) -> Floats:
    """Returns the embeddings of a corpus, shape `(n_segments, n_dims)`, in the order of its rows.

    Raises:
        StoreError: the store has changed since the corpus was read.
    """
    read, rows = _placed(store, of, ["embedding"])
    if not len(rows):
        return np.zeros((0, 1), np.float32)
    found: Floats = matrix_of(read["embedding"], len(read["embedding"][0]))[rows]
    return found


def read_outs(store: Store, of: Corpus) -> pd.DataFrame:
    """Returns what engines said of a corpus, a row for each segment in the order of its rows.

    Returns:
        A column of mean raw logits for each emotion, `n_frames` of speech, and of its track
        `class_mask`, `temperatures` (by region width, or None) and `quality`.

    Raises:
        StoreError: the store has changed since the corpus was read.
    """
    read, order = _placed(store, of, [*_EMOTIONS, "n_frames"])
    every: pd.DataFrame = read.select([*_EMOTIONS, "n_frames"]).to_pandas()
    found = every.iloc[order].reset_index(drop=True)
    keys = ["recording", "channel", "track_key"]
    runs = _runs(store, of.engine_id)[[*keys, "run_key"]]
    columns = [*keys, "class_mask", "temperatures", "quality"]
    tracks = store.lake.read("tracks", columns=columns).to_pandas().merge(runs, on=keys)
    mine = of.segments[["recording", "channel", "run_key"]].merge(
        tracks.drop(columns="track_key"), on=["recording", "channel", "run_key"], how="left"
    )
    for name in ("class_mask", "temperatures", "quality"):
        found[name] = mine[name].to_numpy()
    return found


def logits(store: Store, of: Corpus) -> Floats:
    """Returns the mean raw logits of a corpus, shape `(n_segments, 9)`, in the order of its rows.

    Raises:
        StoreError: the store has changed since the corpus was read.
    """
    read, rows = _placed(store, of, _EMOTIONS)
    found: Floats = np.stack([read[name].to_numpy() for name in _EMOTIONS], axis=1)[rows]
    return found


def frame_counts(store: Store, of: Corpus) -> NDArray[np.int64]:
    """Returns the frames of speech of each segment of a corpus, shape `(n_segments,)`.

    Raises:
        StoreError: the store has changed since the corpus was read.
    """
    read, rows = _placed(store, of, ["n_frames"])
    found: NDArray[np.int64] = read["n_frames"].to_numpy().astype(np.int64)[rows]
    return found


def _placed(store: Store, of: Corpus, columns: list[str]) -> tuple[pa.Table, NDArray[np.intp]]:
    """Returns columns of the segments as they are stored, and which row each of a corpus has."""
    runs = _runs(store, of.engine_id)
    read = store.lake.read("segments", columns=["attempt", "segment", *columns], where=_mine(runs))
    where = pd.DataFrame({"attempt": read["attempt"].to_numpy()})
    where["segment"] = read["segment"].to_numpy()
    where["row"] = np.arange(len(where))
    placed = of.segments[list(SEGMENT_KEYS)].merge(
        runs[["attempt", "recording", "channel", "run_key"]].merge(where, on="attempt"),
        on=list(SEGMENT_KEYS),
    )
    if len(placed) != len(of.segments):
        raise StoreError("The store has changed meanwhile; try again.")
    return read, placed["row"].to_numpy().astype(np.intp)


def _runs(store: Store, engine: str) -> pd.DataFrame:
    """Returns the rows of the catalogue that count, for the newest engine of that name."""
    every = catalogue(store)
    mine = every[(every["engine_id"] == engine) | (every["engine"] == engine)]
    if mine.empty:
        known = ", ".join(engine_ids(store))
        there_is = f"there are results of {known}" if known else "the store is empty"
        raise StoreError(
            f"The engine {engine!r} has analysed no recording in this store ({there_is}); "
            "analyse some with it, or choose another engine."
        )
    mine = mine[mine["engine_id"] == mine["engine_id"].iloc[0]]
    allowed = mine[~mine["recording"].isin(consent.withheld(store, Use.ANALYSE))]
    if allowed.empty:
        raise ConsentError(
            f"All {mine['recording'].nunique()} recordings under {engine!r} are held back by their "
            "consents; record others if there are any, or analyse other recordings."
        )
    return counted(allowed)


def speakers_of(segments: pd.DataFrame) -> Names:
    """Returns who speaks in each segment; where nobody is named, the recording stands for them."""
    named = segments["speaker"].mask(segments["speaker"] == "")
    return named.fillna("recording " + segments["recording"]).to_numpy(dtype=str)


def newest_runs(store: Store, recording: str | None = None) -> pd.DataFrame:
    """Returns the rows of the catalogue that count for each recording's newest engine.

    Args:
        store: where they are.
        recording: only this one, by its SHA-256, or None for all.
    """
    every = catalogue(store)
    if recording is not None:
        every = every[every["recording"] == recording]
    engines = every.drop_duplicates("recording").set_index("recording")["engine_id"]
    return counted(every[every["engine_id"] == every["recording"].map(engines)])


def counted(mine: pd.DataFrame) -> pd.DataFrame:
    """Returns of the catalogue's rows of one engine a recording those that count.

    They are the newest analysis of the whole, or of each channel where these came last.
    """
    newest = mine.drop_duplicates("recording").set_index("recording")["channel"]
    by_channel = mine["recording"].map(newest) != MIX
    wanted = mine[(mine["channel"] == MIX) ^ by_channel]
    found: pd.DataFrame = wanted.drop_duplicates(["recording", "channel"])
    return found


def _mine(runs: pd.DataFrame) -> pc.Expression:
    return pc.field("attempt").isin(runs["attempt"].tolist())
