"""The same tone as pages look for it: a corpus made ready once, queries, and their hits."""

import base64
import hashlib
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
import pandas as pd

from core.audio.decode import SAMPLE_RATE, open_audio
from core.errors import ExploreError, TonescopeError
from core.explore import search
from core.explore.search import Hit, Query, Search
from core.explore.space import SpaceSettings
from core.records import Span, Track
from core.store.corpus import SEGMENT_KEYS
from dashboard import corpus, corpus_known
from dashboard.background import Report, Task, background
from dashboard.corpus_filter import Filter
from dashboard.shared import scope

LONGEST_S: Final = 60.0  # of a clip that is asked with
MOST_ASKED: Final = 5_000  # hits that are looked through for those that pass the filter
_KEPT: Final = 2
_ready: OrderedDict[Hashable, Search] = OrderedDict()
_lock = threading.Lock()


@dataclass(frozen=True)
class Clip:
    """A clip that was handed in, as the engine heard it; nothing of it is stored.

    Attributes:
        name: of the file.
        track: with its blocks.
        sound: the address of its sound, with the sound in it.
    """

    name: str
    track: Track
    sound: str


@dataclass(frozen=True)
class Answer:
    """The hits of a query that pass the filter.

    Attributes:
        hits: the best first.
        looked: how many nearest segments were looked through.
        everything: whether these were all.
    """

    hits: tuple[Hit, ...]
    looked: int
    everything: bool


def key_of(engine: str, space: SpaceSettings) -> Hashable:
    """Returns the name of a corpus made ready: its segments of today, in a space."""
    lake = scope().store.lake
    tables = ("recordings", "tracks", "runs", "labels" if space.neutral else "runs")
    versions = tuple(lake.version(name) for name in tables)
    return (corpus.place(), "search", engine, space, versions)


def ready(engine: str, space: SpaceSettings) -> Search | None:
    """Returns the corpus ready to be searched, or None while it is made so, which is begun."""
    key, store = key_of(engine, space), scope().store
    with _lock:
        if key in _ready:
            _ready.move_to_end(key)
            return _ready[key]

    def action(report: Report) -> None:
        report("Reading the corpus")
        found = search.open_search(store, engine, space)
        with _lock:
            _ready[key] = found
            while len(_ready) > _KEPT:
                _ready.popitem(last=False)

    task = background().view(key)
    if task is None or (task.finished and not task.error):
        background().start(key, "Making the corpus ready to be searched", action)
    return None


def of_region(found: Search, recording: str, span: Span, channel: int | None) -> Query:
    """Returns the query of a region of a stored recording.

    Raises:
        TonescopeError: it is not there, or the engine has not heard it.
    """
    return search.query_of_region(scope().store, found, recording, span, channel)


def clip_key(data: bytes, engine: str) -> Hashable:
    """Returns the name under which a clip is heard by an engine."""
    return ("clip", engine, hashlib.sha256(data).hexdigest())


def hear(file: BinaryIO, name: str, engine: str) -> Task:
    """Returns the hearing of a clip by an engine as it stands, begun if need be; its result a `Clip`.

    Args:
        file: as it was uploaded or recorded.
        name: of it.
        engine: the id of the corpus's engine.
    """
    data = file.read()
    key, library = clip_key(data, engine), scope()

    def action(report: Report) -> Clip:
        report("Loading the engine and reading the clip")
        try:
            with tempfile.TemporaryDirectory(prefix="tonescope-") as folder:
                path = Path(folder) / "clip"
                path.write_bytes(data)
                _not_too_long(path)
                track = library.pipeline(_engine_name(engine)).predict(path).track
                if track.source.engine_id != engine:
                    raise ExploreError(
                        f"The corpus was heard by {engine}, which is not installed any more; analyse it "
                        "again with the engine of today."
                    )
                sound = _sound(path, track.duration_s)
        except TonescopeError as error:  # people do not know it by the name it has here
            raise ExploreError(str(error).replace("'clip'", name)) from error
        return Clip(name, track, sound)

    return background().view(key) or background().start(key, "Listening to the clip", action)


def answer(
    found: Search,
    query: Query | None,
    count: int,
    kept: Filter,
    *,
    other_recordings: bool,
    other_speakers: bool,
    liked: Sequence[int],
    disliked: Sequence[int],
) -> Answer | str:
    """Returns the nearest segments that pass a filter, or the sentence that says why there are none.

    Args:
        found: the corpus.
        query: what is looked for.
        count: how many hits are wanted.
        kept: which segments may be hits.
        other_recordings: whether the query's recording is left out.
        other_speakers: whether its speaker is left out.
        liked: rows that hits should be more like.
        disliked: rows that they should be less like.
    """
    n_all = len(found.segments)
    passes = corpus_known.keeps(kept, _described(found), found.of.engine_id)
    asked = count if not kept.count else min(n_all, max(count * 8, 200))
    while True:
        try:
            hits = found.find(
                query,
                min(asked, n_all),
                other_recordings=other_recordings,
                other_speakers=other_speakers,
                liked=liked,
                disliked=disliked,
            )
        except TonescopeError as error:
            return str(error)
        mine = [hit for hit in hits if passes[hit.row]][:count]
        done = len(mine) >= count or len(hits) < asked or asked >= min(n_all, MOST_ASKED)
        if done:
            ranked = tuple(replace(hit, rank=rank) for rank, hit in enumerate(mine, 1))
            return Answer(ranked, len(hits), len(hits) < asked or asked >= n_all)
        asked = min(n_all, MOST_ASKED, asked * 8)


def rows_of(found: Search, segments: Sequence[tuple[object, ...]]) -> list[int]:
    """Returns the rows of segments by their keys; those that are gone are left out."""
    if not segments:
        return []
    wanted = pd.DataFrame(list(segments), columns=list(SEGMENT_KEYS))
    return [int(row) for row in found.rows_of(wanted)]


def key_of_row(found: Search, row: int) -> tuple[object, ...]:
    """Returns the key of a segment, which stays the same when the corpus grows."""
    of = found.segments.iloc[row]
    return tuple(
        of[name].item() if isinstance(of[name], np.generic) else of[name] for name in SEGMENT_KEYS
    )


def _described(found: Search) -> pd.DataFrame:
    """Returns the segments in the order of the search, with `day` and `tags` of their recordings."""
    every = corpus.segments(found.of.engine_id)
    told = every.drop_duplicates("recording")[["recording", "day", "tags"]]
    rows: pd.DataFrame = found.segments.merge(told, on="recording", how="left")
    return rows


def _not_too_long(path: Path) -> None:
    """Decodes a clip no further than it may be long, before any engine hears it."""
    n_samples = 0
    with open_audio(path) as audio:
        for chunk in audio.samples():
            n_samples += len(chunk)
            if n_samples > LONGEST_S * SAMPLE_RATE:
                raise ExploreError(
                    f"The clip is longer than {LONGEST_S:.0f} s, the most for a query; cut out the "
                    "stretch you mean, or analyse the recording and mark a region."
                )


def _engine_name(engine_id: str) -> str:
    tracks = scope().store.lake.read("tracks", columns=["engine_id", "engine"]).to_pylist()
    return next(str(row["engine"]) for row in tracks if row["engine_id"] == engine_id)


def _sound(path: Path, duration_s: float) -> str:
    """Returns a clip as an address that holds its sound as WAV, which every browser plays."""
    target = path.with_name("clip.wav")
    with open_audio(path) as audio:
        audio.clip_to(target, Span(0.0, duration_s))
    return f"data:audio/wav;base64,{base64.b64encode(target.read_bytes()).decode()}"
