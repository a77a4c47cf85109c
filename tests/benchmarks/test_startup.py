"""The benchmark of startup measures what the contract asks, and says it in the contract's form."""

import json
import subprocess
import sys

import jsonschema
import pytest

from core.contract import schema
from core.settings import PROJECT_ROOT


@pytest.mark.browser
def test_startup_prints_each_figure_once_in_the_contracts_form(browser):
    command = [sys.executable, "-m", "benchmarks.startup", "--repeat", "1"]
    done = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    figures = {}
    for line in done.stdout.splitlines():
        figure = json.loads(line)
        jsonschema.validate(figure, schema("benchmark"))
        assert figure["figure"] not in figures
        figures[figure["figure"]] = figure["value"]
    assert set(figures) == {"first_page_s", "engine_load_s", "torch_import_s", "heavy_imports"}
    assert figures["heavy_imports"] == 0
    assert figures["engine_load_s"] > 0
    assert 0 < figures["first_page_s"] < 60
