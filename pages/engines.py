"""Which engines there are, what each is, and getting one: fetch, verify, choose the default."""

import streamlit as st

from dashboard import engines, words
from dashboard.components import fetch_status
from dashboard.session import Keys

_HUBS = {"ms": "ModelScope", "hf": "Hugging Face"}


def main() -> None:
    """Shows the page."""
    st.title("Engines")
    st.markdown(
        "An engine turns sound into scores for the nine emotions. Results of different engines "
        "never mix; an engine that is fetched once works without a network from then on."
    )
    infos = engines.known()
    default = engines.default()
    _choice([info for info in infos if info.ready], default)
    for info in infos:
        with st.container(border=True):
            _engine(info, default)
    with st.expander("A model directory of your own"):
        _own()


def _choice(ready: list[engines.EngineInfo], default: str) -> None:
    names = [info.name for info in ready]
    if not names:
        st.error("No engine is ready; fetch or verify one below.", icon=":material/error:")
        return
    if default not in names:
        st.warning(
            f"The default, {default}, is not ready; {names[0]} stands in for it.",
            icon=":material/warning:",
        )
    hub = st.session_state.get(Keys.HUB, "ms")
    left, right = st.columns(2, vertical_alignment="bottom")
    chosen = left.selectbox(
        "Default engine",
        names,
        index=names.index(default) if default in names else 0,
        help=words.DEFAULT_ENGINE,
    )
    right.selectbox(
        "Fetch from",
        list(_HUBS),
        index=list(_HUBS).index(hub),
        key=Keys.HUB,
        format_func=_HUBS.__getitem__,
        persist_state="session",
        help="Both hubs hold the same models. Take the one that your network reaches.",
    )
    if chosen and chosen != default and default in names:
        engines.choose(chosen)
        st.toast(f"{chosen} is the default now.")
        st.rerun()


def _engine(info: engines.EngineInfo, default: str) -> None:
    left, right = st.columns([5, 2], vertical_alignment="top")
    marks = [":green-badge[ready]" if info.ready else ":gray-badge[not ready]"]
    if info.name == default:
        marks.append(":blue-badge[default]")
    left.markdown(f"**{info.name}** {' '.join(marks)}")
    left.markdown(engines.about(info.name))
    left.caption(_facts(info))
    with left:
        _remark(info)
    left.caption(f"Licence: {info.licence}")
    view = engines.fetch_view(info.name)
    if view is not None and not view.finished:
        fetch_status.show(info.name)
        return
    _actions(info, right)
    fetch_status.result(view)
    if info.reason and (view is None or view.reason is None):
        left.caption(f":material/info: {words.plain(info.reason)}")


def _facts(info: engines.EngineInfo) -> str:
    size = engines.size_of(info)
    facts = [size, f"{info.dims:,} dimensions", info.engine_id or "weights not known yet"]
    if info.precision:
        facts.append(words.PRECISION[info.precision])
    if info.agrees is not None:
        facts.append(words.AGREES[info.agrees])
    return " · ".join(facts)


def _remark(info: engines.EngineInfo) -> None:
    if info.remark:
        st.warning(words.plain(info.remark), icon=":material/warning:")


def _actions(info: engines.EngineInfo, place: st.delta_generator.DeltaGenerator) -> None:
    present = info.size_mb is not None
    if info.name != "compact" and not info.ready:
        label = "Fetch again" if present else "Fetch"
        if place.button(
            label, key=f"fetch-{info.name}", icon=":material/download:", width="stretch"
        ):
            engines.start_fetch(info.name, str(st.session_state.get(Keys.HUB, "ms")))
            st.rerun()
    if present and place.button(
        "Verify", key=f"verify-{info.name}", icon=":material/verified:", width="stretch"
    ):
        engines.start_verify(info.name)
        st.rerun()


def _own() -> None:
    folder = st.text_input(
        "Directory on the computer that runs Tonescope",
        key=Keys.ENGINE_FOLDER,
        persist_state="session",
        placeholder="/data/models/my_emotion2vec",
        help="Of an emotion2vec model, or of one that training.train made.",
    )
    name = (folder or "").strip()
    view = engines.fetch_view(name) if name else None
    if st.button("Verify the directory", disabled=not name, key="verify-own"):
        engines.start_verify(name)
        st.rerun()
    if view is not None and not view.finished:
        fetch_status.show(name)
    elif view is not None:
        fetch_status.result(view)
        info = engines.own(name) if view.reason is None else None
        if info is not None:
            st.caption(_facts(info))
            _remark(info)
        if view.reason is None and view.name != engines.default():
            st.button("Make it the default", on_click=engines.choose, args=(name,))


main()
