"""The page Evaluate over real recordings: the figures of the command, which are scikit-learn's."""

import csv
import time

import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score, recall_score

from dashboard import evaluating
from dashboard.evaluating import Answerer, Reference
from tests.external.test_recordings import FIXTURES, core, pytestmark  # noqa: F401
from tests.pages.conftest import open_page, shared_state  # noqa: F401
from tests.pages.test_evaluate import settled
from tests.pages.test_flags import button


def test_page_shows_the_figures_of_the_command(open_page):  # noqa: F811
    from dashboard import shared

    shared.scope.cache_clear()  # the embedded engine, not the fake one
    app = open_page("evaluate", csv=str(FIXTURES / "manifest.csv"))
    app = button(app, "Compare").click().run()
    for task in evaluating.WORK._tasks.values():
        while not task.finished:
            time.sleep(0.05)
    app = settled(app)
    assert not app.exception
    found = evaluating.WORK.view(
        evaluating.key(
            Reference(path=FIXTURES / "manifest.csv"), _nine(), Answerer("compact", None, "compact")
        )
    ).result
    with (FIXTURES / "manifest.csv").open(newline="", encoding="utf-8") as file:
        told = {row["file"].split("/")[-1]: row["emotion"] for row in csv.DictReader(file)}
    truth = [told[name] for name in found.items["name"]]
    answers = found.items["answer"].tolist()
    present = sorted(set(truth))
    macro = {"labels": present, "average": "macro", "zero_division": 0}
    assert found.figures.uar == pytest.approx(recall_score(truth, answers, **macro))
    assert found.figures.wa == pytest.approx(accuracy_score(truth, answers))
    assert found.figures.f1 == pytest.approx(f1_score(truth, answers, **macro))
    status, (command,), _ = core("evaluate", FIXTURES / "manifest.csv")
    assert status == 0
    for name in ("uar", "uar_present", "wa", "f1", "ece"):
        assert getattr(found.figures, name) == pytest.approx(command[name], abs=1e-6)
    assert found.figures.confusion == command["confusion"]
    assert found.in_training == command["in_training"]
    shown = {m.label: m.value for m in app.metric}
    assert shown["UAR"] == f"{balanced_accuracy_score(truth, answers):.3f}"
    assert f"{found.in_training} of 44 items" in app.warning[0].value


def _nine():
    with (FIXTURES / "manifest.csv").open(newline="", encoding="utf-8") as file:
        words = dict.fromkeys(row["emotion"] for row in csv.DictReader(file))
    from core.learn.foreign import suggested

    return suggested(words)
