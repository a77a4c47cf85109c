"""A choice among things that have names of their own, kept in the page's address."""

from typing import Any

import streamlit as st


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
