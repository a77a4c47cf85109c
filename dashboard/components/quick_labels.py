"""Labelling drawn segments one after the other, by keys."""

from typing import Final

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
_FAILED: Final = "calibrate.failed"


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
        str(one.sample): f"{len(one.segments)} {_worded(one)}, {one.made_at:%d %b %H:%M}"
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


def _worded(drawn: Sample) -> str:
    way = str(drawn.parameters["way"])
    return "of groups" if way == "group" else way


@st.fragment
def queue(drawn: Sample, name: str) -> None:
    """Shows how far a draw is labelled, and asks for the next segment; nothing else is run again.

    Args:
        drawn: what is to be labelled.
        name: of who listens, or an empty string.
    """
    failed = st.session_state.pop(_FAILED, None)
    if failed:
        st.error(words.said(failed), icon=":material/error:")
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
        if done < len(said):
            n_skipped = words.counted(len(said) - done, "skipped segment")
            st.button(f"Go through {n_skipped} again", on_click=skipped.clear)
    if st.session_state.setdefault(_DONE, []):
        st.button(
            "Undo the last label",
            icon=":material/undo:",
            shortcut="u",
            on_click=_take_back,
            args=(name,),
        )


def _segment(drawn: Sample, number: int, name: str) -> None:
    """Asks what a person hears in a segment; the engine's answer is not shown."""
    row = drawn.segments.iloc[number]
    times = st.session_state.get(_TIMES, 0)
    with st.container(border=True):
        st.markdown("**How does this sound?**", help=words.BLIND)
        stretch_table.play(row["recording"], Span(row["start_s"], row["end_s"]), times)
        bar = st.container(horizontal=True, gap="small")
        for place, emotion in enumerate(EMOTIONS, 1):
            bar.button(
                palette.signed(str(emotion)),
                shortcut=str(place),
                key=f"calibrate.{emotion}",
                disabled=not name,
                on_click=_keep,
                args=(drawn, number, str(emotion), name),
            )
        bar = st.container(horizontal=True, gap="small", vertical_alignment="bottom")
        for own in labelling.own_terms()[:12]:
            bar.button(
                words.plain(own),
                key=f"calibrate.own.{own}",
                disabled=not name,
                on_click=_keep,
                args=(drawn, number, own, name),
            )
        word = bar.text_input(
            "A word of your own",
            key=f"calibrate.word.{drawn.sample}.{number}",
            max_chars=100,
            width=220,
            help="A head may have its own classes, such as calm, with at least 2 segments each.",
        )
        bar.button(
            "Use this word",
            disabled=not name or not (word or "").strip(),
            on_click=_keep,
            args=(drawn, number, word or "", name),
        )
        bar.button(
            "Skip",
            shortcut="s",
            key="calibrate.skip",
            type="tertiary",
            on_click=_skip,
            args=(drawn, number),
        )
        bar.button(
            "Listen again", shortcut="l", key="calibrate.listen", type="tertiary", on_click=_again
        )
        if not name:
            st.caption("Give a name above first: labels are kept by annotator.")


def _again() -> None:
    st.session_state[_TIMES] = st.session_state.get(_TIMES, 0) + 1


def _skip(drawn: Sample, number: int) -> None:
    st.session_state[_SKIPPED].add((drawn.sample, number))


def _keep(drawn: Sample, number: int, term: str, name: str) -> None:
    """Stores what was said of a segment; a key that was hit twice says it once."""
    if calibrating.said_of(drawn, name)[number]:
        return
    row = drawn.segments.iloc[number]
    seen = row["recording"] in st.session_state.get(Keys.SEEN, set())
    try:
        calibrating.label(row, term, name, blind=not seen)
    except TonescopeError as error:
        st.session_state[_FAILED] = str(error)
        return
    st.session_state[_DONE].append(row["recording"])
    st.session_state[_TIMES] = 0


def _take_back(name: str) -> None:
    last: list[str] = st.session_state[_DONE]
    error = calibrating.undo(last.pop(), name) if last else None
    if error:
        st.session_state[_FAILED] = error
