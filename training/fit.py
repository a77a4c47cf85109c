"""The linear head: multinomial logistic regression, its folds, and its place in the network."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from core.emotions import EMOTIONS
from core.engines.base import Floats
from training.data import Clip, balancing_weights, speaker_folds
from training.features import Cells, pool

EMPHASIS = 4.0  # of an embedding's directions that the head looks along, see LOG.md
PENALTY = 0.1  # chosen on inner folds, see LOG.md


@dataclass(frozen=True)
class Head:
    """A linear head over raw (not standardised) features.

    Attributes:
        classes: the emotions it knows, in the order of `EMOTIONS`.
        weight: shape `(n_classes, n_features)`, for standardised features.
        bias: shape `(n_classes,)`.
        mean, deviation: shape `(n_features,)`: what standardises the features.
    """

    classes: tuple[str, ...]
    weight: Floats
    bias: Floats
    mean: Floats
    deviation: Floats

    def logits(self, features: Floats) -> Floats:
        """Returns shape `(n, n_classes)` for features of shape `(n, n_features)`."""
        standard = (features - self.mean) / self.deviation
        return np.asarray(standard @ self.weight.T + self.bias, np.float32)


def fit_head(
    features: Floats,
    emotions: Sequence[str],
    weights: NDArray[np.float64],
    penalty: float,
    n_iterations: int = 100,
) -> Head:
    """Returns the head of least weighted cross-entropy + `penalty / 2 * |weight|²`.

    Args:
        features: shape `(n, n_features)`.
        emotions: shape `(n,)`, the truth.
        weights: shape `(n,)`, importance of each row.
        penalty: strength of the regularisation.
        n_iterations: most steps of L-BFGS.
    """
    classes = tuple(str(e) for e in EMOTIONS if e in set(emotions))
    mean = np.average(features, axis=0, weights=weights).astype(np.float32)
    variance = np.average((features - mean) ** 2, axis=0, weights=weights)
    deviation = np.sqrt(variance + 1e-6).astype(np.float32)
    x = torch.from_numpy((features - mean) / deviation)
    y = torch.tensor([classes.index(str(e)) for e in emotions])
    share = torch.from_numpy((weights / weights.sum()).astype(np.float32))
    weight = torch.zeros(len(classes), x.shape[1], requires_grad=True)
    bias = torch.zeros(len(classes), requires_grad=True)
    solver = torch.optim.LBFGS(
        [weight, bias],
        max_iter=n_iterations,
        history_size=20,
        tolerance_grad=1e-6,
        tolerance_change=1e-8,
        line_search_fn="strong_wolfe",
    )

    def loss() -> torch.Tensor:
        solver.zero_grad()
        entropy = functional.cross_entropy(x @ weight.T + bias, y, reduction="none")
        total = (share * entropy).sum() + 0.5 * penalty * weight.square().sum()
        total.backward()
        return total

    solver.step(loss)
    return Head(classes, weight.detach().numpy(), bias.detach().numpy(), mean, deviation)


@dataclass(frozen=True)
class Passes:
    """Pooled features of the same clips under several passes of the encoder.

    Attributes:
        features: one array of shape `(n_clips, n_features)` a pass.
    """

    features: tuple[Floats, ...]
    corpora: NDArray[np.str_]
    speakers: NDArray[np.str_]
    emotions: NDArray[np.str_]

    def part(self, chosen: NDArray[np.bool_]) -> "Passes":
        """Returns the chosen clips only."""
        features = tuple(f[chosen] for f in self.features)
        return Passes(features, self.corpora[chosen], self.speakers[chosen], self.emotions[chosen])

    def fit(self, penalty: float) -> Head:
        """Returns the head fitted on all clips under all passes, balanced."""
        weights = balancing_weights(self.corpora, self.emotions)
        n = len(self.features)
        return fit_head(
            np.concatenate(self.features),
            np.tile(self.emotions, n).tolist(),
            np.tile(weights, n),
            penalty,
        )

    def folds(self, n_folds: int, seed: int) -> NDArray[np.int64]:
        """Returns the speaker-disjoint fold of each clip."""
        return speaker_folds(self.speakers.tolist(), self.corpora.tolist(), n_folds, seed)


def passes_of(clips: Sequence[Clip], runs: Sequence[Cells], reads: Sequence[int]) -> Passes:
    """Returns what the layers that are read make of clips, one pass for each taking of cells."""
    return Passes(
        features=tuple(pool(cells.read(reads), cells.n_frames, cells.clip) for cells in runs),
        corpora=np.array([clip.corpus for clip in clips]),
        speakers=np.array([clip.speaker for clip in clips]),
        emotions=np.array([str(clip.emotion) for clip in clips]),
    )


@dataclass(frozen=True)
class ReadOut:
    """A head as two linear layers, so that the embedding between them is the network's own.

    Attributes:
        projection: shape `(n_dims, n_features)`; `shift`: shape `(n_dims,)`.
        weight: shape `(n_classes, n_dims)`; `bias`: shape `(n_classes,)`.
    """

    projection: Floats
    shift: Floats
    weight: Floats
    bias: Floats


def read_out(head: Head, features: Floats, weights: NDArray[np.float64], n_dims: int) -> ReadOut:
    """Returns the head over `n_dims` embeddings that lose nothing of it.

    The embedding's basis holds every direction that the head looks along, then the directions
    along which the standardised features vary most beside them (principal components). The head's
    are lengthened, so that clips lie near one another for how they are said, less for who speaks.
    """
    _, strength, rows = np.linalg.svd(head.weight.astype(np.float64), full_matrices=False)
    seen = rows[strength > strength[0] * 1e-6]
    standard = (features - head.mean) / head.deviation
    rest = standard - (standard @ seen.T) @ seen
    _, vectors = np.linalg.eigh((rest * weights[:, None]).T @ rest)
    basis = np.concatenate([seen, vectors[:, ::-1].T[: n_dims - len(seen)]])
    lengths = np.where(np.arange(len(basis)) < len(seen), EMPHASIS, 1.0)
    projection = (basis * lengths[:, None] / head.deviation).astype(np.float32)
    # Stored in half precision: what the rounding does must be done before the shift is taken.
    projection = projection.astype(np.float16).astype(np.float32)
    return ReadOut(
        projection=projection,
        shift=-projection @ head.mean,
        weight=(head.weight @ basis.T / lengths).astype(np.float32),
        bias=head.bias,
    )
