"""How fast a batch of files is analysed, against a plain loop of the same steps.

    python -m benchmarks.batch --hours N [--engine compact]

The files are the recordings beside the project, over and over, each made another by a few silent
samples; without them, the project's own samples. The plain loop decodes a file whole, asks Silero
VAD's own package for speech, runs the engine over windows and writes to the store, file by file. Both
are processes of their own, in turn on the same files.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
import wave
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.figures import Figure
from core.audio.decode import SAMPLE_RATE, open_audio
from core.batch import Input, run
from core.engines.registry import Registry
from core.engines.windows import run_windowed
from core.pipeline import Pipeline
from core.settings import PROJECT_ROOT, SAMPLES_DIR
from core.store.store import Store

SPEECH = PROJECT_ROOT.parent / "shared" / "data" / "speech"
USED = 0.85


def main() -> None:
    """Prints the figures, or does the work of one child."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=0.1)
    parser.add_argument("--engine", default="compact")
    parser.add_argument("--minutes-a-file", type=float, default=1.0)
    parser.add_argument("--work", nargs=2, metavar=("WAY", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        way, folder = options.work
        print(json.dumps(WAYS[way](options.engine, Path(folder))))
        return
    with TemporaryDirectory() as folder:
        n = max(1, round(options.hours * 60 / options.minutes_a_file))
        write_files(Path(folder), n, options.minutes_a_file)
        told = {way: _child(way, options.engine, Path(folder)) for way in WAYS}
    hours = n * options.minutes_a_file / 60
    speeds = {way: hours * 3600 / found["wall_s"] for way, found in told.items()}
    Figure(
        "hours_per_hour",
        round(speeds["batch"], 1),
        "h/h",
        against="plain loop: decode, Silero's own VAD, engine, write",
        ratio=round(speeds["batch"] / speeds["plain"], 2),
        limit=2.0,
    ).show()
    used = told["batch"]["cpu_s"] / told["batch"]["wall_s"] / told["batch"]["cores"]
    Figure("processor_use", round(used, 3), "share of all cores", limit=USED).show()


def write_files(folder: Path, n_files: int, minutes: float) -> None:
    """Writes files of speech at 16 kHz that differ from one another."""
    sounds = _sounds()
    for number in range(n_files):
        parts, left = [np.zeros(160 * (number + 1), np.float32)], round(minutes * 60 * SAMPLE_RATE)
        left -= len(parts[0])
        while left > 0:
            parts.append(next(sounds)[:left])
            left -= len(parts[-1])
        data = (np.clip(np.concatenate(parts), -1, 1) * 32767).astype("<i2")
        with wave.open(str(folder / f"{number:05d}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(SAMPLE_RATE)
            file.writeframes(data.tobytes())


def _sounds() -> Iterator[np.ndarray]:
    found = sorted(p for p in SPEECH.rglob("*") if p.suffix in (".wav", ".flac", ".mp3", ".ogg"))
    files = found[:: max(1, len(found) // 100)] or sorted(SAMPLES_DIR.glob("*.mp3"))
    known = []
    for path in files:
        with open_audio(path) as audio:
            known.append(np.concatenate(list(audio.samples())))
        yield known[-1]
    while True:
        yield from known


def _batch(engine: str, folder: Path) -> dict[str, float]:
    pipeline = Pipeline(Registry().load(engine))
    inputs = [Input(str(path)) for path in sorted(folder.glob("*.wav"))]
    with TemporaryDirectory() as store:
        start = _clock()
        for _, tracks in run(pipeline, inputs, Store(Path(store))):
            if tracks[0][1].status != "done":
                raise RuntimeError(tracks[0][1].error)
        return _spent(start)


def _plain(engine_name: str, folder: Path) -> dict[str, float]:
    """What somebody would write who knows the packages: no survey of quality, no summing as it comes."""
    import torch
    from silero_vad import get_speech_timestamps, load_silero_vad

    threads = torch.get_num_threads()
    engine, vad = Registry().load(engine_name), load_silero_vad()
    torch.set_num_threads(threads)
    with TemporaryDirectory() as place:
        store = Store(Path(place))
        start = _clock()
        for number, path in enumerate(sorted(folder.glob("*.wav"))):
            with open_audio(path) as audio:
                samples = np.concatenate(list(audio.samples()))
            get_speech_timestamps(torch.from_numpy(samples), vad, return_seconds=True)
            logits = np.concatenate([part.logits for part in run_windowed(engine, [samples])])
            _write(store, number, logits)
        return _spent(start)


def _write(store: Store, number: int, logits: np.ndarray) -> None:
    import pyarrow as pa

    from core.emotions import EMOTIONS
    from core.store.schema import TABLES

    columns = {str(name): logits[:, i] for i, name in enumerate(EMOTIONS)}
    columns |= {
        "attempt": np.full(len(logits), number),
        "frame": np.arange(len(logits), dtype="i4"),
    }
    rows = pa.table(columns | {"speech": np.ones(len(logits), bool)})
    schema = TABLES["frames"].schema
    store.lake.append("frames", rows.select(schema.names).cast(schema))


WAYS = {"plain": _plain, "batch": _batch}


def _clock() -> tuple[float, float]:
    return time.perf_counter(), _cpu_s()


def _spent(start: tuple[float, float]) -> dict[str, float]:
    import os

    from core.audio import workers

    wall_s = time.perf_counter() - start[0]
    workers.POOL.close()  # a child's processor time counts when it has ended
    return {"wall_s": wall_s, "cpu_s": _cpu_s() - start[1], "cores": os.cpu_count() or 1}


def _cpu_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _child(way: str, engine: str, folder: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.batch", "--engine", engine]
    done = subprocess.run(
        [*command, "--work", way, str(folder)],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    print(f"{way}: {found}", file=sys.stderr, flush=True)
    return found


if __name__ == "__main__":
    main()
