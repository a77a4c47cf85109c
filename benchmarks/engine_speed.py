"""How fast an engine is, beside FunASR on the same weights and beside what the machine can do.

    python -m benchmarks.engine_speed (--shape base|large | --engine compact) --seconds N
                                      [--precision auto|fp32|bf16] [--repeat 5]
                                      [--processor-time]

From samples to scores with the model loaded; the best of `--repeat`, ours and FunASR's in turn. With
`--processor-time` everything has one thread, and its processor time is what counts: for a machine
that has other work as well.
"""

import argparse
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.figures import Figure
from benchmarks.generated import SHAPES, funasr_generate, model_directory
from benchmarks.machine import copy_bandwidth, flops_of, matrix_peak
from core.engines.base import Engine, Floats
from core.engines.precision import PRECISIONS
from core.engines.registry import Registry
from core.engines.sample import sample
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
    options = parser.parse_args()
    with model_directory(options.shape) if options.shape else nullcontext() as directory:
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
    # Work is counted in this thread alone, where a window by itself is run.
    work = flops_of(lambda: scores(engine, sound, batch=1))
    share = round(work / best_s / peak, 3)
    Figure("peak_share", share, f"of the {engine.precision} matrix peak", limit=1.0).show()
    Figure("matrix_peak", round(peak / 1e9, 1), "GFLOP/s").show()
    Figure("copy_bandwidth", round(copy_bandwidth(clock) / 1e9, 1), "GB/s").show()
    Figure("work", round(work / options.seconds / 1e9, 2), "GFLOP for a second of audio").show()


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
