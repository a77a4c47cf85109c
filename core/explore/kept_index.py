"""The file of an index beside the store, and which segments it holds in which order."""

from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.explore import index as indexes
from core.explore.index import Index
from core.records import Floats
from core.store.corpus import SEGMENT_KEYS

FOLDER: Final = "indexes"
_KEYS: Final = list(SEGMENT_KEYS)


class Kept:
    """The files of the index of one space.

    Args:
        root: folder of the store.
        space: key of the space.
    """

    def __init__(self, root: Path, space: str) -> None:
        self._space = space
        self._path = root / FOLDER / f"{space}.faiss"
        self._names = self._path.with_suffix(".npy")

    def order(self, segments: pd.DataFrame) -> tuple[NDArray[np.intp], int]:
        """Returns the rows in the order of the index, new ones behind; and how many it holds.

        An index that holds what is gone is none: 0.

        Args:
            segments: of the corpus, with their keys.
        """
        every = np.arange(len(segments))
        try:
            known = np.load(self._names, allow_pickle=False)
        except (OSError, ValueError):  # none, or damaged: it is made again
            return every, 0
        rows = pd.Index(names(segments)).get_indexer(pd.Index(known))
        if not len(rows) or rows.min() < 0:
            return every, 0
        return np.concatenate([rows, np.setdiff1d(every, rows)]), len(rows)

    def index(self, vectors: Floats, n_known: int, segments: pd.DataFrame) -> Index:
        """Returns the index of vectors: what is kept with what is new, or made anew; and keeps it.

        Args:
            vectors: shape `(n_segments, n_dims)`, in the order of `order`.
            n_known: how many of them the kept index holds.
            segments: in the same order.
        """
        found = indexes.load(self._path, vectors, self._space) if n_known else None
        if found is None or found.exact:
            found = found or indexes.build(vectors, self._space)
            n_known = 0
        if not found.exact and n_known != len(vectors):
            found.save(self._path)
            draft = self._names.with_name(f".{self._names.name}")
            with draft.open("wb") as file:
                np.save(file, names(segments))
            draft.replace(self._names)
        return found

    def discard(self) -> None:
        """Removes the files."""
        for path in (self._path, self._names, self._path.with_suffix(".json")):
            path.unlink(missing_ok=True)


def names(segments: pd.DataFrame) -> NDArray[np.uint64]:
    """Returns a number for each segment that stays the same, from its keys, shape `(n,)`."""
    hashed = pd.util.hash_pandas_object(segments[_KEYS], index=False)
    return np.asarray(hashed, np.uint64)
