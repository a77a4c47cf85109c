"""Coefficients of agreement between raters of the same units."""

import logging
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.errors import LabelError
from core.labels.records import Draft

HOW_TO_GET_GAMMA: Final = (
    "Gamma needs the package pygamma-agreement, which is not installed, as it brings a solver under "
    "the GPL (cvxopt); install it with `pip install pygamma-agreement` if that suits you."
)

Terms = Sequence[str | None]


def krippendorff_alpha(ratings: Sequence[Terms]) -> float | None:
    """Returns Krippendorff's alpha for nominal data, at most 1.

    Args:
        ratings: for each rater a term for each unit, or None where it was not rated.

    Returns:
        None where no unit has two ratings, or all ratings are the same term: then it is undefined.

    Source: Krippendorff, 2011, Computing Krippendorff's Alpha-Reliability, section C.
    """
    totals: Counter[str] = Counter()
    observed = 0.0
    for unit in zip(*ratings, strict=True):
        counts = Counter(term for term in unit if term is not None)
        rated = counts.total()
        if rated < 2:
            continue
        totals += counts
        observed += sum(count * (rated - count) for count in counts.values()) / (rated - 1)
    n = totals.total()
    expected = sum(count * (n - count) for count in totals.values())
    return 1 - (n - 1) * observed / expected if expected else None


def cohen_kappa(first: Terms, second: Terms) -> float | None:
    """Returns Cohen's kappa over the units that both rated, from -1 to 1.

    Returns:
        None where there is no such unit, or both used one and the same term throughout.

    Source: Cohen, 1960, https://doi.org/10.1177/001316446002000104; by scikit-learn.
    """
    pairs = [(a, b) for a, b in zip(first, second, strict=True) if a and b]
    if not pairs or len({term for pair in pairs for term in pair}) < 2:
        return None
    from sklearn.metrics import cohen_kappa_score

    return float(cohen_kappa_score(*zip(*pairs, strict=True)))


def shared_time(first: Sequence[Draft], second: Sequence[Draft]) -> dict[tuple[str, str], float]:
    """Returns for how many seconds two raters said which two terms at the same time.

    Where labels of one rater overlap, the one that begins last counts.

    Args:
        first: labels of one rater on one recording.
        second: of the other.
    """
    edges = np.unique([t for label in (*first, *second) for t in (label.start_s, label.end_s)])
    names = sorted({label.term for label in (*first, *second)})
    a, b = _painted(first, edges, names), _painted(second, edges, names)
    both = (a >= 0) & (b >= 0)
    lengths = np.diff(edges)
    found: dict[tuple[str, str], float] = {}
    for x, y in {(int(x), int(y)) for x, y in zip(a[both], b[both], strict=True)}:
        seconds = float(lengths[(a == x) & (b == y)].sum())
        found[names[x], names[y]] = seconds
    return found


def _painted(
    labels: Sequence[Draft], edges: NDArray[np.float64], names: list[str]
) -> NDArray[np.int64]:
    """Returns the number of the term in each piece between two edges, -1 where there is none."""
    terms = np.full(max(len(edges) - 1, 0), -1)
    for label in sorted(labels, key=lambda label: (label.start_s, -label.end_s)):
        start, end = np.searchsorted(edges, [label.start_s, label.end_s])
        terms[start:end] = names.index(label.term)
    return terms


def time_kappa(seconds: Mapping[tuple[str, str], float]) -> float | None:
    """Returns Cohen's kappa with seconds in place of units.

    Args:
        seconds: that both raters labelled, by their two terms; of `shared_time`.

    Returns:
        None where there is no such time, or both used one and the same term throughout.
    """
    total = sum(seconds.values())
    if total <= 0:
        return None
    first: dict[str, float] = defaultdict(float)
    second: dict[str, float] = defaultdict(float)
    for (a, b), length in seconds.items():
        first[a] += length / total
        second[b] += length / total
    expected = sum(share * second[term] for term, share in first.items())
    same = sum(length for (a, b), length in seconds.items() if a == b) / total
    return (same - expected) / (1 - expected) if expected < 1 - 1e-12 else None


def gamma(labels: Mapping[str, Sequence[Draft]], seed: int = 0) -> float | None:
    """Returns gamma, which weighs differing boundaries and differing terms at once, at most 1.

    Args:
        labels: on one recording, by annotator.
        seed: of the random continua that it is compared with.

    Returns:
        None where fewer than two annotators labelled anything.

    Raises:
        LabelError: the optional package is not installed.

    Source: Mathet, Widloecher & Metivier, 2015, https://doi.org/10.1162/COLI_a_00227; by
        pygamma-agreement, with its combined dissimilarity and weights of 1.
    """
    rated = {name: found for name, found in labels.items() if found}
    if len(rated) < 2:
        return None
    try:
        from pyannote.core import Segment
        from pygamma_agreement import CombinedCategoricalDissimilarity, Continuum
    except ImportError as error:
        raise LabelError(HOW_TO_GET_GAMMA) from error
    continuum = Continuum()
    for name, found in rated.items():
        for label in found:
            continuum.add(name, Segment(label.start_s, label.end_s), label.term)
    state = np.random.get_state()
    np.random.seed(seed)
    root = logging.getLogger()
    root.addFilter(_not_of_solvers)  # it names a missing solver for each of its samples
    try:
        result = continuum.compute_gamma(CombinedCategoricalDissimilarity(alpha=1, beta=1))
    finally:
        root.removeFilter(_not_of_solvers)
        np.random.set_state(state)
    return float(result.gamma)


def _not_of_solvers(record: logging.LogRecord) -> bool:
    return "solver not installed" not in str(record.msg)
