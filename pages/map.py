"""The corpus as a map of its segments: colour it, click a point, hear it, open its recording."""

import pandas as pd
import streamlit as st

from core.explore.projection import Method, method_for
from dashboard import corpus, map_figure, navigation, words
from dashboard.components import busy, choose, map_notes, map_view
from dashboard.session import Keys

_METHODS = {"UMAP": Method.UMAP, "PCA": Method.PCA, "t-SNE": Method.TSNE}
_AUTO = "auto"
_K = [_AUTO, *(str(k) for k in range(2, 13)), "15", "20", "30"]


def main() -> None:
    """Shows the page."""
    engines = corpus.engines()
    if not engines:
        _nothing()
        return
    heading = st.container()
    engine, method, colour, k = _bar(engines)
    found = corpus.corpus(engine).segments
    heading.title(f"Map of {len(found):,} segments", anchor=False)
    if len(found) < corpus.LEAST:
        _too_few(len(found))
        return
    task = busy.show(corpus.map_key(engine, method))
    running = task is not None and not task.finished
    view = corpus.map_view(engine, method)
    if view is None:
        if not running:
            _offer(engine, method, len(found), again=task is not None)
        return
    map_notes.age(view, running, lambda: _renew(engine, method, colour, k))
    points, clusters = _coloured(view, engine, colour, k)
    map_view.show(view, points, colour)
    map_notes.how(view, clusters, is_few=method_for(method, len(found))[1])


def _nothing() -> None:
    st.title("Map", anchor=False)
    with st.container(border=True):
        st.markdown(
            "**No map yet.** Here each segment of your recordings is a point, and segments that sound "
            "alike to the engine tend to lie together. Click one to hear it."
        )
        if st.button("Analyse a recording", type="primary"):
            navigation.open_page("analyze")


def _too_few(n_segments: int) -> None:
    st.info(
        f"There {'is 1 segment' if n_segments == 1 else f'are {n_segments} segments'} so far, and a "
        f"map needs at least {corpus.LEAST}. Analyse more or longer recordings.",
        icon=":material/scatter_plot:",
    )
    if st.button("Analyse a recording", type="primary"):
        navigation.open_page("analyze")


def _bar(engines: list[str]) -> tuple[str, Method, str, int | None]:
    """Asks how the map is made and coloured."""
    bar = st.container(horizontal=True, gap="medium")
    method = bar.segmented_control(
        "Method",
        list(_METHODS),
        default="UMAP",
        key=Keys.MAP_METHOD,
        bind="query-params",
        help=words.MAP_METHOD,
    )
    colour = bar.segmented_control(
        "Colour by",
        map_figure.COLOURS,
        default=map_figure.EMOTION,
        key=Keys.MAP_COLOUR,
        bind="query-params",
        help=words.MAP_COLOUR,
    )
    k = _AUTO
    if colour == map_figure.CLUSTER:
        k = bar.selectbox(
            "Clusters, k",
            _K,
            key=Keys.MAP_CLUSTERS,
            bind="query-params",
            help=words.CLUSTERS,
            width=130,
        )
    engine = engines[0]
    if len(engines) > 1:
        names = {name: name for name in engines}
        engine = choose.show("Engine", Keys.MAP_ENGINE, names, bar, width=260)
    clusters = None if k in (None, _AUTO) else int(k)
    return engine, _METHODS[method or "UMAP"], colour or map_figure.EMOTION, clusters


def _offer(engine: str, method: Method, n_segments: int, *, again: bool) -> None:
    used, reason = method_for(method, n_segments)
    with st.container(border=True):
        st.markdown(
            f"**There is no {map_notes.NAMES[used]} map of these {n_segments:,} segments yet.** "
            f"{words.MAP_READ}"
        )
        st.caption(reason or map_notes.TIMES[used])
        if st.button("Try again" if again else "Make the map", type="primary"):
            corpus.make_map(engine, method)
            st.rerun()


def _renew(engine: str, method: Method, colour: str, k: int | None) -> None:
    corpus.make_map(engine, method)
    if colour == map_figure.CLUSTER:
        corpus.make_clusters(engine, k)


def _coloured(
    view: corpus.MapView, engine: str, colour: str, k: int | None
) -> tuple[pd.DataFrame, corpus.ClusterView | None]:
    """Returns the points, with their clusters if these are asked for, which are made if need be."""
    if colour != map_figure.CLUSTER:
        return view.points, None
    found = corpus.cluster_view(engine, k, view.points)
    task = busy.show(corpus.clusters_key(engine, k))
    if found is None:
        if task is None:
            corpus.make_clusters(engine, k)
            st.rerun()
        return view.points.assign(cluster=-1), None
    return view.points.assign(cluster=found.labels), found


main()
