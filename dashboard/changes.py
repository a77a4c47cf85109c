"""Turning points and peaks as pages show them: looked for beside the pages, so that none waits."""

import time
from collections.abc import Hashable
from dataclasses import dataclass

from core.timeline.turning_points import Peak, TurningPoint, peaks, turning_points
from dashboard import conversations, resources
from dashboard.background import Background, Report, Task
from dashboard.resources import Choice

LOOKING = "Looking for turning points"
HEAD_START_S = 0.3  # the page that begins the search, and its first view, come first
_work = Background()


@dataclass(frozen=True)
class Moments:
    """Where a recording turns, and the strongest moments of each emotion, in order of time."""

    points: tuple[TurningPoint, ...] = ()
    peaks: tuple[Peak, ...] = ()


def look_for(choice: Choice, rate: float) -> Task:
    """Returns the search of a run as it stands, begun if need be; its result are `Moments`.

    Args:
        choice: the run.
        rate: false points per hour that are put up with.
    """
    turns = conversations.turns(choice)
    key: Hashable = (resources.place(), choice, rate, turns)

    def action(report: Report) -> Moments:
        report(LOOKING)
        time.sleep(HEAD_START_S)
        timeline = resources.timeline(choice)
        points = turning_points(timeline, rate, turns)
        return Moments(points, tuple(sorted(peaks(timeline), key=lambda peak: peak.time_s)))

    return _work.view(key) or _work.start(key, LOOKING, action)
