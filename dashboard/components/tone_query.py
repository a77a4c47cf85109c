"""What is looked for: a region of a recording, a clip that is handed in, or a take of the microphone."""

from dataclasses import dataclass
from typing import Any, Final

import pandas as pd
import streamlit as st

from core.errors import TonescopeError
from core.explore.search import Query, Search
from core.records import Span
from core.store.rows import MIX
from dashboard import jobs, spans, tone, words
from dashboard.components import busy, choose
from dashboard.components.listen import Item, Part
from dashboard.routes import audio_url
from dashboard.session import Keys

REGION: Final = "region"
CLIP: Final = "clip"
MICROPHONE: Final = "microphone"
SOURCES: Final = {
    REGION: "Region of a recording",
    CLIP: "Uploaded clip",
    MICROPHONE: "Microphone",
}
_BEGINS_S: Final = 3.0  # the region that is proposed where none was marked


@dataclass(frozen=True)
class Asked:
    """What is looked for.

    Attributes:
        query: for the search.
        name: names it, so that likes of one query are not taken for another's.
        item: to hear it.
    """

    query: Query
    name: str
    item: Item


def ask(found: Search, place: Any) -> Asked | None:
    """Asks what is looked for; returns None while there is nothing yet."""
    source = choose.show("Look for", Keys.SIMILAR_SOURCE, SOURCES, place, width=205)
    if source == REGION:
        return _region(found, place)
    if source == CLIP:
        file = st.file_uploader(
            "Clip",
            type=jobs.media_types(),
            key="similar.clip",
            help="At most a minute. It is listened to and not stored.",
        )
        return _clip(found, file, "The uploaded clip")
    take = st.audio_input("Say it as it should sound", key="similar.take", help=words.TAKE)
    return _clip(found, take, "The take")


def _clip(found: Search, file: Any, what: str) -> Asked | None:
    if file is None:
        return None
    data = file.getvalue()
    engine = found.of.engine_id
    task = tone.hear(file, what, engine)
    busy.show(tone.clip_key(data, engine))
    if not task.finished or task.error:
        return None
    clip: tone.Clip = task.result
    try:
        query = found.query_of_track(clip.track)
    except TonescopeError as error:
        st.error(words.said(str(error)), icon=":material/error:")
        return None
    part = Part(clip.sound, 0.0, clip.track.duration_s)
    more = f"{clip.track.duration_s:.2f} s"
    return Asked(query, str(tone.clip_key(data, engine)), Item(what, more, (part,)))


def _region(found: Search, place: Any) -> Asked | None:
    every = found.segments.drop_duplicates("recording").sort_values("name")
    names = dict(zip(every["recording"], every["name"], strict=True))
    wanted = st.query_params.get(Keys.RECORDING)
    if wanted and wanted not in names:
        st.warning(
            "The recording in this address has no segments by this engine; another is shown.",
            icon=":material/search_off:",
        )
    recording = choose.show("Recording", Keys.RECORDING, names, place, width=270)
    mine = found.segments[found.segments["recording"] == recording]
    channel = _channel(mine)
    duration_s = float(mine["duration_s"].iloc[0])
    span = _span(mine, recording, duration_s, place)
    if span is None:
        st.info("The region ends before it begins; choose other times.", icon=":material/error:")
        return None
    st.query_params[Keys.REGION] = f"{span.start_s:.3f}-{span.end_s:.3f}"
    try:
        query = tone.of_region(found, recording, span, channel)
    except TonescopeError as error:
        st.error(words.said(str(error)), icon=":material/error:")
        return None
    item = Item(
        names[recording],
        "",
        (Part(audio_url(recording), span.start_s, span.end_s),),
        f"{span.start_s:.2f} to {span.end_s:.2f} s",
    )
    return Asked(query, f"{recording}.{channel}.{span.start_s}.{span.end_s}", item)


def _channel(mine: pd.DataFrame) -> int | None:
    """Returns the channel that the address names, or the first that was analysed."""
    known = sorted(int(number) for number in mine["channel"].unique())
    text = st.query_params.get(Keys.SIMILAR_CHANNEL, "")
    asked = int(text) if text.isascii() and text.isdigit() else MIX
    channel = asked if asked in known else known[0]
    return None if channel == MIX else channel


def _span(mine: pd.DataFrame, recording: str, duration_s: float, place: Any) -> Span | None:
    """Asks for the times; the first segment is proposed where the address names none."""
    asked = spans.parse(st.query_params.get(Keys.REGION), duration_s)
    held = f"similar.region.{recording}"
    if held not in st.session_state:
        first = mine.iloc[0]
        end_s = min(float(first["end_s"]), float(first["start_s"]) + _BEGINS_S)
        begun = asked or Span(float(first["start_s"]), end_s)
        st.session_state[held] = (begun.start_s, begun.end_s)
    start_s, end_s = st.session_state[held]
    times = [
        place.number_input(
            title,
            0.0,
            duration_s,
            min(value, duration_s),
            step=0.1,
            format="%.2f",
            key=f"{held}.{title}",
            width=115,
        )
        for title, value in (("Start, s", start_s), ("End, s", end_s))
    ]
    return spans.checked(times[0], times[1], duration_s)
