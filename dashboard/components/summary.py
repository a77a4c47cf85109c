"""A recording summed up: the engine's one answer, and beside it the shares of speech time."""

import streamlit as st

from core.records import Segment
from core.timeline.calibration import MIN_WIDTH_S
from core.timeline.segments import mean_calibrated_scores, speech_shares
from core.timeline.track import Timeline
from dashboard import figures, palette, words
from dashboard.session import Keys, is_dark


def show(timeline: Timeline, segments: tuple[Segment, ...]) -> None:
    """Shows both summaries side by side."""
    left, right = st.columns(2, gap="large")
    with left:
        _utterance(timeline)
    with right:
        _shares(timeline, segments)


def _utterance(timeline: Timeline) -> None:
    said = timeline.utterance()
    st.subheader("As a whole", help=words.UTTERANCE, anchor=False)
    st.metric("Sounds to the engine", palette.signed(said.emotion))
    if said.confidence is not None:
        sure = f"calibrated confidence {said.confidence:.2f}"
    else:
        short = timeline.track.duration_s < MIN_WIDTH_S
        reason = "under 0.5 s" if short else "over 10 s"
        sure = f"calibrated confidence: none {reason}"
        if timeline.track.source.temperatures is None:
            sure = "calibrated confidence: none, as this engine was never calibrated"
    st.caption(sure, help=words.CONFIDENCE)
    st.plotly_chart(
        figures.score_figure(said.scores.tolist(), is_dark(), "raw score"),
        config={"displayModeBar": False},
        key=Keys.UTTERANCE_CHART,
        alt="The nine raw scores of the whole recording",
    )


def _shares(timeline: Timeline, segments: tuple[Segment, ...]) -> None:
    st.subheader("By speech time", help=words.SHARES, anchor=False)
    shares = speech_shares(timeline, segments)
    if not shares:
        st.info("No speech was found, so there is no share of speech time.")
        return
    most = max(shares, key=lambda name: shares[name])
    st.metric("Most of the speech sounds", palette.signed(most))
    calibrated = mean_calibrated_scores(timeline, segments)
    top = sorted(calibrated.items(), key=lambda item: -item[1])[:3]
    listed = ", ".join(f"{name} {value:.2f}" for name, value in top)
    st.caption(f"mean calibrated scores: {listed}" if listed else "", help=words.CALIBRATED_MEAN)
    st.plotly_chart(
        figures.score_figure(list(shares.values()), is_dark(), "share of speech time"),
        config={"displayModeBar": False},
        key=Keys.SHARE_CHART,
        alt="Share of speech time by emotion",
    )
