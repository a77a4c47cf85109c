"""Visitors of a real server at once: nobody sees another's choices, and jobs take turns."""

import json

import jsonschema

from benchmarks.visitors import measure
from core.contract import schema


def test_visitors_keep_to_themselves_and_their_jobs_take_turns(tmp_path, capsys):
    measure(tmp_path, n=4, n_rounds=2, think_s=0.0, n_files=6, minutes=0.2)
    figures = {}
    for line in capsys.readouterr().out.splitlines():
        figure = json.loads(line)
        jsonschema.validate(figure, schema("benchmark"))
        figures[figure["figure"]] = figure
    assert set(figures) == {
        "page_median_s",
        "page_worst_s",
        "foreign_choices",
        "files_done",
        "files_let_pass",
    }
    assert figures["foreign_choices"]["value"] == 0
    assert figures["files_done"]["value"] == 6 + 3
    assert figures["files_let_pass"]["value"] <= figures["files_let_pass"]["limit"]
    assert 0 < figures["page_median_s"]["value"] < 30
