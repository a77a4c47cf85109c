"""What all visitors share: the store, the engines, the jobs; and what pages read from them."""

import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import pandas as pd
import streamlit as st

from core import preferences
from core.correcting import TurnPreview
from core.engines.base import Engine
from core.engines.published import PUBLISHED
from core.engines.registry import EngineInfo
from core.errors import EngineError, StoreError
from core.export.tables import TableFormat
from core.fetches import FetchView
from core.jobs import JobView, Request
from core.media_files import MEDIA_SUFFIXES, find_files
from core.pipeline import Pipeline
from core.records import Metadata, Recording, Segment, TrackSource, Turn
from core.settings import SAMPLES_DIR, Conditioning, Speakers
from core.speakers.imports import FORMATS
from core.speakers.turns import Turns
from core.store import consent, query
from core.store.consent import Use
from core.store.rows import MIX
from core.store.turns import TurnVersion
from core.timeline.track import Timeline
from dashboard.shared import allowed, fetches, queue, scope

Submit = Callable[[], str]
Change = Callable[[], object]


@dataclass(frozen=True)
class Setup:
    """How recordings are to be analysed, and what is said of them."""

    metadata: Metadata
    engine: str = "compact"
    conditioning: Conditioning | None = None
    speakers: str = Speakers.NONE


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


def engines() -> list[EngineInfo]:
    """Returns what engines there are."""
    return scope().registry.list()


def own_engine(name: str) -> EngineInfo | None:
    """Returns what can be said of a model directory of the user's own, once it was verified."""
    return scope().registry.own(name)


def about_engine(name: str) -> str:
    """Returns what an engine is, in a sentence or two."""
    if name == "compact":
        return (
            "Comes with Tonescope: layers of Whisper base's encoder with a head for nine emotions."
        )
    about = f"{PUBLISHED[name].about} Speech emotion, trained on much larger data; runs by FunASR."
    return f"{about} Its scores are not calibrated, so it tells no confidence."


def size_of(info: EngineInfo) -> str:
    """Returns the size of an engine's weights, for people, as far as it is known."""
    if info.size_mb is not None:
        return f"{info.size_mb:,.1f} MB"
    size_gb = PUBLISHED[info.name].size_gb if info.name in PUBLISHED else None
    return f"about {size_gb:.2f} GB to fetch" if size_gb else "the hub tells its size"


def default_engine() -> str:
    """Returns the engine chosen as default for this store, ready or not."""
    return preferences.default_engine(scope().folder)


def choose_engine(name: str) -> None:
    """Makes an engine the default for this store.

    Raises:
        SettingsError: the choice cannot be written.
    """
    preferences.choose_engine(scope().folder, name)


def start_fetch(name: str, hub: str) -> None:
    """Starts to fetch an engine from a hub and to verify it."""
    fetches().fetch(name, hub)


def start_verify(name: str) -> None:
    """Starts to verify an engine, by its name or the path of its directory."""
    fetches().verify(name)


def cancel_fetch(name: str) -> None:
    """Stops a fetch; what has come is kept."""
    fetches().cancel(name)


def fetch_view(name: str) -> FetchView | None:
    """Returns how the last work on an engine stands, or None if there was none."""
    return fetches().view(name)


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


def turns(choice: Choice) -> tuple[Turn, ...]:
    """Returns who speaks when in a track's channel, as it counts now."""
    version = turn_version(choice)
    return () if version is None else version.turns


def turn_version(choice: Choice) -> TurnVersion | None:
    """Returns the turns of a track's channel as they count now, or None where there never were any."""
    version = scope().store.lake.version("turns")
    return _turn_version(choice.recording, choice.channel, version, place())


def everyone(choice: Choice) -> tuple[Turn, ...]:
    """Returns who speaks when in a recording: in all channels where each is a track of its own."""
    if choice.channel is None:
        return turns(choice)
    rows = catalogue()
    mine = rows.loc[rows["recording"] == choice.recording, "channel"]
    each = [replace(choice, channel=int(n)) for n in sorted(set(mine)) if n != MIX]
    found = [turn for one in each for turn in turns(one)]
    return tuple(sorted(found, key=lambda turn: (turn.start_s, turn.end_s)))


@st.cache_resource(show_spinner=False, max_entries=32)
def _turn_version(
    recording: str, channel: int | None, version: int, place: str
) -> TurnVersion | None:
    del version, place  # only the key of the cache
    return scope().turn_version(recording, channel)


def place() -> str:
    """Returns the folder of the store, as part of a key of what was made of it."""
    return str(scope().folder)


def correct_turns(choice: Choice, corrected: Sequence[Turn]) -> None:
    """Stores turns corrected by hand, with segments that follow them.

    Raises:
        TurnError: a turn is none.
    """
    scope().correct_turns(choice.recording, corrected, choice.channel)


def change_turns(choice: Choice, change: Callable[[Turns], Turns]) -> None:
    """Stores what a function of `core.speakers.turns` makes of the turns, with their segments.

    Raises:
        TurnError: it cannot be done, or changes nothing.
    """
    scope().change_turns(choice.recording, change, choice.channel)


def cut_by_turns(choice: Choice) -> None:
    """Cuts segments that follow the turns that count, for runs made before them.

    Raises:
        TurnError: speakers were never told apart.
    """
    scope().recut(choice.recording, choice.channel)


def undo_turns(choice: Choice) -> None:
    """Goes back to the turns before the last change.

    Raises:
        TurnError: there is nothing to undo.
    """
    scope().undo_turns(choice.recording, choice.channel)


def preview_turns(choice: Choice, name: str, data: bytes) -> TurnPreview:
    """Returns what a file of turns would give; nothing is stored.

    Args:
        choice: the track whose channel they belong to.
        name: of the file, which says its format.
        data: its bytes.

    Raises:
        TurnError: it cannot be read, holds no turns, or none of this recording.
    """
    kind = Path(name).suffix.lower()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"turns{kind if kind in FORMATS else ''}"
        path.write_bytes(data)
        return scope().preview_turns(path, choice.recording, choice.channel, name=name)


def store_turns(preview: TurnPreview, only: Sequence[str]) -> None:
    """Stores the turns of some speakers of a preview, with segments that follow them.

    Raises:
        TurnError: none of these speakers has a turn.
    """
    scope().store_turns(preview, only)


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


def media_types() -> list[str]:
    """Returns the suffixes of files that can be handed in, without their dots."""
    return sorted(suffix[1:] for suffix in MEDIA_SUFFIXES)


def submit_uploads(files: Sequence[tuple[str, BinaryIO]], setup: Setup) -> str:
    """Starts a job on uploaded files, of which the store keeps copies; returns its name.

    Raises:
        StoreError: the uploads cannot be written to the store's disk.
    """
    incoming = scope().store.root / "incoming"
    requests = []
    try:
        incoming.mkdir(parents=True, exist_ok=True)
        for name, file in files:
            path = incoming / secrets.token_hex(16)
            with path.open("wb") as draft:
                shutil.copyfileobj(file, draft)
            requests.append(Request(path, name, keep=True, discard=True))
    except OSError as error:
        raise StoreError(
            f"The upload could not be written to {incoming} ({error.strerror}); "
            "check the free space of its disk."
        ) from error
    return _submit(requests, setup)


def submit_take(take: BinaryIO, setup: Setup) -> str:
    """Starts a job on a take of the microphone, named by the time; returns the job's name."""
    return submit_uploads([(f"Microphone {datetime.now():%Y-%m-%d %H.%M.%S}.wav", take)], setup)


def submit_folder(folder: Path, setup: Setup) -> str:
    """Starts a job on the media of a folder, which stay where they are; returns its name.

    Raises:
        StoreError: there is no such folder, or no media in it.
    """
    if not folder.is_dir():
        raise StoreError(
            f"There is no folder {str(folder)!r} on the computer that runs Tonescope; "
            "give the full path of one."
        )
    found = find_files([folder])
    if not found.files:
        raise StoreError(f"The folder {str(folder)!r} holds no recordings; choose another one.")
    requests = [Request(path, path.name) for path in found.files]
    return _submit(requests, setup)


def _submit(requests: list[Request], setup: Setup) -> str:
    ready = partial(pipeline, setup.engine, setup.conditioning, setup.speakers)
    return queue().submit(ready, scope().store, requests, setup.metadata)


def submit_samples() -> str:
    """Starts a job on the synthetic samples that come with Tonescope; returns its name."""
    files = [(path.name, BytesIO(path.read_bytes())) for path in sample_files()]
    said = Metadata(session="Samples", tags=("synthetic speech",))
    return submit_uploads(files, Setup(said))


def sample_files() -> list[Path]:
    """Returns the synthetic samples that come with Tonescope."""
    return sorted(SAMPLES_DIR.glob("*.mp3"))


def job(name: str | None) -> JobView | None:
    """Returns how a job stands, or None if it is not known to this process."""
    return queue().view(name) if name else None


def cancel(name: str) -> None:
    """Stops a job; what it has finished stays."""
    queue().cancel(name)


def running_jobs() -> Iterator[JobView]:
    """Yields the jobs that have not finished."""
    return (view for view in queue().views() if not view.finished)
