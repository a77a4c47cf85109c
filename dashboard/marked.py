"""What was marked on a map, counted over all of its points, drawn or not; and the part in view."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

MOST_CORNERS: Final = 2_000  # of a lasso, as a browser sends it
_DIGITS: Final = 6  # of a map's key in the name of a part


@dataclass(frozen=True)
class Mark:
    """An area of a map.

    Attributes:
        of: key of the map.
        corners: of a closed outline, `(x, y)` each.
    """

    of: str
    corners: tuple[tuple[float, float], ...]

    def holds(self, points: pd.DataFrame) -> NDArray[np.bool_]:
        """Returns which points lie in it, shape `(n_points,)`.

        Source:
            A point lies inside where a ray from it crosses the outline an odd number of times
            (Shimrat 1962).
        """
        x, y = points["x"].to_numpy(np.float64), points["y"].to_numpy(np.float64)
        inside = np.zeros(len(points), np.bool_)
        outline = np.array(self.corners)
        low, high = outline.min(axis=0), outline.max(axis=0)
        near = np.flatnonzero((x >= low[0]) & (x <= high[0]) & (y >= low[1]) & (y <= high[1]))
        x, y = x[near], y[near]
        odd = np.zeros(len(near), np.bool_)
        for (x1, y1), (x2, y2) in zip(outline, np.roll(outline, -1, axis=0), strict=True):
            if y1 != y2:
                crosses = (y1 > y) != (y2 > y)
                odd ^= crosses & (x < x1 + (y - y1) * (x2 - x1) / (y2 - y1))
        inside[near] = odd
        return inside


@dataclass(frozen=True)
class Part:
    """A rectangle of a map that is looked at closely.

    Attributes:
        of: the first digits of the map's key.
        x: where it begins and ends on the first axis.
        y: the same on the second.
    """

    of: str
    x: tuple[float, float]
    y: tuple[float, float]

    @property
    def name(self) -> str:
        """How it is called in an address."""
        return "~".join([self.of, *(f"{value:.7g}" for value in (*self.x, *self.y))])

    def holds(self, points: pd.DataFrame) -> NDArray[np.bool_]:
        """Returns which points lie in it, shape `(n_points,)`."""
        x, y = points["x"].to_numpy(np.float64), points["y"].to_numpy(np.float64)
        (x1, x2), (y1, y2) = self.x, self.y
        found: NDArray[np.bool_] = (x >= x1) & (x <= x2) & (y >= y1) & (y <= y2)
        return found


def part_of(mark: Mark) -> Part | None:
    """Returns the rectangle round a mark, or None where it has no width or height."""
    low, high = np.min(mark.corners, axis=0), np.max(mark.corners, axis=0)
    (x1, y1), (x2, y2) = low.tolist(), high.tolist()
    return Part(mark.of[:_DIGITS], (x1, x2), (y1, y2)) if x1 < x2 and y1 < y2 else None


def part_named(name: str | None, key: str) -> Part | None:
    """Returns the part that an address names; None where it is made up or of another map.

    Args:
        name: of `Part.name`.
        key: of the map.
    """
    of, *ends = (name or "").split("~")
    try:
        x1, x2, y1, y2 = map(float, ends)
    except ValueError:
        return None
    known = of == key[:_DIGITS] and np.isfinite([x1, x2, y1, y2]).all() and x1 < x2 and y1 < y2
    return Part(of, (x1, x2), (y1, y2)) if known else None


def mark_of(selection: Any, key: str) -> Mark | None:
    """Returns what a chart's selection encloses, or None.

    Args:
        selection: as Streamlit gives it, with `lasso` and `box`.
        key: of the map.
    """
    corners = None
    for lasso in selection.get("lasso") or ():
        corners = list(zip(lasso["x"], lasso["y"], strict=False))[:MOST_CORNERS]
    for box in selection.get("box") or ():
        (x1, x2), (y1, y2) = box["x"][:2], box["y"][:2]
        corners = [(x1, y1), (x2, y1), (x2, y2), (x1, y2)]
    if corners is None or len(corners) < 3:
        return None
    found = tuple((float(x), float(y)) for x, y in corners)
    return Mark(key, found) if np.isfinite(np.array(found)).all() else None
