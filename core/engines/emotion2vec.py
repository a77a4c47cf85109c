"""emotion2vec through FunASR: frames whose mean is exactly FunASR's own answer.

FunASR answers one set of scores for a clip, also when asked for frames. Its head is one linear
layer over the mean of the frame features, so `logits[t] = features[t] @ W.T + b` has the mean that
the scores are the softmax of.

Source: Ma et al., 2023, https://arxiv.org/abs/2312.15185; funasr/models/emotion2vec/model.py.
"""

import logging
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.emotions import EMOTIONS
from core.engines.base import HOP_SAMPLES, SAMPLE_RATE, Floats, Frames, Windowing
from core.engines.checkpoint import chosen_tensors, read_checkpoint
from core.engines.devices import device, exact_products, fitting
from core.engines.emotion2vec_fast import (
    CUDA_WINDOWS,
    WINDOW_BYTES,
    FastNetwork,
    UnknownStructureError,
    to_bfloat16,
)
from core.engines.emotion2vec_files import WEIGHTS, ModelFiles, checked_path, read_files
from core.engines.emotion2vec_spec import CURE, MIN_SAMPLES
from core.engines.measured import forget, joined, note, noted
from core.engines.parity import (
    LENGTHS_S,
    TOLERANCE,
    VERIFIED_S,
    Parity,
    compared,
    known_parity,
    sounds,
)
from core.engines.precision import PRECISIONS, chosen_precision
from core.engines.published import OWN_NAME, PUBLISHED
from core.errors import EngineError

if TYPE_CHECKING:
    from torch import Tensor

log = logging.getLogger(__name__)

WINDOWING = Windowing(window_s=30.0, overlap_s=2.0)  # attention costs time and memory by the square


class Emotion2vecEngine:
    """Frames of 20 ms, frame i standing for the samples from `320 i` on; see `Engine`.

    They come from `FastNetwork` as long as it answers what FunASR answers, which is compared once
    for each set of weights, precision and machine. Otherwise they come from FunASR's own `forward`,
    in float32, one waveform at a time behind a lock, as its table of distances grows while it is
    used; `remark` says why, and is noted beside what was measured.

    `load` and `verified` make one; those of `sounds(lengths_s)` are compared.
    """

    def __init__(
        self,
        model: Any,
        files: ModelFiles,
        sha256: str,
        name: str,
        precision: str,
        lengths_s: Sequence[float] = LENGTHS_S,
    ) -> None:
        self._model = model
        self._network = model.model
        self._files = files
        self._lock = threading.Lock()
        self._device = device()
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
        self._lengths_s = lengths_s
        self.temperatures: dict[float, float] | None = None  # never measured
        self.remark: str | None = None
        self.precision = precision
        self._fast = self._fast_network()
        # A window of 30 s keeps all cores of a processor busy.
        batched = self._fast is not None and self._device.type == "cuda"
        self.together = fitting(WINDOW_BYTES, CUDA_WINDOWS) if batched else 1

    @classmethod
    def load(
        cls, directory: Path, precision: str = "fp32", name: str | None = None
    ) -> "Emotion2vecEngine":
        """Returns the engine of a directory, after verifying all of it; nothing is fetched.

        Args:
            directory: holds config.yaml, tokens.txt, model.pt and, mostly, configuration.json.
            precision: `fp32`, `bf16`, or `auto` for the faster one on this machine. Where bfloat16
                differs too much with these weights, the engine is in float32 and says so; `auto` is
                float32 from then on.
            name: under which the user chose it; by default the directory's own if it is that of a
                published model, else `emotion2vec`.

        Raises:
            EngineError: the directory is incomplete, damaged, hostile, or no emotion2vec model; or
                FunASR is missing.
        """
        return cls._load(directory, precision, name, LENGTHS_S)

    @classmethod
    def verified(cls, directory: Path, name: str | None = None) -> "Emotion2vecEngine":
        """Returns the engine in float32 after measuring all anew: speed, then parity.

        Sounds of up to 30 s are compared, in float32 and in what `auto` stands for.

        Raises:
            EngineError: see `load`.
        """
        engine = cls._load(directory, "fp32", name, VERIFIED_S, anew=True)
        if chosen_precision(engine.sha256) == "bf16":
            cls._load(directory, "bf16", name, VERIFIED_S)
        return engine

    @classmethod
    def _load(
        cls,
        directory: Path,
        precision: str,
        name: str | None,
        lengths_s: Sequence[float],
        anew: bool = False,
    ) -> "Emotion2vecEngine":
        if precision not in PRECISIONS:
            raise EngineError(
                f"The precision {precision!r} is unknown, choose one of {', '.join(PRECISIONS)}."
            )
        files = read_files(directory)
        path = checked_path(directory, WEIGHTS)
        sha256, found = read_checkpoint(path)
        if anew:
            forget(sha256)
        is_auto = precision == "auto"
        if is_auto:
            precision = chosen_precision(sha256)
        engine = cls(
            _filled(files, found, path), files, sha256, name or _name_of(directory), precision,
            lengths_s,
        )  # fmt: skip
        note(sha256, **{f"remark_{precision}": engine.remark})
        before = noted(sha256).get("remark_bf16") if is_auto and precision == "fp32" else None
        if engine.precision != precision:  # its weights are rounded by now
            note(sha256, precision=engine.precision)
            before = engine.remark
            engine = cls._load(directory, engine.precision, name, lengths_s)
        engine.remark = joined(before, engine.remark)
        return engine

    def n_frames(self, n_samples: int) -> int:
        """Returns `(n_samples - 400) // 320 + 1`, 0 below 400 samples."""
        return 0 if n_samples < MIN_SAMPLES else (n_samples - MIN_SAMPLES) // HOP_SAMPLES + 1

    def run(self, waveforms: Floats) -> list[Frames]:
        """Returns the frames of each waveform of `(n_waveforms, n_samples)`.

        Raises:
            EngineError: the waveforms are too short, longer than a window, or not finite.
        """
        self._check(waveforms)
        return self._frames(waveforms)

    def agrees_with_funasr(self, waveform: Floats) -> bool:
        """Whether the mean of the frames gives FunASR's own scores of a clip, to 1e-4.

        Args:
            waveform: shape `(n_samples,)`.
        """
        from core.engines.funasr_loader import generate

        with exact_products(), self._lock:
            answer = generate(self._model, waveform)
        found = self._scores(self._frames(waveform[np.newaxis])[0])
        return bool(np.abs(found - np.array(answer["scores"])[: len(found)]).max() <= TOLERANCE)

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

    def _frames(self, waveforms: Floats) -> list[Frames]:
        import torch
        from torch.nn.functional import layer_norm

        with torch.inference_mode(), exact_products():
            sources = torch.from_numpy(np.array(waveforms, np.float32)).to(self._device)
            if self._files.normalize:
                sources = torch.stack([layer_norm(source, source.shape) for source in sources])
            features = self._features(sources)
            answered = self._network.proj(features).cpu().numpy()
            embeddings = features.cpu().numpy()
        found = []
        for row, embedded in zip(answered, embeddings, strict=True):
            logits = np.zeros((len(row), len(EMOTIONS)), np.float32)
            logits[:, self._columns] = row[:, self._rows]
            found.append(Frames(logits=logits, embeddings=embedded))
        return found

    def _features(self, sources: "Tensor") -> "Tensor":
        import torch

        if self._fast is not None:
            return self._fast.features(sources)
        with self._lock:
            found = [
                self._network.extract_features(source[None], padding_mask=None)["x"]
                for source in sources
            ]
        return torch.cat(found)

    def _scores(self, frames: Frames) -> Floats:
        """Returns softmax(mean of the logits) of the labels in use, in the order of the tokens."""
        logits = frames.logits.astype(np.float64).mean(axis=0)[self._columns]
        raised = np.exp(logits - logits.max())
        scores: Floats = (raised / raised.sum()).astype(np.float32)
        return scores

    def _fast_network(self) -> FastNetwork | None:
        """Returns the faster way if there is one and it answers what FunASR answers."""
        from core.engines.funasr_loader import generate

        try:
            fast = FastNetwork(self._network)
        except UnknownStructureError as error:
            self.precision = "fp32"
            self._leave_fast(f"{error}, which is not known here")
            return None
        known = known_parity(noted(self.sha256).get(f"parity_{self.precision}"))
        answers = None
        if known is None:
            with exact_products(), self._lock:
                answers = [generate(self._model, sound) for sound in sounds(self._lengths_s)]
        if self.precision == "bf16":
            to_bfloat16(self._network)
        fast.pack()
        self._fast = fast
        if answers is not None:
            known = self._judge(answers)
        elif known is not None and not known.holds(self.precision):
            self._leave_fast(_difference(known))
        return self._fast

    def _judge(self, answers: list[dict[str, Any]]) -> Parity:
        """Compares with FunASR's answers to the built-in sounds; leaves the faster way if it fails."""
        ours = [self._frames(sound[np.newaxis])[0] for sound in sounds(self._lengths_s)]
        found = compared(answers, ours, self._scores)
        holds = found.holds(self.precision)
        note(self.sha256, **{f"parity_{self.precision}": found.told(holds=holds)})
        if not holds:
            self._leave_fast(_difference(found))
        return found

    def _leave_fast(self, reason: str) -> None:
        self._fast = None
        self.remark = f"It runs as FunASR runs it, slower and in fp32: {reason}."
        if self.precision == "bf16":
            self.remark = f"It runs in fp32: in bf16 {reason}."
            self.precision = "fp32"
        log.warning("%s: %s", self.name, self.remark)


def _difference(found: Parity) -> str:
    return (
        f"its scores differ from FunASR's by up to {found.scores:.2g}, and the cosine of the "
        f"embeddings is {found.cosine:.5f}"
    )


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
    network.to(device())
    model.kwargs["device"] = str(device())  # FunASR keeps copies for `generate`
    model._store_base_configs()
    return model


def _name_of(directory: Path) -> str:
    name = directory.resolve().name
    return name if name in PUBLISHED else OWN_NAME
