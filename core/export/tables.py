"""A store as tables for other programs: recordings, segments, frames and labels, with a codebook.

Every row says which engine, weights and settings made it; a codebook explains each column.
"""

from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd

from core.emotions import EMOTIONS
from core.errors import StoreError
from core.export import codebook
from core.export.pseudonyms import NOTE, Pseudonyms
from core.labels import history
from core.labels.records import Kind
from core.store import consent
from core.store.consent import Use
from core.store.rows import MIX
from core.store.store import Store
from core.timeline.calibration import scores_of

_NAMES = [str(emotion) for emotion in EMOTIONS]
_KEYS = ["recording", "channel", "track_key"]

_MEANING = {
    "recording": "SHA-256 of the bytes of the audio file",
    "name": "file name as it came in",
    "channel": "channel analysed, from 0; -1 is the mean of all",
    "session": "session, as given by the user",
    "speaker": "speaker, as given by the user",
    "recorded_on": "date of the recording, as given by the user",
    "tags": "tags, as given by the user, separated by semicolons",
    "duration_s": "duration of the recording, seconds",
    "speech_s": "time with speech by Silero VAD, seconds",
    "engine_id": "engine and the first 12 hex digits of the SHA-256 of its weights",
    "precision": "arithmetic of the network",
    "track_key": "names engine, conditioning, windowing and precision",
    "run_key": "names the track key and the segmentation",
    "conditioning": "what happened to the audio before the engine, JSON",
    "windowing": "windows and overlap the engine was run over, seconds, JSON",
    "segmentation": "how speech was cut into segments, JSON",
    "embedding_resolution_s": "0.02: embeddings summed from frames; 0.5: from blocks",
    "versions": "versions of the packages that took part, JSON",
    "emotion": "how it sounds to the engine: the highest of the nine scores",
    "confidence": "calibrated by region width on held-out speakers of acted speech; empty under "
    "0.5 s, over 10 s and for engines never calibrated",
    "segment": "number of the segment in its recording, from 0",
    "start_s": "start, seconds from the start of the recording",
    "end_s": "end, seconds from the start of the recording",
    "n_frames": "frames of speech of 20 ms that the read-out takes",
    "frame": "number of the frame, from 0; 20 ms each",
    "speech": "whether the middle of the frame is speech by Silero VAD",
    "created_at": "when the engine was run, UTC",
}
_SEGMENT_MEANING = {
    "speaker": "who speaks in this segment where turns are known; else the speaker of the whole "
    "recording, as given by the user",
}
_LABEL_MEANING = {
    "label": "number of the label, the same for ever",
    "kind": "emotion: a judgement; transcript: what was said",
    "term": "one of the nine emotions or a word of the annotator's own; of a transcript the text",
    "intensity": "from 0 to 1, empty where it was not given",
    "note": "note of the annotator",
    "annotator": "whose judgement it is; of a transcript who speaks",
    "by": "who made or imported it",
    "blind": "whether the annotator had not seen the engine's results on that visit; empty if not known",
    "origin": "name of the file it was imported from",
    "created_at": "when it got its present form, UTC",
    "channel": "channel it is about, from 0; -1 is all",
}
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # how what a spreadsheet calculates begins
_SCORE = "raw score of {}: softmax of the mean raw logits, not a confidence"
_LOGIT = "raw logit of {}"


class TableFormat(StrEnum):
    """The formats in which tables are written."""

    CSV = "csv"
    PARQUET = "parquet"
    JSON = "json"
    NPY = "npy"


def export_tables(
    store: Store,
    folder: Path,
    kind: TableFormat,
    recording: str | None = None,
    *,
    pseudonyms: bool = False,
) -> Iterator[tuple[Path, int]]:
    """Writes a store's results; yields each file with its number of rows.

    Args:
        store: where the results are.
        folder: where the files go; it is made if need be.
        kind: `npy` writes segment embeddings and frame logits, the others four tables.
        recording: only this one, or None for all.
        pseudonyms: whether all recordings go under pseudonyms; those that have one always do.

    Raises:
        StoreError: there is nothing to export, or the folder cannot be written to.
    """
    names = Pseudonyms(store, everybody=pseudonyms)
    tables = _tables(store, recording, names)
    if tables["recordings"].empty:
        raise StoreError("The store holds nothing to export; analyse a recording first.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if kind is TableFormat.NPY:
            yield from _write_arrays(store, tables, folder)
        else:
            for name, table in tables.items():
                path = folder / f"{name}.{kind}"
                _WRITERS[kind](table, path)
                yield path, len(table)
        meaning = {
            name: {str(c): _meaning(name, str(c)) for c in table} for name, table in tables.items()
        }
        book = codebook.content(tables["recordings"], columns=meaning)
        if tables["recordings"]["recording"].isin(names.hidden).any():
            book["pseudonyms"] = NOTE
        if kind is TableFormat.CSV:
            book["guard"] = "an apostrophe stands before texts that begin with = + - or @"
        yield codebook.write(folder, book), len(meaning)
    except OSError as error:
        raise StoreError(
            f"The folder {folder} cannot be written to ({error.strerror}); "
            "check its permissions and free space, or choose another one."
        ) from error


def columns(kind: TableFormat) -> dict[str, dict[str, str]]:
    """Returns the columns of each table that a format writes, and what each means."""
    frames = [*_KEYS, "frame", "start_s", "end_s", "speech", *_NAMES]
    found = {"recordings": _columns("recordings"), "segments": _columns("segments")}
    if kind is TableFormat.NPY:
        return {"segments": {c: _meaning("segments", c) for c in found["segments"]}}
    found["frames"] = frames
    found["labels"] = _columns("labels")
    return {name: {c: _meaning(name, c) for c in listed} for name, listed in found.items()}


def meanings(table: str, names: Iterable[str]) -> dict[str, str]:
    """Returns what columns mean, as in the codebook of a table."""
    return {name: _meaning(table, name) for name in names}


def _meaning(table: str, column: str) -> str:
    known = {"labels": _LABEL_MEANING, "segments": _SEGMENT_MEANING}.get(table, {})
    told = known.get(column) or _MEANING.get(column)
    return told or (_LOGIT if table == "frames" else _SCORE).format(column)


def _tables(store: Store, recording: str | None, names: Pseudonyms) -> dict[str, pd.DataFrame]:
    if recording is not None:
        recording = store.recording(recording).recording
        consent.check(store, recording, Use.PUBLISH)
    recordings = store.table("recordings", recording).to_pandas()
    recordings = recordings[~recordings["recording"].isin(consent.withheld(store, Use.PUBLISH))]
    recordings["tags"] = [";".join(tags) if tags is not None else "" for tags in recordings["tags"]]
    said = recordings[["recording", "name", "session", "speaker", "recorded_on", "tags"]]
    tracks = store.table("tracks", recording).to_pandas().merge(said, on="recording")
    whole = _with_scores(tracks, np.array(tracks["logits"].tolist()).reshape(-1, len(_NAMES)))
    runs = store.table("runs", recording).to_pandas().drop(columns=["created_at"])
    runs = runs.rename(columns={"attempt": "run_attempt"}).merge(tracks, on=_KEYS)
    segments = store.table("segments", recording).to_pandas()
    segments = segments.rename(columns={"attempt": "run_attempt"})
    kept = ["run_attempt", *said.columns, "channel", "engine_id", "precision"]
    kept += ["run_key", "track_key", "class_mask"]
    segments = segments.rename(columns={"speaker": "heard"})
    segments = runs[kept].merge(segments, on="run_attempt")
    segments["speaker"] = segments.pop("heard").fillna(segments["speaker"])
    segments = segments.sort_values(["name", "recording", "run_key", "segment"])
    segments = _with_scores(segments, segments[_NAMES].to_numpy())
    labels = _labels(store, recording, said)
    silent = labels["recording"].isin(names.hidden) & (labels["kind"] == Kind.TRANSCRIPT)
    return {
        "recordings": names.frame(whole[_columns("recordings")].reset_index(drop=True)),
        "segments": names.frame(segments[_columns("segments")].reset_index(drop=True)),
        "frames": _frames(store.table("frames", recording).to_pandas(), tracks),
        "labels": names.frame(labels[~silent].reset_index(drop=True)),
    }


def _labels(store: Store, recording: str | None, said: pd.DataFrame) -> pd.DataFrame:
    known = (
        history.every(store)
        if recording is None
        else {recording: history.history(store, recording)}
    )
    standing = [label for found in known.values() for label in found.labels]
    rows = pd.DataFrame([vars(label) for label in standing], columns=list(_LABEL_FIELDS))
    rows = rows.astype(_LABEL_FIELDS)
    rows["channel"] = rows["channel"].fillna(MIX).astype("int32")
    found = rows.merge(said, on="recording").sort_values(["name", "recording", "start_s", "label"])
    return found[_columns("labels")].reset_index(drop=True)


_LABEL_FIELDS = {
    "recording": "str",
    "label": "int64",
    "kind": "str",
    "channel": "Int32",
    "start_s": "float64",
    "end_s": "float64",
    "term": "str",
    "intensity": "float64",
    "note": "str",
    "annotator": "str",
    "by": "str",
    "blind": "boolean",
    "origin": "str",
    "created_at": "datetime64[us, UTC]",
}


def _columns(name: str) -> list[str]:
    who = ["recording", "name", "channel", "session", "speaker", "recorded_on", "tags"]
    made = ["engine_id", "precision"]
    if name == "labels":
        return [*who[:-2], *(c for c in _LABEL_FIELDS if c not in who)]
    if name == "recordings":
        settings = ["track_key", "conditioning", "windowing", "versions", "created_at"]
        return [*who, "duration_s", "speech_s", "emotion", "confidence", *_NAMES, *made, *settings]
    where = ["segment", "start_s", "end_s", "n_frames"]
    return [*who, *where, "emotion", "confidence", *_NAMES, *made, "run_key", "track_key"]


def _with_scores(rows: pd.DataFrame, logits: np.ndarray) -> pd.DataFrame:
    """Returns the rows with the nine raw scores in columns of the emotions' names."""
    rows = rows.copy()
    masks = np.array(rows["class_mask"].tolist(), dtype=bool).reshape(-1, len(_NAMES))
    scores = [scores_of(row, mask.tolist()) for row, mask in zip(logits, masks, strict=True)]
    rows[_NAMES] = np.array(scores).reshape(-1, len(_NAMES))
    return rows


def _frames(frames: pd.DataFrame, tracks: pd.DataFrame) -> pd.DataFrame:
    frames = tracks[["attempt", *_KEYS, "hop_s", "offset_s"]].merge(frames, on="attempt")
    frames = frames.sort_values([*_KEYS, "frame"])
    frames["start_s"] = (frames["offset_s"] + frames["frame"] * frames["hop_s"]).round(6)
    frames["end_s"] = (frames["start_s"] + frames["hop_s"]).round(6)
    columns = [*_KEYS, "frame", "start_s", "end_s", "speech", *_NAMES]
    return frames[columns].reset_index(drop=True)


def _write_arrays(
    store: Store, tables: dict[str, pd.DataFrame], folder: Path
) -> Iterator[tuple[Path, int]]:
    """Writes the embeddings of each run's segments, in the order of a table beside them."""
    chosen = tables["segments"]
    for run_key in chosen["run_key"].unique():
        rows = chosen[chosen["run_key"] == run_key]
        vectors = [
            segment.embedding
            for recording, channel in rows[["recording", "channel"]].drop_duplicates().to_numpy()
            for segment in store.segments(recording, _channel(channel), run_key) or ()
        ]
        path = folder / f"segment_embeddings_{run_key}.npy"
        np.save(path, np.stack(vectors), allow_pickle=False)
        yield path, len(vectors)
        index = folder / f"segment_embeddings_{run_key}.csv"
        _write_csv(rows, index)
        yield index, len(rows)
    for keys, rows in tables["frames"].groupby(_KEYS, sort=False):
        recording, channel, track_key = cast("tuple[str, int, str]", keys)
        part = "mix" if channel == MIX else f"channel{channel}"
        path = folder / f"frame_logits_{recording[:16]}_{part}_{track_key}.npy"
        np.save(path, rows[_NAMES].to_numpy(np.float32), allow_pickle=False)
        yield path, len(rows)


def _channel(number: int) -> int | None:
    return None if number == MIX else number


def guarded(table: pd.DataFrame) -> pd.DataFrame:
    """Returns a table in which no text is taken for a formula by a spreadsheet."""
    found = table.copy()
    for name in table.columns:
        if not pd.api.types.is_numeric_dtype(table[name]):
            risky = {v: f"'{v}" for v in table[name].unique() if str(v).startswith(_FORMULA)}
            found[name] = table[name].replace(risky) if risky else table[name]
    return found


def _write_csv(table: pd.DataFrame, path: Path) -> None:
    guarded(table).to_csv(path, index=False)


_WRITERS: dict[TableFormat, Callable[[pd.DataFrame, Path], None]] = {
    TableFormat.CSV: _write_csv,
    TableFormat.PARQUET: lambda table, path: table.to_parquet(path, index=False),
    TableFormat.JSON: lambda table, path: table.to_json(
        path, orient="records", date_format="iso", force_ascii=False
    ),
}
