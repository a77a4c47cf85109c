"""Computations beside the pages."""

import threading

import pytest

from core.errors import StoreError
from dashboard.background import Background


@pytest.fixture
def work() -> Background:
    return Background()


def _end(work: Background, key: str) -> object:
    done = threading.Event()
    work.start("last", "The last", lambda report: done.set())
    assert done.wait(10)
    return work.view(key)


def test_result_and_what_is_being_done_can_be_seen(work):
    go, seen = threading.Event(), threading.Event()

    def action(report):
        report("half way")
        seen.set()
        assert go.wait(10)
        return 42

    work.start("a", "The answer", action)
    assert seen.wait(10)
    task = work.view("a")
    assert (task.finished, task.doing) == (False, "half way")
    assert work.start("a", "Again", action) is task  # two visitors, one computation
    go.set()
    assert _end(work, "a").result == 42


def test_failures_are_sentences_and_the_thread_goes_on(work, caplog):
    def refuse(report):
        raise StoreError("The store is locked; wait.")

    work.start("a", "Reading", refuse)
    work.start("b", "Counting", lambda report: 1 / 0)
    _end(work, "b")
    assert work.view("a").error == "The store is locked; wait."
    assert work.view("b").error.startswith("Counting failed (ZeroDivisionError)")
    assert "division by zero" in caplog.text


def test_what_was_asked_for_does_not_wait_for_what_was_not(work):
    go = threading.Event()
    work.start("audit", "The audit", lambda report: go.wait(10), unasked=True)
    work.start("search", "The search", lambda report: 3)
    assert _end(work, "search").result == 3
    assert not work.view("audit").finished
    go.set()


def test_finished_ones_are_forgotten_and_made_again(work):
    work.start("a", "One", lambda report: 1)
    first = _end(work, "a")
    work.forget("a")
    assert work.view("a") is None
    assert work.start("a", "One", lambda report: 2) is not first
    assert work.view("never") is None


def test_only_the_last_results_are_remembered(work):
    for number in range(50):
        work.start(number, "One", lambda report: None)
    _end(work, "last")
    for number in range(50, 53):
        work.start(number, "One", lambda report: None)
        _end(work, "last")
    assert work.view(0) is None
    assert len(work._tasks) <= 34
