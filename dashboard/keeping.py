"""What is done with segments that somebody chose: labelled, saved, made a cluster, taken along."""

import io
from collections.abc import Mapping
from typing import Any, Final

import pandas as pd
import streamlit as st

from core.errors import TonescopeError
from core.explore import groups, selections
from core.export.pseudonyms import leaving
from core.export.tables import guarded
from core.labels import history
from core.labels.records import Draft
from core.plain import one_line
from core.records import Metadata
from core.store import maps
from core.store.corpus import SEGMENT_KEYS
from core.store.maps import SELECTION, Head
from core.store.rows import MIX
from core.studies import metadata
from dashboard import corpus
from dashboard.shared import scope

MOST_TAG: Final = 80
_TAKEN: Final = ["start_s", "end_s", "emotion", "confidence", "speaker", "session", "name"]


def label_all(rows: pd.DataFrame, term: str, annotator: str, *, blind: bool = False) -> str | None:
    """Gives every segment a label, one step of undo for each recording; returns why not, or None.

    Args:
        rows: of `corpus.segments`.
        term: one of the nine emotions, or a word of one's own.
        annotator: whose judgement it is.
        blind: whether the engine's results were hidden from the annotator.
    """
    done = 0
    try:
        for recording, mine in rows.groupby("recording"):
            drafts = [
                Draft(
                    recording=str(recording),
                    channel=None if row["channel"] == MIX else int(row["channel"]),
                    start_s=float(row["start_s"]),
                    end_s=float(row["end_s"]),
                    term=term,
                    annotator=annotator,
                    blind=blind,
                )
                for row in mine.to_dict("records")
            ]
            history.add(scope().store, *drafts)
            done += len(drafts)
    except TonescopeError as error:
        return (
            f"{error} {done} of {len(rows)} segments were labelled before." if done else str(error)
        )
    return None


def tag_all(rows: pd.DataFrame, text: str, by: str) -> int | str:
    """Gives the recordings of segments a tag, as one step of a person's; returns how many got it.

    Tags belong to recordings. Where it cannot be done, the sentence that says why is returned.

    Args:
        rows: of `corpus.segments`.
        text: the tag; a semicolon parts two of them.
        by: whose step it is.
    """
    tags = tuple(tag for part in text.split(";") if (tag := one_line(part, MOST_TAG)))
    if not tags:
        return "The tag is empty; type a word."
    store = scope().store
    try:
        known = [store.recording(digits) for digits in rows["recording"].unique()]
        changes = {
            one.recording: Metadata(
                one.session,
                one.speaker,
                one.recorded_on,
                tuple(dict.fromkeys((*one.tags, *tags))),
            )
            for one in known
        }
        return metadata.edit(store, changes, by)
    except TonescopeError as error:
        return str(error)


def untag(by: str) -> None:
    """Undoes a person's last step on what is said of recordings."""
    metadata.undo(scope().store, by)


def save_set(title: str, rows: pd.DataFrame, details: Mapping[str, Any]) -> str | None:
    """Saves segments under a title; returns why not, or None.

    Args:
        title: what they are called.
        rows: with the keys of segments and, where there is one, `score`; in order.
        details: what made them, `engine_id` among it.
    """
    ranked = rows.assign(rank=range(1, len(rows) + 1))
    if "score" not in ranked:
        ranked = ranked.assign(score=float("nan"))
    try:
        selections.keep_selection(scope().store, title, ranked, details)
    except TonescopeError as error:
        return str(error)
    return None


def keep_cluster(engine: str, title: str, rows: pd.DataFrame, rest: pd.DataFrame) -> str | None:
    """Keeps segments and the rest of them as a clustering of two; returns why not, or None."""
    every = {title: rows} | ({"the rest": rest} if len(rest) else {})
    try:
        groups.keep_by_hand(scope().store, engine, title, every)
    except TonescopeError as error:
        return str(error)
    return None


def saved_sets(engine: str) -> list[Head]:
    """Returns the saved sets of an engine, the newest first."""
    return _saved_sets(engine, _version())


@st.cache_data(show_spinner=False, max_entries=4)
def _saved_sets(engine: str, version: tuple[object, ...]) -> list[Head]:
    del version
    found = selections.selections(scope().store)
    return [head for head in found if head.parameters.get("engine_id") == engine]


def saved_set(head: Head, engine: str) -> pd.DataFrame:
    """Returns the segments of a saved set that are still in the corpus, in their order."""
    kept = selections.selection(scope().store, head.key)
    return kept.merge(corpus.segments(engine), on=list(SEGMENT_KEYS))


def remove_set(head: Head) -> None:
    """Removes a saved set; its segments stay.

    Raises:
        StoreError: it is no longer there.
    """
    maps.remove(scope().store, SELECTION, head.key)


def csv(rows: pd.DataFrame) -> bytes:
    """Returns segments as the bytes of a CSV, those that may leave, guarded against spreadsheets."""
    more = [c for c in ("cluster", "cluster_name", "rank", "score", "why", "heard") if c in rows]
    columns = [*SEGMENT_KEYS, *_TAKEN, *more]
    written = io.StringIO()
    guarded(leaving(scope().store, rows[columns])).to_csv(written, index=False)
    return written.getvalue().encode()


def _version() -> tuple[object, ...]:
    return (corpus.place(), scope().store.lake.version("selections"))
