"""How a corpus is grouped, which clustering is open, and its naming, merging and keeping."""

from functools import partial
from typing import Any, Final

import streamlit as st

from core.explore.clusters import NOISE, STABLE, Grouping
from core.explore.groups import Unit, name_of
from core.explore.space import SpaceSettings, settings_from
from core.explore.units import By
from core.plain import file_stem
from core.store.maps import CLUSTERING, Head
from dashboard import clusterings, corpus, corpus_figures, keeping, words
from dashboard.clusterings import Wanted
from dashboard.components import busy, choose
from dashboard.components.corpus_bar import Chosen
from dashboard.session import Keys, is_dark

AUTO: Final = "auto"
_K: Final = (*(str(k) for k in range(2, 13)), "15", "20", "30")
_LEAST: Final = ("5", "10", "20", "50", "100")
_UNITS: Final = {"segment": "Segments", "recording": "Recordings", "session": "Sessions"}
_METHODS: Final = {"kmeans": "K-Means", "hdbscan": "HDBSCAN"}
_BY: Final = {"profile": "Emotion profile", "trajectory": "Course over time"}


def ask(chosen: Chosen, place: Any) -> tuple[Wanted, Head | None]:
    """Asks how the corpus is grouped; returns the clustering that is opened instead, if any."""
    heads = clusterings.saved(chosen.engine)
    asked = st.query_params.get(Keys.CLUSTERING)
    if heads or asked:
        names = {"": "a new one"} | {head.key: clusterings.title(head) for head in heads}
        if asked and asked not in names:
            st.warning(
                "The clustering in this address is not in the store.", icon=":material/search_off:"
            )
        key = choose.show("Clustering", Keys.CLUSTERING, names, place, width=260)
        if key:
            head = next(head for head in heads if head.key == key)
            return Wanted(chosen.engine, chosen.space), head
    unit = Unit(choose.remembered("Group", Keys.CLUSTER_UNIT, _UNITS, place, width=140))
    by = By.PROFILE
    if unit is not Unit.SEGMENT:
        by = By(
            choose.remembered("By", Keys.CLUSTER_BY, _BY, place, width=180, help=words.CLUSTER_BY)
        )
    method = Grouping(
        choose.remembered(
            "Method", Keys.CLUSTER_METHOD, _METHODS, place, width=140, help=words.GROUPING
        )
    )
    if method is Grouping.HDBSCAN:
        names = {n: n for n in _LEAST}
        least = choose.remembered("Least size", Keys.CLUSTER_LEAST, names, place, width=120)
        return Wanted(chosen.engine, chosen.space, unit, method, None, by, int(least)), None
    names = {AUTO: "suggested"} | {k: k for k in _K}
    k = choose.remembered(
        "Clusters, k", Keys.CLUSTER_K, names, place, width=140, help=words.CLUSTERS
    )
    number = None if k == AUTO else int(k)
    return Wanted(chosen.engine, chosen.space, unit, method, number, by), None


def how(head: Head) -> None:
    """Says what made a clustering, and shows how its k was chosen."""
    of = head.parameters
    score = of.get("silhouette")
    parts = [_METHODS.get(head.method, "drawn by hand"), f"{of['clusters']} clusters"]
    parts.append(f"of {of['n_units']:,} {of['unit']}s")
    if score is not None:
        parts.append(f"silhouette {score:.2f}")
    steady = of.get("stability", {}).get(str(of["clusters"]))
    if steady is not None:
        parts.append(f"stability {steady:.2f}")
    if of.get("noise"):
        parts.append(f"{of['noise']:,} in no cluster")
    if of.get("space"):
        parts.append(f"{of['space']}{corpus.space_note(of.get('space_key'))}")
    parts.append(f"made {head.made_at:%Y-%m-%d %H:%M} UTC and kept")
    st.caption(" · ".join(parts), help=words.SILHOUETTE)
    if of.get("left_out"):
        st.caption(
            f"{of['left_out']:,} segments belong to no {of['unit']}, or have no scores, and are left "
            "out."
        )
    tried = of.get("tried") or {}
    if len(tried) > 1:
        with st.expander("How k was chosen", expanded=False):
            _curves(head, of["clusters"])
            st.caption(
                f"Taken is the highest silhouette among those of stability {STABLE} or more (dotted), "
                "or among all where none is.",
                help=words.STABILITY,
            )
    elif head.method == Grouping.KMEANS and "parent" not in of:
        with st.expander("What other k would give", expanded=False):
            _others(head)


def _curves(of: Head, k: int) -> None:
    tried, steady = of.parameters["tried"], of.parameters.get("stability", {})
    st.plotly_chart(
        corpus_figures.k_figure(tried, steady, k, STABLE, is_dark()),
        config={"displayModeBar": False},
        key="clusters.k",
        alt="Silhouette and stability by number of clusters",
    )


def _others(head: Head) -> None:
    """Shows silhouette and stability beside a k that was chosen, or offers to work them out."""
    of = head.parameters
    suggested = Wanted(
        of["engine_id"],
        settings_from(of["space_settings"]) if of.get("space_settings") else SpaceSettings(),
        Unit(of["unit"]),
        by=By(of.get("by", By.PROFILE)),
    )
    task = busy.show(clusterings.key_of(suggested))
    found = clusterings.newest(suggested)
    if found is not None and len(found.parameters.get("tried") or {}) > 1:
        _curves(found, of["clusters"])
        st.caption(
            f"The line is at the chosen k; suggested is {found.parameters['clusters']}.",
            help=words.STABILITY,
        )
    elif task is None or task.finished:
        st.caption("Silhouette and stability of other k are not worked out yet.")
        if st.button("Try k from 2 to 12"):
            clusterings.make(suggested)
            st.rerun()


def keep(head: Head) -> None:
    """Takes names and merges, and keeps the clustering under a title; gives it as a file."""
    numbers = sorted(set(range(head.parameters["clusters"])) - {NOISE})
    names = {n: name_of(head, n) for n in numbers}
    with st.expander("Name, merge and save", icon=":material/bookmark:"):
        with st.form(f"clusters.keep.{head.key}", border=False):
            title = st.text_input(
                "Title", head.parameters.get("title", ""), key=f"clusters.title.{head.key}"
            )
            given = {}
            for first in range(0, len(numbers), 4):
                columns = st.columns(4)
                for place, n in zip(columns, numbers[first : first + 4], strict=False):
                    given[n] = place.text_input(
                        f"Name of {names[n]}", names[n], key=f"clusters.name.{head.key}.{n}"
                    )
            merged = st.multiselect(
                "Merge into one",
                numbers,
                format_func=lambda n: names[n],
                key=f"clusters.merge.{head.key}",
                placeholder="none",
                help="The merged cluster takes the name of the first.",
            )
            wanted = st.form_submit_button("Save")
        st.caption("Saving makes a copy of its own; what it was made from stays.")
    if wanted:
        changed = {n: text for n, text in given.items() if text != f"cluster {n + 1}"}
        merge = [merged] if len(merged) > 1 else []
        found = clusterings.edit(head, title, changed, merge)
        if isinstance(found, str):
            st.error(found, icon=":material/error:")
            return
        st.query_params[Keys.CLUSTERING] = found.key
        st.rerun()


def take_along(head: Head, place: Any) -> None:
    """Gives the clustering as a file."""
    name = file_stem(head.parameters.get("title", CLUSTERING), "clusters")
    place.download_button(
        "Download CSV",
        partial(_csv, head),
        file_name=f"{name}.csv",
        mime="text/csv",
        on_click="ignore",
        icon=":material/download:",
    )


def _csv(head: Head) -> bytes:
    return keeping.csv(clusterings.table(head))
