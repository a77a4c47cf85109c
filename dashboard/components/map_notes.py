"""What stands round a map: how old it is, how it was made, how far to trust it."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from core.explore.projection import NAMES, Method
from dashboard import corpus, words
from dashboard.corpus import ClusterView, Head, MapView

__all__ = ["NAMES", "TIMES", "age", "caption", "how", "title"]

TIMES = {
    Method.UMAP: "UMAP takes about half a minute when it is first used after a start, then seconds.",
    Method.PCA: "PCA takes a second or two.",
    Method.TSNE: "t-SNE takes seconds, and minutes from some ten thousand segments on.",
}


def age(view: MapView, running: bool, renew: Callable[[], None], join: Callable[[], None]) -> None:
    """Says what the map does not show, and offers to let it join or to make a new map."""
    if not view.newer and not view.gone:
        return
    parts = []
    if view.newer:
        parts.append(f"{_segments(view.newer)} newer than this map")
    if view.gone:
        parts.append(f"{_segments(view.gone)} no longer in the corpus and left out")
    st.info(f"{'; '.join(parts)}.", icon=":material/update:")
    bar = st.container(horizontal=True)
    if view.newer and "space_key" in view.head.parameters:
        said = "Puts them beside their nearest neighbours; nothing that is there moves."
        if bar.button("Place the newer ones", disabled=running, help=said):
            join()
            st.rerun()
    if bar.button("Make a new map", disabled=running):
        renew()
        st.rerun()


def title(head: Head) -> str:
    """Returns what a map is called among others."""
    of = head.parameters
    given = ", ".join(
        f"{name.replace('_', ' ')} {value:g}"
        for name, value in of["settings"].items()
        if name != "components"
    )
    said = f"{head.made_at:%Y-%m-%d %H:%M} · {of['n']:,} segments · seed {head.seed}"
    return f"{said} · {given}" if given else said


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
        st.caption(words.said(_clusters(clusters)), help=words.SILHOUETTE)
        unplaced = int((clusters.labels < 0).sum())
        if unplaced:
            st.caption(f":material/update: {_segments(unplaced)} newer than these clusters.")
    of = view.head.parameters
    st.caption(
        f"{view.title} of {of['n']:,} segments · {of['space']}"
        f"{corpus.space_note(of.get('space_key'))} · engine {of['engine_id']} · seed "
        f"{view.head.seed} · made {view.head.made_at:%Y-%m-%d %H:%M} UTC and kept"
    )
    _trust(of)
    with st.expander("How this was made"):
        st.markdown(words.MAP_READ)
        st.markdown(
            f"Of each recording only the newest analysis by this engine counts. {words.ONE_ENGINE}"
        )
        if len(of["run_keys"]) > 1:
            st.markdown(
                f"The recordings were analysed under {len(of['run_keys'])} different settings; what "
                "differs between them may show on the map."
            )
        st.json(of, expanded=1)
        if clusters is not None:
            tried = clusters.head.parameters.get("tried")
            if tried:
                table = {"k": [int(k) for k in tried], "silhouette": list(tried.values())}
                st.dataframe(
                    pd.DataFrame(table).sort_values("k"),
                    hide_index=True,
                    width=260,
                    column_config={"silhouette": st.column_config.NumberColumn(format="%.2f")},
                )
            st.json(clusters.head.parameters, expanded=1)


def _trust(of: dict[str, Any]) -> None:
    said = []
    if of.get("trustworthiness") is not None:
        over = f" over {of['trust_points']:,} points" if of["trust_points"] < of["n"] else ""
        said.append(f"Trustworthiness {of['trustworthiness']:.2f}{over}")
    if of.get("fitted", of["n"]) < of["n"]:
        said.append(
            f"{of['fitted']:,} segments were arranged, the others placed beside their neighbours"
        )
    if said:
        st.caption(" · ".join(said), help=words.TRUST)


def _clusters(clusters: ClusterView) -> str:
    of = clusters.head.parameters
    score = of["silhouette"]
    silhouette = "no silhouette" if score is None else f"silhouette {score:.2f}"
    if clusters.head.method == "hand":
        return f"“{of['title']}”: {of['clusters']} clusters drawn by hand."
    chosen = "suggested by silhouette and stability" if of["k"] == "auto" else "as chosen"
    said = f"K-Means with {of['clusters']} clusters, {chosen}; {silhouette}, seed {of['seed']}."
    if clusters.head.method == "hdbscan":
        said = f"HDBSCAN found {of['clusters']} clusters; {silhouette}; {of['noise']:,} in none of them."
    return f"“{of['title']}”: {said}" if "title" in of else said


def _segments(count: int) -> str:
    return "1 segment is" if count == 1 else f"{count:,} segments are"
