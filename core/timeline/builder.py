"""Gathering the frames of a track as they come; embeddings are kept only as sums."""

from collections.abc import Sequence

import numpy as np

from core.emotions import N_EMOTIONS
from core.records import FRAMES_A_BLOCK, Flags, Floats, Span
from core.timeline.segments import SegmentSums


class TrackBuilder:
    """Takes the frames of one recording in order.

    Attributes:
        n_done: frames taken so far.
        logits: shape `(n_frames, 9)`.
        block_sums: shape `(n_blocks, n_dims)`.
        block_frames: shape `(n_blocks,)`.

    Args:
        n_dims: dimensions of an embedding.
        speech: shape `(n_frames,)`, true where the frame is speech.
        bounds: of the segments.
        hop_s: seconds from one frame to the next.
        offset_s: time of the first frame, in seconds.
    """

    def __init__(
        self, n_dims: int, speech: Flags, bounds: Sequence[Span], hop_s: float, offset_s: float
    ) -> None:
        n_frames = len(speech)
        edges = np.arange(-(-n_frames // FRAMES_A_BLOCK) + 1) * FRAMES_A_BLOCK
        self.n_done = 0
        self.logits: Floats = np.zeros((n_frames, N_EMOTIONS), np.float32)
        self.block_sums: Floats = np.zeros((len(edges) - 1, n_dims), np.float32)
        self.block_frames = np.diff(np.minimum(edges, n_frames)).astype(np.int32)
        self._speech = speech
        self._sums = SegmentSums(bounds, hop_s, offset_s)

    def add(self, logits: Floats, embeddings: Floats) -> None:
        """Takes the next frames: shapes `(n, 9)` and `(n, n_dims)`; those past the end are lost."""
        first, last = self.n_done, self.n_done + len(logits)
        self.n_done = last
        if first == last or last > len(self.logits):
            return
        self.logits[first:last] = logits
        np.add.at(self.block_sums, np.arange(first, last) // FRAMES_A_BLOCK, embeddings)
        self._sums.add(first, embeddings, self._speech[first:last])

    @property
    def complete(self) -> bool:
        """Whether just as many frames came as were announced."""
        return self.n_done == len(self.logits)

    def segment_embeddings(self) -> list[Floats | None]:
        """Returns the mean embedding of each segment's speech, None for one without."""
        return self._sums.means()
