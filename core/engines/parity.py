"""How far faster ways through a network are from its own answers, and how far they may be."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from core.engines.base import SAMPLE_RATE, Floats, Frames
from core.engines.sample import sample

TOLERANCE: Final = 1e-4  # of scores and pooled embeddings in float32
LEAST_COSINE: Final = 0.9999  # of pooled embeddings in bfloat16
CLEAR: Final = 0.02  # scores nearer than this may change places in bfloat16
LENGTHS_S: Final = (1.0, 3.7)  # compared when weights are first loaded
VERIFIED_S: Final = (1.0, 30.0)  # and when they are verified: a short sound and a whole window
NEAR_COSINE: Final = 0.9995  # of `compact`, whose scores in bfloat16 may differ by `CLEAR`


@dataclass(frozen=True)
class Parity:
    """The largest differences over some sounds.

    Attributes:
        scores: of any score.
        embeddings: of any dimension of an embedding averaged over a sound.
        cosine: the least cosine between averaged embeddings.
        same_label: whether the label was the same wherever FunASR's first two scores were clear.
    """

    scores: float
    embeddings: float
    cosine: float
    same_label: bool

    def holds(self, precision: str) -> bool:
        """Whether the differences are what the arithmetic of a precision may cause, and no more."""
        if precision == "fp32":
            return max(self.scores, self.embeddings) <= TOLERANCE
        return self.cosine >= LEAST_COSINE and self.same_label

    def near(self) -> bool:
        """Whether the answers are nearly those of float32, as `compact` must give in bfloat16."""
        return self.cosine >= NEAR_COSINE and self.scores <= CLEAR and self.same_label

    def told(self, *, holds: bool) -> dict[str, Any]:
        """Returns it as plain values, to be noted, with whether it holds."""
        table = asdict(self) | {"holds": holds}
        return {key: v if isinstance(v, bool) else float(f"{v:.6g}") for key, v in table.items()}


def known_parity(noted: object) -> Parity | None:
    """Returns what was noted (`Parity.told`), or None if it is not that."""
    if not isinstance(noted, dict):
        return None
    try:
        return Parity(**{key: value for key, value in noted.items() if key != "holds"})
    except TypeError:
        return None


def sounds(lengths_s: Sequence[float] = LENGTHS_S) -> list[Floats]:
    """Returns built-in sounds to compare, each of shape `(n_samples,)`."""
    random = np.random.default_rng(0)
    found = []
    for seconds in lengths_s:
        noise = 0.01 * random.standard_normal(round(seconds * SAMPLE_RATE))
        found.append((sample(seconds) + noise).astype(np.float32))
    return found


def compared(
    answers: Sequence[dict[str, Any]], ours: Sequence[Frames], scores: Callable[[Frames], Floats]
) -> Parity:
    """Returns how far our frames are from FunASR's answers to the same sounds.

    Args:
        answers: of FunASR's `generate`, with `scores` and the averaged `feats`.
        ours: the frames of the same sounds.
        scores: turns frames into the scores of the same labels in the same order.
    """
    parts = [
        _compared(answer, frames, scores) for answer, frames in zip(answers, ours, strict=True)
    ]
    return Parity(
        scores=max(part.scores for part in parts),
        embeddings=max(part.embeddings for part in parts),
        cosine=min(part.cosine for part in parts),
        same_label=all(part.same_label for part in parts),
    )


def _compared(answer: dict[str, Any], frames: Frames, scores: Callable[[Frames], Floats]) -> Parity:
    own, found = np.asarray(answer["scores"], np.float64), scores(frames).astype(np.float64)
    pooled, feats = frames.embeddings.mean(axis=0), np.asarray(answer["feats"], np.float64)
    norms = float(np.linalg.norm(pooled) * np.linalg.norm(feats))
    first, second = np.sort(own)[::-1][:2] if len(own) > 1 else (1.0, 0.0)
    return Parity(
        scores=float(np.abs(found - own).max()),
        embeddings=float(np.abs(pooled - feats).max()),
        cosine=float(pooled @ feats) / norms if norms else 1.0,
        same_label=bool(found.argmax() == own.argmax() or first - second <= CLEAR),
    )
