"""How fast a batch of files is analysed, against a plain loop that does the same work.

    python -m benchmarks.batch --hours N [--engine compact]

The files are the recordings beside the project, over and over, each made another by a few silent
samples; without them, the project's own samples. The plain loop takes file by file: it decodes it whole
(once, where the batch decodes twice), measures its quality, asks Silero VAD's own package for speech,
runs the engine over windows, cuts segments and writes all of it to a store: the same rows as the batch.
`one_after_another` compares with the batch's own parts in such a loop, without anything at the same
time. Loops take an hour of the files at most, as they are as fast on all of them. Each is a process of
its own, in turn. `processor_use` is the batch's processor time over that and what both cores were idle
meanwhile: what other programs took on a busy machine was not the batch's to have, and on a quiet one it
is the share of all cores. `kill_cost` is a batch killed by SIGKILL half way: what was analysed and not
stored.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import psutil

from benchmarks.figures import Figure
from core.audio.decode import SAMPLE_RATE, open_audio
from core.audio.quality import QualityMeter
from core.batch import TOGETHER, Input, run
from core.engines.registry import Registry
from core.findings import Found
from core.pipeline import Pipeline
from core.records import Outcome, Span, Survey
from core.settings import PROJECT_ROOT, SAMPLES_DIR
from core.store.check import check
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
    parser.add_argument("--store", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.store:
        _told(options.engine, Path(options.work[1]), options.store)
        return
    if options.work:
        way, folder = options.work
        print(json.dumps(WAYS[way](options.engine, Path(folder))))
        return
    with TemporaryDirectory() as folder:
        files = Path(folder) / "files"
        files.mkdir()
        n = max(1, round(options.hours * 60 / options.minutes_a_file))
        write_files(files, n, options.minutes_a_file)
        told = {way: _child(way, options.engine, files) for way in WAYS}
        made, kept = kill_half_way(options.engine, files, Path(folder) / "store")
    speeds = {
        way: one["n_files"] * options.minutes_a_file * 60 / one["wall_s"]
        for way, one in told.items()
    }
    Figure(
        "hours_per_hour",
        round(speeds["batch"], 1),
        "h/h",
        against="plain loop of the same work: decode, quality, Silero's own VAD, engine, write",
        ratio=round(speeds["batch"] / speeds["plain"], 2),
        limit=2.0,
    ).show()
    spent = told["batch"]
    used = spent["cpu_s"] / (spent["cpu_s"] + spent["idle_s"])
    of_all = spent["cpu_s"] / spent["wall_s"] / spent["cores"]
    Figure(
        "processor_use",
        round(used, 3),
        "share of what other programs left of the cores",
        against=f"of all cores: {of_all:.3f}",
        limit=USED,
    ).show()
    Figure(
        "one_after_another",
        round(speeds["single"], 1),
        "h/h",
        against="the batch, by the very same parts",
        ratio=round(speeds["single"] / speeds["batch"], 2),
    ).show()
    Figure("kill_cost", made - kept, "files analysed again", limit=TOGETHER).show()


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
            _must_be_done(tracks[0][1])
        return _spent(start, len(inputs))


def _single(engine: str, folder: Path) -> dict[str, float]:
    pipeline = Pipeline(Registry().load(engine))
    files = _hour(folder)
    with TemporaryDirectory() as place:
        store = Store(Path(place))
        start = _clock()
        for path in files:
            _must_be_done(pipeline.analyze(path, store))
        return _spent(start, len(files))


def _plain(engine: str, folder: Path) -> dict[str, float]:
    """The loop that somebody would write who knows the packages."""
    import torch
    from silero_vad import get_speech_timestamps, load_silero_vad

    import core.pipeline

    threads = torch.get_num_threads()
    vad, held = load_silero_vad(), {}
    torch.set_num_threads(threads)  # loading it leaves one

    def survey(path: Path, *_: object) -> Survey:
        meter = QualityMeter()
        with open_audio(path) as audio:
            held[path] = samples = np.concatenate(list(audio.samples()))
        meter.feed(samples)
        stamps = get_speech_timestamps(torch.from_numpy(samples), vad)
        speech = tuple(Span(s["start"] / SAMPLE_RATE, s["end"] / SAMPLE_RATE) for s in stamps)
        heard = Span(0.0, len(samples) / SAMPLE_RATE)
        quality = meter.finish(speech, heard, audio.levels, audio.gap_s)
        return Survey(
            info=audio.info,
            n_samples=len(samples),
            duration_s=quality.duration_s,
            speech=speech,
            level_db=quality.level_db,
            warnings=audio.warnings,
            quality=quality,
        )

    @contextmanager
    def open_heard(path: Path, *_: object) -> Iterator[list[np.ndarray]]:
        yield [held.pop(path)]

    core.pipeline.survey, core.pipeline.open_heard = survey, open_heard
    return _single(engine, folder)


def _hour(folder: Path) -> list[Path]:
    """Returns the first files, an hour of them at most."""
    files = sorted(folder.glob("*.wav"))
    with wave.open(str(files[0])) as first:
        seconds = first.getnframes() / first.getframerate()
    return files[: max(1, round(3600 / seconds))]


def _must_be_done(outcome: Outcome) -> None:
    if outcome.status != "done":
        raise RuntimeError(outcome.error)


def kill_half_way(engine: str, folder: Path, root: Path) -> tuple[int, int]:
    """Returns how many files a batch had analysed when it was killed, and how many are stored."""
    files = _hour(folder)
    command = [sys.executable, "-m", "benchmarks.batch", "--engine", engine]
    command += ["--work", "told", str(folder), "--store", str(root)]
    with subprocess.Popen(command, cwd=PROJECT_ROOT, stdout=subprocess.PIPE, text=True) as child:
        if child.stdout is None:
            raise RuntimeError("the child has no output")
        made = 0
        for line in child.stdout:
            made += line == "found\n"
            if made > len(files) // 2:
                child.kill()
                break
        made += sum(line == "found\n" for line in child.stdout)
    store = Store(root)
    if not check(store).ok:
        raise RuntimeError("the store is not sound after a kill")
    return made, len(store.table("tracks"))


def _told(engine: str, folder: Path, root: Path) -> None:
    """Analyses an hour of the files, and says so of each as soon as it is analysed."""

    class Telling(Pipeline):
        def find(self, *args: Any, **options: Any) -> Found:
            found = super().find(*args, **options)
            print("found", flush=True)
            return found

    inputs = [Input(str(path)) for path in _hour(folder)]
    for _ in run(Telling(Registry().load(engine)), inputs, Store(root)):
        pass


WAYS = {"plain": _plain, "single": _single, "batch": _batch}


def _clock() -> tuple[float, float, float]:
    return time.perf_counter(), _cpu_s(), _idle_s()


def _spent(start: tuple[float, float, float], n_files: int) -> dict[str, float]:
    from core.audio import workers

    wall_s, idle_s = time.perf_counter() - start[0], _idle_s() - start[2]
    workers.POOL.close()  # a child's processor time counts when it has ended
    return {
        "n_files": n_files,
        "wall_s": wall_s,
        "cpu_s": _cpu_s() - start[1],
        "idle_s": idle_s,
        "cores": psutil.cpu_count() or 1,
    }


def _idle_s() -> float:
    """Returns how long all cores together have had nothing to do."""
    times = psutil.cpu_times()
    return float(times.idle + getattr(times, "iowait", 0.0))


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
