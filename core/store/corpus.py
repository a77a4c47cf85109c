"""All segments of one engine: what maps and clusters are made from.

Engines are never mixed, recordings whose consent does not allow to analyse are left out, and of each
recording only one analysis counts: the newest of that engine, or, where its channels were analysed
one by one, the newest of each channel.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

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
Numbers = NDArray[np.int64]
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
        attempts: shape `(n_segments,)`, the number under which each is stored.
    """

    engine_id: str
    run_keys: tuple[str, ...]
    segments: pd.DataFrame
    version: str
    attempts: Numbers

    def by_run(self) -> tuple[pd.DataFrame, NDArray[np.intp]]:
        """Returns the first segment of each analysis, and which analysis each segment is of."""
        first = np.flatnonzero(np.diff(self.attempts, prepend=-1))
        return self.segments.iloc[first], pd.factorize(self.attempts)[0]


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
    runs = _runs(store, engine).sort_values(["recording", "channel"])
    read = store.lake.read("segments", columns=_READ, where=_mine(runs["attempt"]))
    owners = pd.Index(runs["attempt"]).get_indexer(read["attempt"].to_numpy())
    numbers = _pair(owners, read["segment"].to_numpy())
    if (numbers[1:] < numbers[:-1]).any():
        order = np.argsort(numbers, kind="stable")
        read, owners = read.take(order), owners[order]
    rows = runs[_RUN].iloc[owners].reset_index(drop=True)
    heard = read.drop_columns(["attempt"]).to_pandas()
    rows = rows.assign(**heard.assign(speaker=heard["speaker"].fillna(rows["speaker"])))
    keys = zip(runs["recording"], runs["channel"], runs["run_key"], strict=True)
    return Corpus(
        engine_id=str(runs["engine_id"].iloc[0]),
        run_keys=tuple(sorted(runs["run_key"].unique())),
        segments=rows.drop(columns="attempt"),
        version=digest({"runs": [[r, int(c), k] for r, c, k in sorted(keys)], "n": len(rows)}),
        attempts=rows["attempt"].to_numpy(),
    )


def embeddings(store: Store, of: Corpus) -> Floats:
    """Returns the embeddings of a corpus, shape `(n_segments, n_dims)`, in the order of its rows.

    Raises:
        StoreError: the store has changed since the corpus was read.
    """
    found: Floats | None = None
    for batch, rows in _stored(store, of, ["embedding"]):
        if found is None:
            found = np.empty((len(of.segments), len(batch["embedding"][0])), np.float32)
        found[rows] = matrix_of(batch["embedding"], found.shape[1])
    return np.zeros((0, 1), np.float32) if found is None else found


def read_outs(store: Store, of: Corpus) -> pd.DataFrame:
    """Returns what engines said of a corpus, a row for each segment in the order of its rows.

    Returns:
        A column of mean raw logits for each emotion, `n_frames` of speech, and of its track
        `class_mask`, `temperatures` (by region width, or None) and `quality`.

    Raises:
        StoreError: the store has changed since the corpus was read.
    """
    found = pd.DataFrame(logits(store, of), columns=_EMOTIONS)
    found["n_frames"] = frame_counts(store, of)
    keys = ["recording", "channel", "track_key"]
    columns = [*keys, "class_mask", "temperatures", "quality"]
    tracks = store.lake.read("tracks", columns=columns).to_pandas()
    mine = of.segments[keys].merge(tracks, on=keys, how="left")
    for name in ("class_mask", "temperatures", "quality"):
        found[name] = mine[name].to_numpy()
    return found


def logits(store: Store, of: Corpus) -> Floats:
    """Returns the mean raw logits of a corpus, shape `(n_segments, 9)`, in the order of its rows.

    Raises:
        StoreError: the store has changed since the corpus was read.
    """
    found = np.empty((len(of.segments), len(_EMOTIONS)), np.float32)
    for batch, rows in _stored(store, of, _EMOTIONS):
        found[rows] = np.stack([batch[name].to_numpy() for name in _EMOTIONS], axis=1)
    return found


def frame_counts(store: Store, of: Corpus) -> NDArray[np.int64]:
    """Returns the frames of speech of each segment of a corpus, shape `(n_segments,)`.

    Raises:
        StoreError: the store has changed since the corpus was read.
    """
    found = np.empty(len(of.segments), np.int64)
    for batch, rows in _stored(store, of, ["n_frames"]):
        found[rows] = batch["n_frames"].to_numpy()
    return found


def _stored(
    store: Store, of: Corpus, columns: list[str]
) -> Iterator[tuple[pa.RecordBatch, NDArray[np.intp]]]:
    """Yields columns of the segments part by part as they lie, and the row of a corpus of each."""
    owners, runs = pd.factorize(of.attempts)
    known, n_known = pd.Index(runs), 0
    mine = _pair(owners, of.segments["segment"].to_numpy())
    where = _mine(runs)
    for batch in store.lake.batches("segments", ["attempt", "segment", *columns], where):
        owners = known.get_indexer(batch["attempt"].to_numpy())
        numbers = _pair(owners, batch["segment"].to_numpy())
        rows = np.minimum(np.searchsorted(mine, numbers), len(mine) - 1)
        there = mine[rows] == numbers
        if not there.all():
            batch, rows = batch.filter(pa.array(there)), rows[there]
        n_known += len(rows)
        yield batch, rows
    if n_known != len(mine):
        raise StoreError("The store has changed meanwhile; try again.")


def rows_of(segments: pd.DataFrame, keys: pd.DataFrame) -> NDArray[np.intp]:
    """Returns the row at which each key is in a table, shape `(n_keys,)`; -1 where it is not.

    Args:
        segments: with the columns `SEGMENT_KEYS`, no two rows alike in them.
        keys: with these columns, as texts or as categories.
    """
    if len(segments) == len(keys) and all(_alike(segments[c], keys[c]) for c in SEGMENT_KEYS):
        return np.arange(len(keys))
    known, asked = _codes(segments, keys)
    found: NDArray[np.intp] = pd.Index(known).get_indexer(pd.Index(asked))
    return found


def in_order(rows: pd.DataFrame) -> pd.DataFrame:
    """Returns rows of segments ordered by `SEGMENT_KEYS`; a million texts are slow to compare."""
    runs = np.zeros(len(rows), np.int64)
    for name in ("recording", "channel", "run_key"):
        codes, n_known = _ranks(rows[name])
        runs = pd.factorize(runs * n_known + codes, sort=True)[0]
    numbers = _pair(runs, rows["segment"].to_numpy())
    if (numbers[1:] >= numbers[:-1]).all():
        return rows.reset_index(drop=True)
    return rows.iloc[np.argsort(numbers, kind="stable")].reset_index(drop=True)


def _ranks(column: pd.Series) -> tuple[Numbers, int]:
    """Returns a number for each value that orders as they do, and how many values there are."""
    if not isinstance(column.dtype, pd.CategoricalDtype):
        codes, known = pd.factorize(column, sort=True)
        return codes, len(known)
    values = column.cat.categories
    return values.argsort().argsort()[column.cat.codes], len(values)


def _codes(first: pd.DataFrame, second: pd.DataFrame) -> tuple[Numbers, Numbers]:
    """Returns a number for each row of two tables, the same for the same keys."""
    runs = [np.zeros(len(first), np.int64), np.zeros(len(second), np.int64)]
    for name in ("recording", "run_key", "channel"):
        codes, known = _coded(first[name])
        others, asked = _coded(second[name])
        others = np.append(known.get_indexer(asked), -1)[others]
        size = len(known) + 1
        runs = [runs[0] * size + codes, np.where(others < 0, -1, runs[1] * size + others)]
        dense, seen = pd.factorize(runs[0])
        runs = [dense, pd.Index(seen).get_indexer(pd.Index(runs[1]))]
    return _pair(runs[0], first["segment"].to_numpy()), _pair(runs[1], second["segment"].to_numpy())


def _alike(first: pd.Series, second: pd.Series) -> bool:
    """Whether two columns, the second of texts or of categories, hold the same in every row."""
    if not isinstance(second.dtype, pd.CategoricalDtype):
        return bool((first.array == second.array).all())
    codes, known = _coded(first)
    others, asked = _coded(second)
    return bool((asked.get_indexer(known)[codes] == others).all())


def _coded(column: pd.Series) -> tuple[NDArray[Any], pd.Index]:
    """Returns a number for each value, and the values that they count."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.cat.codes.to_numpy(), column.cat.categories
    codes, known = pd.factorize(column)
    return codes, pd.Index(known)


def _pair(owners: NDArray[Any], segments: NDArray[Any]) -> Numbers:
    """Returns one number for owner and segment that orders as they do."""
    found: Numbers = (owners.astype(np.int64) << 32) + segments
    return found


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


def _mine(attempts: Iterable[int]) -> pc.Expression:
    return pc.field("attempt").isin(pa.array(attempts, pa.int64()))
