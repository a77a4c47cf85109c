"""The same tone anywhere in the corpus: a query, the nearest segments, why, and what to do with them."""

import streamlit as st

from dashboard import corpus, tone
from dashboard.components import busy, choose, corpus_bar, tone_hits, tone_query
from dashboard.components.corpus_bar import Chosen
from dashboard.session import Keys

_COUNTS = {"10": "10", "20": "20", "50": "50", "100": "100"}


def main() -> None:
    """Shows the page."""
    begun = corpus_bar.begin(
        "Same tone among",
        "**Nothing to search yet.** Here you mark a stretch of a recording, hand in a clip or speak, "
        "and find the segments of your recordings that sound most like it to the engine.",
    )
    if begun is None:
        return
    chosen, segments, bar = begun
    corpus_bar.warn(chosen.space)
    if corpus_bar.too_few(len(segments), "a search"):
        return
    found = tone.ready(chosen.engine, chosen.space)
    if found is None:
        busy.show(tone.key_of(chosen.engine, chosen.space))
    else:
        _search(found, chosen, bar)
    tone_hits.saved(chosen.engine)


def _search(found: tone.Search, chosen: Chosen, bar: st.delta_generator.DeltaGenerator) -> None:
    asked = tone_query.ask(found, bar)
    row = st.container(horizontal=True, gap="small", vertical_alignment="bottom")
    count = int(choose.show("Hits", Keys.SIMILAR_COUNT, _COUNTS, row, width=90))
    kept = corpus_bar.filters(corpus.segments(chosen.engine), row, chosen.engine)
    other_recordings = row.toggle(
        "Other recordings only", key=Keys.OTHER_RECORDINGS, bind="query-params"
    )
    other_speakers = row.toggle("Other speakers only", key=Keys.OTHER_SPEAKERS, bind="query-params")
    if asked is None:
        return
    held = tone_hits.opinions(asked)
    answer = tone.answer(
        found,
        asked.query,
        count,
        kept,
        other_recordings=other_recordings,
        other_speakers=other_speakers,
        liked=tone.rows_of(found, held[tone_hits.LIKED]),
        disliked=tone.rows_of(found, held[tone_hits.DISLIKED]),
    )
    if isinstance(answer, str):
        st.info(answer, icon=":material/info:")
        return
    details = {
        "engine_id": chosen.engine,
        "space": chosen.space.sentence,
        "query": asked.item.text,
        "count": count,
        "liked": len(held[tone_hits.LIKED]),
        "disliked": len(held[tone_hits.DISLIKED]),
    }
    tone_hits.show(found, asked, answer, details)
    tone_hits.how(found)


main()
