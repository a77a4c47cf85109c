"""The tracks of a corpus, whole or as one speaker's part of each."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from core.errors import StudyError
from core.store import consent
from core.store.consent import Use
from core.store.corpus import Corpus, counted, speakers_of
from core.store.query import catalogue
from core.store.rows import MIX
from core.store.store import Store
from core.timeline.track import Timeline


@dataclass(frozen=True)
class Spoken:
    """What one speaker says in a track.

    Attributes:
        channel: -1 for the mix.
        speaker: a name, or the recording where nobody is named.
        timeline: the track, in which only this speaker's speech is speech.
    """

    recording: str
    channel: int
    name: str
    session: str | None
    speaker: str
    timeline: Timeline


def tracks(store: Store, engine: str) -> Iterator[tuple[dict[str, Any], Timeline]]:
    """Yields every track of an engine that counts and may be analysed, with its row of the catalogue.

    Args:
        store: where the tracks are.
        engine: a name, of which the weights used last are taken, or an id.
    """
    every = catalogue(store)
    mine = every[(every["engine_id"] == engine) | (every["engine"] == engine)]
    mine = counted(mine[mine["engine_id"].eq(mine["engine_id"].iloc[0])]) if len(mine) else mine
    mine = mine[~mine["recording"].isin(consent.withheld(store, Use.ANALYSE))]
    for row in mine.to_dict("records"):
        channel = None if row["channel"] == MIX else int(row["channel"])
        track = store.track(row["recording"], channel, row["track_key"], blocks=False)
        if track is not None:
            yield {str(key): value for key, value in row.items()}, Timeline(track)


def spoken(
    store: Store, found: Corpus, recordings: Collection[str] | None = None
) -> Iterator[Spoken]:
    """Yields what each speaker says in each track of a corpus.

    Where several speak in a track, the speech of each is that of their segments.

    Args:
        store: where the tracks are.
        found: the corpus.
        recordings: only these, by default all.

    Raises:
        StudyError: a track is no longer there.
    """
    segments = found.segments
    if recordings is not None:
        segments = segments[segments["recording"].isin(list(recordings))]
    segments = segments.assign(person=speakers_of(segments))
    for _, rows in segments.groupby(["recording", "channel"], sort=True):
        first = rows.iloc[0]
        recording, number = str(first["recording"]), int(first["channel"])
        channel = None if number == MIX else number
        track = store.track(recording, channel, first["track_key"], blocks=False)
        if track is None:
            raise StudyError("A recording is no longer in the store; try again.")
        whole = Timeline(track)
        people = list(rows.groupby("person", sort=True))
        for person, mine in people:
            timeline = whole
            if len(people) > 1:
                speech = np.zeros(whole.n_frames, dtype=bool)
                for start_s, end_s in mine[["start_s", "end_s"]].to_numpy():
                    speech[whole.frame_at(start_s) : whole.frame_at(end_s)] = True
                timeline = Timeline(replace(track, speech=track.speech & speech))
            session = first["session"] or None
            yield Spoken(recording, number, first["name"], session, str(person), timeline)
