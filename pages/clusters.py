"""Clusters of the corpus: found or opened, heard, named, merged, kept, and what they follow."""

import pandas as pd
import streamlit as st

from core.explore.cluster_profiles import Profiles
from core.explore.groups import Unit
from core.explore.space import comparable
from dashboard import clusterings, corpus, corpus_known, words
from dashboard.clusterings import Wanted
from dashboard.components import audit_table, busy, cluster_card, cluster_choice, corpus_bar
from dashboard.corpus_filter import Filter


def main() -> None:
    """Shows the page."""
    begun = corpus_bar.begin(
        "Clusters among",
        "**No clusters yet.** Here segments that sound alike to the engine are grouped without "
        "names: hear what is typical of each group, name it, and see what the groups really follow.",
    )
    if begun is None:
        return
    chosen, found, bar = begun
    wanted, head = cluster_choice.ask(chosen, bar)
    kept = corpus_bar.filters(found, bar, chosen.engine)
    corpus_bar.shown(kept, int(corpus_known.keeps(kept, found, chosen.engine).sum()), len(found))
    if head is None:
        if corpus_bar.too_few(len(found), "a grouping"):
            return
        _space(wanted)
        head = _found(wanted)
    if head is not None:
        _show(head, kept)


def _space(wanted: Wanted) -> None:
    """Says what the space may hide, or that another one is taken."""
    if wanted.unit is Unit.SEGMENT:
        corpus_bar.warn(wanted.space)
    elif comparable(wanted.space) != wanted.space:
        st.info(
            f"To compare {wanted.unit}s nothing is centred per speaker; it would take away what "
            "they differ by.",
            icon=":material/info:",
        )


def _found(wanted: Wanted) -> clusterings.Head | None:
    """Returns the newest clustering of these settings, or offers to make it."""
    task = busy.show(clusterings.key_of(wanted))
    running = task is not None and not task.finished
    head = clusterings.newest(wanted)
    if head is None and not running:
        with st.container(border=True):
            st.markdown(f"**These {wanted.unit}s are not grouped in this way yet.**")
            st.caption("It takes seconds; with hundreds of thousands of segments, a minute.")
            if st.button("Find clusters", type="primary"):
                clusterings.make(wanted)
                st.rerun()
    elif head is not None and head.parameters["data"] != corpus.corpus(wanted.engine).version:
        st.info("The corpus has changed since these were found.", icon=":material/update:")
        if st.button("Find them again", disabled=running):
            clusterings.make(wanted)
            st.rerun()
    return head


def _show(head: clusterings.Head, kept: Filter) -> None:
    cluster_choice.how(head)
    task = clusterings.look_into(head)
    busy.show(clusterings.profiles_key(head))
    if task.finished and not task.error:
        _cards(task.result, kept)
        cluster_choice.keep(head)
        cluster_choice.take_along(head, st)
        audit_table.show(head)


def _cards(found: Profiles, kept: Filter) -> None:
    engine = found.head.parameters["engine_id"]
    every = corpus.segments(engine)
    passes = pd.Series(corpus.among(found.segments, every[corpus_known.keeps(kept, every, engine)]))
    if found.unit != "segment":  # a recording or session passes with any of its segments
        passing_units = found.segments.loc[passes.to_numpy(), found.unit]
        passes = found.rows["unit"].isin(set(passing_units))
    named = every[["recording", "name"]].drop_duplicates()
    names = dict(zip(named["recording"], named["name"], strict=True))
    order = sorted(found.profiles, key=lambda number: (number < 0, number))
    for number in order:
        cluster_card.show(found, found.profiles[number], names, passes)
    _measure(found, engine)


def _measure(found: Profiles, engine: str) -> None:
    """Offers to measure level, pitch and rate where they are not known."""
    task = busy.show(clusterings.prosody_key(engine))
    if task is None and min(found.measured[name] for name in ("level_db", "rate")) < 1:
        st.caption(
            f"Level, pitch and rate are known of {found.measured['level_db']:.0%} of the segments: of "
            "recordings whose page was open."
        )
        if st.button("Measure prosody of all", icon=":material/graphic_eq:"):
            clusterings.measure_prosody(engine)
            st.rerun()
    elif task is not None and task.finished and task.result:
        st.caption(
            f"{len(task.result):,} recordings could not be read. {words.plain(task.result[0])}"
        )


main()
