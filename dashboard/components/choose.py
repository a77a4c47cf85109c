"""A choice among things that have names of their own, kept in the page's address."""

import json
from collections.abc import Sequence
from typing import Any, Final

import pandas as pd
import streamlit as st

from core.emotions import EMOTIONS
from dashboard import palette, words
from dashboard.session import DEFAULT_SMOOTHING_S, LINES, SMOOTHING_S, STACKED, Keys

_OPTIONS: Final = {"noise_reduction": "noise reduced", "trim_silence": "silence trimmed"}


def remembered(label: str, key: str, options: dict[str, str], place: Any = st, **look: Any) -> str:
    """Asks as `show` does; a page whose address says nothing takes what was chosen last."""
    held = f"remembered.{key}"
    if key not in st.query_params and st.session_state.get(held) in options:
        st.query_params[key] = st.session_state[held]
    st.session_state[held] = show(label, key, options, place, **look)
    return str(st.session_state[held])


def show(label: str, key: str, options: dict[str, str], place: Any = st, **look: Any) -> str:
    """Asks for one of several things by their names; the address always says which.

    Args:
        label: of the widget.
        key: in the address.
        options: names by what is chosen, at least one; an empty key leaves the address.
        place: the container to show it in.
        look: more for the widget.
    """
    keys = list(options)
    wanted = st.query_params.get(key)
    chosen = place.selectbox(
        label,
        keys,
        index=keys.index(wanted) if wanted in options else 0,
        format_func=lambda k: options[k],
        key=f"{key}.choice.{hash(tuple(keys))}",
        **look,
    )
    found = keys[0] if chosen is None else chosen
    if found:
        st.query_params[key] = found
    elif key in st.query_params:
        del st.query_params[key]
    return found


def curves(place: Any) -> tuple[float, str]:
    """Asks how wide the curves of a timeline are smoothed, in seconds, and for their form."""
    width_s = place.select_slider(
        "Smoothing, s",
        SMOOTHING_S,
        value=DEFAULT_SMOOTHING_S,
        key=Keys.SMOOTHING,
        bind="query-params",
        help=words.SMOOTHING,
        width=260,
    )
    return width_s, one_of("View", [LINES, STACKED], Keys.VIEW, place, help=words.SCORE)


def one_of(label: str, options: Sequence[str], key: str, place: Any = st, **look: Any) -> str:
    """Asks for one of a few by buttons, the first unless the address says another; one always is.

    Args:
        label: of the widget.
        options: the words on the buttons, as the address has them.
        key: in the address.
        place: the container to show it in.
        look: more for the widget.
    """
    return str(
        place.segmented_control(
            label,
            options,
            default=options[0],
            key=key,
            bind="query-params",
            required=True,
            **look,
        )
    )


def emotion(place: Any) -> str:
    """Asks for one of the nine, kept in the address from one view of Sessions to the next."""
    return str(
        place.selectbox(
            "Emotion",
            [str(emotion) for emotion in EMOTIONS],
            format_func=palette.signed,
            key=Keys.SESSIONS_EMOTION,
            bind="query-params",
            width=165,
        )
    )


def track_names(mine: pd.DataFrame) -> dict[str, str]:
    """Returns names of a recording's tracks by their run keys; what looks alike is told apart.

    Args:
        mine: rows of the catalogue, by run key.
    """
    names = {k: _track_label(mine.loc[k]) for k in mine.index}
    alike = [name for name in names.values() if list(names.values()).count(name) > 1]
    return {k: f"{name} · run {k[:6]}" if name in alike else name for k, name in names.items()}


def _track_label(row: pd.Series) -> str:
    channel = "mean of channels" if row["channel"] < 0 else f"channel {row['channel']}"
    made = json.loads(row["conditioning"])
    parts = [row["engine_id"], channel]
    parts += [told for option, told in _OPTIONS.items() if made.get(option)]
    return " · ".join([*parts, f"{row['n_segments']} segments"])


def number(
    label: str, key: str, usual: float, ends: tuple[float, float], place: Any = st, **look: Any
) -> float:
    """Asks for a number, kept in the address where it is not the usual one, and from page to page.

    Args:
        label: of the widget.
        key: in the address.
        usual: what it is by default; whole numbers only where this is an `int`.
        ends: least and greatest.
        place: the container to show it in.
        look: more for the widget.
    """
    held = f"remembered.{key}"
    try:
        asked = type(usual)(st.query_params.get(key, st.session_state.get(held, usual)))
    except ValueError:
        asked = usual
    inside = asked if ends[0] <= asked <= ends[1] else usual
    found = place.number_input(label, *map(type(usual), ends), inside, key=f"{key}.number", **look)
    st.session_state[held] = found
    if found != usual:
        st.query_params[key] = f"{found:g}"
    elif key in st.query_params:
        del st.query_params[key]
    return found
