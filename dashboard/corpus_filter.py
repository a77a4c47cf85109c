"""Which segments of a corpus a visitor looks at, kept in the address of each page on the corpus."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

SPEAKERS: Final = "speakers"
RECORDINGS: Final = "recordings"
EMOTIONS: Final = "emotions"
SECONDS: Final = "seconds"
DAYS: Final = "days"
SESSIONS: Final = "sessions"
TAGS: Final = "tags"
HEARD: Final = "heard"
CLUSTERS: Final = "in_clusters"
QUALITY: Final = "quality"
LISTS: Final = (SPEAKERS, RECORDINGS, EMOTIONS, SESSIONS, TAGS, HEARD, CLUSTERS)
KEYS: Final = (*LISTS, SECONDS, QUALITY, DAYS)
_DIGITS: Final = 12  # of a recording's SHA-256 in the address
_BETWEEN: Final = ".."


@dataclass(frozen=True)
class Filter:
    """Which segments are shown; what is empty or None does not choose.

    Attributes:
        speakers: names.
        recordings: first 12 digits of the SHA-256.
        emotions: as segments sound to the engine.
        seconds: least and greatest duration.
        days: first and last day of the recordings, both included.
        sessions: names.
        tags: of the recordings; one of them is enough.
        heard: what people heard.
        in_clusters: of saved clusterings, as `corpus_known.clusters` names them.
        quality: least and greatest speech over background of the recording, dB.
    """

    speakers: tuple[str, ...] = ()
    recordings: tuple[str, ...] = ()
    emotions: tuple[str, ...] = ()
    seconds: tuple[float, float] | None = None
    days: tuple[date, date] | None = None
    sessions: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    heard: tuple[str, ...] = ()
    in_clusters: tuple[str, ...] = ()
    quality: tuple[float, float] | None = None

    @property
    def count(self) -> int:
        """How many of its parts choose."""
        return sum(bool(getattr(self, key)) for key in KEYS)

    def keeps(self, segments: pd.DataFrame) -> NDArray[np.bool_]:
        """Returns which segments are shown, shape `(n_segments,)`.

        Args:
            segments: of `corpus.segments`; where these parts choose, with `heard`, `snr_db` and
                `in_clusters`, whether it is in one of the clusters.
        """
        kept = np.ones(len(segments), np.bool_)
        for names, column in (
            (self.speakers, "speaker"),
            (self.sessions, "session"),
            (self.heard, "heard"),
        ):
            if names:
                kept &= segments[column].isin(names).to_numpy(bool)
        if self.tags:
            tagged = [t for t in segments["tags"].unique() if set(tags_of(t)) & set(self.tags)]
            kept &= segments["tags"].isin(tagged).to_numpy(bool)
        if self.in_clusters:
            kept &= segments["in_clusters"].to_numpy(bool)
        if self.quality:
            ratios = segments["snr_db"].to_numpy(float)
            kept &= (ratios >= self.quality[0]) & (ratios <= self.quality[1])
        if self.recordings:
            digits = segments["recording"].str[:_DIGITS]
            kept &= digits.isin(self.recordings).to_numpy(bool)
        if self.emotions:
            kept &= segments["emotion"].isin(self.emotions).to_numpy(bool)
        if self.seconds:
            lengths_s = (segments["end_s"] - segments["start_s"]).to_numpy(float)
            kept &= (lengths_s >= self.seconds[0]) & (lengths_s <= self.seconds[1])
        if self.days:
            days = pd.to_datetime(segments["day"])
            first, last = (pd.Timestamp(day) for day in self.days)
            kept &= ((days >= first) & (days <= last)).to_numpy(bool)
        return kept

    def as_query(self) -> dict[str, list[str]]:
        """Returns what the address says of it; parts that do not choose are left out."""
        found = {key: list(getattr(self, key)) for key in LISTS}
        for key, pair in ((SECONDS, self.seconds), (QUALITY, self.quality)):
            if pair:
                found[key] = [_BETWEEN.join(f"{value:g}" for value in pair)]
        if self.days:
            found[DAYS] = [_BETWEEN.join(day.isoformat() for day in self.days)]
        return {key: values for key, values in found.items() if values}


def from_query(
    query: Mapping[str, Sequence[str]], known: Mapping[str, Mapping[str, str]]
) -> Filter:
    """Returns what an address asks for, without what is not in the corpus or is no such value.

    Args:
        query: of the address.
        known: what can be chosen: names by value, for each list.
    """
    return Filter(
        **{
            key: tuple(value for value in query.get(key, ()) if value in known.get(key, {}))
            for key in LISTS
        },
        seconds=_pair(query.get(SECONDS, ()), _number),
        quality=_pair(query.get(QUALITY, ()), _number),
        days=_pair(query.get(DAYS, ()), date.fromisoformat),
    )


def tags_of(text: object) -> list[str]:
    """Returns the tags in the one text that `corpus.segments` has of a recording."""
    return [tag for tag in text.split("; ") if tag] if isinstance(text, str) else []


def options(segments: pd.DataFrame, recordings: pd.DataFrame) -> dict[str, dict[str, str]]:
    """Returns what segments themselves let one choose: names by value, for each list.

    Args:
        segments: of `corpus.segments`.
        recordings: of `corpus.recordings`.
    """
    recordings = recordings.sort_values("name")
    tags = {tag for text in recordings["tags"].unique() for tag in tags_of(text)}
    names = {
        SPEAKERS: _named(segments["speaker"]),
        EMOTIONS: _named(segments["emotion"]),
        SESSIONS: _named(recordings["session"]),
        TAGS: sorted(tags),
    }
    return {key: {name: name for name in found} for key, found in names.items()} | {
        RECORDINGS: {
            digits[:_DIGITS]: name
            for digits, name in zip(recordings["recording"], recordings["name"], strict=True)
        }
    }


def _named(column: pd.Series) -> list[str]:
    """Returns the names in a column; to leave out what is missing first would copy a million."""
    return sorted(name for name in column.unique() if isinstance(name, str) and name)


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def _pair(values: Sequence[str], read: Any) -> tuple[Any, Any] | None:
    first, between, last = (values[0] if values else "").partition(_BETWEEN)
    try:
        pair = (read(first), read(last))
    except ValueError:
        return None
    return pair if between and pair[0] <= pair[1] else None
