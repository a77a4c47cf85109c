"""Accuracy by corpus of answers that held-out speakers got."""

from collections.abc import Sequence
from typing import Any

import numpy as np

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
        present = table.sum(axis=1) > 0
        recalls = table.diagonal()[present] / table.sum(axis=1)[present]
        names = [str(e) for e, is_there in zip(EMOTIONS, present, strict=True) if is_there]
        answers[corpus] = {
            "n_clips": len(pairs),
            "n_classes": len(names),
            "uar": round(float(recalls.mean()), 4),
            "wa": round(float(table.diagonal().sum() / table.sum()), 4),
            "recall": {n: round(float(r), 4) for n, r in zip(names, recalls, strict=True)},
            "confusion": table.tolist(),
        }
    return answers
