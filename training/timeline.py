"""How well the curve follows a long recording whose truth is known.

`python -m training.timeline --model DIR --audio FILE --truth CSV` with the columns start_s, end_s,
emotion in the CSV.
"""

import argparse
import csv
import json
from pathlib import Path

import av
import numpy as np

from core.emotions import EMOTIONS
from core.engines.base import HOP_S, SAMPLE_RATE, Floats
from core.engines.compact import CompactEngine
from core.engines.windows import run_windowed


def decode(path: Path) -> Floats:
    """Returns the first audio stream as 16 kHz mono, shape `(n_samples,)`."""
    resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
    with av.open(str(path)) as container:
        frames = [f for frame in container.decode(audio=0) for f in resampler.resample(frame)]
        frames += resampler.resample(None)
    return np.concatenate([frame.to_ndarray().ravel() for frame in frames]).astype(np.float32)


def follow(engine: CompactEngine, waveform: Floats, truth: list[dict[str, str]]) -> float:
    """Returns the share of the stretches whose mean logits are highest at their emotion."""
    logits = np.concatenate([piece.logits for piece in run_windowed(engine, [waveform])])
    right = 0
    for row in truth:
        start, end = round(float(row["start_s"]) / HOP_S), round(float(row["end_s"]) / HOP_S)
        right += EMOTIONS[int(logits[start:end].mean(axis=0).argmax())] == row["emotion"]
    return right / len(truth)


def main() -> None:
    """Reads the command line and prints the share as one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=Path("data/models/compact"))
    parser.add_argument("--audio", type=Path, required=True)
    parser.add_argument("--truth", type=Path, required=True)
    args = parser.parse_args()
    with args.truth.open(newline="", encoding="utf-8") as file:
        truth = list(csv.DictReader(file))
    engine = CompactEngine.load(args.model)
    share = follow(engine, decode(args.audio), truth)
    print(json.dumps({"engine": engine.engine_id, "n": len(truth), "right": round(share, 4)}))


if __name__ == "__main__":
    main()
