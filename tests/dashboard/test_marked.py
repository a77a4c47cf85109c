"""What a lasso or a box encloses, against the winding number of the same outline."""

import numpy as np
import pandas as pd
import pytest

from dashboard.marked import Mark, Part, mark_of, part_named, part_of


def _points(n: int = 500) -> pd.DataFrame:
    places = np.random.default_rng(3).uniform(-1, 1, (n, 2))
    return pd.DataFrame(places, columns=["x", "y"])


def _winding(outline: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Returns how often an outline goes round each point, by the sum of the angles it is seen at."""
    to = outline[np.newaxis] - points[:, np.newaxis]
    angles = np.arctan2(to[..., 1], to[..., 0])
    turns = np.diff(angles, axis=1, append=angles[:, :1])
    return np.round(((turns + np.pi) % (2 * np.pi) - np.pi).sum(axis=1) / (2 * np.pi))


def test_lasso_holds_what_lies_in_its_outline():
    angles = np.linspace(0, 2 * np.pi, 41)[:-1]
    radius = np.where(np.arange(40) % 2, 0.9, 0.4)  # a star, so that it is not convex
    x, y = radius * np.cos(angles), radius * np.sin(angles)
    mark = mark_of({"lasso": [{"x": x.tolist(), "y": y.tolist()}], "box": []}, "map")
    points = _points()
    expected = _winding(np.stack([x, y], axis=1), points.to_numpy()) != 0
    assert 50 < expected.sum() < 450
    assert mark.holds(points).tolist() == expected.tolist()


def test_box_holds_what_lies_between_its_corners_however_it_was_drawn():
    points = _points()
    inside = points["x"].between(-0.5, 0.25) & points["y"].between(0.1, 0.7)
    mark = mark_of({"box": [{"x": [0.25, -0.5], "y": [0.7, 0.1]}]}, "map")
    assert mark.holds(points).tolist() == inside.tolist()


@pytest.mark.parametrize(
    "selection",
    [
        {},
        {"lasso": [], "box": []},
        {"lasso": [{"x": [0, 1], "y": [0, 1]}]},
        {"lasso": [{"x": [0, 1, float("nan")], "y": [0, 1, 2]}]},
    ],
)
def test_what_encloses_nothing_is_no_mark(selection):
    assert mark_of(selection, "map") is None


def test_empty_map_holds_nothing():
    assert Mark("map", ((0, 0), (1, 0), (1, 1))).holds(_points(0)).tolist() == []


KEY = "0123456789abcdef"


def test_part_round_a_mark_comes_back_from_its_address_and_holds_what_lies_in_it():
    mark = mark_of({"box": [{"x": [0.25, -0.5], "y": [0.7, 1e-7]}]}, KEY)
    part = part_of(mark)
    assert part_named(part.name, KEY) == part == Part("012345", (-0.5, 0.25), (1e-7, 0.7))
    points = _points()
    inside = points["x"].between(-0.5, 0.25) & points["y"].between(1e-7, 0.7)
    assert part.holds(points).tolist() == inside.tolist()


@pytest.mark.parametrize(
    "name",
    [
        None,
        "",
        "012345",
        "012345~0~1~0",
        "012345~0~1~0~1~2",
        "999999~0~1~0~1",  # of another map
        "012345~1~0~0~1",
        "012345~0~0~0~1",
        "012345~0~inf~0~1",
        "012345~nan~1~0~1",
        "012345~a~1~0~1",
    ],
)
def test_made_up_parts_are_left_out(name):
    assert part_named(name, KEY) is None
    assert part_named("012345~0~1~0~1", KEY) is not None


def test_box_without_width_is_no_part():
    assert part_of(Mark(KEY, ((0, 0), (0, 1), (0, 2)))) is None
