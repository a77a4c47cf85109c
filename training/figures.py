"""Accuracy by corpus of answers that held-out speakers got."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.emotions import EMOTIONS


def by_corpus(
    corpora: Sequence[str], truth: Sequence[str], found: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Returns UAR, WA, recalls and confusion of each corpus, over the emotions present in it.

    UAR is the unweighted mean of the emotions' recalls, WA the share of right answers. In the
    confusion, rows are the truth and columns the answers.
    """
    answers = {}
    for corpus in sorted(set(corpora)):
        pairs = [(t, f) for c, t, f in zip(corpora, truth, found, strict=True) if c == corpus]
        table = np.array([[pairs.count((str(t), str(f))) for f in EMOTIONS] for t in EMOTIONS])
        answers[corpus] = of_confusion(table)
    return answers


def of_confusion(table: NDArray[np.int64]) -> dict[str, Any]:
    """Returns the figures of one confusion, shape `(n_emotions, n_emotions)`."""
    present = table.sum(axis=1) > 0
    recalls = table.diagonal()[present] / table.sum(axis=1)[present]
    names = [str(e) for e, is_there in zip(EMOTIONS, present, strict=True) if is_there]
    return {
        "n_clips": int(table.sum()),
        "n_classes": len(names),
        "uar": round(float(recalls.mean()), 4),
        "wa": round(float(table.diagonal().sum() / table.sum()), 4),
        "recall": {n: round(float(r), 4) for n, r in zip(names, recalls, strict=True)},
        "confusion": table.tolist(),
    }


def by_speaker(
    corpora: NDArray[np.str_], speakers: NDArray[np.str_], right: NDArray[np.bool_]
) -> dict[str, dict[str, float]]:
    """Returns the least, median and largest share of right answers of each corpus' speakers.

    Args:
        corpora: shape `(n_clips,)`.
        speakers: shape `(n_clips,)`.
        right: shape `(n_clips,)`: whether the answer was right.
    """
    spread = {}
    for corpus in sorted(set(corpora.tolist())):
        mine = corpora == corpus
        shares = [right[mine & (speakers == s)].mean() for s in sorted(set(speakers[mine]))]
        least, middle, most = np.quantile(shares, (0.0, 0.5, 1.0)).round(4).tolist()
        spread[corpus] = {
            "n_speakers": len(shares),
            "least": least,
            "median": middle,
            "most": most,
        }
    return spread


def pooled(tables: Sequence[dict[str, dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    """Returns the figures by corpus of several parts together: their confusions summed."""
    sums: dict[str, NDArray[np.int64]] = {}
    for table in tables:
        for corpus, row in table.items():
            sums[corpus] = sums.get(corpus, 0) + np.asarray(row["confusion"])
    return {corpus: of_confusion(table) for corpus, table in sorted(sums.items())}
