"""Silero VAD's network, many chunks at a time: only its memory goes through them one by one.

The package runs its compiled model chunk after chunk, and most of the time goes into calling it. The
weights are taken from that very model; the plain tensors beside it are those of another version.

Source: Silero Team, 2024, https://github.com/snakers4/silero-vad (MIT): `tinygrad_model.py` is the
network, `VADIterator` of `utils_vad.py` the decisions.
"""

import functools
import importlib.util
import warnings
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from core.errors import AudioError
from core.settings import Conditioning

CHUNK: Final = 512  # samples at 16 kHz
_CONTEXT: Final = 64  # samples of the chunk before
_WINDOW, _STEP = 256, 128
_HYSTERESIS: Final = 0.15  # speech ends where the probability is this far below the threshold
_NAMES: Final = (
    {"stft_conv.weight": "stft.forward_basis_buffer"}
    | {
        f"conv{i + 1}.{kind}": f"encoder.{i}.reparam_conv.{kind}"
        for i in range(4)
        for kind in ("weight", "bias")
    }
    | {
        f"lstm.{part}_l0": f"decoder.rnn.{part}"
        for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    }
    | {f"final_conv.{kind}": f"decoder.decoder.2.{kind}" for kind in ("weight", "bias")}
)

Floats = NDArray[np.float32]


class SpeechProbabilities:
    """The probability of speech in each chunk of one stream; chunks come in order."""

    def __init__(self) -> None:
        self._network = _network()
        self._context = np.zeros(_CONTEXT, np.float32)
        self._memory: Any = None

    def of(self, samples: Floats) -> list[float]:
        """Returns the probability of speech in each whole chunk of `(n * 512,)` samples."""
        import torch

        if not len(samples):
            return []
        known = np.concatenate([self._context, samples])
        self._context = known[-_CONTEXT:]
        with torch.inference_mode():
            heard = torch.from_numpy(known).unfold(0, _CONTEXT + CHUNK, CHUNK)
            answered, self._memory = self._network(heard, self._memory)
        probabilities: list[float] = answered.tolist()
        return probabilities


class SpeechGate:
    """Turns probabilities into starts and ends of speech, as Silero's `VADIterator` does."""

    def __init__(self, settings: Conditioning) -> None:
        self._threshold = settings.speech_threshold
        self._pause = 16 * round(settings.speech_pause_s * 1000)
        self._pad = 16 * round(settings.speech_pad_s * 1000)
        self._n_samples = 0
        self._inside = False
        self._quiet_from = 0

    def __call__(self, probability: float) -> dict[str, int] | None:
        """Takes the next chunk's probability; returns `start` or `end` in samples, or None."""
        self._n_samples += CHUNK
        if probability >= self._threshold:
            self._quiet_from = 0
            if self._inside:
                return None
            self._inside = True
            return {"start": max(0, self._n_samples - self._pad - CHUNK)}
        if probability >= self._threshold - _HYSTERESIS or not self._inside:
            return None
        self._quiet_from = self._quiet_from or self._n_samples
        if self._n_samples - self._quiet_from < self._pause:
            return None
        end = self._quiet_from + self._pad - CHUNK
        self._quiet_from, self._inside = 0, False
        return {"end": end}


@functools.cache
def _network() -> Any:
    """Returns the network, loaded once for the process: what a stream remembers is not in it."""
    import torch
    from torch import Tensor, nn
    from torch.nn import functional

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stft_conv = nn.Conv1d(1, 258, _WINDOW, _STEP, bias=False, device="meta")
            self.conv1 = nn.Conv1d(129, 128, 3, 1, padding=1, device="meta")
            self.conv2 = nn.Conv1d(128, 64, 3, 2, padding=1, device="meta")
            self.conv3 = nn.Conv1d(64, 64, 3, 2, padding=1, device="meta")
            self.conv4 = nn.Conv1d(64, 128, 3, 1, padding=1, device="meta")
            self.lstm = nn.LSTM(128, 128, device="meta")
            self.final_conv = nn.Conv1d(128, 1, 1, device="meta")

        def forward(self, chunks: Tensor, memory: Any) -> tuple[Tensor, Any]:
            """Returns `(n_chunks,)` and what is remembered, for `(n_chunks, 576)`."""
            x = self.stft_conv(functional.pad(chunks, (0, 64), "reflect").unsqueeze(1))
            x = (x[:, :129].square() + x[:, 129:].square()).sqrt()
            for convolution in (self.conv1, self.conv2, self.conv3, self.conv4):
                x = functional.relu(convolution(x))
            remembered, memory = self.lstm(x.squeeze(-1), memory)
            answer = self.final_conv(functional.relu(remembered).unsqueeze(-1))
            return torch.sigmoid(answer).flatten(), memory

    with warnings.catch_warnings():  # PyTorch would rather read another format
        warnings.simplefilter("ignore")
        told = torch.jit.load(str(_weights())).state_dict()  # type: ignore[no-untyped-call]
    tensors = {name: told[f"_model.{key}"] for name, key in _NAMES.items()}
    network = Network()
    network.load_state_dict(tensors, assign=True)
    return network.eval().requires_grad_(False)


def _weights() -> Path:
    """Returns the path of the weights, without importing the package: that sets torch's threads."""
    found = importlib.util.find_spec("silero_vad")
    for folder in (found and found.submodule_search_locations) or []:
        path = Path(folder) / "data" / "silero_vad.jit"
        if path.is_file():
            return path
    raise AudioError(
        "The weights of Silero VAD are not installed, speech cannot be found without them: install "
        "the pinned requirements again."
    )
