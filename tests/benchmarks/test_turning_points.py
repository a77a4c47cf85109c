"""How turning points are counted, on worked examples."""

from benchmarks.turning_points import changes, hits


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
