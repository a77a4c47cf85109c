"""The networks that tell speakers apart, loaded from the project's own folder, never fetched."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from core.errors import EngineError
from core.records import Floats
from core.settings import MODELS_DIR

if TYPE_CHECKING:
    from core.speakers.networks import LocalSpeakers, SpeakerNet

SPEAKER_DIR: Final = MODELS_DIR / "speaker"
WEIGHTS: Final = "model.safetensors"
SUMS: Final = "SHA256SUMS"
CURE: Final = "restore data/models/speaker from the project, or make it with training.speaker"

SAMPLE_RATE: Final = 16_000
CHUNK_S: Final = 10.0  # what LocalSpeakers was trained on
STEP_S: Final = 270 / SAMPLE_RATE  # from one of its frames to the next
LEAST_SAMPLES: Final = 8_000  # half a second: less says little of a voice
MOST_SAMPLES: Final = 64_000


class SpeakerModel:
    """Says who speaks within 10 s, and what a voice is like.

    Attributes:
        model_id: name and first 12 digits of the weights' SHA-256.
    """

    def __init__(self, model_id: str, net: "SpeakerNet", local: "LocalSpeakers") -> None:
        self.model_id = model_id
        self._net = net
        self._local = local

    def local_speakers(self, chunks: Sequence[Floats]) -> list[NDArray[np.float32]]:
        """Returns the probability of seven classes in each frame, shape `(n_frames, 7)`.

        Args:
            chunks: stretches of equal length, shape `(n_samples,)`, 16 kHz. The classes are those
                of `networks.LocalSpeakers`; the voices of one stretch are not those of another.
        """
        import torch

        with _calm():
            scores = self._local(torch.from_numpy(np.stack(chunks)))
        return list(scores.exp().numpy())

    def embed(self, samples: Floats) -> Floats:
        """Returns the direction of a voice, shape `(192,)`, of length 1.

        Args:
            samples: speech of one person, shape `(n_samples,)`; what is shorter than half a second
                is repeated, of what is longer than 4 s the first is taken.
        """
        import torch

        from core.speakers.networks import fbank

        repeats = -(-LEAST_SAMPLES // max(1, len(samples)))
        samples = np.tile(samples, repeats)[:MOST_SAMPLES]
        with _calm():
            found = self._net(fbank(torch.from_numpy(samples))[None])[0].numpy()
        direction: Floats = found / max(1e-9, float(np.linalg.norm(found)))
        return direction


def model_id(folder: Path = SPEAKER_DIR) -> str:
    """Returns name and first 12 digits of the weights' SHA-256, without reading the weights.

    Raises:
        EngineError: the file of checksums is missing.
    """
    return f"speaker-{_sum(folder)[:12]}"


def _sum(folder: Path) -> str:
    try:
        lines = (folder / SUMS).read_text("ascii", "replace").splitlines()
    except OSError as error:
        raise EngineError(f"{error.filename} cannot be read, it tells speakers: {CURE}.") from error
    return next((line.split()[0] for line in lines if line.endswith(f"  {WEIGHTS}")), "")


@cache
def speaker_model(folder: Path = SPEAKER_DIR) -> SpeakerModel:
    """Returns the model, loaded once.

    Raises:
        EngineError: a file is missing or was changed.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load

    from core.speakers.networks import LocalSpeakers, SpeakerNet

    path = folder / WEIGHTS
    try:
        data = path.read_bytes()
    except OSError as error:
        raise EngineError(f"{error.filename} cannot be read, it tells speakers: {CURE}.") from error
    came = hashlib.sha256(data).hexdigest()
    if came != _sum(folder):
        raise EngineError(f"{path} has SHA-256 {came}, {SUMS} expects another: {CURE}.")
    with torch.device("meta"):  # random values would cost time and move the caller's random state
        net, local = SpeakerNet(), LocalSpeakers()
    try:
        tensors = {name: tensor.float() for name, tensor in load(data).items()}
        for prefix, network in (("voice.", net), ("local.", local)):
            mine = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
            counters = (k for k in network.state_dict() if k.endswith("num_batches_tracked"))
            mine |= {k: torch.tensor(0) for k in counters}  # of training; nothing reads them
            network.load_state_dict(mine, assign=True)
            network.eval().requires_grad_(False)
    except (SafetensorError, RuntimeError) as error:
        raise EngineError(f"{path} does not hold the networks ({error}): {CURE}.") from error
    return SpeakerModel(model_id(folder), net, local)


@contextmanager
def _calm() -> Iterator[None]:
    """One thread and no gradients: the layers are so small that a second one mostly waits."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            yield
    finally:
        torch.set_num_threads(before)
