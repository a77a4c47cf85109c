"""Turning points as pages show them: looked for beside the pages, so that none has to wait."""

from collections.abc import Hashable

from core.timeline.turning_points import TurningPoint, turning_points
from dashboard import resources
from dashboard.background import Background, Report, Task
from dashboard.resources import Choice

LOOKING = "Looking for turning points"
_work = Background()


def look_for(choice: Choice, rate: float) -> Task:
    """Returns the search of a run as it stands, begun if need be; its result are the points.

    Args:
        choice: the run.
        rate: false points per hour that are put up with.
    """
    turns = resources.turns(choice)
    key: Hashable = (resources.place(), choice, rate, turns)

    def action(report: Report) -> tuple[TurningPoint, ...]:
        report(LOOKING)
        return turning_points(resources.timeline(choice), rate, turns)

    return _work.view(key) or _work.start(key, LOOKING, action)
