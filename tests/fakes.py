"""An engine for tests of what stands above engines: fast, exact, and honest about being none."""

from typing import ClassVar

import numpy as np

from core.emotions import N_EMOTIONS
from core.engines.base import HOP_SAMPLES, Floats, Frames, Windowing
from core.errors import EngineError


class FakeEngine:
    """Frames from the level of the sound alone: louder sounds angry, quieter sad, silence unknown."""

    name = "fake"
    engine_id = "fake-000000000000"
    n_dims = 4
    class_mask = (True,) * N_EMOTIONS
    offset_s = 0.0
    windowing = Windowing(window_s=4.0, overlap_s=1.0)
    together = 1
    precision = "fp32"
    remark: str | None = None
    temperatures: ClassVar[dict[float, float] | None] = {0.5: 2.0, 10.0: 1.0}

    def n_frames(self, n_samples: int) -> int:
        return n_samples // HOP_SAMPLES

    def run(self, waveforms: Floats) -> list[Frames]:
        n_frames = self.n_frames(waveforms.shape[1])
        if n_frames == 0:
            raise EngineError("The waveform is too short for a frame; give at least 0.02 s.")
        if not np.isfinite(waveforms).all():
            raise EngineError("The waveform holds samples that are no numbers; decode it again.")
        return [self._frames(waveform, n_frames) for waveform in waveforms]

    def _frames(self, waveform: Floats, n_frames: int) -> Frames:
        parts = waveform[: n_frames * HOP_SAMPLES].reshape(n_frames, HOP_SAMPLES)
        level = np.sqrt((parts**2).mean(axis=1))
        logits = np.zeros((n_frames, N_EMOTIONS), np.float32)
        logits[:, 0] = level * 20
        logits[:, 6] = 1.0
        logits[:, 8] = np.where(level < 1e-4, 3.0, 0.0)
        embeddings = np.stack([level, level**2, parts.mean(axis=1), np.ones(n_frames)], axis=1)
        return Frames(logits, embeddings.astype(np.float32))
