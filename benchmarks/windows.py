"""How far windows change a track: windowed against whole, on recordings of 30 to 60 s.

    python -m benchmarks.windows (--shape base|large | --engine compact) FILE…
                                 [--seconds 45] [--windows 30] [--overlaps 1,2,4,8]

From each file as many pieces are taken as it holds. For each window and overlap:

- `difference`: root mean square of windowed minus whole logits, by the whole ones' deviation in time;
- `label_agreement`: how often regions of 2 s have the same first emotion;
- `seam_step`: how much larger the step from frame to frame is where windows meet than elsewhere. 1
  is a seam that cannot be seen.

`compact` takes 30 s at most; with random weights the labels mean nothing, the differences do.
"""

import argparse
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.figures import Figure
from benchmarks.generated import SHAPES, model_directory
from core.audio.decode import SAMPLE_RATE, open_audio
from core.engines.base import HOP_S, Engine, Floats, Frames, Windowing
from core.engines.emotion2vec import Emotion2vecEngine
from core.engines.registry import Registry
from core.engines.windows import run_windowed

REGION = 100  # frames, 2 s


class Rewindowed:
    """An engine under other windows, and with no limit to one."""

    def __init__(self, engine: Engine, windowing: Windowing) -> None:
        self._engine = engine
        self.windowing = windowing

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def run(self, waveforms: Floats) -> list[Frames]:
        """Returns the frames, of windows longer than the engine's own as well."""
        if isinstance(self._engine, Emotion2vecEngine):
            return self._engine._frames(waveforms)
        return self._engine.run(waveforms)


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--shape", choices=SHAPES)
    which.add_argument("--engine", choices=("compact",))
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--seconds", type=float, default=45.0)
    parser.add_argument("--windows", default="30")
    parser.add_argument("--overlaps", default="1,2,4,8")
    parser.add_argument("--most", type=int, default=4, help="pieces of each file")
    options = parser.parse_args()
    pieces = [p for f in options.files for p in _pieces(f, options.seconds)[: options.most]]
    with model_directory(options.shape) if options.shape else nullcontext() as directory:
        engine = Registry().load(str(directory or options.engine), "fp32")
        whole = [_logits(engine, piece, options.seconds, 0.0) for piece in pieces]
        for window_s in map(float, options.windows.split(",")):
            for overlap_s in map(float, options.overlaps.split(",")):
                cut = [_logits(engine, piece, window_s, overlap_s) for piece in pieces]
                _show(whole, cut, Windowing(window_s, overlap_s))


def compared(whole: Floats, cut: Floats, windowing: Windowing) -> tuple[float, float, float]:
    """Returns difference, label agreement and seam step of one recording.

    Args:
        whole: logits of shape `(n_frames, 9)`.
        cut: those through windows.
        windowing: the windows.
    """
    difference = float(np.sqrt(((cut - whole) ** 2).mean()) / whole.std(axis=0).mean())
    n = len(whole) // REGION * REGION
    regions = [x[:n].reshape(-1, REGION, x.shape[1]).mean(axis=1) for x in (whole, cut)]
    agreement = float((regions[0].argmax(axis=1) == regions[1].argmax(axis=1)).mean())
    stride = round((windowing.window_s - windowing.overlap_s) / HOP_S)
    n_over = round(windowing.overlap_s / HOP_S)
    seam = np.zeros(len(cut) - 1, bool)
    for start in range(stride, len(cut) - 1, stride):
        seam[max(0, start - 1) : start + n_over + 1] = True
    steps = np.abs(np.diff(cut, axis=0)).mean(axis=1)
    usual = np.abs(np.diff(whole, axis=0)).mean(axis=1)
    there = steps[seam].mean() / usual[seam].mean() if seam.any() else 1.0
    return difference, agreement, float(there)


def _show(whole: list[Floats], cut: list[Floats], windowing: Windowing) -> None:
    found = np.array([compared(w, c, windowing) for w, c in zip(whole, cut, strict=True)])
    at = f"{windowing.window_s:g}/{windowing.overlap_s:g} s"
    names = ("difference", "label_agreement", "seam_step")
    for name, value in zip(names, found.mean(axis=0), strict=True):
        Figure(
            f"{name} {at}", round(float(value), 4), "", "the whole at once", limit=len(cut)
        ).show()


def _logits(engine: Engine, sound: Floats, window_s: float, overlap_s: float) -> Floats:
    through = Rewindowed(engine, Windowing(window_s, overlap_s))
    parts = [frames.logits for frames in run_windowed(through, [sound])]
    return np.concatenate(parts)


def _pieces(file: Path, seconds: float) -> list[Floats]:
    with open_audio(file) as audio:
        sound = np.concatenate(list(audio.samples()))
    n = round(seconds * SAMPLE_RATE)
    return [sound[start : start + n] for start in range(0, len(sound) - n + 1, n)]


if __name__ == "__main__":
    main()
