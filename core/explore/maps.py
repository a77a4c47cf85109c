"""Maps of a store: made where there is none for this very corpus, then kept.

What is stored is never computed again, as UMAP gives another picture on another machine. A new map is
made for new parameters or a changed corpus only; what is new can also join an old one.
"""

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, Final

import pandas as pd

from core.errors import ExploreError, StoreError
from core.explore import measures, placing, projection, spaces
from core.explore.projection import MapSettings, Method
from core.explore.space import SpaceSettings
from core.settings import digest
from core.store import maps
from core.store.corpus import SEGMENT_KEYS, Corpus, corpus, embeddings
from core.store.maps import CLUSTERING, PROJECTION, SELECTION, Head
from core.store.store import Store

Report = Callable[[str], None]
_PACKAGES: Final = ("scikit-learn", "umap-learn", "numpy", "faiss-cpu")
_KEYS: Final = list(SEGMENT_KEYS)
_NAMED: Final = {
    PROJECTION: ("map", "project"),
    CLUSTERING: ("clustering", "cluster"),
    SELECTION: ("set", "similar --save"),
}


def make_projection(
    store: Store,
    engine: str = "compact",
    method: Method = Method.UMAP,
    seed: int = 0,
    report: Report = lambda _: None,
    *,
    space: SpaceSettings | None = None,
    wanted: MapSettings | None = None,
) -> Head:
    """Returns the map of an engine's segments, made and stored if there is none yet.

    Args:
        store: where segments and maps are.
        engine: name or id.
        method: asked for; while there are too few segments PCA stands in, and says why.
        seed: of everything that is random.
        report: is told what is being done.
        space: in which segments are compared; by default centred per corpus.
        wanted: the parameters of the method.

    Raises:
        StoreError: the engine has analysed nothing.
        ExploreError: there are too few segments, or they do not differ.
    """
    report("Reading the corpus")
    found = corpus(store, engine)
    n_points = len(found.segments)
    used, reason = projection.method_for(method, n_points)
    space, wanted = space or SpaceSettings(), wanted or MapSettings()
    made_by = {"kind": PROJECTION, "method": str(used), "seed": seed, **made_of(found, space)}
    if wanted != MapSettings() and used is not Method.PCA:
        made_by["wanted"] = asdict(wanted)
    stored = maps.head(store, PROJECTION, digest(made_by))
    if stored is not None:
        return stored
    space_key, vectors = spaces.vectors(store, found, space)
    report(f"Arranging {n_points:,} segments by {projection.NAMES[used]}")
    arranged = placing.arrange(
        vectors, used, seed, wanted, found.segments["recording"].to_numpy(str)
    )
    report("Storing the map")
    n_fitted = int(arranged.fitted.sum())
    details = {
        "asked": str(method),
        "reason": reason,
        "settings": projection.settings(used, n_fitted, vectors.shape[1], wanted),
        "space_key": space_key,
        "space_settings": space.as_json(),
        "space_warning": space.warning,
        "fitted": n_fitted,
        "trustworthiness": arranged.trustworthiness,
        "trust_points": arranged.trust_points,
    }
    rows = found.segments[_KEYS].assign(
        x=arranged.points[:, 0], y=arranged.points[:, 1], placed=~arranged.fitted
    )
    return keep(store, found, made_by, details, rows)


def place_new(store: Store, head: Head, report: Report = lambda _: None) -> int:
    """Lets the segments that are not on a map join it; returns how many did.

    They are put into the map's own space and placed beside their neighbours among the segments that
    the method arranged. What is on the map stays where it is.

    Args:
        store: where segments and maps are.
        head: of the map.
        report: is told what is being done.

    Raises:
        StoreError: the engine's segments or the map's space are gone.
        ExploreError: the map was made before spaces were kept, or what it arranged is gone.
    """
    of = head.parameters
    if "space_key" not in of:
        raise ExploreError("This map was made before spaces were kept; make a new map.")
    report("Reading the corpus")
    found = corpus(store, of["engine_id"])
    on_map = maps.points(store, PROJECTION, head.key)
    joined = found.segments.merge(on_map, on=_KEYS, how="left")
    new = joined["x"].isna().to_numpy()
    if not new.any():
        return 0
    fitted = (joined["placed"] == False).to_numpy()  # noqa: E712 - unknown ones are new
    if not fitted.any():
        raise ExploreError(
            "None of the segments that this map was arranged from is in the corpus any more; make a "
            "new map."
        )
    space = spaces.needed_space(store, of["space_key"])
    raw, speakers = embeddings(store, found), measures.names(joined["speaker"])
    report(f"Placing {int(new.sum()):,} segments")
    vectors = space.apply(raw, speakers)
    places = joined.loc[fitted, ["x", "y"]].to_numpy("float32")
    points = placing.place(vectors[fitted], places, vectors[new], seed=head.seed)
    rows = joined.loc[new, _KEYS].assign(x=points[:, 0], y=points[:, 1])
    return maps.add_points(store, head, rows, datetime.now(UTC))


def chosen(store: Store, kind: str, key: str | None = None, engine: str | None = None) -> Head:
    """Returns a map, a clustering or a selection by its key, or the newest one.

    Args:
        store: where it is.
        kind: `projection`, `clustering` or `selection`.
        key: or its first digits; None for the newest.
        engine: with no key, only of this engine: a name or id.

    Raises:
        StoreError: there is none, or several keys begin so.
    """
    every = maps.heads(store, kind)
    name, command = _NAMED[kind]
    if key is None:
        wanted = None if engine is None else corpus(store, engine).engine_id
        mine = [h for h in every if wanted in (None, h.parameters.get("engine_id"))]
        if not mine:
            raise StoreError(f"There is no {name} in this store yet; make one with `{command}`.")
        return mine[0]
    mine = [head for head in every if key and head.key.startswith(key)]
    if len(mine) != 1:
        there = f"no {name}" if not mine else f"{len(mine)} {name}s"
        raise StoreError(
            f"There is {there} {key!r} in the store; give the id that `{command}` answered."
        )
    return mine[0]


def latest(store: Store, kind: str, engine_id: str, **wanted: object) -> Head | None:
    """Returns the newest map or clustering of an engine with these parameters, or None.

    What people named, merged or drew by hand is found only by its own key, or by `parent`.
    """
    for found in maps.heads(store, kind):
        parameters = found.parameters
        by_hand = "title" in parameters and "parent" not in wanted
        if (
            parameters.get("engine_id") == engine_id
            and not by_hand
            and all(parameters.get(name) == value for name, value in wanted.items())
        ):
            return found
    return None


def projections(
    store: Store, of: Corpus, asked: Method, space: SpaceSettings | None = None
) -> list[Head]:
    """Returns the maps that were made by a method, or by PCA in its place, the newest first.

    Args:
        store: where maps are.
        of: the corpus.
        asked: the method.
        space: only maps in this one; by default centred per corpus.
    """
    sentence = (space or SpaceSettings()).sentence
    used, _ = projection.method_for(asked, len(of.segments))
    return [
        head
        for head in maps.heads(store, PROJECTION)
        if head.parameters.get("engine_id") == of.engine_id
        and head.parameters.get("space") == sentence
        and (head.method == used or head.parameters.get("asked") == asked)
    ]


def made_of(found: Corpus, space: SpaceSettings) -> dict[str, str]:
    """Returns what a map or clustering is made from, as it names it."""
    named = {"space": space.sentence, "engine_id": found.engine_id, "data": found.version}
    if space.kind == "speaker":
        named["speakers"] = digest({"speakers": measures.names(found.segments["speaker"])})
    return named


def keep(
    store: Store,
    found: Corpus,
    made_by: dict[str, Any],
    details: dict[str, Any],
    rows: pd.DataFrame,
) -> Head:
    """Stores what was made; returns what is stored, which is another's if that was faster."""
    recorded = {"run_keys": list(found.run_keys), "n": len(rows), "versions": _versions()}
    head = Head(
        kind=made_by["kind"],
        key=digest(made_by),
        method=made_by["method"],
        seed=made_by["seed"],
        parameters=made_by | details | recorded,
        made_at=datetime.now(UTC),
    )
    maps.write(store, head, rows)
    return maps.head(store, head.kind, head.key) or head


def _versions() -> dict[str, str]:
    return {package: version(package) for package in _PACKAGES}
