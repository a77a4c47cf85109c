"""The region that is marked: its scores, its sound, what carried them, and files of it."""

from functools import partial
from typing import NamedTuple

import pandas as pd
import streamlit as st

from core.audio.prosody import Prosody, RegionProsody, region_prosody
from core.emotions import EMOTIONS, Emotion
from core.errors import RegionError
from core.occlusion import MOST_S
from core.plain import file_stem
from core.records import Segment, Span
from core.timeline.attribution import attribution
from core.timeline.calibration import MAX_WIDTH_S, MIN_WIDTH_S
from core.timeline.segments import mean_calibrated_scores, speech_shares
from core.timeline.track import FrameChoice, ReadOut, Timeline
from dashboard import figures, navigation, palette, region, resources, sound, takeaway, words
from dashboard.background import background
from dashboard.components import busy, exports, labels
from dashboard.resources import Choice
from dashboard.session import Keys, is_dark

_KINDS = {"CSV": "csv", "Parquet": "parquet", "JSON": "json"}
_NOT_YET = "–"


def show(
    row: pd.Series,
    choice: Choice,
    segments: tuple[Segment, ...],
    marked: Span | None,
    *,
    labelled: bool,
    second: tuple[Choice, str] | None = None,
) -> None:
    """Shows what there is to say of a region, or how to mark one.

    Args:
        row: of the catalogue.
        choice: the run.
        segments: of the run.
        marked: the region.
        labelled: whether the page has a form for labels already.
        second: the run that is shown beside it, and its name.
    """
    if marked is None:
        st.caption(
            "Drag over the curves to mark a region: its scores, its pitch and what carried them "
            "appear here."
        )
        return
    with st.container(border=True):
        title = f"Region {_clock(marked.start_s)} to {_clock(marked.end_s)}"
        st.subheader(title, help=words.REGION, anchor=False)
        timeline = resources.timeline(choice)
        frames = _frames(timeline, marked)
        try:
            read = timeline.read_out(marked, frames)
        except RegionError as error:
            st.info(words.said(str(error)))
            return
        if frames is FrameChoice.ALL:
            st.info("There is no speech in this region, so all its frames are read out.")
        _numbers(choice, timeline, read)
        beside = None if second is None else _beside(*second, marked)
        left, right = st.columns(2, gap="large")
        with left:
            _scores(_Heard(timeline, read, region.inside(segments, marked)), beside)
        with right:
            _parts(choice, timeline, read, frames)
        bar = st.container(horizontal=True, vertical_alignment="center")
        if not labelled:
            labels.form_in(bar.popover("Label", icon=":material/label:"), row, choice, marked)
        with bar:
            _same_tone(choice, timeline, marked)
        _files(row, timeline, read, None if second is None else second[0])


class _Heard(NamedTuple):
    """A region of one run: what it sounds like, and the segments whose middle lies in it."""

    timeline: Timeline
    read: ReadOut
    inside: tuple[Segment, ...]


def _frames(timeline: Timeline, marked: Span) -> FrameChoice:
    return FrameChoice.SPEECH if timeline.has_speech(marked) else FrameChoice.ALL


def _beside(choice: Choice, name: str, marked: Span) -> _Heard | None:
    """Returns what the region sounds like to the second run, and says it in a line."""
    timeline = resources.timeline(choice)
    try:
        read = timeline.read_out(marked, _frames(timeline, marked))
    except RegionError as error:
        st.caption(f"B, {words.plain(name)}: {words.said(str(error))}")
        return None
    sure = "none" if read.confidence is None else f"{read.confidence:.2f}"
    st.markdown(
        f"**B**, {words.plain(name)}: sounds {palette.signed(read.emotion)} to the engine, "
        f"confidence {sure}. The numbers above are of **A**.",
    )
    return _Heard(timeline, read, region.inside(resources.segments(choice), marked))


def _same_tone(choice: Choice, timeline: Timeline, marked: Span) -> None:
    query = {
        Keys.RECORDING: choice.recording,
        Keys.REGION: f"{marked.start_s:.3f}-{marked.end_s:.3f}",
        Keys.MAP_ENGINE: timeline.track.source.engine_id,
    }
    if choice.channel is not None:
        query[Keys.SIMILAR_CHANNEL] = str(choice.channel)
    bar = st.container(horizontal=True, gap="medium")
    with bar:
        navigation.link("similar", "Same tone in the corpus", ":material/hearing:", **query)
        query[Keys.STEP] = "Like this"
        navigation.link("sessions", "Courses like this one", ":material/show_chart:", **query)


def _numbers(choice: Choice, timeline: Timeline, read: ReadOut) -> None:
    bar = st.container(horizontal=True, gap="medium")
    span = read.span
    _, n_all = timeline.total(span, FrameChoice.ALL)
    _, n_speech = timeline.total(span, FrameChoice.SPEECH)
    sounds = palette.signed(read.emotion)
    bar.metric("Sounds to the engine", sounds, help=words.SCORE, width="content")
    sure = "none" if read.confidence is None else f"{read.confidence:.2f}"
    bar.metric("Confidence", sure, help=words.CONFIDENCE, width="content")
    bar.metric("Duration", f"{span.duration_s:.2f} s", width="content")
    bar.metric("Speech", f"{n_speech / max(1, n_all):.0%}", help=words.SPEECH, width="content")
    voice = _prosody(choice, span)
    level = pitch = rate = _NOT_YET
    if voice is not None:
        level = f"{voice.level_db:.0f} dB"
        pitch = "not voiced" if voice.f0_hz is None else f"{voice.f0_hz:.0f} Hz"
        rate = f"{voice.rate:.1f} /s"
    bar.metric("Level", level, help=words.LEVEL, width="content")
    bar.metric("Pitch", pitch, help=words.PITCH, width="content")
    bar.metric("Syllables", rate, help=words.RATE, width="content")
    said = [_why_no_confidence(timeline, read)] if read.confidence is None else []
    if voice is None:
        said.append("level and pitch come when Prosody is shown and measured")
    elif voice.f0_range_hz is not None:
        low, high = voice.f0_range_hz
        said.append(f"pitch from {low:.0f} to {high:.0f} Hz (5th to 95th percentile)")
    if said:
        st.caption(" · ".join(said))


def _prosody(choice: Choice, span: Span) -> RegionProsody | None:
    found = sound.prosody(choice.recording, choice.channel, start=False)
    return region_prosody(found, span) if isinstance(found, Prosody) else None


def _why_no_confidence(timeline: Timeline, read: ReadOut) -> str:
    if timeline.track.source.temperatures is None:
        return "no confidence, as this engine was never calibrated"
    width_s = read.n_frames * timeline.track.hop_s
    if width_s < MIN_WIDTH_S:
        return "no confidence under 0.5 s of speech"
    return "no confidence over 10 s"


def _scores(heard: _Heard, beside: _Heard | None) -> None:
    timeline, read, inside = heard
    several = len({s.speaker for s in inside if s.speaker}) > 1
    shares = speech_shares(timeline, inside)
    theirs: list[float] | None = None
    if shares and (read.span.duration_s > MAX_WIDTH_S or several):
        if beside is not None:
            theirs = list(speech_shares(beside.timeline, beside.inside).values())
        most = max(shares, key=lambda name: shares[name])
        who = "several speakers" if several else "a long stretch"
        st.markdown(
            f"**Share of speech time.** Most of it sounds {palette.signed(most)} to the engine; "
            f"{who} has no single emotion."
        )
        title = "share of speech time"
        figure = figures.score_figure(list(shares.values()), is_dark(), title, theirs or None)
        calibrated = mean_calibrated_scores(timeline, inside)
        top = sorted(calibrated.items(), key=lambda item: -item[1])[:3]
        listed = ", ".join(f"{name} {value:.2f}" for name, value in top)
        note = f"mean calibrated scores: {listed}" if listed else ""
    else:
        st.markdown("**Scores**", help=words.SCORE)
        theirs = None if beside is None else beside.read.scores.tolist()
        figure = figures.score_figure(read.scores.tolist(), is_dark(), "raw score", theirs)
        note = ""
    st.plotly_chart(
        figure,
        config={"displayModeBar": False},
        key="recording.region.scores",
        alt="Scores of the region by emotion",
    )
    if note:
        st.caption(note, help=words.CALIBRATED_MEAN)


def _parts(choice: Choice, timeline: Timeline, read: ReadOut, frames: FrameChoice) -> None:
    row = st.container(horizontal=True, vertical_alignment="center")
    row.markdown("**What carried**", help=words.MARGIN, width="content")
    names = [str(e) for e in EMOTIONS]
    chosen = row.selectbox(
        "Emotion",
        names,
        index=names.index(read.emotion),
        key=f"recording.region.emotion.{read.span.start_s}.{read.span.end_s}",
        label_visibility="collapsed",
        width=150,
    )
    emotion = Emotion(chosen or read.emotion)
    found = attribution(timeline, read.span, frames=frames)
    key = region.occlusion_key(choice, read.span, emotion)
    task = background().view(key)
    done = task is not None and task.finished and not task.error
    st.plotly_chart(
        figures.attribution_figure(
            found, emotion, is_dark(), task.result if task is not None and done else None
        ),
        config={"displayModeBar": False},
        key="recording.region.parts",
        alt=f"What each stretch of the region adds to {emotion}",
    )
    margin = found.margins[EMOTIONS.index(emotion)]
    spans = region.most_telling(found, emotion)
    foot = st.container(horizontal=True, vertical_alignment="center")
    foot.caption(f"margin of {emotion}: {margin:+.2f}", width="content")
    playable = resources.has_audio(choice.recording) is None
    if not done and spans and playable and (task is None or task.finished):
        foot.button(
            "Check without each stretch",
            on_click=partial(
                region.check_by_occlusion, choice, timeline, read.span, emotion, spans
            ),
            help=words.OCCLUSION
            if read.span.duration_s <= MOST_S
            else f"{words.OCCLUSION} At most {MOST_S:.0f} s: mark a shorter region.",
            disabled=read.span.duration_s > MOST_S,
        )
    busy.show(key)


def _files(row: pd.Series, timeline: Timeline, read: ReadOut, second: Choice | None) -> None:
    choice = resources.choice_of(row)
    held = resources.held_back(choice.recording, resources.Use.PUBLISH)
    if held:
        st.caption(f":material/lock: {words.said(held)}")
        return
    name = takeaway.outside_name(choice.recording)
    stem = f"{file_stem(name)}_{read.span.start_s:.2f}-{read.span.end_s:.2f}"
    bar = st.container(horizontal=True, vertical_alignment="bottom")
    if resources.has_audio(choice.recording) is None:
        bar.download_button(
            "Export clip",
            partial(region.clip, choice, read.span),
            file_name=f"{stem}.wav",
            mime="audio/wav",
            on_click="ignore",
            help="The samples of the file itself as WAV, at its own rate and with its channels.",
        )
    kind = bar.selectbox(
        "Data of this region", list(_KINDS), key="recording.region.kind", width=150
    )
    kind = _KINDS[kind or "CSV"]
    bar.download_button(
        "Download region",
        partial(region.data_file, timeline, read, kind),
        file_name=f"{stem}_{kind}.zip",
        mime="application/zip",
        on_click="ignore",
        help="The frames of the region, and a codebook that says what each column means and what "
        "made them.",
    )
    bar.download_button(
        "Figure of this region",
        partial(exports.chart, row, second, read.span),
        file_name=f"{stem}.html",
        mime="text/html",
        on_click="ignore",
        help="The curves of the region as an interactive page that opens offline.",
    )
    with bar:
        exports.picture_link(choice, second, read.span)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes)}:{rest:05.2f}"
