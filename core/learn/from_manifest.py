"""Labels of a manifest on the segments of a store."""

from dataclasses import replace

import numpy as np

from core.errors import HeadError, TonescopeError
from core.labels.agreement import LEAST_COVERED, units_of
from core.learn.calibrating import Calibrated
from core.learn.heads import Names
from core.learn.library import fit_and_keep
from core.learn.manifest import Item
from core.provenance import sha256_of
from core.store.corpus import Corpus, corpus
from core.store.store import Store


def head_from_manifest(
    store: Store,
    items: tuple[Item, ...],
    name: str,
    engine: str = "compact",
    *,
    accuracy: float | None = None,
    seed: int = 0,
) -> Calibrated:
    """Fits a head on the labels of a manifest, keeps it, and returns it with its figures.

    Everything in a manifest was labelled, so all of it is the random sample; the figures are of speakers
    that were not fitted on.

    Args:
        store: in which the manifest's recordings were analysed.
        items: of the manifest; speakers named there count before those of the store.
        name: of the head.
        engine: whose embeddings: a name or an id.
        accuracy: the head abstains where it would be right less often than this.
        seed: of the folds.

    Raises:
        StoreError: the engine has analysed nothing.
        HeadError: no labelled recording is in the store, or there are too few.
    """
    found = corpus(store, engine)
    terms, speakers = terms_from(items, found)
    if not (terms != "").any():
        raise HeadError(
            f"None of the {len(items)} recording(s) of the manifest was analysed by "
            f"{found.engine_id} in this store; analyse them first."
        )
    named = found.segments.assign(
        speaker=np.where(speakers != "", speakers, found.segments["speaker"].fillna(""))
    )
    told = replace(found, segments=named)
    random = np.ones(len(terms), dtype=bool)
    return fit_and_keep(store, told, terms, random, name, accuracy=accuracy, seed=seed)


def terms_from(items: tuple[Item, ...], found: Corpus) -> tuple[Names, Names]:
    """Returns the emotion and the speaker that a manifest gives each segment; empty without one.

    An item is about a segment if it covers at least half of it. Files that cannot be read are passed
    over.
    """
    by_recording: dict[str, list[Item]] = {}
    known: dict[str, str | None] = {}
    for item in items:
        path = str(item.file)
        if path not in known:
            try:
                known[path] = sha256_of(item.file)
            except TonescopeError:
                known[path] = None
        recording = known[path]
        if recording is not None:
            by_recording.setdefault(recording, []).append(item)
    terms, speakers = [], []
    for unit in units_of(found.segments.to_dict("records")):
        least_s = LEAST_COVERED * (unit.end_s - unit.start_s) - 1e-9
        mine = [
            item
            for item in by_recording.get(unit.recording, ())
            if item.span is None
            or min(item.span.end_s, unit.end_s) - max(item.span.start_s, unit.start_s) >= least_s
        ]
        terms.append(str(mine[0].emotion) if mine else "")
        speakers.append(mine[0].speaker or "" if mine else "")
    return np.array(terms, dtype=str), np.array(speakers, dtype=str)
