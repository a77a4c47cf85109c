"""What the frozen lower part of the encoder makes of clips: computed once, trained on often."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from core.engines.base import HOP_SAMPLES
from core.engines.whisper_encoder import WhisperEncoder
from training.augment import augmented
from training.data import Clip
from training.features import windows

# Raised with every change of what a copy holds: older caches are then not read.
FORMAT = 1


@dataclass(frozen=True)
class Recipe:
    """How a copy of the clips is made.

    Attributes:
        window_s: None runs each clip alone, otherwise in windows of this length (see `windows`).
        augmented: whether the waveforms are changed first.
        seed: of the changes and of the windows' order.
    """

    window_s: float | None
    augmented: bool
    seed: int


@dataclass(frozen=True)
class Copy:
    """The residual stream behind the frozen blocks, for sequences that hold one clip or several.

    Attributes:
        frames: shape `(n_frames, n_dims)`, the sequences one after the other.
        starts: shape `(n_sequences + 1,)`: where each sequence begins.
        places: shape `(n_places, 4)`: sequence, clip, first frame in the sequence, frames.
    """

    frames: NDArray[np.float16]
    starts: NDArray[np.int64]
    places: NDArray[np.int64]

    def sequence(self, index: int) -> NDArray[np.float16]:
        """Returns one sequence, shape `(n_frames, n_dims)`."""
        return self.frames[self.starts[index] : self.starts[index + 1]]


def make_copy(
    encoder: WhisperEncoder, n_frozen: int, clips: Sequence[Clip], recipe: Recipe, cache: Path
) -> Copy:
    """Returns the clips behind the stem and the first `n_frozen` blocks, from `cache` if there."""
    key = hashlib.sha256(repr((FORMAT, recipe, n_frozen, encoder.shape)).encode())
    for name, tensor in encoder.state_dict().items():
        if not name.startswith(("projection.", "head.")):
            key.update(tensor.numpy().tobytes())
    for clip in clips:
        key.update(clip.waveform.tobytes())
    stem = cache / f"copy_{key.hexdigest()[:20]}"
    index = stem.with_suffix(".json")
    if not index.exists():
        _compute(encoder, n_frozen, clips, recipe, stem)
    table = json.loads(index.read_text(encoding="ascii"))
    return Copy(
        frames=np.load(stem.with_suffix(".npy"), mmap_mode="r"),
        starts=np.array(table["starts"]),
        places=np.array(table["places"]).reshape(-1, 4),
    )


def _compute(
    encoder: WhisperEncoder, n_frozen: int, clips: Sequence[Clip], recipe: Recipe, stem: Path
) -> None:
    taken = augmented(clips, recipe.seed) if recipe.augmented else clips
    parts: list[NDArray[np.float16]] = []
    places: list[tuple[int, int, int, int]] = []
    for waveform, inside in windows(taken, recipe.window_s, recipe.seed):
        with torch.inference_mode():
            x = encoder.stem(torch.from_numpy(waveform)[None])
            for block in encoder.blocks[:n_frozen]:
                x = block(x)
        for clip, start in inside:
            n = min(-(-len(taken[clip].waveform) // HOP_SAMPLES), x.shape[1] - start)
            places.append((len(parts), clip, start, n))
        parts.append(x[0].numpy().astype(np.float16))
    starts = np.cumsum([0, *map(len, parts)]).tolist()
    stem.parent.mkdir(parents=True, exist_ok=True)
    np.save(stem.with_suffix(".npy"), np.concatenate(parts))
    # Written last: a copy counts as made only once its index is there.
    index = json.dumps({"starts": starts, "places": places})
    stem.with_suffix(".json").write_text(index, encoding="ascii")
