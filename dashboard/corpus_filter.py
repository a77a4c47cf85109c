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
KEYS: Final = (SPEAKERS, RECORDINGS, EMOTIONS, SECONDS, DAYS)
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
    """

    speakers: tuple[str, ...] = ()
    recordings: tuple[str, ...] = ()
    emotions: tuple[str, ...] = ()
    seconds: tuple[float, float] | None = None
    days: tuple[date, date] | None = None

    @property
    def count(self) -> int:
        """How many of its parts choose."""
        parts = (self.speakers, self.recordings, self.emotions, self.seconds, self.days)
        return sum(bool(part) for part in parts)

    def keeps(self, segments: pd.DataFrame) -> NDArray[np.bool_]:
        """Returns which segments are shown, shape `(n_segments,)`.

        Args:
            segments: of `corpus.segments`.
        """
        kept = np.ones(len(segments), np.bool_)
        if self.speakers:
            kept &= segments["speaker"].isin(self.speakers).to_numpy(bool)
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
        found = {
            SPEAKERS: list(self.speakers),
            RECORDINGS: list(self.recordings),
            EMOTIONS: list(self.emotions),
        }
        if self.seconds:
            found[SECONDS] = [_BETWEEN.join(f"{value:g}" for value in self.seconds)]
        if self.days:
            found[DAYS] = [_BETWEEN.join(day.isoformat() for day in self.days)]
        return {key: values for key, values in found.items() if values}


def from_query(query: Mapping[str, Sequence[str]], segments: pd.DataFrame) -> Filter:
    """Returns what an address asks for, without what is not in the corpus or is no such value."""
    known = options(segments)

    def of(key: str) -> tuple[str, ...]:
        return tuple(value for value in query.get(key, ()) if value in known[key])

    return Filter(
        speakers=of(SPEAKERS),
        recordings=of(RECORDINGS),
        emotions=of(EMOTIONS),
        seconds=_pair(query.get(SECONDS, ()), _seconds),
        days=_pair(query.get(DAYS, ()), date.fromisoformat),
    )


def options(segments: pd.DataFrame) -> dict[str, dict[str, str]]:
    """Returns what can be chosen of speakers, recordings and emotions: names by value."""
    recordings = segments.drop_duplicates("recording").sort_values("name")
    speakers = sorted(name for name in segments["speaker"].dropna().unique() if name)
    emotions = sorted(segments["emotion"].dropna().unique())
    return {
        SPEAKERS: {name: name for name in speakers},
        RECORDINGS: {
            digits[:_DIGITS]: name
            for digits, name in zip(recordings["recording"], recordings["name"], strict=True)
        },
        EMOTIONS: {name: name for name in emotions},
    }


def _seconds(text: str) -> float:
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
