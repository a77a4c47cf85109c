"""What a long recording takes: memory and time of a whole analysis, from the file to the store.

    python -m benchmarks.long_recording --minutes N (--engine compact | --shape base|large)
                                        [--points 5,10,N] [--funasr-minutes 4]

Each duration is a process of its own, engine loaded; its memory is the most it ever held, the child
that decodes apart. With a shape, FunASR's `generate` on the same weights has the same memory as
limit for a recording of 4 minutes.
"""

import argparse
import json
import math
import resource
import statistics
import subprocess
import sys
import time
import wave
from contextlib import nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.figures import Figure
from benchmarks.generated import SHAPES, funasr_generate, model_directory
from core.audio.decode import SAMPLE_RATE, open_audio
from core.engines.registry import Registry
from core.pipeline import Pipeline
from core.settings import PROJECT_ROOT, SAMPLES_DIR
from core.store.store import Store

LIMITS_GB = {"compact": 2.0, "tiny": 2.0, "base": 5.0, "large": 5.0}
GROWTH_GB = 0.3
EXPONENT = 1.05
GIB = 2**30


def main() -> None:
    """Prints the figures, or does the work of one child."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--engine", choices=("compact",))
    which.add_argument("--shape", choices=SHAPES)
    parser.add_argument("--points", help="minutes measured, by default 5,10,N")
    parser.add_argument("--funasr-minutes", type=float, default=4.0)
    parser.add_argument("--analyse", nargs=2, metavar=("ENGINE", "FILE"), help=argparse.SUPPRESS)
    parser.add_argument(
        "--generate", nargs=3, metavar=("DIR", "FILE", "GB"), help=argparse.SUPPRESS
    )
    options = parser.parse_args()
    if options.analyse:
        print(json.dumps(_analyse(*options.analyse)))
    elif options.generate:
        directory, file, limit_gb = options.generate
        print(json.dumps(_generate(Path(directory), file, float(limit_gb))))
    elif options.minutes and (options.engine or options.shape):
        measure(options)
    else:
        parser.error("give --minutes and either --engine or --shape")


def measure(options: argparse.Namespace) -> None:
    """Prints the figures of one engine."""
    points = [float(part) for part in (options.points or "5,10").split(",")]
    points = sorted({point for point in points if point < options.minutes} | {options.minutes})
    limit_gb = LIMITS_GB[options.engine or options.shape]
    found = {}
    with (
        TemporaryDirectory() as folder,
        model_directory(options.shape) if options.shape else nullcontext() as directory,
    ):
        for minutes in points:
            file = write_talk(Path(folder) / "talk.wav", minutes)
            found[minutes] = _child("--analyse", str(directory or options.engine), str(file))
            print(f"{minutes:g} minutes: {found[minutes]}", file=sys.stderr, flush=True)
        last = found[points[-1]]
        peak_gb, seconds = last["peak_gb"], last["seconds"]
        Figure("peak_memory_gb", round(peak_gb, 3), "GB", limit=limit_gb).show()
        base = found.get(10.0, found[points[0]])["peak_gb"]
        Figure("memory_growth_gb", round(peak_gb - base, 3), "GB", limit=GROWTH_GB).show()
        slope = exponent({minutes: told["seconds"] for minutes, told in found.items()})
        Figure("time_exponent", slope, "slope of log time on log duration", limit=EXPONENT).show()
        speed = round(options.minutes * 60 / seconds, 2)
        Figure("seconds_per_second", speed, "s/s, decoding to storing").show()
        if directory:
            file = write_talk(Path(folder) / "talk.wav", options.funasr_minutes)
            told = _child("--generate", str(directory), str(file), str(limit_gb))
            value = told.get("peak_gb")
            why = f"FunASR's generate, {options.funasr_minutes:g} min: {told.get('error', 'ran')}"
            Figure("funasr_memory_gb", value, "GB", against=why, limit=limit_gb).show()


def exponent(seconds: dict[float, float]) -> float | None:
    """Returns the slope of log time on log duration, or None for a single duration.

    Args:
        seconds: the time that each duration took.
    """
    if len(seconds) < 2:
        return None
    durations = [math.log(minutes) for minutes in seconds]
    times = [math.log(time_s) for time_s in seconds.values()]
    return round(statistics.linear_regression(durations, times).slope, 3)


def write_talk(path: Path, minutes: float) -> Path:
    """Writes the project's sample of a phone call over and over, at 16 kHz; returns the path."""
    with open_audio(SAMPLES_DIR / "synthetic_phone_call.mp3") as audio:
        call = np.concatenate(list(audio.samples()))
    data = (np.clip(call, -1, 1) * 32767).astype("<i2")
    left = round(minutes * 60 * SAMPLE_RATE)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        while left > 0:
            file.writeframes(data[:left].tobytes())
            left -= len(data)
    return path


def _analyse(engine_name: str, file: str) -> dict[str, float]:
    pipeline = Pipeline(Registry().load(engine_name))
    with TemporaryDirectory() as folder:
        start_s = time.perf_counter()
        outcome = pipeline.analyze(Path(file), Store(Path(folder)))
        seconds = time.perf_counter() - start_s
    if outcome.status != "done":
        raise RuntimeError(outcome.error)
    return {"peak_gb": peak_gb(), "seconds": seconds}


def _generate(directory: Path, file: str, limit_gb: float) -> dict[str, float]:
    generate = funasr_generate(directory)
    with open_audio(Path(file)) as audio:
        sound = np.concatenate(list(audio.samples()))
    # Of address space, where libraries and threads take 4 GB that are never touched.
    limit = round((limit_gb + 4) * GIB)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    generate(sound)
    return {"peak_gb": peak_gb()}


def peak_gb() -> float:
    """Returns the most memory that this process ever held, GB (Linux).

    `ru_maxrss` would not do: across fork and exec it starts at what the parent held.
    """
    status = Path("/proc/self/status").read_text(encoding="ascii")
    kilobytes = next(line for line in status.splitlines() if line.startswith("VmHWM:")).split()[1]
    return int(kilobytes) * 1024 / 1e9


def _child(*arguments: str) -> dict[str, float]:
    """Returns what a process of its own tells; of one that failed, the end of what it said."""
    command = [sys.executable, "-m", "benchmarks.long_recording", *arguments]
    done = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
        return told
    if arguments[0] == "--analyse":
        raise RuntimeError(done.stderr)
    said = (done.stderr.strip().splitlines() or [f"ended by signal {-done.returncode}"])[-1]
    return {"error": said[:160]}  # type: ignore[dict-item]


if __name__ == "__main__":
    main()
