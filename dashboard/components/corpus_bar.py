"""What every page on the corpus asks alike: the engine, the space, and which segments are shown.

All three are kept in the address, and remembered from one of these pages to the next.
"""

import math
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pandas as pd
import streamlit as st

from core.emotions import EMOTIONS
from core.explore.space import SpaceKind, SpaceSettings
from dashboard import corpus, corpus_filter, corpus_known, navigation, palette, words
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
_EMOTIONS: Final = [str(emotion) for emotion in EMOTIONS]
_LABELS: Final = {
    corpus_filter.EMOTIONS: "Emotion",
    corpus_filter.HEARD: "People's label",
    corpus_filter.SPEAKERS: "Speaker",
    corpus_filter.RECORDINGS: "Recording",
    corpus_filter.SESSIONS: "Session",
    corpus_filter.TAGS: "Tag of the recording",
    corpus_filter.CLUSTERS: "Saved cluster",
}
_RIGHT: Final = (
    *(corpus_filter.RECORDINGS, corpus_filter.SESSIONS, corpus_filter.TAGS),
    corpus_filter.CLUSTERS,
)


@dataclass(frozen=True)
class Chosen:
    """What the pages on the corpus work with.

    Attributes:
        engine: its id.
        space: in which segments are compared.
    """

    engine: str
    space: SpaceSettings


def begin(name: str, empty: str) -> tuple[Chosen, pd.DataFrame, Any] | None:
    """Shows the title and the bar of a page on the corpus, with engine and space.

    Args:
        name: what is shown, before the number of segments, such as "Map of".
        empty: what will be here, shown while nothing is analysed.

    Returns:
        What was chosen, the segments, and the bar for what the page asks itself; None in an empty
        store.
    """
    heading = st.container()
    bar = st.container(horizontal=True, gap="small", vertical_alignment="bottom")
    engines = corpus.engines()
    if not engines:
        heading.title(name.rpartition(" ")[0], anchor=False)
        with st.container(border=True):
            st.markdown(empty)
            if st.button("Analyse a recording", type="primary"):
                navigation.open_page("analyze")
        return None
    chosen = Chosen(*_engine_and_space(engines, bar))
    found = corpus.segments(chosen.engine)
    segments = "1 segment" if len(found) == 1 else f"{len(found):,} segments"
    heading.title(f"{name} {segments}", anchor=False)
    return chosen, found, bar


def _engine_and_space(engines: list[str], place: Any) -> tuple[str, SpaceSettings]:
    names = {key: name for key, (name, _) in _SPACES.items()}
    space = choose.remembered("Space", Keys.SPACE, names, place, help=words.SPACE, width=165)
    settings = _SPACES[space][1]
    if settings.kind is SpaceKind.SPEAKER:
        settings = _per_speaker(settings, place)
    engine = engines[0]
    if len(engines) > 1:
        engine = choose.remembered(
            "Engine", Keys.MAP_ENGINE, {name: name for name in engines}, place, width=260
        )
    return engine, settings


def _per_speaker(settings: SpaceSettings, place: Any) -> SpaceSettings:
    """Asks how a speaker's centre is estimated."""
    with place.popover("Speakers", icon=":material/tune:"):
        shrinkage = choose.number(
            "Shrinkage, segments",
            Keys.SHRINKAGE,
            settings.shrinkage,
            (0.0, 1000.0),
            step=1.0,
            format="%g",
        )
        least = choose.number(
            "Least segments of a speaker", Keys.MIN_SEGMENTS, settings.min_segments, (1, 1000)
        )
        st.caption(words.PER_SPEAKER)
    return replace(settings, shrinkage=float(shrinkage), min_segments=int(least))


def warn(space: SpaceSettings) -> None:
    """Says what the space may hide."""
    if space.warning:
        st.warning(space.warning, icon=":material/warning:")


def filters(segments: pd.DataFrame, place: Any, engine: str) -> Filter:
    """Asks which segments are shown."""
    more = corpus_known.options(engine)
    recordings = corpus.recordings(engine)
    known = corpus_filter.options(segments, recordings) | more
    _begin(known, recordings["day"])
    ratios, days = corpus.noise_ratios(engine), recordings["day"]
    ends = {corpus_filter.SECONDS: _ends(segments["end_s"] - segments["start_s"], 10, 0.0)}
    if not np.isnan(ratios).all():
        ends[corpus_filter.QUALITY] = _ends(pd.Series(ratios), 1)
    _stretch(ends)
    now = _read(ends)
    title = f"Filter · {now.count}" if now.count else "Filter"
    with place.popover(title, icon=":material/filter_alt:", key=f"{_PART}open"):
        left, right = st.columns(2, gap="medium")
        with left:
            for key in (corpus_filter.EMOTIONS, corpus_filter.HEARD, corpus_filter.SPEAKERS):
                _several(_LABELS[key], key, known[key])
            _between("Duration, s", corpus_filter.SECONDS, ends, 0.1, "%.1f")
            _between("Speech over background, dB", corpus_filter.QUALITY, ends, 1.0, "%.0f")
        with right:
            for key in corpus_filter.LISTS:
                if key in _RIGHT:
                    _several(_LABELS[key], key, known[key])
            st.date_input(
                "Day, from and to",
                min_value=days.min(),
                max_value=days.max(),
                key=f"{_PART}{corpus_filter.DAYS}",
                help="The day of the recording where it is known, else when it was analysed.",
            )
        st.button("Show all again", on_click=_clear, disabled=not now.count)
    found = _read(ends)
    _remember(found)
    return found


def _ends(values: pd.Series, parts: int, low: float | None = None) -> tuple[float, float]:
    """Returns the ends of a slider: rounded outwards to a part of one, and never the same."""
    least = math.floor(float(values.min()) * parts) / parts if low is None else low
    return least, max(least + 1 / parts, math.ceil(float(values.max()) * parts) / parts)


def _stretch(ends: dict[str, tuple[float, float]]) -> None:
    """Lets a slider that stood at its ends stand at the new ones when the corpus has grown."""
    for name, pair in ends.items():
        key, held = f"{_PART}{name}", f"{_PART}{name}.ends"
        if st.session_state.get(key) == st.session_state.get(held):
            st.session_state[key] = pair
        st.session_state[held] = pair


def _between(
    label: str, name: str, ends: dict[str, tuple[float, float]], step: float, form: str
) -> None:
    if name not in ends:
        return
    (least, most), key = ends[name], f"{_PART}{name}"
    low, high = st.session_state.get(key) or ends[name]
    st.session_state[key] = (max(least, min(low, most)), max(least, min(high, most)))
    st.slider(label, least, most, step=step, format=form, key=key)


def shown(found: Filter, n_shown: int, n_all: int) -> None:
    """Says how much of the corpus is shown, where it is not all."""
    if found.count:
        row = st.container(horizontal=True, vertical_alignment="center")
        row.caption(f"The filter shows {n_shown:,} of {n_all:,} segments.", width="content")
        row.button("Show all", on_click=_clear, type="tertiary", key=f"{_PART}all")


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
    signed = key in (corpus_filter.EMOTIONS, corpus_filter.HEARD)

    def said(value: str) -> str:
        name = names[value]
        return palette.signed(name) if signed and name in _EMOTIONS else name

    st.multiselect(
        label,
        list(names),
        format_func=said,
        key=held,
        placeholder="all",
    )


def _begin(known: dict[str, dict[str, str]], days: pd.Series) -> None:
    """Takes the filter from the address, or from the page before, when a page is opened."""
    if f"{_PART}{corpus_filter.SECONDS}" in st.session_state:
        return
    asked = {key: st.query_params.get_all(key) for key in corpus_filter.KEYS}
    if not any(asked.values()):
        asked = st.session_state.get(Keys.FILTER, {})
    found = corpus_filter.from_query(asked, known)
    for key in corpus_filter.LISTS:
        st.session_state[f"{_PART}{key}"] = list(getattr(found, key))
    st.session_state[f"{_PART}{corpus_filter.SECONDS}"] = found.seconds
    st.session_state[f"{_PART}{corpus_filter.QUALITY}"] = found.quality
    st.session_state[f"{_PART}{corpus_filter.DAYS}"] = _within(found.days, days)


def _within(asked: Any, days: pd.Series) -> tuple[Any, ...]:
    if asked is None:
        return ()
    first, last = days.min(), days.max()
    low, high = (min(max(day, first), last) for day in asked)
    return (low, high)


def _read(ends: dict[str, tuple[float, float]]) -> Filter:
    held = {key: st.session_state.get(f"{_PART}{key}") for key in corpus_filter.KEYS}
    pairs = {}
    for key, (least, most) in ends.items():
        low, high = held[key] or (least, most)
        pairs[key] = None if low <= least and high >= most else (float(low), float(high))
    days = held[corpus_filter.DAYS]
    return Filter(
        **{key: tuple(held[key] or ()) for key in corpus_filter.LISTS},
        **pairs,
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
