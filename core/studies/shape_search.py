"""Search by shape over a store: a course that is drawn, or that of a stretch ("like this one")."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from core.emotions import EMOTIONS, Emotion
from core.errors import StudyError
from core.records import Span
from core.store.corpus import corpus
from core.store.rows import MIX
from core.store.store import Store
from core.studies import shapes
from core.studies.timelines import spoken
from core.studies.trajectories import at_times
from core.timeline.calibration import Doubles

STEP_S: Final = 0.5
WIDTH_S: Final = 2.0
LONGEST_S: Final = 600.0
MOST_DRAWN: Final = 100
COLUMNS: Final = ("recording", "channel", "name", "session", "speaker", "start_s", "end_s")
SHAPES: Final[Mapping[str, tuple[float, ...]]] = {
    "rise": (0.0, 0.0, 0.5, 1.0, 1.0),
    "fall": (1.0, 1.0, 0.5, 0.0, 0.0),
    "peak": (0.0, 0.2, 1.0, 0.2, 0.0),
    "dip": (1.0, 0.8, 0.0, 0.8, 1.0),
    "plateau": (0.0, 1.0, 1.0, 1.0, 0.0),
}


@dataclass(frozen=True)
class Query:
    """What is looked for.

    Attributes:
        course: shape `(n_points, n_emotions)`, a score each 0.5 s.
        emotions: of its columns.
        source: the recording, channel and stretch that it was cut from, which is no hit itself; or None.
    """

    course: Doubles
    emotions: tuple[Emotion, ...]
    source: tuple[str, int, Span] | None = None

    @property
    def length_s(self) -> float:
        """Its length in seconds."""
        return len(self.course) * STEP_S


def drawn(points: Sequence[float], length_s: float, emotion: Emotion) -> Query:
    """Returns a course through points an equal time apart.

    Args:
        points: scores from 0 to 1, at least two.
        length_s: from the first to the last.
        emotion: whose score it is.

    Raises:
        StudyError: these are no such points, or the course is too short or too long.
    """
    values = np.asarray(points, dtype=np.float64)
    if not 2 <= len(values) <= MOST_DRAWN or not ((values >= 0) & (values <= 1)).all():
        raise StudyError(
            f"A shape has 2 to {MOST_DRAWN} points, each a score from 0 to 1, such as 0.1 0.1 0.8."
        )
    n_points = _n_points(length_s)
    found = np.interp(np.linspace(0, 1, n_points), np.linspace(0, 1, len(values)), values)
    return Query(found[:, np.newaxis], (emotion,))


def like(
    store: Store,
    engine: str,
    recording: str,
    span: Span,
    channel: int = MIX,
    emotions: Sequence[Emotion] = tuple(EMOTIONS),
) -> Query:
    """Returns the course of a stretch, to find others like it.

    Args:
        store: where the tracks are.
        engine: a name or an id.
        recording: its SHA-256, or the first digits.
        span: the stretch.
        channel: -1 for the mix.
        emotions: whose scores count, by default all nine.

    Raises:
        StudyError: there is no such track, or the stretch has no speech, or is too short or too long.
    """
    n_points = _n_points(span.duration_s)
    found = corpus(store, engine)
    mine = [r for r in found.segments["recording"].unique() if str(r).startswith(recording)]
    if len(mine) != 1 or not recording:
        raise StudyError(
            f"{recording[:64]!r} names {len(mine)} recordings of this engine; give one's SHA-256."
        )
    tracks = [one for one in spoken(store, found, mine) if one.channel == channel]
    if not tracks:
        raise StudyError(f"The recording has no channel {channel} by this engine; choose another.")
    times = (np.arange(n_points, dtype=np.float64) + 0.5) * STEP_S + span.start_s
    courses = [at_times(one.timeline, times, WIDTH_S) for one in tracks]
    # where several speak, the stretch is of who speaks most in it
    best = max(courses, key=lambda course: int((~np.isnan(course[:, 0])).sum()))
    if (~np.isnan(best[:, 0])).mean() < shapes.LEAST_KNOWN:
        raise StudyError(
            f"From {span.start_s:.2f} to {span.end_s:.2f} s there is too little speech; choose a "
            "stretch that is speech by half."
        )
    columns = [EMOTIONS.index(emotion) for emotion in emotions]
    return Query(best[:, columns], tuple(emotions), (str(mine[0]), channel, span))


def find(
    store: Store,
    engine: str,
    query: Query,
    most: int = 10,
    report: Callable[[str], None] = lambda _: None,
) -> tuple[pd.DataFrame, list[Doubles]]:
    """Returns the stretches most like a query, the most alike first, and their courses.

    Args:
        store: where the tracks are.
        engine: a name or an id.
        query: what is looked for.
        most: how many.
        report: is told what is being done.

    Returns:
        A row for each, with the columns of `COLUMNS` and `distance` (root of the mean squared
        difference of the scores along the warping, 0 is the same); and the course of each, shape
        `(n_points, n_emotions)`.

    Raises:
        StoreError: the engine has analysed nothing.
    """
    found = corpus(store, engine)
    columns = [EMOTIONS.index(emotion) for emotion in query.emotions]
    places, courses = [], []
    for number, one in enumerate(spoken(store, found), 1):
        report(f"Course {number}")
        duration_s = one.timeline.track.duration_s
        times = np.arange(STEP_S / 2, duration_s, STEP_S)
        courses.append(at_times(one.timeline, times, WIDTH_S)[:, columns])
        place = {key: getattr(one, key) for key in COLUMNS[:5]}
        places.append((place, duration_s))
    report("Comparing courses")
    rows: list[dict[str, Any]] = []
    cut: list[Doubles] = []
    # what overlaps the query's own stretch may take the best places of its recording
    for match in shapes.search(query.course, courses, most=most + 4, per_course=4):
        place, duration_s = places[match.course]
        span = Span(match.first * STEP_S, min(duration_s, match.last * STEP_S))
        if len(rows) == most or _is_source(query, place, span):
            continue
        told = {"start_s": span.start_s, "end_s": span.end_s, "distance": match.distance}
        rows.append({**place, **told})
        cut.append(courses[match.course][match.first : match.last])
    return pd.DataFrame(rows, columns=[*COLUMNS, "distance"]), cut


def _is_source(query: Query, place: Mapping[str, Any], span: Span) -> bool:
    if query.source is None or query.source[:2] != (place["recording"], place["channel"]):
        return False
    own = query.source[2]
    return span.start_s < own.end_s and own.start_s < span.end_s


def _n_points(length_s: float) -> int:
    least_s = shapes.LEAST_POINTS * STEP_S
    if not least_s <= length_s <= LONGEST_S:
        raise StudyError(
            f"The course is {length_s:g} s long; courses of {least_s:g} to {LONGEST_S:g} s are compared."
        )
    return round(length_s / STEP_S)


def between(shape: str, low: float, high: float) -> list[float]:
    """Returns the points of a known shape between two scores.

    Raises:
        StudyError: there is no such shape.
    """
    if shape not in SHAPES:
        raise StudyError(f"There is no shape {shape!r:.40}; choose one of {', '.join(SHAPES)}.")
    return [low + (high - low) * point for point in SHAPES[shape]]


def points_of(text: str) -> list[float]:
    """Returns the scores in a text, split at blanks or commas.

    Raises:
        StudyError: something in it is no number.
    """
    try:
        return [float(part) for part in text.replace(",", " ").split()]
    except ValueError as error:
        raise StudyError(
            f"{text!r:.60} are no scores; write numbers from 0 to 1, such as 0.1 0.1 0.8."
        ) from error
