"""What stands round a map: how old it is, how it was made, how far to trust it."""

from collections.abc import Callable

import pandas as pd
import streamlit as st

from core.explore.projection import NAMES, Method
from dashboard import words
from dashboard.corpus import ClusterView, MapView

__all__ = ["NAMES", "TIMES", "age", "caption", "how"]

TIMES = {
    Method.UMAP: "UMAP takes about half a minute when it is first used after a start, then seconds.",
    Method.PCA: "PCA takes a second or two.",
    Method.TSNE: "t-SNE takes seconds, and minutes from some ten thousand segments on.",
}


def age(view: MapView, running: bool, renew: Callable[[], None]) -> None:
    """Says what the map does not show, and offers a new one."""
    if not view.newer and not view.gone:
        return
    parts = []
    if view.newer:
        parts.append(f"{_segments(view.newer)} newer than this map")
    if view.gone:
        parts.append(f"{_segments(view.gone)} no longer in the corpus and left out")
    left, right = st.columns([5, 1], vertical_alignment="center")
    left.info(f"{'; '.join(parts)}.", icon=":material/update:")
    if right.button("Make a new map", disabled=running, width="stretch"):
        renew()
        st.rerun()


def caption(view: MapView, clusters: ClusterView | None = None) -> str:
    """Returns one sentence that says what made a map."""
    of = view.head.parameters
    settings = ", ".join(f"{name} {value:g}" for name, value in of["settings"].items())
    versions = ", ".join(f"{name} {version}" for name, version in of["versions"].items())
    said = f"{view.title} of {of['n']:,} segments, seed {view.head.seed}"
    said += f" ({settings})" if settings else ""
    said += f"; engine {of['engine_id']}; embeddings {of['space']}; {versions}."
    if clusters is not None:
        said += f" {_clusters(clusters)}"
    return said


def how(view: MapView, clusters: ClusterView | None, is_few: str | None) -> None:
    """Says under the map what made it."""
    if is_few and view.head.method == Method.PCA:
        st.caption(f":material/info: {is_few}")
    if clusters is not None:
        st.caption(_clusters(clusters), help=words.SILHOUETTE)
        unplaced = int((clusters.labels < 0).sum())
        if unplaced:
            st.caption(f":material/update: {_segments(unplaced)} newer than these clusters.")
    of = view.head.parameters
    st.caption(
        f"{view.title} of {of['n']:,} segments · engine {of['engine_id']} · seed {view.head.seed} · "
        f"made {view.head.made_at:%Y-%m-%d %H:%M} UTC and kept"
    )
    with st.expander("How this was made"):
        st.markdown(words.MAP_READ)
        st.markdown(
            "Of each recording only the newest analysis by this engine counts, and engines are never "
            "mixed."
        )
        if len(of["run_keys"]) > 1:
            st.markdown(
                f"The recordings were analysed under {len(of['run_keys'])} different settings; what "
                "differs between them may show on the map."
            )
        st.json(of, expanded=1)
        if clusters is not None:
            tried = clusters.head.parameters["tried"]
            if tried:
                table = {"k": [int(k) for k in tried], "silhouette": list(tried.values())}
                st.dataframe(
                    pd.DataFrame(table).sort_values("k"),
                    hide_index=True,
                    width=260,
                    column_config={"silhouette": st.column_config.NumberColumn(format="%.2f")},
                )
            st.json(clusters.head.parameters, expanded=1)


def _clusters(clusters: ClusterView) -> str:
    of = clusters.head.parameters
    score = of["silhouette"]
    silhouette = "no silhouette" if score is None else f"silhouette {score:.2f}"
    chosen = "chosen by silhouette" if of["k"] == "auto" else "as chosen"
    return f"K-Means with {of['clusters']} clusters, {chosen}; {silhouette}, seed {of['seed']}."


def _segments(count: int) -> str:
    return "1 segment is" if count == 1 else f"{count:,} segments are"
