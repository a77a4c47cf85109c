"""Labelling drawn segments one after the other, by keys."""

from typing import Final

import pandas as pd
import streamlit as st

from core.emotions import EMOTIONS
from core.errors import TonescopeError
from core.learn.picking import Way
from core.records import Span
from core.store.samples import Sample
from dashboard import calibrating, labelling, palette, words
from dashboard.components import annotator, choose, stretch_table
from dashboard.session import Keys

_SIZES: Final = (10, 20, 40, 60, 100, 200)
_WAYS: Final = {
    "Random": Way.RANDOM,
    "Uncertain": Way.UNCERTAIN,
    "Diverse": Way.DIVERSE,
}
WAY: Final = (
    "Random: only these tell how good a head is; label at least 20 of them. Uncertain: where the "
    "engine hesitates. Diverse: as different from each other as can be. The last two teach a head more, "
    "but are harder or stranger than the corpus, so no figure comes from them."
)
_SKIPPED: Final = "calibrate.skipped"
_DONE: Final = "calibrate.done"
_TIMES: Final = "calibrate.times"


def show(engine: str) -> None:
    """Shows what is to be labelled, and asks."""
    drawn = calibrating.draws(engine)
    bar = st.container(horizontal=True, vertical_alignment="bottom", gap="medium")
    name = annotator.ask(bar, "Who listens")
    if not drawn:
        st.markdown(
            "**Nothing is drawn yet.** Draw 20 or more segments at random first, and say what you "
            "hear in each; later add uncertain or diverse ones to teach the head more."
        )
        _draw(engine, first=True)
        return
    labels = {
        str(one.sample): f"{len(one.segments)} {one.parameters['way']}, {one.made_at:%d %b %H:%M}"
        for one in drawn
    }
    number = choose.show("Draw", Keys.CALIBRATE_DRAW, labels, bar, width=260)
    queue(next(one for one in drawn if str(one.sample) == number), name)
    annotator.keep(name, "calibrate")
    with st.expander("Draw more", icon=":material/shuffle:"):
        _draw(engine, first=False)


def _draw(engine: str, *, first: bool) -> None:
    bar = st.container(horizontal=True, vertical_alignment="bottom", gap="medium")
    way = bar.segmented_control("Way", list(_WAYS), default="Random", help=WAY, required=True)
    n_wanted = bar.selectbox("Segments", _SIZES, index=1, width=120)
    kind = "primary" if first else "secondary"
    if bar.button(f"Draw {n_wanted} segments", type=kind):
        try:
            found = calibrating.draw(_WAYS[way or "Random"], n_wanted, engine)
        except TonescopeError as error:
            st.error(words.said(str(error)), icon=":material/error:")
            return
        st.query_params[Keys.CALIBRATE_DRAW] = str(found.sample)
        st.rerun()


def queue(drawn: Sample, name: str) -> None:
    """Shows how far a draw is labelled, and asks for the next segment.

    Args:
        drawn: what is to be labelled.
        name: of who listens, or an empty string.
    """
    said = calibrating.said_of(drawn, name)
    skipped: set[tuple[int, int]] = st.session_state.setdefault(_SKIPPED, set())
    done = sum(bool(term) for term in said)
    st.progress(
        done / len(said),
        text=f"{done} of {len(said)} labelled · drawn from {drawn.parameters['n_of']:,} segments",
    )
    left = [n for n, term in enumerate(said) if not term and (drawn.sample, n) not in skipped]
    if left:
        _segment(drawn, left[0], name)
    else:
        st.success("All of this draw is labelled or skipped.", icon=":material/check:")
    last: list[str] = st.session_state.setdefault(_DONE, [])
    if last and st.button("Undo the last label", icon=":material/undo:", shortcut="u"):
        error = calibrating.undo(last.pop(), name)
        if error:
            st.error(error, icon=":material/error:")
        else:
            st.rerun()


def _segment(drawn: Sample, number: int, name: str) -> None:
    """Asks what a person hears in a segment; the engine's answer is not shown."""
    row = drawn.segments.iloc[number]
    times = st.session_state.get(_TIMES, 0)
    term: str | None = None
    with st.container(border=True):
        st.markdown("**How does this sound?**", help=words.BLIND)
        stretch_table.play(row["recording"], Span(row["start_s"], row["end_s"]), times)
        bar = st.container(horizontal=True, gap="small")
        for place, emotion in enumerate(EMOTIONS, 1):
            clicked = bar.button(
                palette.signed(str(emotion)),
                shortcut=str(place),
                key=f"calibrate.{emotion}",
                disabled=not name,
            )
            term = str(emotion) if clicked else term
        bar = st.container(horizontal=True, gap="small", vertical_alignment="bottom")
        for own in labelling.own_terms()[:12]:
            if bar.button(words.plain(own), key=f"calibrate.own.{own}", disabled=not name):
                term = own
        word = bar.text_input(
            "A word of your own",
            key=f"calibrate.word.{drawn.sample}.{number}",
            max_chars=100,
            width=220,
            help="A head may have its own classes, such as calm, with at least 2 segments each.",
        )
        if bar.button("Use this word", disabled=not name or not (word or "").strip()):
            term = word
        skip = bar.button("Skip", shortcut="s", key="calibrate.skip", type="tertiary")
        if bar.button("Listen again", shortcut="l", key="calibrate.listen", type="tertiary"):
            st.session_state[_TIMES] = times + 1
            st.rerun()
        if not name:
            st.caption("Give a name above first: labels are kept by annotator.")
    if skip:
        st.session_state[_SKIPPED].add((drawn.sample, number))
        st.rerun()
    if term:
        _keep(row, term, name)


def _keep(row: pd.Series, term: str, name: str) -> None:
    seen = row["recording"] in st.session_state.get(Keys.SEEN, set())
    try:
        calibrating.label(row, term, name, blind=not seen)
    except TonescopeError as error:
        st.error(words.said(str(error)), icon=":material/error:")
        return
    st.session_state[_DONE].append(row["recording"])
    st.session_state[_TIMES] = 0
    st.rerun()
