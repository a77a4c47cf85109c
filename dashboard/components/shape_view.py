"""Search by shape: stretches whose course is like that of another stretch, or like one that is drawn."""

from typing import Any, Final

import numpy as np
import pandas as pd
import streamlit as st

from core.emotions import EMOTIONS, Emotion
from core.errors import StudyError
from core.records import Span
from core.store.rows import MIX
from core.studies import shape_search
from core.studies.shape_search import Query
from dashboard import corpus, course_figures, courses, palette, spans, words
from dashboard.components import busy, choose, stretch_table
from dashboard.session import Keys, is_dark

_STRETCH, _SHAPE = "A stretch", "A shape"
_OWN: Final = "own points"
_ALL: Final = "all"
_MOST: Final = 10
_BEGINS_S: Final = 10.0
_HOW: Final = (
    "Courses are compared by dynamic time warping: the same shape counts where it comes a little "
    "earlier or later, by a fifth of its length. Scores are read out over 2 s, each 0.5 s."
)
_DISTANCE: Final = "how far the scores lie apart along the warping; 0 is the same course."


def show(engine: str) -> None:
    """Asks for a course, and shows where there are others like it."""
    bar = st.container(horizontal=True, vertical_alignment="bottom", gap="medium")
    source = choose.one_of(
        "Look for what is like", [_STRETCH, _SHAPE], Keys.SHAPE_SOURCE, bar, help=_HOW
    )
    try:
        query = _drawn(bar) if source == _SHAPE else _stretch(engine, bar)
    except StudyError as error:
        st.info(words.plain(str(error)), icon=":material/info:")
        return
    if query is None:
        return
    task = courses.search(engine, query, _MOST)
    if not task.finished or task.error:
        busy.show(courses.search_key(engine, query, _MOST), courses.WORK)
        return
    _result(query, *task.result)


def _drawn(bar: Any) -> Query | None:
    """Asks for a shape of one emotion's score."""
    emotion = Emotion(_emotion(bar, with_all=False))
    names = {name: name for name in (*shape_search.SHAPES, _OWN)}
    shape = choose.show("Shape", Keys.SHAPE, names, bar, width=140)
    length_s = _number(bar, "Length, s", Keys.SHAPE_LENGTH, 10.0, (2.0, 600.0, 1.0))
    if shape == _OWN:
        text = bar.text_input(
            "Scores, an equal time apart",
            key=Keys.SHAPE_POINTS,
            bind="query-params",
            placeholder="0.1 0.1 0.8 0.3",
            max_chars=600,
            width=240,
        )
        if not (text or "").strip():
            st.info("Write scores from 0 to 1, such as 0.1 0.1 0.8 0.3.", icon=":material/edit:")
            return None
        return shape_search.drawn(shape_search.points_of(text or ""), length_s, emotion)
    low = _number(bar, "Lowest score", Keys.SHAPE_LOW, 0.1, (0.0, 1.0, 0.05))
    high = _number(bar, "Highest score", Keys.SHAPE_HIGH, 0.7, (0.0, 1.0, 0.05))
    return shape_search.drawn(shape_search.between(shape, low, high), length_s, emotion)


def _stretch(engine: str, bar: Any) -> Query | None:
    """Asks for a stretch of a recording."""
    every = corpus.segments(engine).drop_duplicates(["recording", "channel"]).sort_values("name")
    names = {
        f"{row['recording']}.{row['channel']}": str(row["name"])
        + ("" if row["channel"] < 0 else f", channel {row['channel']}")
        for row in every.to_dict("records")
    }
    asked = st.query_params.get(Keys.RECORDING, "")
    if asked not in names:  # another page names the recording alone
        channel = f"{asked}.{st.query_params.get(Keys.SIMILAR_CHANNEL, MIX)}"
        first = next((key for key in names if asked and key.startswith(asked)), None)
        found = channel if channel in names else first
        if found:
            st.query_params[Keys.RECORDING] = found
    chosen = choose.show("Recording", Keys.RECORDING, names, bar, width=250)
    recording, _, channel = chosen.rpartition(".")
    rows = every[(every["recording"] == recording) & (every["channel"] == int(channel))]
    duration_s = float(rows["duration_s"].iloc[0])
    span = _span(bar, chosen, duration_s)
    emotion = _emotion(bar, with_all=True)
    if span is None:
        st.info("The stretch ends before it begins; choose other times.", icon=":material/error:")
        return None
    st.query_params[Keys.REGION] = f"{span.start_s:.3f}-{span.end_s:.3f}"
    emotions = tuple(EMOTIONS) if emotion == _ALL else (Emotion(emotion),)
    query = courses.like(engine, recording, span, int(channel), emotions)
    stretch_table.play(recording, span)
    return query


def _span(bar: Any, of: str, duration_s: float) -> Span | None:
    begun = spans.parse(st.query_params.get(Keys.REGION), duration_s)
    begun = begun or Span(0.0, min(duration_s, _BEGINS_S))
    times = [
        bar.number_input(
            title,
            0.0,
            duration_s,
            min(value, duration_s),
            step=0.5,
            format="%.2f",
            key=f"sessions.shape.{of}.{title}",
            width=115,
        )
        for title, value in (("Start, s", begun.start_s), ("End, s", begun.end_s))
    ]
    return spans.checked(times[0], times[1], duration_s)


def _emotion(bar: Any, *, with_all: bool) -> str:
    options = {_ALL: "all nine"} if with_all else {}
    options |= {str(emotion): palette.signed(str(emotion)) for emotion in EMOTIONS}
    return choose.show("Scores of", Keys.SHAPE_EMOTION, options, bar, width=160)


def _number(
    bar: Any, label: str, key: str, first: float, bounds: tuple[float, float, float]
) -> float:
    low, high, step = bounds
    if key not in st.session_state and key not in st.query_params:
        st.session_state[key] = first
    return float(
        bar.number_input(
            label, low, high, step=step, key=key, bind="query-params", width=115, format="%g"
        )
    )


def _result(query: Query, rows: pd.DataFrame, found: list[np.ndarray]) -> None:
    if rows.empty:
        st.info(
            "No other stretch of these recordings is speech for so long; look for a shorter one.",
            icon=":material/search_off:",
        )
        return
    column = 0
    if len(query.emotions) > 1:
        column = int(np.argmax(np.nanmean(query.course, axis=0)))
    emotion = str(query.emotions[column])
    hits = [(name, course[:, column]) for name, course in zip(rows["name"], found, strict=True)]
    figure = course_figures.shape_figure(
        query.course[:, column], hits, emotion, shape_search.STEP_S, is_dark()
    )
    st.plotly_chart(
        figure,
        config={"displayModeBar": False},
        key="sessions.shape",
        alt=f"Course of {emotion} that was looked for, and the {len(hits)} most like it",
    )
    of = "all nine emotions; drawn is the highest" if len(query.emotions) > 1 else emotion
    st.caption(
        f"The {len(rows)} stretches of {query.length_s:g} s most like it, by raw scores of {of}. There "
        "are always some: look at the difference, and listen.",
        help=_HOW,
    )
    table = rows[["recording", "name", "start_s", "end_s"]].assign(
        Speaker=rows["speaker"], Session=rows["session"].fillna(""), Difference=rows["distance"]
    )
    stretch_table.table(table, f"sessions.shape.{hash(query.course.tobytes())}")
    st.caption(f"Difference: {_DISTANCE}")
