"""Rules with their reviews, as pages read and ask for them."""

import time
from collections.abc import Hashable
from dataclasses import replace

import pandas as pd
import streamlit as st

from core.studies import flag_store
from core.studies.flag_store import Moment, StoredRule
from core.studies.quality import Quality, Verdict
from core.studies.rules import Rule, to_json
from dashboard.background import Background, Report, Task
from dashboard.corpus import corpus
from dashboard.shared import allowed, scope

LOOKING = "Looking for the rule"
_ANSWER_S = 0.4  # a computation that takes no longer is waited for
WORK = Background()


def place() -> str:
    """Returns the folder of the store, as part of a key of what was made of it."""
    return str(scope().folder)


def version(*tables: str) -> tuple[Hashable, ...]:
    """Returns what changes with every commit to one of some tables, and with what consents allow."""
    lake = scope().store.lake
    return (place(), *allowed(), *(lake.version(name) for name in tables))


def soon(task: Task) -> Task:
    """Waits a moment for a computation, so that a quick one is not announced."""
    end_s = time.monotonic() + _ANSWER_S
    while not task.finished and time.monotonic() < end_s:
        time.sleep(0.01)
    return task


def speakers(engine: str) -> list[str]:
    """Returns who is named in the corpus of an engine, in alphabetical order."""
    found = corpus(engine).segments["speaker"].dropna().unique()
    return sorted(str(name) for name in found if name)


def rules() -> list[StoredRule]:
    """Returns the newest version of each rule, in alphabetical order."""
    return flag_store.rules(scope().store)


def versions(name: str) -> list[StoredRule]:
    """Returns all versions of a rule, the first one first."""
    return flag_store.versions(scope().store, name)


def save_rule(rule: Rule) -> StoredRule:
    """Stores a rule as the next version under its name.

    Raises:
        RuleError: the rule makes no sense.
    """
    return flag_store.save_rule(scope().store, rule)


def search_key(rule: Rule, engine: str) -> Hashable:
    """Returns the name of a search for a rule in the corpus of today."""
    tables = ("tracks", "runs", "recordings", "turns")
    return (*version(*tables), engine, to_json(replace(rule, name="preview")))


def look_for(rule: Rule, engine: str) -> Task:
    """Returns the search for a rule as it stands, begun if need be; its result are the flags."""
    store, wanted, key = scope().store, replace(rule, name="preview"), search_key(rule, engine)

    def action(report: Report) -> pd.DataFrame:
        report("Going through all stored tracks")
        return flag_store.find(store, wanted, engine)

    return soon(WORK.view(key) or WORK.start(key, LOOKING, action))


def draw_key(rule: StoredRule, engine: str) -> Hashable:
    """Returns the name of the drawing of a queue."""
    return (place(), "queue", rule.rule.name, rule.version, engine)


def draw_queue(rule: StoredRule, n_flagged: int, n_unflagged: int, engine: str) -> Task:
    """Starts to draw moments to review; its result is the queue's number."""
    store, seed = scope().store, int(time.time())

    def action(report: Report) -> int:
        report("Looking for moments")
        return flag_store.make_queue(store, rule.rule, n_flagged, n_unflagged, engine, seed)

    return soon(WORK.start(draw_key(rule, engine), "Drawing moments to review", action))


def drawn(rule: StoredRule, engine: str) -> Task | None:
    """Returns the drawing of a queue as it stands, or None."""
    return WORK.view(draw_key(rule, engine))


def queues(name: str) -> list[int]:
    """Returns the numbers of a rule's queues, the newest first."""
    return flag_store.queues(scope().store, name)


def moments(queue: int) -> list[Moment]:
    """Returns the moments of a queue in the order of reviewing."""
    return flag_store.moments(scope().store, queue)


def review(queue: int, moment: int, verdict: Verdict, by: str) -> None:
    """Stores what a person says of a moment.

    Raises:
        RuleError: there is no such moment, or nobody says it.
    """
    flag_store.review(scope().store, queue, moment, verdict, by)


def undo_review(queue: int, by: str) -> bool:
    """Takes a person's last verdict on a queue back; returns whether there was one."""
    return flag_store.undo_review(scope().store, queue, by) is not None


def quality(queue: int) -> Quality:
    """Returns precision and recall of a rule, from the verdicts on a queue."""
    return flag_store.quality(scope().store, queue)


@st.cache_data(show_spinner=False, max_entries=4)
def _names(versions: tuple[Hashable, ...]) -> dict[str, str]:
    del versions  # only the key of the cache
    rows = scope().store.lake.read("recordings", ["recording", "name"]).to_pandas()
    return dict(zip(rows["recording"], rows["name"], strict=True))


def names() -> dict[str, str]:
    """Returns the name of each recording, by its SHA-256."""
    return _names(version("recordings"))
