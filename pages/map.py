"""The corpus as a map of its segments: colour it, click a point, mark some, hear and keep them."""

import streamlit as st

from core.explore.projection import Method, method_for
from core.explore.space import SpaceSettings
from dashboard import corpus, map_figure, words
from dashboard.components import (
    audit_table,
    busy,
    choose,
    corpus_bar,
    map_colour,
    map_notes,
    map_view,
)
from dashboard.components.corpus_bar import Chosen
from dashboard.components.map_colour import Colour
from dashboard.corpus import MapView
from dashboard.session import Keys

_METHODS = {"UMAP": Method.UMAP, "PCA": Method.PCA, "t-SNE": Method.TSNE}


def main() -> None:
    """Shows the page."""
    heading = st.container()
    bar = st.container(horizontal=True, gap="small", vertical_alignment="bottom")
    chosen = corpus_bar.engine_and_space(bar)
    if chosen is None:
        corpus_bar.nothing(
            "Map",
            "**No map yet.** Here each segment of your recordings is a point, and segments that "
            "sound alike to the engine tend to lie together. Click one to hear it.",
        )
        return
    found = corpus.segments(chosen.engine)
    heading.title(f"Map of {len(found):,} segments", anchor=False)
    corpus_bar.warn(chosen.space)
    if corpus_bar.too_few(len(found), "a map"):
        return
    method = _method(bar)
    colour = map_colour.ask(chosen.engine, found, bar)
    wanted = corpus_bar.filters(found, bar)
    view = _map(chosen, method, colour, len(found))
    if view is None:
        return
    kept = wanted.keeps(view.points)
    corpus_bar.shown(wanted, int(kept.sum()), len(view.points))
    if not kept.any():
        st.info("No segment passes the filter; show all again.", icon=":material/filter_alt_off:")
        return
    points = view.points[kept].reset_index(drop=True)
    coloured, clusters = map_colour.coloured(points, chosen.engine, chosen.space, colour)
    map_view.show(view, points, coloured, colour.by, chosen.engine)
    map_notes.how(view, clusters, is_few=method_for(method, len(found))[1])
    audit_table.show(view.head if clusters is None else clusters.head)


def _method(bar: st.delta_generator.DeltaGenerator) -> Method:
    names = {name: name for name in _METHODS}
    return _METHODS[
        choose.remembered("Method", Keys.MAP_METHOD, names, bar, help=words.MAP_METHOD, width=110)
    ]


def _map(chosen: Chosen, method: Method, colour: Colour, n_segments: int) -> MapView | None:
    """Returns the map, or offers to make it."""
    engine, space = chosen.engine, chosen.space
    task = busy.show(corpus.map_key(engine, method, space))
    running = task is not None and not task.finished
    view = corpus.map_view(engine, method, space)
    if view is None:
        if not running:
            _offer(engine, method, space, n_segments, again=task is not None)
        return None
    joining = busy.show(corpus.join_key(view.head))
    running = running or (joining is not None and not joining.finished)
    map_notes.age(
        view, running, lambda: _renew(chosen, method, colour), lambda: corpus.join_map(view.head)
    )
    return view


def _offer(
    engine: str, method: Method, space: SpaceSettings, n_segments: int, *, again: bool
) -> None:
    used, reason = method_for(method, n_segments)
    with st.container(border=True):
        st.markdown(
            f"**There is no {map_notes.NAMES[used]} map of these {n_segments:,} segments in this "
            f"space yet.** {words.MAP_READ}"
        )
        st.caption(reason or map_notes.TIMES[used])
        if st.button("Try again" if again else "Make the map", type="primary"):
            corpus.make_map(engine, method, space)
            st.rerun()


def _renew(chosen: Chosen, method: Method, colour: Colour) -> None:
    corpus.make_map(chosen.engine, method, chosen.space)
    if colour.by == map_figure.CLUSTER and not colour.of.startswith("saved."):
        corpus.make_clusters(chosen.engine, colour.k, chosen.space)


main()
