"""Fine-tuning of the encoder's upper blocks with a head that stays linear over pooled frames.

A step takes a random stretch of each clip, so that every clip gives equally many frames and no
padding is needed. (Frames picked singly are cheaper still, but these blocks attend to their
neighbours: without them even the untuned encoder loses three points, see LOG.md.)
The head starts from the linear probe of the frozen encoder, so that the first steps do not
distort what the encoder knows (Kumar et al., 2022, https://arxiv.org/abs/2202.10054).
"""

import copy as copying
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from core.engines.base import Floats
from core.engines.whisper_encoder import WhisperEncoder, layers_of
from training.features import CELL_FRAMES, Cells
from training.fit import PENALTY, Head
from training.lower import Copy

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Config:
    """Everything that decides a run beside its clips.

    Attributes:
        n_frozen: blocks at the bottom that stay as they are, with the stem.
        n_epochs: passes; `n_steps`: batches in each.
        share_windows: share of the batches that hold whole windows of several clips.
        clips_per_batch, tokens_per_clip: of a batch of clips alone.
        windows_per_batch, tokens_per_window: of a batch of windows.
        rate, head_rate: highest learning rates of the topmost block and of the head; each block
            below learns at `rate_decay` of the one above.
        weight_decay: of AdamW, on matrices.
        smoothing: of the labels.
        averaging: decay of the moving average of the weights, which is what is kept.
        penalty: of the linear probe that the head starts from.
    """

    n_frozen: int = 2
    n_epochs: int = 10
    n_steps: int = 80
    share_windows: float = 0.4
    clips_per_batch: int = 24
    tokens_per_clip: int = 64
    windows_per_batch: int = 10
    tokens_per_window: int = 150
    rate: float = 3e-4
    head_rate: float = 3e-4
    rate_decay: float = 0.7
    weight_decay: float = 0.05
    smoothing: float = 0.05
    averaging: float = 0.97
    penalty: float = PENALTY
    seed: int = 0


class Upper(nn.Module):
    """The blocks above the frozen ones, and the head over the pooled frames of the layers read."""

    def __init__(self, encoder: WhisperEncoder, n_frozen: int, head: Head) -> None:
        super().__init__()
        self.pairs_from = encoder.shape.pairs_from - n_frozen
        self.kept = [layer - n_frozen for layer in encoder.shape.reads]
        if self.kept[0] < 0:
            raise ValueError(f"layer {encoder.shape.reads[0]} lies below the frozen ones")
        if self.pairs_from < 0:
            raise ValueError("frozen layers must come before those that take frames in pairs")
        self.blocks = copying.deepcopy(encoder.blocks[n_frozen:])
        self.blocks.requires_grad_(True)
        self.weight = nn.Parameter(torch.from_numpy(head.weight.copy()))
        self.bias = nn.Parameter(torch.from_numpy(head.bias.copy()))
        self.register_buffer("mean", torch.from_numpy(head.mean.copy()))
        self.register_buffer("deviation", torch.from_numpy(head.deviation.copy()))
        self.classes = head.classes

    def features(self, x: Tensor) -> Tensor:
        """Returns `(n, n_frames, n_features)` for the residual stream `(n, n_frames, n_dims)`."""
        outputs = layers_of(self.blocks, x, self.pairs_from)
        return torch.cat([outputs[i] for i in self.kept], dim=-1)

    def logits(self, pooled: Tensor) -> Tensor:
        """Returns `(n, n_classes)` for mean features `(n, n_features)`."""
        return (pooled - self.mean) / self.deviation @ self.weight.T + self.bias

    def head(self) -> Head:
        """Returns the head as it now is."""
        values = (self.weight, self.bias, self.mean, self.deviation)
        return Head(self.classes, *(value.detach().cpu().numpy().copy() for value in values))

    @property
    def device(self) -> torch.device:
        """Where the weights lie."""
        return self.bias.device


@dataclass(frozen=True)
class Split:
    """The copies to learn from, and which clips may be learnt from and how much each weighs.

    Attributes:
        alone: copies that hold one clip a sequence; `windows`: copies that hold several.
        labels: shape `(n_clips,)`: column of the truth.
        weights: shape `(n_clips,)`: 0 for the clips held out.
    """

    alone: Sequence[Copy]
    windows: Sequence[Copy]
    labels: Ints
    weights: NDArray[np.float64]


def train(upper: Upper, split: Split, config: Config, checkpoint: Path | None = None) -> Upper:
    """Returns the moving average of the weights over the run.

    Args:
        upper: what to start from; it is changed.
        split: what to learn from.
        config: how.
        checkpoint: written after every epoch; where it is there already, the run goes on from it
            and ends in the same weights as one that was never stopped.
    """
    averaged = copying.deepcopy(upper)
    solver = torch.optim.AdamW(_groups(upper, config), betas=(0.9, 0.98))
    n_steps = config.n_epochs * config.n_steps
    schedule = torch.optim.lr_scheduler.LambdaLR(solver, lambda step: _rate(step, n_steps))
    parts: dict[str, nn.Module | torch.optim.Optimizer | torch.optim.lr_scheduler.LRScheduler]
    parts = {"upper": upper, "averaged": averaged, "solver": solver, "schedule": schedule}
    first = 0
    if checkpoint is not None and checkpoint.exists():
        stored = torch.load(checkpoint, map_location=upper.device, weights_only=True)
        first = stored["epochs"]
        for name, part in parts.items():
            part.load_state_dict(stored[name])
    for epoch in range(first, config.n_epochs):
        for step, batch in enumerate(_batches(split, config, epoch)):
            solver.zero_grad()
            _loss(upper, batch).backward()
            nn.utils.clip_grad_norm_(upper.parameters(), 1.0)
            solver.step()
            schedule.step()
            # A young average would remember its start for too long.
            done = epoch * config.n_steps + step
            decay = min(config.averaging, (1 + done) / (10 + done))
            with torch.no_grad():
                for mean, now in zip(averaged.parameters(), upper.parameters(), strict=True):
                    mean.lerp_(now, 1.0 - decay)
        if checkpoint is not None:
            state = {name: part.state_dict() for name, part in parts.items()}
            _save({"epochs": epoch + 1, **state}, checkpoint)
    return averaged


def _groups(upper: Upper, config: Config) -> list[dict[str, object]]:
    head = [upper.weight, upper.bias]
    groups: list[dict[str, object]] = [
        {"params": head, "lr": config.head_rate, "weight_decay": 0.0}
    ]
    for depth, block in enumerate(reversed(upper.blocks)):
        rate = config.rate * config.rate_decay**depth
        matrices = [p for p in block.parameters() if p.ndim > 1]
        vectors = [p for p in block.parameters() if p.ndim < 2]
        groups.append({"params": matrices, "lr": rate, "weight_decay": config.weight_decay})
        groups.append({"params": vectors, "lr": rate, "weight_decay": 0.0})
    return groups


def _rate(step: int, n_steps: int) -> float:
    """Share of the highest rate: up over a tenth of the steps, then down along a cosine."""
    rise = max(1, n_steps // 10)
    if step < rise:
        return (step + 1) / rise
    return 0.5 * (1.0 + float(np.cos(np.pi * (step - rise) / max(1, n_steps - rise))))


def _save(state: dict[str, object], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    torch.save(state, unfinished)
    unfinished.replace(path)


@dataclass(frozen=True)
class Batch:
    """Tokens with the clips that they belong to.

    Attributes:
        x: shape `(n_sequences, n_tokens, n_dims)`.
        owners: shape `(n_sequences, n_tokens)`: row of `targets`, or their number for silence.
        targets: shape `(n_clips, n_classes)`; `weights`: shape `(n_clips,)`.
    """

    x: Tensor
    owners: Tensor
    targets: Tensor
    weights: Tensor


def _batches(split: Split, config: Config, epoch: int) -> Iterator[Batch]:
    rng = np.random.default_rng([config.seed, epoch])
    n_windowed = round(config.share_windows * config.n_steps) if split.windows else 0
    windowed = rng.permutation(config.n_steps) < n_windowed
    n_classes = int(split.labels.max()) + 1
    for is_windowed in windowed:
        sources = split.windows if is_windowed else split.alone
        copy = sources[rng.integers(len(sources))]
        if is_windowed:
            size, n_tokens = config.windows_per_batch, config.tokens_per_window
        else:
            size, n_tokens = config.clips_per_batch, config.tokens_per_clip
        yield _batch(copy, split, rng, size, n_tokens, n_classes, config)


def _batch(
    copy: Copy, split: Split, rng: np.random.Generator, size: int, n_tokens: int,
    n_classes: int, config: Config,
) -> Batch:  # fmt: skip
    sequence, clip, start, length = copy.places.T
    n_sequences = len(copy.starts) - 1
    # A sequence is drawn by the mean weight of its clips, which then share it by their weights.
    total = np.bincount(sequence, split.weights[clip], n_sequences)
    share = total / np.maximum(np.bincount(sequence, minlength=n_sequences), 1)
    drawn = rng.choice(n_sequences, size, p=share / share.sum())
    tokens = np.stack([_tokens(copy.starts[i + 1] - copy.starts[i], n_tokens, rng) for i in drawn])
    x = torch.from_numpy(copy.frames[copy.starts[drawn][:, None] + tokens].astype(np.float32))
    rows = np.concatenate([np.flatnonzero(sequence == i) for i in drawn])
    of_row = np.repeat(np.arange(size), [np.count_nonzero(sequence == i) for i in drawn])
    owners = np.full(tokens.shape, len(rows))
    for row, (place, i) in enumerate(zip(rows, of_row, strict=True)):
        inside = (tokens[i] >= start[place]) & (tokens[i] < start[place] + length[place])
        owners[i, inside] = row
    labels = torch.from_numpy(split.labels[clip[rows]])
    even = config.smoothing / n_classes
    targets = functional.one_hot(labels, n_classes) * (1.0 - config.smoothing) + even
    weights = split.weights[clip[rows]] / share[drawn][of_row]
    weights[np.bincount(owners.ravel(), minlength=len(rows) + 1)[:-1] == 0] = 0.0
    owned = torch.from_numpy(owners)
    return Batch(x, owned, targets.float(), torch.from_numpy(weights.astype(np.float32)))


def _tokens(n_frames: int, n_tokens: int, rng: np.random.Generator) -> Ints:
    """A random stretch of the sequence; one that is shorter goes round."""
    first = int(rng.integers(max(1, n_frames - n_tokens + 1)))
    return (first + np.arange(n_tokens)) % n_frames


def _loss(upper: Upper, batch: Batch) -> Tensor:
    parts = (batch.x, batch.owners, batch.targets, batch.weights)
    x, owners, targets, weights = (part.to(upper.device) for part in parts)
    pooled = _mean_by_owner(upper.features(x), owners, len(targets))
    entropy = functional.cross_entropy(upper.logits(pooled), targets, reduction="none")
    return (entropy * weights).sum() / weights.sum()


def _mean_by_owner(features: Tensor, owners: Tensor, n_owners: int) -> Tensor:
    flat, owner = features.flatten(0, 1), owners.flatten()
    sums = features.new_zeros(n_owners + 1, flat.shape[1]).index_add(0, owner, flat)
    return (sums / torch.bincount(owner, minlength=n_owners + 1).clamp_min(1)[:, None])[:-1]


def cells_of(upper: Upper, copy: Copy, chosen: NDArray[np.bool_]) -> Cells:
    """Returns the mean features of the 0.5 s cells of the chosen clips, all frames attending.

    Args:
        upper: the blocks to run.
        copy: of all clips.
        chosen: shape `(n_clips,)`. The cells' `clip` counts all clips, chosen or not.
    """
    found = []
    wanted = chosen[copy.places[:, 1]]
    for index in np.unique(copy.places[wanted, 0]):
        x = torch.from_numpy(copy.sequence(int(index)).astype(np.float32))
        with torch.inference_mode():
            features = upper.features(x[None].to(upper.device))[0].cpu().numpy()
        for _, clip, start, n in copy.places[wanted & (copy.places[:, 0] == index)]:
            for first in range(start, start + n, CELL_FRAMES):
                cell = features[first : min(first + CELL_FRAMES, start + n)]
                found.append((clip, len(cell), cell.mean(axis=0).astype(np.float16)))
    found.sort(key=lambda row: row[0])
    clip, n_frames, means = zip(*found, strict=True)
    return Cells(np.stack(means)[:, None], np.array(n_frames), np.array(clip))


def sampled_features(upper: Upper, copy: Copy, clips: Ints, n_tokens: int) -> Floats:
    """Returns mean features `(n, n_features)` of clips alone, from evenly spread frames."""
    lengths = np.diff(copy.starts)
    place = {int(clip): int(sequence) for sequence, clip, _, _ in copy.places}
    parts = []
    for at in range(0, len(clips), 64):
        some = np.array([place[int(clip)] for clip in clips[at : at + 64]])
        middle = (np.arange(n_tokens) + 0.5) / n_tokens
        tokens = (copy.starts[some][:, None] + lengths[some][:, None] * middle).astype(np.int64)
        with torch.inference_mode():
            x = torch.from_numpy(copy.frames[tokens].astype(np.float32)).to(upper.device)
            parts.append(upper.features(x).mean(dim=1).cpu().numpy())
    return np.concatenate(parts)
