"""How fast an engine is, beside FunASR on the same weights and beside what the machine can do.

    python -m benchmarks.engine_speed (--shape base|large | --engine compact) --seconds N
                                      [--precision auto|fp32|bf16] [--repeat 5]
                                      [--processor-time] [--profile] [--seed 0]

From samples to scores with the model loaded; the best of `--repeat`, ours and FunASR's in turn, and how
far the answers are from each other. With `--processor-time` everything has one thread, and its
processor time is what counts: for a machine that has other work as well. With `--profile` also the
time, bytes and bound of each kind of operation (`profiled.py`). `--seed` draws other weights.
"""

import argparse
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import profiled
from benchmarks.figures import Figure
from benchmarks.generated import SHAPES, funasr_generate, model_directory
from benchmarks.machine import copy_bandwidth, flops_of, matrix_peak
from core.engines.base import SAMPLE_RATE, Engine, Floats
from core.engines.devices import exact_products
from core.engines.emotion2vec import Emotion2vecEngine
from core.engines.parity import LEAST_COSINE, TOLERANCE, compared
from core.engines.precision import PRECISIONS
from core.engines.registry import Registry
from core.engines.sample import sample
from core.engines.side_by_side import in_one_thread
from core.engines.windows import run_windowed


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--shape", choices=SHAPES)
    which.add_argument("--engine", choices=("compact",))
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--precision", choices=PRECISIONS, default="auto")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--processor-time", action="store_true")
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    made = model_directory(options.shape, options.seed) if options.shape else nullcontext()
    with made as directory:
        measure(options, directory)


def measure(options: argparse.Namespace, directory: Path | None) -> None:
    """Prints the figures of `compact`, or of a generated directory."""
    n_threads = 1 if options.processor_time else None
    clock = time.process_time if options.processor_time else time.perf_counter
    if n_threads:
        import torch

        torch.set_num_threads(n_threads)
    engine = Registry().load(str(directory or options.engine), options.precision)
    sound = sample(options.seconds)
    sound += 0.01 * np.random.default_rng(0).standard_normal(len(sound)).astype(np.float32)
    generate = funasr_generate(directory, n_threads) if directory else None
    ours, theirs = [], []
    for turn in range(options.repeat + 1):  # the first time does not count
        seconds = _seconds(lambda: scores(engine, sound), clock)
        ours += [seconds] if turn else []
        if generate is not None:
            seconds = _seconds(lambda: generate(sound), clock)
            theirs += [seconds] if turn else []
    best_s = min(ours)
    settings = "one thread" if n_threads else "default settings"
    Figure(
        "seconds_per_second",
        round(options.seconds / best_s, 2),
        f"s/s ({engine.precision})",
        against=f"FunASR's generate, {settings}, fp32" if theirs else None,
        ratio=round(min(theirs) / best_s, 2) if theirs else None,
        limit=None,
    ).show()
    peak = matrix_peak(engine.precision, clock)
    bandwidth = copy_bandwidth(clock)
    with in_one_thread():  # what other threads do is not counted
        work = flops_of(lambda: scores(engine, sound, batch=1))
    share = round(work / best_s / peak, 3)
    Figure("peak_share", share, f"of the {engine.precision} matrix peak", limit=1.0).show()
    Figure("matrix_peak", round(peak / 1e9, 1), "GFLOP/s").show()
    Figure("copy_bandwidth", round(bandwidth / 1e9, 1), "GB/s").show()
    Figure("work", round(work / options.seconds / 1e9, 2), "GFLOP for a second of audio").show()
    if generate is not None and isinstance(engine, Emotion2vecEngine):
        _show_parity(engine, generate, sound)
    if options.profile:
        with in_one_thread():
            parts = profiled.profiled(lambda: scores(engine, sound, batch=1))
        profiled.show(parts, peak, bandwidth)


def _show_parity(
    engine: Emotion2vecEngine, generate: Callable[[Floats], Any], sound: Floats
) -> None:
    """Prints how far answers are from FunASR's, for a second and for all up to a window."""
    sounds = [sound[:SAMPLE_RATE], sound[: round(engine.windowing.window_s * SAMPLE_RATE)]]
    with exact_products():
        answers = [generate(one)[0] for one in sounds]
    found = compared(answers, [engine.run(one[np.newaxis])[0] for one in sounds], engine._scores)
    exact = engine.precision == "fp32"
    unit = f"largest difference from FunASR's ({engine.precision})"
    limit = TOLERANCE if exact else None
    Figure("parity_scores", _short(found.scores), unit, limit=limit).show()
    Figure("parity_embeddings", _short(found.embeddings), unit, limit=limit).show()
    Figure("parity_cosine", round(found.cosine, 7), "least", limit=LEAST_COSINE).show()


def _short(value: float) -> float:
    return float(f"{value:.2g}")


def scores(engine: Engine, sound: Floats, batch: int | None = None) -> Floats:
    """Returns softmax(mean of the logits) over a sound of any length, shape `(9,)`."""
    total, n_frames = np.zeros(9), 0
    for frames in run_windowed(engine, [sound], batch):
        total += frames.logits.sum(axis=0)
        n_frames += len(frames)
    raised = np.exp(total / n_frames - (total / n_frames).max())
    answer: Floats = (raised / raised.sum()).astype(np.float32)
    return answer


def _seconds(work: Callable[[], Any], clock: Callable[[], float]) -> float:
    start_s = clock()
    work()
    return clock() - start_s


if __name__ == "__main__":
    main()
