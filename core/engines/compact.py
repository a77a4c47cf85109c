"""The embedded engine: lower layers of Whisper base with a linear head for the nine emotions."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.emotions import EMOTIONS
from core.engines.base import HOP_SAMPLES, Floats, Frames, Windowing
from core.engines.compact_files import CURE, STEPS, WEIGHTS, ModelFiles, read_files
from core.engines.devices import device, exact_products
from core.engines.measured import joined, note, noted
from core.engines.parity import compared, known_parity, sounds
from core.engines.precision import PRECISIONS, chosen_precision
from core.engines.side_by_side import SingleThreads
from core.errors import EngineError

if TYPE_CHECKING:
    from torch import Tensor

    from core.engines.whisper_encoder import WhisperEncoder

log = logging.getLogger(__name__)

CUDA_WINDOWS = 16  # run at once on a CUDA device; one of 10 s takes about 20 MB there


class CompactEngine:
    """Frames of 20 ms, frame i standing for the samples from `320 i` on; see `Engine`.

    On a processor the waveforms of a batch are run side by side, in one thread each: products of one
    window are too small for two threads not to wait for one another. A CUDA device takes them as one
    batch; the network has nothing that goes from one waveform to another.

    In bfloat16 it must answer nearly what it answers in float32 (`Parity.near`), as its calibration
    was measured in that; this is compared once, and where it fails it runs in float32.
    """

    def __init__(
        self, network: "WhisperEncoder", files: ModelFiles, name: str, precision: str
    ) -> None:
        self._network = network
        self._device = device()
        self._network.to(self._device)
        self._config = files.config
        self._columns = [EMOTIONS.index(emotion) for emotion in files.config.classes]
        self.name = name
        self._sha256 = files.sha256
        self.engine_id = f"{name}-{files.sha256[:12]}"
        self.n_dims = files.config.encoder["n_embedded"]
        self.class_mask = tuple(emotion in files.config.classes for emotion in EMOTIONS)
        self.offset_s = 0.0
        self.windowing: Windowing = files.config.windowing
        self.precision = precision
        self.remark: str | None = None
        self._pool = SingleThreads(1 if self._device.type != "cpu" else None)
        self.temperatures: dict[float, float] | None = files.temperatures

    @classmethod
    def load(
        cls, directory: Path, precision: str = "fp32", name: str = "compact"
    ) -> "CompactEngine":
        """Returns the engine of a directory that `training.train` made, after verifying it.

        Args:
            directory: holds model.safetensors, config.json, calibration.json and SHA256SUMS.
            precision: `fp32`, `bf16`, or `auto` for the faster one on this machine.
            name: under which the user chose it.

        Raises:
            EngineError: the directory is incomplete, changed, or not a compact model.
        """
        if precision not in PRECISIONS:
            raise EngineError(
                f"The precision {precision!r} is unknown, choose one of {', '.join(PRECISIONS)}."
            )
        files = read_files(directory)
        is_auto = precision == "auto"
        if is_auto:
            precision = chosen_precision(files.sha256)
        engine = cls(_network(files, directory / WEIGHTS), files, name, "fp32")
        if precision == "bf16" and not engine._to_bfloat16():
            remark = "It runs in fp32: in bf16 its scores differ too much from those in fp32."
            log.warning("%s: %s", name, remark)
            note(files.sha256, precision="fp32", remark_bf16=remark)
            engine = cls(_network(files, directory / WEIGHTS), files, name, "fp32")
        if engine.precision == "fp32":
            engine._network.pack()
        if is_auto or precision == "bf16":
            engine.remark = joined(noted(files.sha256).get("remark_bf16"))
        return engine

    @property
    def together(self) -> int:
        """How many windows are best run at once on this machine."""
        return self._pool.n_threads if self._device.type == "cpu" else CUDA_WINDOWS

    def n_frames(self, n_samples: int) -> int:
        """Returns `ceil(floor(n_samples / 160) / 2)`, 0 below `min_samples` (400)."""
        if n_samples < self._config.min_samples:
            return 0
        n_spectra = n_samples // self._config.encoder["hop_samples"]
        return -(-n_spectra // (HOP_SAMPLES // self._config.encoder["hop_samples"]))

    def run(self, waveforms: Floats) -> list[Frames]:
        """Returns the frames of each waveform of `(n_waveforms, n_samples)`.

        Raises:
            EngineError: the waveforms are too short, too long for one pass, or not finite.
        """
        self._check(waveforms)
        if len(waveforms) == 1 or self._device.type != "cpu":
            return self._batch(waveforms)
        return self._pool.map(self._frames, waveforms)

    def _check(self, waveforms: Floats) -> None:
        if waveforms.ndim != 2:
            raise EngineError(
                f"The waveforms have the shape {waveforms.shape}, expected is "
                "(n_waveforms, n_samples): stack them."
            )
        n_samples = waveforms.shape[1]
        n_frames = self.n_frames(n_samples)
        if n_frames == 0:
            raise EngineError(
                f"The audio has {n_samples} samples, {self._config.min_samples} (25 ms) is the "
                "least that gives a frame: use a longer stretch."
            )
        if n_frames > self._config.encoder["n_positions"]:
            limit_s = self._config.encoder["n_positions"] * HOP_SAMPLES / 16_000
            raise EngineError(
                f"The audio has {n_samples} samples, one pass takes at most {limit_s:g} s: "
                f"cut it into windows of {self.windowing.window_s:g} s."
            )
        if not np.isfinite(waveforms).all():
            raise EngineError(
                "The audio holds samples that are not finite numbers, all must be: decode it again."
            )

    def _frames(self, waveform: Floats) -> Frames:
        return self._batch(waveform[np.newaxis])[0]

    def _batch(self, waveforms: Floats) -> list[Frames]:
        import torch

        with torch.inference_mode(), exact_products():
            given = torch.from_numpy(np.array(waveforms, np.float32)).to(self._device)
            parts = [part.cpu().numpy() for part in self._network(given)]
        found = []
        for answered, embedded in zip(*parts, strict=True):
            logits = np.zeros((len(answered), len(EMOTIONS)), np.float32)
            logits[:, self._columns] = answered
            found.append(Frames(logits=logits, embeddings=embedded))
        return found

    def _to_bfloat16(self) -> bool:
        """Turns to bfloat16; returns whether the answers are near enough, compared once."""
        known = known_parity(noted(self._sha256).get("parity_bf16"))
        exact = [] if known else [self._frames(sound) for sound in sounds()]
        self._network.to_bfloat16()
        self.precision = "bf16"
        if known is None:
            answers = [
                {"scores": self._scores(frames), "feats": frames.embeddings.mean(axis=0)}
                for frames in exact
            ]
            known = compared(answers, [self._frames(sound) for sound in sounds()], self._scores)
            note(self._sha256, parity_bf16=known.told(holds=known.near()))
        return known.near()

    def _scores(self, frames: Frames) -> Floats:
        """Returns softmax(mean of the logits) of the classes that it has."""
        logits = frames.logits.astype(np.float64).mean(axis=0)[self._columns]
        raised = np.exp(logits - logits.max())
        scores: Floats = (raised / raised.sum()).astype(np.float32)
        return scores


def _network(files: ModelFiles, path: Path) -> "WhisperEncoder":
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load

    from core.engines.whisper_encoder import EncoderShape, WhisperEncoder

    config = files.config
    network = WhisperEncoder(
        EncoderShape(
            **config.encoder,
            n_classes=len(config.classes),
            reads=config.reads,
            top=config.top,
            depth=config.depth,
        )
    )
    try:
        tensors = _stepped(load(files.weights))
    except (SafetensorError, KeyError, ValueError) as error:
        raise EngineError(f"{path} is no safetensors file ({error}): {CURE}.") from error
    expected = network.state_dict()
    odd = sorted(tensors.keys() ^ expected.keys())
    if odd:
        state = "lacks" if odd[0] in expected else "also holds"
        raise EngineError(f"{path} {state} {odd[0]} ({len(odd)} such names in all): {CURE}.")
    for key, tensor in tensors.items():
        if tensor.shape != expected[key].shape or not tensor.is_floating_point():
            raise EngineError(
                f"{path} has {key} as {tensor.dtype} of shape {tuple(tensor.shape)}, expected is "
                f"float of shape {tuple(expected[key].shape)}: {CURE}."
            )
        tensors[key] = tensor.to(torch.float32)
        if not tensors[key].isfinite().all():
            raise EngineError(f"{path} has values in {key} that are not finite: {CURE}.")
    network.load_state_dict(tensors, assign=True)
    return network.eval().requires_grad_(False)


def _stepped(stored: dict[str, "Tensor"]) -> dict[str, "Tensor"]:
    """Returns the values, matrices of whole numbers multiplied by the steps of their rows."""
    found = dict(stored)
    for name, tensor in stored.items():
        steps = stored.get(name + STEPS)
        if steps is not None and tensor.ndim == 2 and steps.shape == tensor.shape[:1]:
            found[name] = tensor.float() * found.pop(name + STEPS).float()[:, None]
    return found
