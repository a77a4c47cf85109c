"""What pages read of the store, shared by all visitors, and the pipelines that are loaded."""

import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import streamlit as st

from core.engines.base import Engine
from core.errors import EngineError, StoreError
from core.export.tables import TableFormat
from core.pipeline import Pipeline
from core.records import Recording, Segment, TrackSource
from core.settings import Conditioning, Speakers
from core.store import consent, query
from core.store.consent import Use
from core.store.rows import MIX
from core.timeline.track import Timeline
from dashboard.shared import allowed, scope


@dataclass(frozen=True)
class Choice:
    """One run of one track, as a page opens it."""

    recording: str
    channel: int | None
    track_key: str
    run_key: str


@st.cache_resource(show_spinner=False)
def pipeline(
    engine: str = "compact",
    conditioning: Conditioning | None = None,
    speakers: str = Speakers.NONE,
) -> Pipeline:
    """Returns the pipeline of an engine, loaded once for all visitors."""
    settings = scope().settings
    if conditioning is not None:
        settings = replace(settings, conditioning=conditioning)
    each = speakers == Speakers.CHANNEL
    if not each:
        settings = replace(settings, speakers=speakers)
    return scope().pipeline(engine, settings=settings, each_channel=each)


def catalogue() -> pd.DataFrame:
    """Returns a row for each run in the store, the newest first."""
    lake = scope().store.lake
    return _catalogue(tuple(lake.version(name) for name in ("recordings", "tracks", "runs")))


@st.cache_data(show_spinner=False, max_entries=4)
def _catalogue(versions: tuple[int, ...]) -> pd.DataFrame:
    del versions  # only the key of the cache
    return query.catalogue(scope().store)


@st.cache_data(show_spinner=False, max_entries=8)
def seconds_by_emotion(attempts: tuple[int, ...]) -> pd.DataFrame:
    """Returns the speech time of each emotion in each run, shape `(n_runs, 9)`, in seconds."""
    return query.seconds_by_emotion(scope().store, list(attempts))


def failures() -> pd.DataFrame:
    """Returns what could not be analysed, the latest first."""
    return query.failures(scope().store)


@st.cache_resource(show_spinner=False, max_entries=8)
def timeline(choice: Choice) -> Timeline:
    """Returns the track of a run, ready to be read out; without embeddings, which no page draws.

    Raises:
        StoreError: it is not in the store.
    """
    store = scope().store
    track = store.track(choice.recording, choice.channel, choice.track_key, blocks=False)
    if track is None:
        raise StoreError("This recording is no longer in the store; analyse it again.")
    return Timeline(track)


@st.cache_resource(show_spinner=False, max_entries=8)
def segments(choice: Choice) -> tuple[Segment, ...]:
    """Returns the segments of a run, in order, without embeddings, which no page draws."""
    store = scope().store
    found = store.segments(choice.recording, choice.channel, choice.run_key, embeddings=False)
    return found or ()


def place() -> str:
    """Returns the folder of the store, as part of a key of what was made of it."""
    return str(scope().folder)


def choice_of(row: pd.Series) -> Choice:
    """Returns what a row of the catalogue stands for."""
    channel = int(row["channel"])
    return Choice(
        recording=row["recording"],
        channel=None if channel == MIX else channel,
        track_key=row["track_key"],
        run_key=row["run_key"],
    )


def recording(digits: str) -> Recording:
    """Returns a recording by its SHA-256.

    Raises:
        StoreError: there is none.
    """
    return _recording(digits, scope().store.lake.version("recordings"), place())


@st.cache_resource(show_spinner=False, max_entries=32)
def _recording(digits: str, version: int, root: str) -> Recording:
    del version, root  # only the key of the cache
    return scope().store.recording(digits)


def engine_of(source: TrackSource) -> Engine:
    """Returns the engine that made a track, loaded.

    Raises:
        EngineError: it is not ready, or has other weights now.
    """
    engine = scope().pipeline(source.engine, source.precision).engine
    if engine.engine_id != source.engine_id:
        raise EngineError(
            f"This track was made by {source.engine_id}, but {source.engine!r} is {engine.engine_id} "
            "now; analyse the recording again to ask the model itself."
        )
    return engine


def has_audio(digits: str) -> str | None:
    """Returns None if the audio can be played, or the sentence that says why not."""
    try:
        consent.sound_path(scope().store, recording(digits), Use.LISTEN)
    except StoreError as error:
        return str(error)
    return None


def held_back(digits: str, use: Use) -> str | None:
    """Returns None if a recording's consent allows a use, or the sentence that says why not."""
    try:
        consent.check(scope().store, digits, use)
    except StoreError as error:
        return str(error)
    return None


def relocate(recording: str, path: Path) -> None:
    """Sets where the file of a recording lies now.

    Raises:
        TonescopeError: it is not there, or another file.
    """
    scope().store.relocate(recording, path)


def export_file(recording: str, kind: str, table: str, run_key: str) -> bytes:
    """Returns one exported table of a recording as the bytes of a file.

    Args:
        recording: its SHA-256.
        kind: a `TableFormat`.
        table: `segments`, `frames` or `recordings`; ignored for `npy`, which gives a ZIP of arrays.
        run_key: of the run on the page.
    """
    lake = scope().store.lake
    versions = tuple(lake.version(name) for name in ("recordings", "runs", "turns"))
    return _export_file(recording, kind, table, (run_key, *allowed(), *versions))


@st.cache_data(show_spinner="Writing the file …", max_entries=8)
def _export_file(recording: str, kind: str, table: str, versions: tuple[object, ...]) -> bytes:
    del versions  # only the key of the cache
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "export"
        for _ in scope().export(written, TableFormat(kind), recording):
            pass
        if kind == TableFormat.NPY:
            archive = shutil.make_archive(str(Path(folder) / "arrays"), "zip", written)
            return Path(archive).read_bytes()
        return (written / f"{table}.{kind}").read_bytes()
