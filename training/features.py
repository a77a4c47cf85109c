"""What the frozen encoder makes of each clip, alone and in the middle of long windows."""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from core.engines.base import HOP_S, HOP_SAMPLES, SAMPLE_RATE, Floats
from core.engines.whisper_encoder import WhisperEncoder
from training.data import Clip

# Raised with every change of what the cells hold: older caches are then not read.
FORMAT = 1
CELL_FRAMES = 25
CELL_S = CELL_FRAMES * HOP_S
WINDOW_S = 10.0
GAP_SAMPLES = int(0.4 * SAMPLE_RATE)


@dataclass(frozen=True)
class Cells:
    """Mean embeddings of the 0.5 s cells of many clips, the last cell of a clip being shorter.

    Attributes:
        means: shape `(n_cells, n_layers + 1, n_dims)`: layer-normed output of each layer.
        n_frames: shape `(n_cells,)`: frames that each cell averages.
        clip: shape `(n_cells,)`: index of the clip that each cell belongs to, ascending.
    """

    means: NDArray[np.float16]
    n_frames: NDArray[np.int64]
    clip: NDArray[np.int64]

    def read(self, reads: Sequence[int]) -> Floats:
        """Returns the layers that are read, side by side: `(n_cells, len(reads) * n_dims)`."""
        return self.means[:, list(reads)].reshape(len(self.means), -1).astype(np.float32)

    def part(self, chosen: NDArray[np.bool_]) -> "Cells":
        """Returns the cells of the chosen clips only, `(n_clips,)`, the clips counted anew."""
        mine = chosen[self.clip]
        renumbered = (np.cumsum(chosen) - 1)[self.clip[mine]]
        return Cells(self.means[mine], self.n_frames[mine], renumbered)


def pool(values: Floats, n_frames: NDArray[np.int64], groups: NDArray[np.int64]) -> Floats:
    """Returns the mean over the frames of each group, shape `(n_groups, n_dims)`, by group."""
    n_groups = int(groups.max()) + 1
    sums = np.zeros((n_groups, values.shape[1]), np.float64)
    np.add.at(sums, groups, values * n_frames[:, None])
    total = np.bincount(groups, n_frames, n_groups)
    return (sums / total[:, None]).astype(np.float32)


def taken(
    encoder: WhisperEncoder, clips: Sequence[Clip], seed: int, cache: Path
) -> tuple[Cells, Cells]:
    """Returns the cells of every clip alone, and in windows as long as the engine's."""
    alone, in_windows = (clip_cells(encoder, clips, w, seed, cache) for w in (None, WINDOW_S))
    return alone, in_windows


def clip_cells(
    encoder: WhisperEncoder, clips: Sequence[Clip], window_s: float | None, seed: int, cache: Path
) -> Cells:
    """Returns the cells of every clip, from `cache` if they were taken before.

    Generated sounds are kept apart from recorded clips, so that others do not cost the clips anew.

    Args:
        encoder: the frozen encoder.
        clips: the clips, in an order of which the windows' is drawn; generated sounds come last.
        seed: of that draw.
        cache: folder that keeps what was computed.
        window_s: None runs each clip alone; otherwise clips of one speaker follow one another,
            in random order and 0.4 s of silence apart, in windows of this length, so that they
            meet the positions and the neighbours that a clip in a long recording has.

    Raises:
        ValueError: a recorded clip comes after a generated sound.
    """
    is_generated = [not clip.sha256 for clip in clips]
    n_recorded = len(clips) - sum(is_generated)
    if any(is_generated[:n_recorded]):
        raise ValueError("a recorded clip comes after a generated sound")
    parts = [
        _cached(encoder, group, window_s, seed, cache)
        for group in (clips[:n_recorded], clips[n_recorded:])
        if group
    ]
    starts = (0, n_recorded) if n_recorded else (0,)
    return Cells(
        np.concatenate([part.means for part in parts]),
        np.concatenate([part.n_frames for part in parts]),
        np.concatenate([part.clip + start for part, start in zip(parts, starts, strict=False)]),
    )


def _cached(
    encoder: WhisperEncoder, clips: Sequence[Clip], window_s: float | None, seed: int, cache: Path
) -> Cells:
    key = hashlib.sha256(repr((FORMAT, window_s, seed, encoder.shape)).encode())
    for name, tensor in encoder.state_dict().items():
        if not name.startswith(("projection.", "head.")):
            key.update(tensor.numpy().tobytes())
    for clip in clips:
        key.update(clip.waveform.tobytes())
    path = cache / f"cells_{key.hexdigest()[:20]}.npz"
    if not path.exists():
        by_clip: list[list[tuple[int, NDArray[np.float16]]]] = [[] for _ in clips]
        for waveform, places in windows(clips, window_s, seed):
            with torch.inference_mode():
                layers = torch.stack(encoder.layers(torch.from_numpy(waveform)[None]))[:, 0]
            for index, start in places:
                n = -(-len(clips[index].waveform) // HOP_SAMPLES)
                by_clip[index] = list(_cells(layers[:, start : start + n].numpy()))
        cells = [(i, *cell) for i, parts in enumerate(by_clip) for cell in parts]
        index, n_frames, means = zip(*cells, strict=True)
        cache.mkdir(parents=True, exist_ok=True)
        np.savez(path, means=np.stack(means), n_frames=np.array(n_frames), clip=np.array(index))
    with np.load(path) as stored:
        return Cells(stored["means"], stored["n_frames"], stored["clip"])


def _cells(layers: Floats) -> Iterator[tuple[int, NDArray[np.float16]]]:
    for start in range(0, layers.shape[1], CELL_FRAMES):
        cell = layers[:, start : start + CELL_FRAMES]
        yield cell.shape[1], cell.mean(axis=1).astype(np.float16)


def windows(
    clips: Sequence[Clip], window_s: float | None, seed: int
) -> Iterator[tuple[Floats, list[tuple[int, int]]]]:
    """Yields a waveform and, for each clip in it, the clip's index and first frame.

    Recorded clips and generated sounds are drawn as if the others were not there.
    """
    if window_s is None:
        yield from ((clip.waveform, [(i, 0)]) for i, clip in enumerate(clips))
        return
    by_speaker = defaultdict(list)
    for i, clip in enumerate(clips):
        by_speaker[clip.speaker].append(i)
    limit = round(window_s * SAMPLE_RATE)
    draws = {is_recorded: np.random.default_rng(seed) for is_recorded in (False, True)}
    for members in by_speaker.values():
        rng = draws[bool(clips[members[0]].sha256)]
        parts: list[Floats] = []
        places: list[tuple[int, int]] = []
        for i in rng.permutation(members):
            n_hops = -(-len(clips[i].waveform) // HOP_SAMPLES)
            padded = np.pad(clips[i].waveform, (0, n_hops * HOP_SAMPLES - len(clips[i].waveform)))
            filled = sum(map(len, parts))
            if parts and filled + len(padded) > limit:
                yield np.concatenate(parts)[:limit], places
                # Windows begin at any phase of a recording: the first clip is shifted at random.
                parts, places, filled = [], [], 0
            if not parts:
                n_lead = int(rng.integers(0, max(1, (limit - len(padded)) // HOP_SAMPLES // 2)))
                parts.append(np.zeros(n_lead * HOP_SAMPLES, np.float32))
                filled = n_lead * HOP_SAMPLES
            places.append((int(i), filled // HOP_SAMPLES))
            parts += [padded, np.zeros(GAP_SAMPLES, np.float32)]
        yield np.concatenate(parts)[:limit], places
