"""Who speaks in the region that is marked: given to a speaker, or split where it begins."""

import streamlit as st

from core.records import Span
from core.speakers.turns import give, speakers, split_at
from dashboard import conversations, resources, words
from dashboard.components import conversation
from dashboard.session import Keys

NOBODY = "nobody"


def show(choice: resources.Choice, marked: Span | None) -> None:
    """Shows what can be done with the turns of a region; nothing where none is marked."""
    if marked is None:
        return
    turns = conversations.turns(choice)
    there = [t.speaker for t in turns if t.start_s < marked.end_s and t.end_s > marked.start_s]
    heard = words.plain(" and ".join(dict.fromkeys(there)) or NOBODY)
    with st.container(border=True):
        st.markdown(
            f"**Who speaks from {marked.start_s:.2f} to {marked.end_s:.2f} s:** {heard}",
            help=words.TURN_REGION,
        )
        bar = st.container(horizontal=True, vertical_alignment="bottom", gap="medium")
        name = bar.selectbox(
            "Speaker",
            [*speakers(turns), NOBODY],
            index=None,
            placeholder="Choose or type a name",
            accept_new_options=True,
            key=f"{Keys.SPEAKER_GIVEN}.{choice.recording}.{choice.channel}",
            width=240,
        )
        given = bar.button("Give to speaker", disabled=not name, key="recording.turn.give")
        split = bar.button(
            "Split here",
            disabled=not name or name == NOBODY,
            key="recording.turn.split",
            help="From where the region begins to the end of that turn, it is the speaker chosen.",
        )
        at_once = bar.checkbox(
            "The others go on",
            key=f"{Keys.TOGETHER}.{choice.recording}.{choice.channel}",
            help="What is given leaves the turns of others as they are: they speak at once.",
        )
        to = None if name == NOBODY else name
        if given:
            conversation.change(
                choice,
                lambda: conversations.change_turns(
                    choice, lambda now: give(now, marked, to, at_once)
                ),
            )
        if split and to:
            at_s = marked.start_s
            conversation.change(
                choice,
                lambda: conversations.change_turns(choice, lambda now: split_at(now, at_s, to)),
            )
