"""The same tone in a store: a query, and the nearest segments with why they are near."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.errors import ExploreError, RegionError, StoreError
from core.explore import kept_index, measures, spaces
from core.explore.index import Index
from core.explore.neighbours import contrast, more_like, why
from core.explore.space import Space, SpaceSettings
from core.records import Floats, Span, Track
from core.store import spaces as stored_spaces
from core.store.corpus import SEGMENT_KEYS, Corpus, corpus, embeddings, logits
from core.store.rows import MIX, channel_number
from core.store.store import Store
from core.timeline.track import FrameChoice, Timeline

_KEYS: Final = list(SEGMENT_KEYS)


@dataclass(frozen=True)
class Query:
    """What is looked for.

    Attributes:
        vector: shape `(n_dims,)`, in the space of the search.
        logits: shape `(9,)`, mean raw logits, for the reasons.
        recording: SHA-256 where it is of the store, or None.
        speaker: where known.
        span: of the recording, or None.
        channel: as it is stored; -1 for the mix.
    """

    vector: Floats
    logits: Floats
    recording: str | None = None
    speaker: str | None = None
    span: Span | None = None
    channel: int = MIX


@dataclass(frozen=True)
class Hit:
    """A segment near a query.

    Attributes:
        rank: from 1.
        row: of `Search.segments`.
        score: cosine in the space, from -1 to 1; no probability.
        emotion: as the segment sounds to the engine.
        difference: length 9, by how much each emotion stands out more than in the query, in logits.
        why: a sentence from the greatest of these.
    """

    rank: int
    row: int
    recording: str
    channel: int
    run_key: str
    segment: int
    start_s: float
    end_s: float
    score: float
    emotion: str
    name: str
    speaker: str | None
    difference: tuple[float, ...]
    why: str


@dataclass(frozen=True)
class Search:
    """A corpus ready to be searched; make it once and keep it.

    Attributes:
        of: the corpus.
        segments: its rows in the order of the index.
        space_key: of the space.
        space: in which everything is compared.
        index: of the segments.
        logits: shape `(n_segments, 9)`, mean raw logits.
        mask: length 9, true for each class that the engine has.
    """

    of: Corpus
    segments: pd.DataFrame
    space_key: str
    space: Space
    index: Index
    logits: Floats
    mask: tuple[bool, ...]

    def query_of_track(
        self, track: Track, span: Span | None = None, speaker: str | None = None
    ) -> Query:
        """Returns the query of a region of any track of the engine, such as of an upload.

        Args:
            track: with its blocks.
            span: of it, or None for the whole.
            speaker: where known, for a space per speaker.

        Raises:
            RegionError: the region does not lie within the track.
            ExploreError: the track is of another engine.
        """
        if track.source.engine_id != self.of.engine_id:
            raise ExploreError(
                f"The query was heard by {track.source.engine_id} and the corpus by "
                f"{self.of.engine_id}; use the same engine."
            )
        timeline = Timeline(track)
        region = span or Span(0.0, track.duration_s)
        try:
            said = timeline.read_out(region).logits
        except RegionError:  # no speech in it: its sound can be looked for all the same
            said = timeline.read_out(region, FrameChoice.ALL).logits
        vector = self.space.apply(timeline.embedding(region)[np.newaxis], [speaker])[0]
        return Query(vector, said.astype(np.float32), speaker=speaker, span=span)

    def query_of_row(self, row: int) -> Query:
        """Returns the query of a segment of the corpus, such as a point of the map."""
        of = self.segments.iloc[row]
        return Query(
            vector=self.index.vectors[row],
            logits=self.logits[row],
            recording=str(of["recording"]),
            speaker=measures.names([of["speaker"]])[0],
            span=Span(float(of["start_s"]), float(of["end_s"])),
            channel=int(of["channel"]),
        )

    def row_of(self, recording: str, segment: int) -> int:
        """Returns the row of a segment by its recording (SHA-256, or its first digits) and number.

        Raises:
            ExploreError: there is none, or several.
        """
        named = self.segments["recording"].str.startswith(recording).to_numpy(bool)
        mine = named & (self.segments["segment"].to_numpy() == segment)
        if mine.sum() != 1:
            raise ExploreError(
                f"There are {int(mine.sum())} segments {recording}:{segment} in the corpus, and one "
                "is needed; give more digits of the recording, and a number that `similar` answered."
            )
        return int(np.flatnonzero(mine)[0])

    def rows_of(self, segments: pd.DataFrame) -> NDArray[np.intp]:
        """Returns the rows of segments by their keys; those that are not in the corpus are left out."""
        at = self.segments[_KEYS].assign(row=np.arange(len(self.segments)))
        return segments[_KEYS].merge(at, on=_KEYS)["row"].to_numpy().astype(np.intp)

    def find(
        self,
        query: Query | None,
        k: int = 10,
        *,
        other_recordings: bool = False,
        other_speakers: bool = False,
        liked: Sequence[int] = (),
        disliked: Sequence[int] = (),
    ) -> tuple[Hit, ...]:
        """Returns the nearest segments, the best first; never the query itself.

        Args:
            query: what is looked for; None for what is liked alone.
            k: how many.
            other_recordings: whether the query's recording is left out.
            other_speakers: whether its speaker is left out, and everybody not known.
            liked: rows that the answer should be more like; they are not found again.
            disliked: rows that it should be less like; not found again either.

        Raises:
            ExploreError: k is less than 1, the query's speaker is not known, or nothing says where
                to look.
        """
        away = self._excluded(query, other_recordings, other_speakers)
        away[[*liked, *disliked]] = True
        start = None if query is None else query.vector
        if liked or disliked:
            vectors = self.index.vectors
            start = more_like(start, vectors[list(liked)], vectors[list(disliked)])
        if start is None:
            raise ExploreError("Nothing says what to look for; choose a region or a segment.")
        rows, scores = self.index.search(start[np.newaxis], k, away)
        said = self.logits[list(liked)].mean(axis=0) if query is None else query.logits
        differences = contrast(said, self.logits[rows[0]], self.mask)
        return tuple(
            self._hit(rank, int(row), float(score), difference)
            for rank, (row, score, difference) in enumerate(
                zip(rows[0], scores[0], differences, strict=True), 1
            )
        )

    def _excluded(self, query: Query | None, recordings: bool, speakers: bool) -> NDArray[np.bool_]:
        of = self.segments
        away = np.zeros(len(of), np.bool_)
        if query is None:
            return away
        if speakers:
            if query.speaker is None:
                raise ExploreError(
                    "Who speaks in the query is not known, so nobody can be left out; name the "
                    "speaker, or leave out the recording instead."
                )
            away = away | (of["speaker"].isna() | of["speaker"].isin([query.speaker, ""])).to_numpy(
                bool
            )
        if query.recording is not None:
            mine = (of["recording"] == query.recording).to_numpy(bool)
            if query.span is not None and not recordings:
                overlaps = (of["start_s"] < query.span.end_s) & (of["end_s"] > query.span.start_s)
                mine = mine & overlaps.to_numpy(bool)
            away = away | mine
        return away

    def _hit(self, rank: int, row: int, score: float, difference: Floats) -> Hit:
        of = self.segments.iloc[row]
        return Hit(
            rank=rank,
            row=row,
            recording=str(of["recording"]),
            channel=int(of["channel"]),
            run_key=str(of["run_key"]),
            segment=int(of["segment"]),
            start_s=float(of["start_s"]),
            end_s=float(of["end_s"]),
            score=min(1.0, max(-1.0, score)),
            emotion=str(of["emotion"]),
            name=str(of["name"]),
            speaker=measures.names([of["speaker"]])[0],
            difference=tuple(difference.tolist()),
            why=why(difference),
        )


def open_search(
    store: Store, engine: str = "compact", settings: SpaceSettings | None = None
) -> Search:
    """Returns the corpus of an engine ready to be searched.

    A space and an index that were kept go on while the corpus only grows, by at most a tenth; new
    segments are added to the index. Otherwise both are made anew.

    Raises:
        StoreError: the engine has analysed nothing.
        ExploreError: there are too few segments, or they do not differ.
    """
    settings = settings or SpaceSettings()
    of = corpus(store, engine)
    raw = embeddings(store, of)
    key, space = spaces.standing_space(store, of, settings, raw)
    kept = kept_index.Kept(store.root, key)
    order, n_known = kept.order(of.segments)
    segments = of.segments.iloc[order].reset_index(drop=True)
    if (order[1:] < order[:-1]).any():
        raw = raw[order]
    vectors = space.apply(raw, measures.names(segments["speaker"]), out=raw)
    index = kept.index(vectors, n_known, segments)
    _discard_others(store, of, settings, key)
    found = logits(store, of)[order]
    return Search(of, segments, key, space, index, found, _mask(store, of))


def query_of_region(
    store: Store, search: Search, recording: str, span: Span, channel: int | None = None
) -> Query:
    """Returns the query of a region of a stored recording.

    Args:
        store: where it is.
        search: of the same store.
        recording: its SHA-256, or the first digits of it.
        span: of the recording.
        channel: of the recording, or None for the mix.

    Raises:
        StoreError: there is no such recording, or the engine has no segments of it.
        RegionError: the region does not lie within it.
    """
    known = store.recording(recording)
    of = search.segments
    mine = of[(of["recording"] == known.recording) & (of["channel"] == channel_number(channel))]
    if mine.empty:
        raise StoreError(
            f"{known.name!r} has no segments by {search.of.engine_id} on this channel; analyse it "
            "with this engine, or choose another channel."
        )
    track = store.track(known.recording, channel, str(mine["track_key"].iloc[0]))
    if track is None:
        raise StoreError("The store has changed meanwhile; try again.")
    query = search.query_of_track(track, span, _speaker(mine, span))
    return Query(
        query.vector,
        query.logits,
        known.recording,
        query.speaker,
        span,
        channel_number(channel),
    )


def _discard_others(store: Store, of: Corpus, settings: SpaceSettings, key: str) -> None:
    """Removes the files of indexes that this one has taken the place of."""
    for other, parameters in stored_spaces.heads(store):
        same = parameters["engine_id"] == of.engine_id
        if same and parameters["settings"] == settings.as_json() and other != key:
            kept_index.Kept(store.root, other).discard()


def _mask(store: Store, of: Corpus) -> tuple[bool, ...]:
    tracks = store.lake.read("tracks", columns=["engine_id", "class_mask"]).to_pylist()
    mine = [row["class_mask"] for row in tracks if row["engine_id"] == of.engine_id]
    return tuple(bool(has) for has in mine[0])


def _speaker(mine: pd.DataFrame, span: Span) -> str | None:
    """Returns who speaks most in a span, from the segments of its recording."""
    last, first = mine["end_s"].clip(upper=span.end_s), mine["start_s"].clip(lower=span.start_s)
    shared_s = (last - first).clip(lower=0.0)
    if shared_s.sum() == 0:
        known = measures.names(mine["speaker"].unique())
        return known[0] if len(known) == 1 else None
    said = pd.Series(measures.names(mine["speaker"]), index=mine.index, dtype=object)
    by = shared_s.groupby(said).sum()
    return str(by.idxmax()) if len(by) else None
