"""How each emotion changes over sessions, per speaker and group."""

from typing import Final

import streamlit as st

from core.statistics.resampling import MIN_SPEAKERS
from dashboard import sessions, study_figures, words
from dashboard.components import choose
from dashboard.session import Keys, is_dark

_MEASURES: Final = {"Share of speech time": "share", "Mean calibrated score": "mean"}
_OVER: Final = {"Session": "session", "Date": "recorded_on"}
_MEANS, _EACH = "Means", "Speakers"
_GROUPS: Final = {"nothing": None, "tags": "tags"}
_FEW: Final = (
    f"Points without a line are single speakers, where there are fewer than {MIN_SPEAKERS}."
)
_INTERVAL: Final = (
    "95%: speakers are drawn anew, then their sessions, then segments of these, 1,000 times. Segments "
    "of one speaker are not independent, so intervals over segments would be far too narrow."
)


def show(engine: str) -> None:
    """Shows the trend of one emotion."""
    bar = st.container(horizontal=True, vertical_alignment="bottom", gap="medium")
    emotion = choose.emotion(bar)
    measure = bar.selectbox(
        "What is shown",
        list(_MEASURES),
        key=Keys.SESSIONS_MEASURE,
        bind="query-params",
        help=f"{words.SHARES} {words.CONFIDENCE}",
        width=220,
    )
    over = choose.one_of("Over", list(_OVER), Keys.SESSIONS_OVER, bar)
    group = bar.selectbox(
        "Divided by", list(_GROUPS), key=Keys.SESSIONS_GROUP, bind="query-params", width=140
    )
    column = _OVER[over]
    lines = choose.one_of(
        "Lines",
        [_MEANS, _EACH],
        Keys.SESSIONS_LINES,
        bar,
        help=f"Means need {MIN_SPEAKERS} speakers; with fewer, the speakers are drawn.",
    )
    each = lines == _EACH
    rows, grouped = sessions.trend(engine, _MEASURES[measure], _GROUPS[group], column, each=each)
    if rows.empty:
        st.info("This engine has no calibrated scores; take the share of speech time.")
        return
    mine = rows[rows["emotion"] == emotion]
    names = mine["line"].unique()
    st.plotly_chart(
        study_figures.trend_figure(
            mine[mine["line"].isin(names[:24])].rename(columns={column: over}),
            emotion,
            over,
            is_dark(),
            f"{measure.lower()}, {emotion}",
        ),
        config={"displayModeBar": False},
        key="sessions.trend",
        alt=f"{measure} that sounds {emotion} over {over}",
    )
    more = f" The first 24 of {len(names)} are drawn." if len(names) > 24 else ""
    if mine.loc[~mine["single"], "line"].nunique() > study_figures.MOST_DASHED:
        more += " Point at a line for its name."
    if grouped and each:
        st.caption(
            f"Each line is a speaker.{more} A recording without a named speaker counts as one."
        )
    elif grouped:
        st.caption(
            f"Means over speakers with 95% intervals. {_FEW * bool(mine['single'].any())}{more}",
            help=_INTERVAL,
        )
    else:
        st.caption(
            f"Each line is a speaker: with fewer than {MIN_SPEAKERS} speakers there is no mean and no "
            f"interval, as nothing could be said of others.{more} A recording without a named speaker "
            "counts as one.",
            help=_INTERVAL,
        )
