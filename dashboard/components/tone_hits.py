"""The hits of a query: heard in turn with it, why they are near, liked or not, kept as a set."""

from functools import partial
from typing import Any, Final

import numpy as np
import pandas as pd
import streamlit as st

from core.emotions import EMOTIONS
from core.explore.neighbours import telling
from core.explore.search import Hit, Search
from core.explore.selections import rows_of_hits
from dashboard import corpus, keeping, palette, tone, words
from dashboard.components import listen
from dashboard.components.listen import Item, Part
from dashboard.components.tone_query import Asked
from dashboard.routes import audio_url
from dashboard.session import Keys

LIKED: Final = "liked"
DISLIKED: Final = "disliked"


def opinions(asked: Asked) -> dict[str, list[tuple[Any, ...]]]:
    """Returns the keys of segments that a query's hits should be more and less like."""
    held: dict[str, Any] = st.session_state.get(Keys.SIMILAR_LIKED) or {}
    if held.get("name") != asked.name:
        held = {"name": asked.name, LIKED: [], DISLIKED: []}
        st.session_state[Keys.SIMILAR_LIKED] = held
    return held


def show(found: Search, asked: Asked, answer: tone.Answer, details: dict[str, Any]) -> None:
    """Shows the hits.

    Args:
        found: the corpus.
        asked: what was looked for.
        answer: what was found.
        details: of the query, kept with a saved set.
    """
    hits = answer.hits
    if not hits:
        st.info(
            "Nothing is left to compare with; leave less out, or widen the filter.",
            icon=":material/search_off:",
        )
        return
    if not answer.everything and len(hits) < details["count"]:
        st.caption(f"Only the {answer.looked:,} nearest segments were looked through.")
    _opinions(asked)
    row = st.container(horizontal=True, vertical_alignment="center")
    row.markdown("**Listen through**", width="content")
    in_turn = row.toggle(
        "Play the query before each",
        True,
        key="similar.turn",
        help="Plays the query, then the hit.",
    )
    place = st.container()
    chosen = _table(asked, hits)
    with place:
        listen.show(
            [_item(asked, hit, in_turn) for hit in (chosen or hits)], "similar.listen", rows=0
        )
    _act(found, asked, chosen)
    _keep(hits, details)


def how(found: Search) -> None:
    """Says what the hits were looked for in, and how surely the nearest are found."""
    made = found.index.made
    way = "every segment is compared"
    if not found.index.exact:
        way = f"an index finds {made.recall:.0%} of the true ten nearest, as measured"
    st.caption(
        f"{len(found.segments):,} segments · {found.space.settings.sentence}"
        f"{corpus.space_note(found.space_key)} · engine {found.of.engine_id} · {way}"
    )


def _item(asked: Asked, hit: Hit, in_turn: bool) -> Item:
    part = Part(audio_url(hit.recording), hit.start_s, hit.end_s)
    parts = (*asked.item.parts, part) if in_turn else (part,)
    when = f"{hit.start_s:.2f} to {hit.end_s:.2f} s, sounds {hit.emotion}"
    return Item(hit.name, f"{hit.score:.2f}", parts, when)


def _table(asked: Asked, hits: tuple[Hit, ...]) -> list[Hit]:
    """Shows the hits; returns those that are selected."""
    most = max(1.0, max(abs(value) for hit in hits for value in hit.difference))
    table = pd.DataFrame(
        {
            "#": [hit.rank for hit in hits],
            "Score": [hit.score for hit in hits],
            "Sounds": [palette.signed(hit.emotion) for hit in hits],
            "Recording": [hit.name for hit in hits],
            "Speaker": [hit.speaker or "" for hit in hits],
            "When, s": [f"{hit.start_s:.2f} to {hit.end_s:.2f}" for hit in hits],
            "Difference": [list(hit.difference) for hit in hits],
            "Why": [_why(hit) for hit in hits],
        }
    )
    if not any(hit.speaker for hit in hits):
        table = table.drop(columns="Speaker")
    names = ".".join(f"{hit.row}" for hit in hits)
    event = st.dataframe(
        table,
        key=f"similar.hits.{hash((asked.name, names))}",
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        height=min(38 + 35 * len(hits), 425),
        column_config={
            "#": st.column_config.NumberColumn(width=40),
            "Score": st.column_config.NumberColumn(format="%.2f", width=70, help=words.COSINE),
            "Sounds": st.column_config.TextColumn(width=110),
            "Recording": st.column_config.TextColumn(width=230),
            "Speaker": st.column_config.TextColumn(width=90),
            "When, s": st.column_config.TextColumn(width=110),
            "Difference": st.column_config.BarChartColumn(
                y_min=-most, y_max=most, width=100, help=words.DIFFERENCE
            ),
            "Why": st.column_config.TextColumn(
                width="large",
                help="What sounds more (+) or less (-) to the engine than in the query, in logits.",
            ),
        },
    )
    rows: list[int] = event["selection"]["rows"]
    return [hits[row] for row in rows if row < len(hits)]


def _why(hit: Hit) -> str:
    """Returns what sets a hit apart, in few words; the whole sentence stands below when chosen."""
    more, less = telling(np.array(hit.difference))
    told = [f"{EMOTIONS[i]} {hit.difference[i]:+.1f}" for i in (*more, *less)]
    return ", ".join(told) or "the same in all nine"


def _opinions(asked: Asked) -> None:
    held = opinions(asked)
    if not held[LIKED] and not held[DISLIKED]:
        return
    row = st.container(horizontal=True, vertical_alignment="center")
    row.caption(
        f"The query is moved towards {len(held[LIKED])} segments and away from "
        f"{len(held[DISLIKED])}; these are not listed again.",
        width="content",
    )
    row.button("Start over", on_click=_forget, type="tertiary", icon=":material/undo:")


def _act(found: Search, asked: Asked, chosen: list[Hit]) -> None:
    bar = st.container(horizontal=True, vertical_alignment="center")
    for title, icon, kind in (
        ("More like these", "add", LIKED),
        ("Less like those", "remove", DISLIKED),
    ):
        bar.button(
            title,
            icon=f":material/{icon}:",
            disabled=not chosen,
            on_click=_say,
            args=(found, asked, kind, chosen),
        )
    said = (
        f"{len(chosen)} selected" if chosen else "Select hits in the table to hear or judge them."
    )
    bar.caption(said, width="content")
    for hit in chosen:
        st.caption(f"{hit.rank} · {words.plain(hit.why)}")


def _say(found: Search, asked: Asked, kind: str, chosen: list[Hit]) -> None:
    held = opinions(asked)
    held[kind] += [tone.key_of_row(found, hit.row) for hit in chosen]


def _forget() -> None:
    st.session_state.pop(Keys.SIMILAR_LIKED, None)


def _keep(hits: tuple[Hit, ...], details: dict[str, Any]) -> None:
    rows = rows_of_hits(hits)
    with st.form("similar.keep", border=False, clear_on_submit=True):
        bar = st.container(horizontal=True, vertical_alignment="bottom")
        title = bar.text_input("Save these hits as a set", key="similar.title", width=320)
        wanted = bar.form_submit_button("Save")
    if wanted:
        error = keeping.save_set(title, rows, details)
        if error:
            st.error(error, icon=":material/error:")
        else:
            st.success("Saved; it is listed below.", icon=":material/check:")


def saved(engine: str) -> None:
    """Shows the saved sets of an engine: to hear, to take along, to remove."""
    heads = keeping.saved_sets(engine)
    if not heads:
        return
    st.subheader("Saved sets", anchor=False)
    for head in heads:
        of = head.parameters
        with st.expander(f"{words.plain(of['title'])} · {of['n']:,} segments"):
            rows = keeping.saved_set(head, engine)
            st.caption(
                f"Saved {head.made_at:%Y-%m-%d %H:%M} UTC · space: {of.get('space', 'not known')}"
            )
            if len(rows) < of["n"]:
                st.caption(f"{of['n'] - len(rows):,} of them are no longer in the corpus.")
            listen.show(listen.items_of(rows), f"set.{head.key}", rows=5)
            bar = st.container(horizontal=True)
            bar.download_button(
                "Download CSV",
                partial(keeping.csv, rows),
                file_name="set.csv",
                mime="text/csv",
                on_click="ignore",
                key=f"set.csv.{head.key}",
                icon=":material/download:",
            )
            bar.button(
                "Remove the set",
                key=f"set.remove.{head.key}",
                on_click=keeping.remove_set,
                args=(head,),
                icon=":material/delete:",
                help="Its segments stay.",
            )
