"""What the library survives: mutated files, kills at random moments, several writers at once.

    python -m benchmarks.faults [--fuzz N [--first NUMBER] [--files FOLDER]] [--kills N] [--writers N]

Fuzz: recordings of several formats, or the files of a folder up to 1 MB, with bytes changed, cut out,
doubled or cut off are analysed; one survives if it gives a result or a sentence within a minute. Kills:
a batch is ended by SIGKILL at a random moment; one survives if the store is then sound and holds all
that was told as done, and nothing twice. Writers: each analyses recordings of its own (200) into one
store at the same time as the others. The engine is one that costs nothing, as decoding and storing are
what is tried.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import av
import numpy as np

from benchmarks.figures import Figure
from core.audio.decode import SAMPLE_RATE
from core.batch import Input, run
from core.emotions import N_EMOTIONS
from core.engines.base import HOP_SAMPLES, Floats, Frames, Windowing
from core.findings import Found
from core.pipeline import Pipeline
from core.settings import PROJECT_ROOT
from core.store.check import check
from core.store.store import Store

FORMATS = {
    ".wav": "pcm_s16le",
    ".flac": "flac",
    ".mp3": "libmp3lame",
    ".m4a": "aac",
    ".ogg": "libopus",
    ".webm": "libopus",
    ".aiff": "pcm_s16be",
    ".caf": "pcm_s16le",
    ".mka": "libopus",
    ".aac": "aac",
    ".au": "pcm_s16be",
    ".ts": "aac",
    ".wv": "wavpack",
    ".tta": "tta",
    ".mov": "pcm_s16le",
}
LONGEST_S = 60.0
MOST_BYTES = 1 << 20


class Cheap:
    """An engine that answers the level of the sound: fast, and never a result to keep."""

    name = "cheap"
    engine_id = "cheap-000000000000"
    n_dims = 2
    class_mask = (True,) * N_EMOTIONS
    offset_s = 0.0
    windowing = Windowing(window_s=10.0, overlap_s=2.0)
    together = 1
    precision = "fp32"
    temperatures = None
    remark = None

    def n_frames(self, n_samples: int) -> int:
        """Returns how many frames a waveform gives."""
        return n_samples // HOP_SAMPLES

    def run(self, waveforms: Floats) -> list[Frames]:
        """Returns the frames of waveforms, shape `(n, n_samples)`."""
        n = self.n_frames(waveforms.shape[1])
        levels = np.abs(waveforms[:, : n * HOP_SAMPLES]).reshape(len(waveforms), n, -1).mean(axis=2)
        logits = np.zeros((len(waveforms), n, N_EMOTIONS), np.float32)
        logits[:, :, 0] = levels
        vectors = np.stack([levels, 1 - levels], axis=2).astype(np.float32)
        return [Frames(*pair) for pair in zip(logits, vectors, strict=True)]


def main() -> None:
    """Prints the figures, or does the work of one child."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fuzz", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first mutated file")
    parser.add_argument("--files", type=Path, help="folder of files to mutate (default: made up)")
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--writers", type=int, default=0)
    parser.add_argument("--each", type=int, default=200, help="recordings of each writer")
    parser.add_argument("--work", nargs="+", metavar="STORE FILE", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        _work(Path(options.work[0]), sorted(Path(options.work[1]).iterdir()))
        return
    with TemporaryDirectory() as folder:
        if options.fuzz:
            place, first = Path(folder) / "fuzz", options.first
            survived, longest_s = fuzz(place, options.fuzz, first=first, given=options.files)
            Figure("fuzz_survived", survived, "files", limit=options.fuzz).show()
            Figure("fuzz_longest_s", round(longest_s, 1), "s", limit=LONGEST_S).show()
        if options.kills:
            survived = kills(Path(folder) / "kills", options.kills)
            Figure("kills_survived", survived, "kills", limit=options.kills).show()
        if options.writers:
            rows = writers(Path(folder) / "writers", options.writers, options.each)
            limit = options.writers * options.each
            Figure("writers_rows", rows, "recordings, each once", limit=limit).show()


class Watched(Pipeline):
    """Keeps how long each file took."""

    def __init__(self) -> None:
        super().__init__(Cheap())
        self.took_s: dict[str, float] = {}

    def find(self, path: Path, *args: Any, **options: Any) -> Found:
        """Analyses a file."""
        start_s = time.monotonic()
        found = super().find(path, *args, **options)
        self.took_s[path.name] = time.monotonic() - start_s
        return found


def fuzz(
    folder: Path, n: int, seed: int = 0, first: int = 0, given: Path | None = None
) -> tuple[int, float]:
    """Returns how many mutated files gave a result or a sentence in time, and the longest time.

    Args:
        folder: for the files and the store.
        n: files.
        seed: of the mutations; the file of a number is the same in every run.
        first: number of the first file.
        given: folder of files to mutate, or None for recordings that are made up.
    """
    folder.mkdir(parents=True)
    sources = list(_sources(folder / "sources")) if given is None else _small(given)
    watched, store = Watched(), Store(folder / "store")
    survived, longest_s = 0, 0.0

    def files() -> Iterator[Input]:
        for number in range(first, first + n):
            source = sources[number % len(sources)]
            path = folder / f"{number}{source.suffix}"
            path.write_bytes(mutated(source.read_bytes(), random.Random(f"{seed} {number}")))
            yield Input(str(path))

    for item, tracks in run(watched, files(), store):
        outcome, path = tracks[0][1], Path(item.place)
        took_s, told = watched.took_s.pop(path.name), outcome.error or ""
        fine = outcome.status in ("done", "skipped") or told.endswith(".")
        fine = fine and "fault of the program" not in told and took_s < LONGEST_S
        if not fine or took_s > longest_s:
            print(f"{path.name}, {took_s:.1f} s: {outcome}", file=sys.stderr, flush=True)
        longest_s = max(longest_s, took_s)
        survived += fine
        path.unlink()
    return (survived if check(store).ok else 0), longest_s


def mutated(data: bytes, rng: random.Random) -> bytes:
    """Returns bytes of a file that something happened to, one to four times."""
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(max(1, min(len(data), rng.choice((64, 4096, 1 << 30)))))
        long = rng.choice((1, 4, 64, 4096))
        how = rng.randrange(5)
        if how == 0:
            data = data[:at] + rng.randbytes(long) + data[at + long :]
        elif how == 1:
            data = data[:at] + data[at + long :]
        elif how == 2:
            data = data[:at] + data[at : at + long] * 3 + data[at + long :]
        elif how == 3:
            data = data[:at]
        else:
            data = data[:at] + bytes([rng.choice((0, 0x7F, 0xFF))]) * long + data[at + long :]
    return data


def kills(folder: Path, n: int, seed: int = 0) -> int:
    """Returns after how many kills the store was sound and had lost nothing."""
    rng = random.Random(seed)
    folder.mkdir(parents=True)
    survived = 0
    for number in range(n):
        if number % 10 == 0:  # from time to time a new store, as a finished batch has nothing to do
            files = write_files(folder / f"in{number}", 12)
            root = folder / f"store{number}"
        with _child(root, files) as child:
            if child.stdout is None:
                raise RuntimeError("the child has no output")
            child.stdout.readline()
            time.sleep(rng.uniform(0.0, 1.0))
            os.kill(child.pid, signal.SIGKILL)
            told = {line.split()[1] for line in child.stdout if line.count(" ") == 1}
        store = Store(root)
        found = check(store)
        there = [store.table(name)["recording"].to_pylist() for name in ("tracks", "runs")]
        once = all(len(set(rows)) == len(rows) for rows in there)
        survived += found.ok and once and all(told <= set(rows) for rows in there)
    return survived


def writers(folder: Path, n: int, each: int) -> int:
    """Returns how many recordings are there, once and whole, after writers have written at once."""
    folder.mkdir(parents=True)
    inputs = [write_files(folder / f"in{number}", each, first=number * each) for number in range(n)]
    children = [_child(folder / "store", files) for files in inputs]
    for child in children:
        child.communicate()
    store = Store(folder / "store")
    rows = store.table("tracks")["recording"].to_pylist()
    return len(rows) if check(store).ok and len(set(rows)) == len(rows) else 0


def write_files(folder: Path, n: int, first: int = 0) -> Path:
    """Writes short recordings that differ from one another; returns their folder."""
    folder.mkdir(parents=True)
    for number in range(first, first + n):
        _write(folder / f"{number:05d}.wav", _sound(0.6, 200 + number / 4), "pcm_s16le")
    return folder


def _small(folder: Path) -> list[Path]:
    """Returns the files of a folder and below that are worth mutating many times."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return [path for path in files if path.stat().st_size <= MOST_BYTES]


def _sources(folder: Path) -> Iterator[Path]:
    folder.mkdir()
    for suffix, codec in FORMATS.items():
        yield _write(folder / f"source{suffix}", _sound(2.0, 220.0), codec)


def _sound(seconds: float, hz: float) -> np.ndarray:
    times = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return (0.3 * np.sin(2 * np.pi * hz * times)).astype(np.float32)


def _write(path: Path, samples: np.ndarray, codec: str) -> Path:
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=SAMPLE_RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
        frame.sample_rate, frame.pts = SAMPLE_RATE, 0
        for part in av.AudioResampler(stream.format, "mono", stream.rate).resample(frame):
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))
    return path


def _child(root: Path, files: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "benchmarks.faults", "--work", str(root), str(files)]
    return subprocess.Popen(command, cwd=PROJECT_ROOT, stdout=subprocess.PIPE, text=True)


def _work(root: Path, files: list[Path]) -> None:
    """Analyses files and tells each as it is stored."""
    pipeline, store = Pipeline(Cheap()), Store(root)
    print("ready", flush=True)
    for _, tracks in run(pipeline, [Input(str(path)) for path in files], store):
        print(tracks[0][1].status, tracks[0][1].recording, flush=True)


if __name__ == "__main__":
    main()
