"""What every page on the corpus asks alike: the engine, the space, and which segments are shown.

All three are kept in the address, and remembered from one of these pages to the next.
"""

import math
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd
import streamlit as st

from core.explore.space import SpaceKind, SpaceSettings
from dashboard import corpus, corpus_filter, navigation, palette, words
from dashboard.components import choose
from dashboard.corpus_filter import Filter
from dashboard.session import Keys

_SPACES: Final = {
    "centred": ("Centred", SpaceSettings(SpaceKind.CENTRED)),
    "whitened": ("Whitened", SpaceSettings(SpaceKind.WHITENED)),
    "speaker": ("Per speaker", SpaceSettings(SpaceKind.SPEAKER)),
    "neutral": ("Per speaker, from neutral", SpaceSettings(SpaceKind.SPEAKER, neutral=True)),
    "raw": ("Raw", SpaceSettings(SpaceKind.RAW)),
}
_PART: Final = "corpus.filter."


@dataclass(frozen=True)
class Chosen:
    """What the pages on the corpus work with.

    Attributes:
        engine: its id.
        space: in which segments are compared.
    """

    engine: str
    space: SpaceSettings


def engine_and_space(place: Any) -> Chosen | None:
    """Asks for the engine, where there are several, and the space; None in an empty store."""
    engines = corpus.engines()
    if not engines:
        return None
    names = {key: name for key, (name, _) in _SPACES.items()}
    space = choose.remembered("Space", Keys.SPACE, names, place, help=words.SPACE, width=165)
    engine = engines[0]
    if len(engines) > 1:
        engine = choose.remembered(
            "Engine", Keys.MAP_ENGINE, {name: name for name in engines}, place, width=260
        )
    return Chosen(engine, _SPACES[space][1])


def warn(space: SpaceSettings) -> None:
    """Says what the space may hide."""
    if space.warning:
        st.warning(space.warning, icon=":material/warning:")


def filters(segments: pd.DataFrame, place: Any) -> Filter:
    """Asks which segments are shown."""
    _begin(segments)
    known = corpus_filter.options(segments)
    lengths_s = segments["end_s"] - segments["start_s"]
    least_s, most_s = 0.0, max(0.1, math.ceil(float(lengths_s.max()) * 10) / 10)
    now = _read(least_s, most_s)
    title = f"Filter · {now.count}" if now.count else "Filter"
    with place.popover(title, icon=":material/filter_alt:", key=f"{_PART}open"):
        for key, label in (
            (corpus_filter.SPEAKERS, "Speaker"),
            (corpus_filter.EMOTIONS, "Emotion"),
        ):
            _several(label, key, known[key])
        _several("Recording", corpus_filter.RECORDINGS, known[corpus_filter.RECORDINGS])
        key = f"{_PART}{corpus_filter.SECONDS}"
        low, high = st.session_state.get(key) or (least_s, most_s)
        st.session_state[key] = (max(least_s, min(low, most_s)), max(least_s, min(high, most_s)))
        st.slider("Duration, s", least_s, most_s, step=0.1, format="%.1f", key=key)
        first, last = segments["day"].min(), segments["day"].max()
        st.date_input(
            "Day, from and to",
            min_value=first,
            max_value=last,
            key=f"{_PART}{corpus_filter.DAYS}",
            help="The day of the recording where it is known, else when it was analysed.",
        )
        st.button("Show all again", on_click=_clear, disabled=not now.count)
    found = _read(least_s, most_s)
    _remember(found)
    return found


def shown(found: Filter, n_shown: int, n_all: int) -> None:
    """Says how much of the corpus is shown, where it is not all."""
    if found.count:
        row = st.container(horizontal=True, vertical_alignment="center")
        row.caption(f"The filter shows {n_shown:,} of {n_all:,} segments.", width="content")
        row.button("Show all", on_click=_clear, type="tertiary", key=f"{_PART}all")


def nothing(title: str, sentence: str) -> None:
    """Shows what will be here when there is a corpus."""
    st.title(title, anchor=False)
    with st.container(border=True):
        st.markdown(sentence)
        if st.button("Analyse a recording", type="primary"):
            navigation.open_page("analyze")


def too_few(n_segments: int, of: str) -> bool:
    """Says that there are too few segments for something, if so."""
    if n_segments >= corpus.LEAST:
        return False
    there = "is 1 segment" if n_segments == 1 else f"are {n_segments} segments"
    st.info(
        f"There {there} so far, and {of} needs at least {corpus.LEAST}. Analyse more or longer "
        "recordings.",
        icon=":material/scatter_plot:",
    )
    if st.button("Analyse a recording", type="primary"):
        navigation.open_page("analyze")
    return True


def _several(label: str, key: str, names: dict[str, str]) -> None:
    if not names:
        return
    held = f"{_PART}{key}"
    st.session_state[held] = [v for v in st.session_state.get(held, ()) if v in names]
    signed = key == corpus_filter.EMOTIONS
    st.multiselect(
        label,
        list(names),
        format_func=lambda value: palette.signed(names[value]) if signed else names[value],
        key=held,
        placeholder="all",
    )


def _begin(segments: pd.DataFrame) -> None:
    """Takes the filter from the address, or from the page before, when a page is opened."""
    if f"{_PART}{corpus_filter.SECONDS}" in st.session_state:
        return
    asked = {key: st.query_params.get_all(key) for key in corpus_filter.KEYS}
    if not any(asked.values()):
        asked = st.session_state.get(Keys.FILTER, {})
    found = corpus_filter.from_query(asked, segments)
    for key, value in (
        (corpus_filter.SPEAKERS, list(found.speakers)),
        (corpus_filter.RECORDINGS, list(found.recordings)),
        (corpus_filter.EMOTIONS, list(found.emotions)),
        (corpus_filter.SECONDS, found.seconds),
        (corpus_filter.DAYS, _within(found.days, segments)),
    ):
        st.session_state[f"{_PART}{key}"] = value


def _within(days: Any, segments: pd.DataFrame) -> tuple[Any, ...]:
    if days is None:
        return ()
    first, last = segments["day"].min(), segments["day"].max()
    low, high = (min(max(day, first), last) for day in days)
    return (low, high)


def _read(least_s: float, most_s: float) -> Filter:
    held = {key: st.session_state.get(f"{_PART}{key}") for key in corpus_filter.KEYS}
    seconds, days = held[corpus_filter.SECONDS], held[corpus_filter.DAYS]
    if seconds is not None and seconds[0] <= least_s and seconds[1] >= most_s:
        seconds = None
    return Filter(
        speakers=tuple(held[corpus_filter.SPEAKERS] or ()),
        recordings=tuple(held[corpus_filter.RECORDINGS] or ()),
        emotions=tuple(held[corpus_filter.EMOTIONS] or ()),
        seconds=None if seconds is None else (float(seconds[0]), float(seconds[1])),
        days=(days[0], days[1]) if isinstance(days, tuple | list) and len(days) == 2 else None,
    )


def _remember(found: Filter) -> None:
    said = found.as_query()
    st.session_state[Keys.FILTER] = said
    for key in corpus_filter.KEYS:
        if key in said:
            st.query_params[key] = said[key]
        elif key in st.query_params:
            del st.query_params[key]


def _clear() -> None:
    for key in corpus_filter.KEYS:
        st.session_state.pop(f"{_PART}{key}", None)
        if key in st.query_params:
            del st.query_params[key]
    st.session_state[Keys.FILTER] = {}
