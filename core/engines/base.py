"""What every engine offers, whatever model stands behind it."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 16_000
HOP_SAMPLES = 320
HOP_S = HOP_SAMPLES / SAMPLE_RATE

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Frames:
    """The output of an engine, one row for each 20 ms step.

    Attributes:
        logits: shape `(n_frames, 9)`, raw and finite, in the order of `EMOTIONS`.
        embeddings: shape `(n_frames, n_dims)`.
    """

    logits: Floats
    embeddings: Floats

    def __len__(self) -> int:
        return len(self.logits)


@dataclass(frozen=True)
class Windowing:
    """How a long recording is cut for an engine.

    Attributes:
        window_s: longest stretch, in seconds, that the engine sees at once.
        overlap_s: seconds that two neighbouring windows share and are cross-faded over.
    """

    window_s: float
    overlap_s: float


class Engine(Protocol):
    """Turns waveforms into frames.

    An engine is safe to share between threads, leaves no trace in global state, and answers
    the same waveform with the same frames whatever else is in its batch.
    """

    @property
    def name(self) -> str:
        """The name under which the user chose it, such as `compact`."""

    @property
    def engine_id(self) -> str:
        """Name and the first 12 hex digits of the SHA-256 of the weights."""

    @property
    def n_dims(self) -> int:
        """Number of dimensions of an embedding."""

    @property
    def class_mask(self) -> tuple[bool, ...]:
        """For each of the nine emotions, whether the engine can answer it at all."""

    @property
    def offset_s(self) -> float:
        """Time of the first frame's start, in seconds."""

    @property
    def windowing(self) -> Windowing:
        """The windows that this engine is run over."""

    @property
    def together(self) -> int:
        """How many windows are best run at once on this machine."""

    @property
    def precision(self) -> str:
        """`fp32` or `bf16`: the arithmetic of the network."""

    @property
    def remark(self) -> str | None:
        """Why it runs otherwise than asked for, in sentences for people, or None."""

    @property
    def temperatures(self) -> dict[float, float] | None:
        """Calibration temperature by region width in seconds, or None if never measured."""

    def n_frames(self, n_samples: int) -> int:
        """Number of frames that `n_samples` samples at 16 kHz give; 0 if too few."""

    def run(self, waveforms: Floats) -> list[Frames]:
        """Returns the frames of each waveform.

        Args:
            waveforms: shape `(n_waveforms, n_samples)`, mono, 16 kHz, in [-1, 1], equally long.

        Raises:
            EngineError: the waveforms are too short for one frame, or not finite.
        """
