"""The courses of two groups of recordings, and whether they differ.

Recordings are grouped by session or tag; a course is that of one speaker in one recording, on time from
the start, on recordings brought to one length, or round an event.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from core.errors import StudyError
from core.statistics.permutation import GroupTest
from core.store.corpus import Corpus, corpus
from core.store.store import Store
from core.studies import events, trajectories
from core.studies.events import Event, Places
from core.studies.timelines import Spoken, spoken
from core.studies.trajectories import Band
from core.timeline.calibration import Doubles

N_POINTS = 50
STEP_S = 1.0
LOCKED_STEP_S = 0.5
MOST_POINTS = 20_000


class Grouping(StrEnum):
    """What recordings are grouped by."""

    SESSION = "session"
    TAG = "tag"


@dataclass(frozen=True)
class Axis:
    """The time of courses: from start to end, unless `end_s` or `event` is given.

    Attributes:
        end_s: where an axis in seconds from the start ends.
        event: what an axis round an event is locked on.
        before_s: how far that reaches before the event.
        after_s: how far after it.
    """

    end_s: float | None = None
    event: Event | None = None
    before_s: float = 10.0
    after_s: float = 10.0

    def times(self) -> Doubles:
        """Returns the times, shape `(n_times,)`: seconds, or shares of the recording.

        Raises:
            StudyError: there are none, or too many.
        """
        if self.event is not None:
            reach_s, step_s = self.before_s + self.after_s, LOCKED_STEP_S
            found = np.arange(-self.before_s, self.after_s + 1e-9, LOCKED_STEP_S)
        elif self.end_s is not None:
            reach_s, step_s = self.end_s, STEP_S
            found = np.arange(0, self.end_s - 1e-9, STEP_S)
        else:
            return (np.arange(N_POINTS) + 0.5) / N_POINTS
        if not 0 < reach_s <= MOST_POINTS * step_s or min(self.before_s, self.after_s) < 0:
            raise StudyError(
                f"The time axis is {reach_s:g} s long; give 0 to {MOST_POINTS * step_s:,.0f} s."
            )
        return found


@dataclass(frozen=True)
class Courses:
    """The courses of groups.

    Attributes:
        times: shape `(n_times,)`, seconds, or share of the recording.
        bands: by the group's name.
        n_events: events that each group's courses are locked on; empty without an event.
        test: how two groups differ, or None.
        paired: whether the same speakers were compared with themselves.
        left_out: speakers without recordings of both kinds, where paired.
        why_not: why there is no test, or None.
    """

    times: Doubles
    bands: dict[str, Band]
    n_events: dict[str, int]
    test: GroupTest | None
    paired: bool
    left_out: tuple[str, ...]
    why_not: str | None


def groups(store: Store, found: Corpus, by: Grouping) -> dict[str, list[str]]:
    """Returns the recordings of each session or tag of a corpus, by its name, the earliest first."""
    mine = set(found.segments["recording"])
    made: dict[str, list[str]] = {}
    first: dict[str, str] = {}
    columns = ["recording", "session", "tags", "recorded_on"]
    for row in store.lake.read("recordings", columns).to_pylist():
        if row["recording"] in mine:
            names = (row["tags"] or ()) if by is Grouping.TAG else (row["session"],)
            for name in names:
                if name:
                    made.setdefault(str(name), []).append(row["recording"])
                    day = str(row["recorded_on"] or "~")  # behind every date
                    first[str(name)] = min(day, first.get(str(name), day))
    return {name: sorted(made[name]) for name in sorted(made, key=lambda n: (first[n], n))}


def members(store: Store, found: Corpus, by: Grouping, chosen: Sequence[str]) -> list[list[str]]:
    """Returns the recordings of each chosen group.

    Raises:
        StudyError: there is no such group, or one was chosen twice.
    """
    known = groups(store, found, by)
    gone = [name for name in chosen if name not in known]
    if gone or len(set(chosen)) != len(chosen):
        names = ", ".join(repr(name) for name in list(known)[:10]) or "none"
        raise StudyError(
            f"Groups by {by} are {names}; choose different ones among them, not "
            f"{', '.join(repr(name[:80]) for name in gone or chosen)}."
        )
    return [known[name] for name in chosen]


def compare(
    store: Store,
    engine: str,
    by: Grouping,
    chosen: Sequence[str],
    axis: Axis | None = None,
    report: Callable[[str], None] = lambda _: None,
) -> Courses:
    """Returns the courses of groups; of two also whether they differ.

    Where at least two speakers are in both groups, they are compared with themselves.

    Args:
        store: where the tracks are.
        engine: a name or an id.
        by: what recordings are grouped by.
        chosen: names of the groups.
        axis: the time, by default from start to end.
        report: is told what is being done.

    Raises:
        StudyError: there is no such group, or none of its recordings has the event.
    """
    axis = axis or Axis()
    found, times = corpus(store, engine), axis.times()
    mine = members(store, found, by, chosen)
    locked: Places | None = None
    if axis.event is not None:
        report("Looking for events")
        locked = events.places(store, axis.event, found.engine_id)
    bands, n_events = {}, {}
    for name, recordings in zip(chosen, mine, strict=True):
        made, speakers = [], []
        for number, one in enumerate(spoken(store, found, recordings), 1):
            report(f"{name}: course {number}")
            course = _course(one, axis, locked)
            if course is not None and not np.isnan(course).all():
                made.append(course)
                speakers.append(one.speaker)
        if not made:
            what = f"speech round {axis.event.text[:80]!r}" if axis.event else "speech"
            raise StudyError(
                f"No recording of {name[:80]!r} has {what}; choose another event or group."
            )
        bands[name] = trajectories.group_band(np.stack(made), speakers)
        if locked is not None:
            places = [p for p in locked if p[0] in set(recordings)]
            n_events[name] = sum(len(locked[place]) for place in places)
    report("Permuting speakers")
    return _tested(times, bands, n_events)


def _course(one: Spoken, axis: Axis, locked: Places | None) -> Doubles | None:
    """Returns the course of a speaker in a recording; None where the event does not happen."""
    if locked is not None:
        times = locked.get((one.recording, one.channel))
        if times is None:
            return None
        return trajectories.event_locked(
            one.timeline, times.tolist(), axis.before_s, axis.after_s, LOCKED_STEP_S
        )
    if axis.end_s is not None:
        return trajectories.absolute(one.timeline, axis.end_s, STEP_S)
    return trajectories.normalised(one.timeline, N_POINTS)


def _tested(times: Doubles, bands: dict[str, Band], n_events: dict[str, int]) -> Courses:
    if len(bands) != 2:
        return Courses(times, bands, n_events, None, False, (), None)
    first, second = bands.values()
    both = set(first.speakers) & set(second.speakers)
    try:
        if len(both) >= 2:
            test, left = trajectories.compare_paired(first, second)
            return Courses(times, bands, n_events, test, True, left, None)
        test = trajectories.compare(first, second)
        return Courses(times, bands, n_events, test, False, (), None)
    except StudyError as error:
        return Courses(times, bands, n_events, None, False, (), str(error))
