"""The benchmark of the recording page says what the contract asks, in the contract's form."""

import json
import subprocess
import sys

import jsonschema

from core.contract import schema
from core.settings import PROJECT_ROOT


def test_recording_page_prints_each_figure_once_in_the_contracts_form():
    command = [sys.executable, "-m", "benchmarks.recording_page", "--hours", "0.01"]
    done = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    for figure in lines:
        jsonschema.validate(figure, schema("benchmark"))
        assert figure["value"] > 0
    assert [f["figure"] for f in lines] == [
        "build_ms",
        "rebuild_ms",
        "payload_mb",
        "region_query_ms",
    ]
    assert lines[2]["value"] < 1.5
