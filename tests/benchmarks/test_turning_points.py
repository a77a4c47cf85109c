"""How turning points are counted, on worked examples."""

import numpy as np

from benchmarks.turning_points import TRIED, changes, chosen, hits, n_points, per_hour


def test_each_wanted_time_is_found_once_at_most():
    assert hits([10.0, 12.0, 40.0], [11.0, 30.0]) == 1
    assert hits([13.9], [11.0, 16.0]) == 2
    assert hits([], [11.0]) == 0


def test_changes_are_where_another_emotion_begins(tmp_path):
    path = tmp_path / "truth.csv"
    path.write_text(
        "start_s,end_s,emotion,speaker\n0,1,sad,a\n1.5,2,sad,b\n2.5,3,angry,b\n4,5,sad,b\n"
    )
    assert changes(path) == [2.5, 4.0]


def test_penalty_is_the_least_that_keeps_to_the_rate():
    rng = np.random.default_rng(0)
    flat = [rng.standard_normal((400, 2)) * 0.1 for _ in range(3)]
    steps = np.repeat([[3.0, 0.0], [0.0, 3.0], [3.0, 0.0]], 100, axis=0)
    drawn = [*flat, steps + rng.standard_normal(steps.shape) * 0.1]
    assert n_points(drawn[-1], 20.0) == 2
    for rate in (0.6, 0.5, 0.1):
        penalty = chosen(drawn, rate)
        given = {p: per_hour(drawn, float(p)) for p in TRIED}
        assert penalty == next((p for p in TRIED if given[p] <= rate), TRIED[-1])
    steady = [hour + np.array([1.0, 0.0]) for hour in flat]  # no point leads to another emotion
    assert chosen(steady, 0.0) == TRIED[0]
