"""Courses, shapes, transitions and corrected estimates, as pages ask for them."""

from collections.abc import Hashable, Sequence
from typing import Final

import pandas as pd

from core.emotions import EMOTIONS, Emotion
from core.records import Span
from core.store.corpus import speakers_of
from core.store.samples import Sample
from core.studies import corrected, courses, shape_search, transitions
from core.studies.corrected import Corrected
from core.studies.courses import Axis, Courses, Grouping
from core.studies.shape_search import Query
from core.studies.transitions import Changes
from core.timeline.calibration import Doubles
from dashboard import labelling, studies
from dashboard.background import Background, Report, Task
from dashboard.corpus import corpus
from dashboard.shared import scope

WORK: Final = Background()
_READ: Final = ("recordings", "runs", "turns", "labels", "flags")
Found = tuple[pd.DataFrame, list[Doubles]]


def groups_of(engine: str, by: Grouping) -> dict[str, list[str]]:
    """Returns the recordings of each session or tag, by its name."""
    return courses.groups(scope().store, corpus(engine), by)


def terms() -> list[str]:
    """Returns the words that labels use: the nine emotions, then people's own."""
    return [*map(str, EMOTIONS), *labelling.own_terms()]


def compare_key(engine: str, by: Grouping, chosen: Sequence[str], axis: Axis) -> Hashable:
    """Returns the name of a comparison of courses."""
    return (*studies.version(*_READ), "compare", engine, by, tuple(chosen), axis)


def compare(engine: str, by: Grouping, chosen: Sequence[str], axis: Axis) -> Task:
    """Starts to compare the courses of two groups; its result are `Courses`."""
    key, store = compare_key(engine, by, chosen, axis), scope().store

    def action(report: Report) -> Courses:
        return courses.compare(store, engine, by, chosen, axis, report)

    return studies.soon(WORK.view(key) or WORK.start(key, "Comparing courses", action))


def like(
    engine: str, recording: str, span: Span, channel: int, emotions: Sequence[Emotion]
) -> Query:
    """Returns the course of a stretch.

    Raises:
        StudyError: it has too little speech, or is too short or too long.
    """
    return shape_search.like(scope().store, engine, recording, span, channel, emotions)


def search_key(engine: str, query: Query, most: int) -> Hashable:
    """Returns the name of a search by shape."""
    of = (query.course.tobytes(), query.emotions, query.source)
    return (*studies.version("recordings", "runs", "turns"), "shape", engine, of, most)


def search(engine: str, query: Query, most: int) -> Task:
    """Starts to look for a course; its result are the stretches, and the course of each."""
    key, store = search_key(engine, query, most), scope().store

    def action(report: Report) -> Found:
        return shape_search.find(store, engine, query, most, report)

    return studies.soon(WORK.view(key) or WORK.start(key, "Looking for the shape", action))


def segments(engine: str, group: str | None = None, by: Grouping | None = None) -> pd.DataFrame:
    """Returns the segments of an engine, of a group or of all."""
    rows = corpus(engine).segments
    if group is None or by is None:
        return rows
    return rows[rows["recording"].isin(groups_of(engine, by).get(group, []))]


def changes(rows: pd.DataFrame) -> Changes:
    """Returns transitions and dwell times of segments.

    Raises:
        StudyError: there are none.
    """
    return transitions.over_speakers(rows)


def places(rows: pd.DataFrame, before: str, after: str) -> pd.DataFrame:
    """Returns where one emotion is followed by another, with who speaks."""
    found = transitions.places(rows, Emotion(before), Emotion(after))
    return found.assign(Speaker=speakers_of(found) if len(found) else [])


def draws(engine: str) -> list[Sample]:
    """Returns the draws from groups, the newest first."""
    return corrected.draws(scope().store, engine)


def draw(engine: str, by: Grouping, chosen: Sequence[str], n_each: int) -> Sample:
    """Draws segments of groups at random, and keeps which.

    Raises:
        StudyError: the groups share a recording.
    """
    return corrected.draw(scope().store, by, chosen, n_each, engine)


def estimate(drawn: Sample, emotion: str) -> Corrected:
    """Returns an emotion's share of each group's segments, corrected by a labelled draw.

    Raises:
        StudyError: a group is gone.
    """
    return corrected.estimate(scope().store, drawn, Emotion(emotion))
