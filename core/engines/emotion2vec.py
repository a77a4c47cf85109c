"""emotion2vec through FunASR: frames whose mean is exactly FunASR's own answer.

FunASR answers one set of scores for a clip, also when asked for frames. Its head is one linear
layer over the mean of the frame features, so `logits[t] = features[t] @ W.T + b` has the mean that
the scores are the softmax of.

Source: Ma et al., 2023, https://arxiv.org/abs/2312.15185; funasr/models/emotion2vec/model.py.
"""

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.emotions import EMOTIONS
from core.engines.base import HOP_SAMPLES, SAMPLE_RATE, Floats, Frames, Windowing
from core.engines.checkpoint import chosen_tensors, read_checkpoint
from core.engines.emotion2vec_files import WEIGHTS, ModelFiles, checked_path, read_files
from core.engines.emotion2vec_spec import CURE, MIN_SAMPLES
from core.engines.published import OWN_NAME, PUBLISHED
from core.errors import EngineError

if TYPE_CHECKING:
    from torch import Tensor

PRECISIONS = ("fp32", "bf16")
WINDOWING = Windowing(window_s=30.0, overlap_s=4.0)  # attention costs time and memory by the square
PARITY = 1e-4


class Emotion2vecEngine:
    """Frames of 20 ms, frame i standing for the samples from `320 i` on; see `Engine`.

    One waveform goes through the network at a time, behind a lock: FunASR's table of distances
    (ALiBi) grows while it is used, and on a processor a batch is no faster.
    """

    def __init__(
        self, model: Any, files: ModelFiles, sha256: str, name: str, precision: str
    ) -> None:
        self._model = model
        self._network = model.model
        self._files = files
        self._lock = threading.Lock()
        used = [(i, e) for i, e in enumerate(files.classes) if e is not None]
        self._rows = [row for row, _ in used]
        self._columns = [EMOTIONS.index(emotion) for _, emotion in used]
        self.name = name
        self.engine_id = f"{name}-{sha256[:12]}"
        self.sha256 = sha256
        self.n_dims = files.n_dims
        self.class_mask = tuple(emotion in files.classes for emotion in EMOTIONS)
        self.offset_s = 0.0
        self.windowing = WINDOWING
        self.precision = precision
        self.temperatures: dict[float, float] | None = None  # never measured

    @classmethod
    def load(
        cls, directory: Path, precision: str = "fp32", name: str | None = None
    ) -> "Emotion2vecEngine":
        """Returns the engine of a directory, after verifying all of it; nothing is fetched.

        Args:
            directory: holds config.yaml, tokens.txt, model.pt and, mostly, configuration.json.
            precision: `fp32`, or `bf16` for the blocks' matrix products in bfloat16.
            name: under which the user chose it; by default the directory's own if it is that of a
                published model, else `emotion2vec`.

        Raises:
            EngineError: the directory is incomplete, damaged, hostile, or no emotion2vec model; or
                FunASR is missing.
        """
        if precision not in PRECISIONS:
            raise EngineError(
                f"The precision {precision!r} is unknown, choose one of {', '.join(PRECISIONS)}."
            )
        files = read_files(directory)
        path = checked_path(directory, WEIGHTS)
        sha256, found = read_checkpoint(path)
        model = _filled(files, found, path)
        if precision == "bf16":
            _to_bfloat16(model.model)
        return cls(model, files, sha256, name or _name_of(directory), precision)

    def n_frames(self, n_samples: int) -> int:
        """Returns `(n_samples - 400) // 320 + 1`, 0 below 400 samples."""
        return 0 if n_samples < MIN_SAMPLES else (n_samples - MIN_SAMPLES) // HOP_SAMPLES + 1

    def run(self, waveforms: Floats) -> list[Frames]:
        """Returns the frames of each waveform of `(n_waveforms, n_samples)`.

        Raises:
            EngineError: the waveforms are too short, longer than a window, or not finite.
        """
        self._check(waveforms)
        return [self._frames(waveform) for waveform in waveforms]

    def agrees_with_funasr(self, waveform: Floats) -> bool:
        """Whether the mean of the frames gives FunASR's own scores of a clip, to 1e-4.

        Args:
            waveform: shape `(n_samples,)`.
        """
        from core.engines.funasr_loader import generate

        with self._lock:
            answer = generate(self._model, waveform)
        logits = self._frames(waveform).logits.mean(axis=0)[self._columns].astype(np.float64)
        scores = np.exp(logits - logits.max())
        own = np.array(answer["scores"])[: len(scores)]
        return bool(np.abs(scores / scores.sum() - own).max() <= PARITY)

    def _check(self, waveforms: Floats) -> None:
        if waveforms.ndim != 2:
            raise EngineError(
                f"The waveforms have the shape {waveforms.shape}, expected is "
                "(n_waveforms, n_samples): stack them."
            )
        n_samples = waveforms.shape[1]
        if n_samples < MIN_SAMPLES:
            raise EngineError(
                f"The audio has {n_samples} samples, {MIN_SAMPLES} (25 ms) is the least that gives "
                "a frame: use a longer stretch."
            )
        if n_samples > WINDOWING.window_s * SAMPLE_RATE:
            raise EngineError(
                f"The audio has {n_samples} samples, one pass takes at most "
                f"{WINDOWING.window_s:g} s: cut it into windows."
            )
        if not np.isfinite(waveforms).all():
            raise EngineError(
                "The audio holds samples that are not finite numbers, all must be: decode it again."
            )

    def _frames(self, waveform: Floats) -> Frames:
        import torch
        from torch.nn.functional import layer_norm

        with self._lock, torch.inference_mode():
            source = torch.from_numpy(np.array(waveform, np.float32))
            if self._files.normalize:
                source = layer_norm(source, source.shape)
            features = self._network.extract_features(source[None], padding_mask=None)["x"][0]
            answered = self._network.proj(features)
        logits = np.zeros((len(features), len(EMOTIONS)), np.float32)
        logits[:, self._columns] = answered[:, self._rows].numpy()
        return Frames(logits=logits, embeddings=features.numpy())


def _filled(files: ModelFiles, found: "dict[str, Tensor]", path: Path) -> Any:
    """Returns FunASR's model with every tensor from the file; its decoder, for training, is gone."""
    from core.engines.funasr_loader import build

    model = build(files)
    network = model.model
    network.modality_encoders["AUDIO"].decoder = None
    if network.proj is None or network.proj.out_features != len(files.tokens):
        raise EngineError(f"{path.parent} has no head for its {len(files.tokens)} tokens: {CURE}.")
    tensors = chosen_tensors(found, network.state_dict(), files.prefixes, path)
    network.load_state_dict(tensors, strict=True, assign=True)
    for key, tensor in [*network.named_parameters(), *network.named_buffers()]:
        if tensor.is_meta:
            raise EngineError(f"{path} gives {key} no value, every tensor needs one: {CURE}.")
    network.eval().requires_grad_(False)
    model.kwargs["device"] = "cpu"  # where the tensors are now; FunASR keeps copies for `generate`
    model._store_base_configs()
    return model


def _to_bfloat16(network: Any) -> None:
    """Lets the blocks multiply in bfloat16; convolutions, which gain nothing by it, stay as exact."""
    import torch

    for layer in network.blocks.modules():
        if isinstance(layer, torch.nn.Linear):
            layer.to(torch.bfloat16)
            layer.register_forward_pre_hook(lambda _, given: (given[0].to(torch.bfloat16),))
            layer.register_forward_hook(lambda _, __, answered: answered.float())


def _name_of(directory: Path) -> str:
    name = directory.resolve().name
    return name if name in PUBLISHED else OWN_NAME
