"""Search in large corpora: exact below a size, above it an inverted file with measured recall.

The file holds the vectors in half precision; what it finds is ranked again by exact products, so scores
are always exact, and only a neighbour that lies in a cell not looked into can be missed.
"""

import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from core.errors import ExploreError
from core.explore.neighbours import Rows, nearest, top
from core.explore.sampling import any_of
from core.records import Flags, Floats

EXACT_MOST: Final = 50_000  # segments up to which every product is computed
# At 10, on segments of the corpus, that the number of cells is chosen for. Queries from outside find
# less: of a million segments 0.949 where those of the corpus found 0.990.
RECALL: Final = 0.995
ASKED: Final = 200  # queries that recall is measured with
TRAINED: Final = 64  # segments a cell from which cells are found
_OUTGROWN: Final = 1.5
_AGAIN: Final = 4  # candidates for each answer that are ranked again
_AT: Final = 10


@dataclass(frozen=True)
class Made:
    """How an index was made.

    Attributes:
        space: key of the space of its vectors.
        n: how many it holds.
        n_built: how many it held when its cells were found.
        cells: of the inverted file; 0 where search is exact.
        probes: cells that a query looks into.
        recall: share of the true ten nearest that it finds, measured on segments of the corpus;
            1 where search is exact.
        measured: queries it was measured with.
    """

    space: str
    n: int
    n_built: int
    cells: int
    probes: int
    recall: float
    measured: int


class Index:
    """Vectors of one space, searched exactly or by an inverted file.

    Args:
        vectors: shape `(n_points, n_dims)`, rows of length 1 (or 0); they are not copied.
        made: how its file was made, or None to search exactly.
        file: of faiss, or None.
    """

    def __init__(self, vectors: Floats, made: Made, file: Any = None) -> None:
        self.vectors, self.made, self._file = vectors, made, file

    @property
    def exact(self) -> bool:
        """Whether every product is computed."""
        return self._file is None

    def search(self, queries: Floats, k: int, excluded: Flags | None = None) -> tuple[Rows, Floats]:
        """Returns the nearest rows of each query and their cosines, the best first.

        Args:
            queries: shape `(n_queries, n_dims)`.
            k: how many of each.
            excluded: shape `(n_points,)`, rows that are never found.

        Returns:
            Two arrays of shape `(n_queries, k)`, or of fewer columns where fewer are left.
        """
        left = len(self.vectors) - (0 if excluded is None else int(excluded.sum()))
        if self._file is None or left <= EXACT_MOST // 10:
            return nearest(self.vectors, queries, k, excluded)
        if k < 1:
            raise ExploreError(f"{k} nearest segments make no answer; ask for 1 or more.")
        candidates = _candidates(
            self._file, queries, min(left, _AGAIN * k), excluded, self.made.probes
        )
        k = min(k, left)
        if (np.sum(candidates >= 0, axis=1) < k).any():
            return nearest(self.vectors, queries, k, excluded)
        rows, scores = np.empty((len(queries), k), np.intp), np.empty((len(queries), k), np.float32)
        for number, (query, mine) in enumerate(zip(queries, candidates, strict=True)):
            known = np.sort(mine[mine >= 0])
            columns, values = top((self.vectors[known] @ query)[np.newaxis], k)
            rows[number], scores[number] = known[columns[0]], values[0]
        return rows, scores

    def with_more(self, vectors: Floats) -> "Index":
        """Returns the index with further vectors; its cells stay as they are.

        Above one and a half times what its cells were found for, all is built anew.

        Args:
            vectors: shape `(n_more_points, n_dims)`; the first rows are those that it holds.
        """
        n_known = self.made.n
        if self._file is None or len(vectors) > _OUTGROWN * self.made.n_built:
            return build(vectors, self.made.space)
        self._file.add(np.ascontiguousarray(vectors[n_known:], np.float32))
        return Index(vectors, replace(self.made, n=len(vectors)), self._file)

    def save(self, path: Path) -> None:
        """Writes how it was made, and its file where there is one, each whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        if self._file is not None:
            import faiss

            draft = path.with_name(f".{path.name}.{os.getpid()}")
            faiss.write_index(self._file, str(draft))
            draft.replace(path)
        note = path.with_suffix(".json")
        draft = note.with_name(f".{note.name}.{os.getpid()}")
        draft.write_text(json.dumps(asdict(self.made)))
        draft.replace(note)


def build(vectors: Floats, space: str, seed: int = 0) -> Index:
    """Returns an index of vectors, shape `(n_points, n_dims)`; exact up to 50,000.

    Cells are about four times the root of the number of segments; a query looks into as many as it
    takes to find nearly all (`RECALL`) of the true ten nearest of segments drawn from the corpus
    itself, whose own row does not count.

    Args:
        vectors: in a space.
        space: its key, kept with the index.
        seed: of cells and draws.

    Source:
        Jégou, Douze & Schmid 2011 (inverted file; faiss).
    """
    n_points = len(vectors)
    if n_points <= EXACT_MOST:
        return Index(vectors, Made(space, n_points, n_points, 0, 0, 1.0, 0))
    import faiss

    n_dims = vectors.shape[1]
    n_cells = max(1, int(min(4 * np.sqrt(n_points), n_points / 39)))
    file = faiss.IndexIVFScalarQuantizer(
        faiss.IndexFlatIP(n_dims),
        n_dims,
        n_cells,
        faiss.ScalarQuantizer.QT_fp16,
        faiss.METRIC_INNER_PRODUCT,
    )
    file.cp.seed = seed + 1
    file.train(vectors[any_of(n_points, TRAINED * n_cells, seed)])
    for first in range(0, n_points, EXACT_MOST):
        file.add(np.ascontiguousarray(vectors[first : first + EXACT_MOST], np.float32))
    asked = any_of(n_points, ASKED, seed + 1)
    truth = _without(nearest(vectors, vectors[asked], _AT + 1)[0], asked)
    probes, recall = 1, 0.0
    while True:
        made = Made(space, n_points, n_points, n_cells, probes, recall, len(asked))
        found = _without(Index(vectors, made, file).search(vectors[asked], _AT + 1)[0], asked)
        recall = recall_of(found, truth)
        if recall >= RECALL or probes >= n_cells:
            made = Made(space, n_points, n_points, n_cells, probes, recall, len(asked))
            return Index(vectors, made, file)
        probes = min(2 * probes, n_cells)


def load(path: Path, vectors: Floats, space: str) -> Index | None:
    """Returns a saved index, or None if there is none that fits.

    Args:
        path: where `save` wrote it.
        vectors: shape `(n_points, n_dims)`; its first rows must be those that the index holds, in
            their order. Further ones are added.
        space: the key of their space.
    """
    made = _note(path.with_suffix(".json"))
    if made is None or made.space != space or made.n > len(vectors):
        return None
    if not made.cells:
        return build(vectors, space)
    import faiss

    try:
        file = faiss.read_index(str(path))
    except RuntimeError:  # damaged, or no longer there: it is made again
        return None
    if (file.ntotal, file.d) != (made.n, vectors.shape[1]):
        return None
    known = Index(vectors[: made.n], made, file)
    return known if made.n == len(vectors) else known.with_more(vectors)


def recall_of(found: Rows, truth: Rows) -> float:
    """Returns the share of the true neighbours that were found; both shape `(n_queries, k)`."""
    hits = sum(len(np.intersect1d(a, b)) for a, b in zip(found, truth, strict=True))
    return hits / truth.size


def _note(path: Path) -> Made | None:
    try:
        return Made(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):  # none, or damaged: it is made again
        return None


def _candidates(
    file: Any, queries: Floats, k: int, excluded: Flags | None, probes: int
) -> NDArray[np.intp]:
    import faiss

    made: Any = faiss.SearchParametersIVF  # its types do not know its arguments
    parameters = made(nprobe=probes)
    if excluded is not None and excluded.any():
        bits = np.packbits(~excluded, bitorder="little")
        selector = faiss.IDSelectorBitmap(len(excluded), faiss.swig_ptr(bits))
        parameters = made(nprobe=probes, sel=selector)
    _, rows = file.search(np.ascontiguousarray(queries, np.float32), k, params=parameters)
    found: NDArray[np.intp] = rows.astype(np.intp)
    return found


def _without(rows: Rows, own: Rows) -> Rows:
    """Returns each row without the query itself, or without its last where that was not found."""
    kept = [
        [row for row in mine if row != me][: rows.shape[1] - 1]
        for mine, me in zip(rows, own, strict=True)
    ]
    return np.array(kept, np.intp)
