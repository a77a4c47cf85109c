"""Search by shape: where a course looks like this one, faster or slower.

Source: dynamic time warping, Sakoe & Chiba, 1978, https://doi.org/10.1109/TASSP.1978.1163055, by the
package dtaidistance (Apache-2.0).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import StudyError
from core.timeline.calibration import Doubles

LEAST_POINTS = 4
LEAST_KNOWN = 0.5  # share of a place's points that have a value


@dataclass(frozen=True)
class Match:
    """A place whose course is like the one sought.

    Attributes:
        course: number of the course.
        first: its first point.
        last: the one after its last.
        distance: root of the mean squared difference along the warping; 0 is the same.
    """

    course: int
    first: int
    last: int
    distance: float


def search(
    query: Doubles,
    courses: Sequence[Doubles],
    most: int = 10,
    per_course: int = 3,
    band: float = 0.2,
) -> list[Match]:
    """Returns the places most like a query, the most alike first.

    Places are windows as long as the query, an eighth of it apart; within a window points may move by
    the band. Points without a value are filled in between their neighbours; a place that lacks more than
    half of its points is none.

    Args:
        query: shape `(n_points,)` or `(n_points, n_emotions)`, drawn by a person or cut from a course.
        courses: each of shape `(n_times,)` or `(n_times, n_emotions)`, with the same step.
        most: how many are returned.
        per_course: how many of one course at most; they do not overlap.
        band: how far points may move, as a share of the query's length.

    Raises:
        StudyError: the query is too short, or has other emotions than the courses.
    """
    from dtaidistance import dtw_ndim

    wanted = filled(query)
    n_points = len(wanted)
    if n_points < LEAST_POINTS:
        raise StudyError(
            f"The shape has {n_points} points; draw one of at least {LEAST_POINTS}, or cut a longer one."
        )
    reach = max(1, round(band * n_points))
    found: list[Match] = []
    for number, course in enumerate(courses):
        values = filled(course)
        if len(values) and values.shape[1] != wanted.shape[1]:
            raise StudyError(
                f"The shape has {wanted.shape[1]} curves and a recording {values.shape[1]}; compare "
                "the same emotions."
            )
        known = np.concatenate([[0], np.cumsum(_known(course))])
        mine = [
            Match(
                number,
                start,
                start + n_points,
                dtw_ndim.distance_fast(wanted, values[start : start + n_points], window=reach)
                / n_points**0.5,
            )
            for start in range(0, len(values) - n_points + 1, max(1, n_points // 8))
            if known[start + n_points] - known[start] >= LEAST_KNOWN * n_points
        ]
        found += _apart(sorted(mine, key=lambda match: match.distance), per_course)
    return sorted(found, key=lambda match: match.distance)[:most]


def filled(course: Doubles) -> Doubles:
    """Returns a course, shape `(n_times, n_curves)`, with gaps filled in by straight lines.

    One without any value has no times.
    """
    values = np.array(course, dtype=np.float64)
    values = values[:, np.newaxis] if values.ndim == 1 else values
    known = _known(values)
    if not known.any():
        return np.zeros((0, values.shape[1]))
    times = np.arange(len(values))
    columns = [np.interp(times, times[known], column[known]) for column in values.T]
    return np.ascontiguousarray(np.stack(columns, axis=1))


def _known(course: Doubles) -> NDArray[np.bool_]:
    """Returns which points have a value, shape `(n_times,)`."""
    missing = np.isnan(course).reshape(len(course), -1).any(axis=1)
    return np.logical_not(missing)


def _apart(ordered: list[Match], most: int) -> list[Match]:
    """Returns the best places that do not overlap."""
    kept: list[Match] = []
    for match in ordered:
        if len(kept) == most:
            break
        if all(match.first >= one.last or match.last <= one.first for one in kept):
            kept.append(match)
    return kept
