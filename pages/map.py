"""The corpus as a map of its segments: colour it, click a point, mark some, hear and keep them."""

from dataclasses import dataclass, replace

import streamlit as st

from core.explore.projection import MapSettings, Method, method_for
from dashboard import corpus, corpus_known, map_figure, words
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
from dashboard.corpus import Head, MapView
from dashboard.session import Keys

_DIGITS = 12  # of a map's key in the address
_METHODS = {"UMAP": Method.UMAP, "PCA": Method.PCA, "t-SNE": Method.TSNE}


@dataclass(frozen=True)
class Settings:
    """How the next map is made, and whether somebody asked for it."""

    parameters: MapSettings
    seed: int
    wanted: bool


def main() -> None:
    """Shows the page."""
    begun = corpus_bar.begin(
        "Map of",
        "**No map yet.** Here each segment of your recordings is a point, and segments that sound "
        "alike to the engine tend to lie together. Click one to hear it.",
    )
    if begun is None:
        return
    chosen, found, bar = begun
    corpus_bar.warn(chosen.space)
    if corpus_bar.too_few(len(found), "a map"):
        return
    method = _method(bar)
    colour = map_colour.ask(chosen.engine, bar)
    wanted = corpus_bar.filters(found, bar, chosen.engine)
    settings = _settings(bar, method)
    view = _map(chosen, method, colour, settings, len(found), bar)
    if view is None:
        return
    kept = corpus_known.keeps(wanted, view.points, chosen.engine)
    corpus_bar.shown(wanted, int(kept.sum()), len(view.points))
    if not kept.any():
        st.info("No segment passes the filter; show all again.", icon=":material/filter_alt_off:")
        return
    points = view.points if kept.all() else view.points[kept].reset_index(drop=True)
    coloured, clusters = map_colour.coloured(points, chosen.engine, chosen.space, colour)
    map_view.show(view, points, coloured, colour.by, chosen.engine)
    map_notes.how(view, clusters, is_few=method_for(method, len(found))[1])
    audit_table.show(view.head if clusters is None else clusters.head)


def _method(bar: st.delta_generator.DeltaGenerator) -> Method:
    names = {name: name for name in _METHODS}
    return _METHODS[
        choose.remembered("Method", Keys.MAP_METHOD, names, bar, help=words.MAP_METHOD, width=110)
    ]


def _settings(bar: st.delta_generator.DeltaGenerator, method: Method) -> Settings:
    """Asks for the parameters of the next map."""
    usual = MapSettings()
    if method is Method.PCA:  # it has none
        return Settings(usual, 0, wanted=False)
    with bar.popover("Settings", icon=":material/tune:"):
        seed = int(choose.number("Seed", Keys.MAP_SEED, 0, (0, 2**31 - 1)))
        if method is Method.UMAP:
            near = choose.number("Neighbours", Keys.MAP_NEIGHBOURS, usual.n_neighbors, (2, 200))
            least = choose.number(
                "Least distance",
                Keys.MAP_DISTANCE,
                usual.min_dist,
                (0.0, 1.0),
                step=0.05,
                format="%g",
            )
            usual = replace(usual, n_neighbors=int(near), min_dist=float(least))
        elif method is Method.TSNE:
            wide = choose.number(
                "Perplexity", Keys.MAP_PERPLEXITY, usual.perplexity, (1.0, 500.0), format="%g"
            )
            usual = replace(usual, perplexity=float(wide))
        st.caption(words.MAP_SETTINGS)
        wanted = st.button("Make a map so")
    return Settings(usual, seed, wanted)


def _map(
    chosen: Chosen,
    method: Method,
    colour: Colour,
    settings: Settings,
    n_segments: int,
    place: st.delta_generator.DeltaGenerator,
) -> MapView | None:
    """Returns the map, or offers to make it."""
    engine, space = chosen.engine, chosen.space
    key = corpus.map_key(engine, method, space)
    task = busy.show(key)
    running = task is not None and not task.finished
    made = corpus.opened(key)
    if made is not None:
        st.query_params[Keys.MAP] = made.key[:_DIGITS]
    if settings.wanted and not running:
        corpus.make_map(engine, method, space, settings.parameters, settings.seed)
        st.rerun()
    head = _chosen_map(corpus.map_heads(engine, method, space), place)
    if head is None:
        if not running:
            _offer(chosen, method, settings, n_segments, again=task is not None)
        return None
    view = corpus.map_view(engine, head)
    joining = busy.show(corpus.join_key(view.head))
    running = running or (joining is not None and not joining.finished)
    map_notes.age(
        view,
        running,
        lambda: _renew(chosen, method, colour, settings),
        lambda: corpus.join_map(view.head),
    )
    return view


def _chosen_map(heads: list[Head], place: st.delta_generator.DeltaGenerator) -> Head | None:
    """Asks which of the stored maps is shown; the address always says which."""
    if not heads:
        return None
    names = {head.key[:_DIGITS]: map_notes.title(head) for head in heads}
    asked = st.query_params.get(Keys.MAP)
    if asked and asked not in names:
        st.warning(
            "The map in this address is not among those of this method and space; the newest is "
            "shown.",
            icon=":material/search_off:",
        )
    if len(heads) == 1:
        (found,) = names
        st.query_params[Keys.MAP] = found
    else:
        found = choose.show("Map", Keys.MAP, names, place, width=240, help=words.MAP_KEPT)
    return next(head for head in heads if head.key.startswith(found))


def _offer(
    chosen: Chosen, method: Method, settings: Settings, n_segments: int, *, again: bool
) -> None:
    used, reason = method_for(method, n_segments)
    with st.container(border=True):
        st.markdown(
            f"**There is no {map_notes.NAMES[used]} map of these {n_segments:,} segments in this "
            f"space yet.** {words.MAP_READ}"
        )
        st.caption(reason or map_notes.TIMES[used])
        if st.button("Try again" if again else "Make the map", type="primary"):
            corpus.make_map(chosen.engine, method, chosen.space, settings.parameters, settings.seed)
            st.rerun()


def _renew(chosen: Chosen, method: Method, colour: Colour, settings: Settings) -> None:
    corpus.make_map(chosen.engine, method, chosen.space, settings.parameters, settings.seed)
    if colour.by == map_figure.CLUSTER and not colour.of.startswith("saved."):
        corpus.make_clusters(chosen.engine, colour.k, chosen.space)


main()
