"""The command `analyze`: files, folders, patterns, lists and URLs into the store."""

import argparse
import glob
import time
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from core import answers, batch, cli_answer, distributed
from core.api import Tonescope
from core.batch import Input
from core.errors import AudioError, ConsentError
from core.media_files import find_files
from core.pipeline import Pipeline
from core.provenance import readable
from core.records import Metadata
from core.settings import SAMPLES_DIR, Analysis, Conditioning, Speakers


def add_analyze(commands: Any) -> argparse.ArgumentParser:
    """Adds the command; returns its parser, which still lacks the options of store and engines."""
    analyze: argparse.ArgumentParser = commands.add_parser(
        "analyze", help="analyse files or folders into the store"
    )
    analyze.add_argument(
        "paths", nargs="*", metavar="PATH", help="files, folders, patterns, or URLs (fsspec)"
    )
    analyze.add_argument("--list", type=Path, metavar="FILE", help="and what this lists, by lines")
    analyze.add_argument("--session", help="the session that all of them belong to")
    analyze.add_argument("--speaker", help="who speaks in all of them")
    analyze.add_argument("--tags", help="tags for all of them, separated by commas")
    analyze.add_argument(
        "--outputs", type=Path, metavar="DIR", help="also write a folder of results for each"
    )
    analyze.add_argument(
        "--speakers",
        default=Speakers.NONE,
        metavar="none|auto|N",
        help="tell speakers apart by their voices: find out how many, or N of them (default: none)",
    )
    analyze.add_argument(
        "--channels",
        choices=["mix", "each"],
        default="mix",
        help="each: a track and a speaker for each channel (default: mix)",
    )
    analyze.add_argument(
        "--at-once", type=_count, default=batch.AT_ONCE, metavar="N", help="files worked on at once"
    )
    analyze.add_argument(
        "--cluster",
        metavar="ADDRESS",
        help="on a Ray cluster: local starts one here; auto, HOST:PORT or ray://HOST:PORT joins one",
    )
    analyze.add_argument(
        "--workers", type=_count, metavar="N", help="of the cluster (default: one a GPU, or a core)"
    )
    analyze.add_argument(
        "--retries", type=_count, default=0, metavar="N", help="try what fails again (default: 0)"
    )
    analyze.add_argument(
        "--dry-run", action="store_true", help="only say how much there is and how long it takes"
    )
    analyze.set_defaults(command=partial(_analyze, analyze))
    return analyze


def _analyze(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    if not options.paths and not options.list:
        parser.error("name what to analyse, or a --list of it")
    conditioning = Conditioning(
        channel=options.channel,
        noise_reduction=options.noise_reduction,
        trim_silence=options.trim_silence,
    )
    scope = Tonescope(options.store, Analysis(conditioning, speakers=options.speakers))
    inputs = _inputs([*options.paths, *(_listed(options.list) if options.list else ())])
    if not inputs:
        cli_answer.say(
            "tonescope: what was named holds no media; name a file, or a folder with recordings."
        )
        return 1
    each = options.channels == "each"
    pipeline = scope.pipeline(options.engine, options.precision, each_channel=each)
    if options.dry_run:
        return _expect(inputs, scope, options)
    tags = tuple(tag.strip() for tag in (options.tags or "").split(",") if tag.strip())
    metadata = Metadata(options.session, options.speaker, tags=tags)
    counts = {"done": 0, "skipped": 0, "failed": 0}
    progress = _Progress(inputs)
    run = partial(batch.run, at_once=max(1, options.at_once))
    if options.cluster:
        precision = pipeline.engine.precision  # `auto` could mean another one at a worker
        run = partial(
            distributed.run,
            address=options.cluster,
            load=partial(distributed.load_engine, options.engine, precision),
            workers=options.workers or None,
        )
    for item, tracks in run(pipeline, inputs, scope.store, metadata, retries=options.retries):
        for mine, outcome in tracks:
            counts[outcome.status] += 1
            cli_answer.answer(answers.outcome(outcome))
            if options.outputs and outcome.status != "failed":
                if item.remote:
                    cli_answer.say(
                        f"no folder of results for {item.place}, as its sound was not kept"
                    )
                    continue
                _write_outputs(scope, Path(item.place), mine, options.outputs)
        progress.tell(item, any(outcome.status == "skipped" for _, outcome in tracks))
    cli_answer.say(", ".join(f"{count} {status}" for status, count in counts.items()))
    return 1 if counts["failed"] else 0


def _write_outputs(scope: Tonescope, path: Path, mine: Pipeline, folder: Path) -> None:
    try:
        cli_answer.say(f"wrote {scope.write_outputs(path, mine, folder)}")
    except ConsentError as error:
        cli_answer.say(f"no folder of results for {readable(path)}: {error}")


def _inputs(given: Sequence[str]) -> list[Input]:
    """Returns the files that paths, patterns and URLs stand for, each once."""
    found: dict[str, None] = {}
    passed_over = 0
    for text in given:
        if "://" in text:
            found.update(dict.fromkeys(_remote(text)))
            continue
        pattern = not Path(text).exists() and glob.has_magic(text)
        for path in sorted(glob.glob(text, recursive=True)) if pattern else [text]:  # noqa: PTH207
            local = find_files([Path(path)])
            passed_over += local.passed_over
            found.update(dict.fromkeys(str(file) for file in local.files))
    if passed_over:
        cli_answer.say(f"passed over {passed_over} file(s) that are no media")
    return [Input(place) for place in found]


def _remote(url: str) -> list[str]:
    """Returns the URLs that a pattern stands for; other URLs as they are."""
    if not glob.has_magic(url.partition("://")[2].partition("?")[0]):
        return [url]
    import fsspec

    try:
        system, path = fsspec.core.url_to_fs(url)
        return [str(system.unstrip_protocol(name)) for name in sorted(system.glob(path))]
    except Exception as error:  # each of fsspec's many backends raises errors of its own
        raise AudioError(
            f"{url!r} cannot be listed ({type(error).__name__}: {str(error)[:200]}); check the "
            "address, the network, and that fsspec's package for it is installed."
        ) from error


def _listed(path: Path) -> list[str]:
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise AudioError(
            f"The list {str(path)!r} cannot be read ({error}); give a text file in UTF-8 with a "
            "path or URL on each line."
        ) from error
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def _expect(inputs: list[Input], scope: Tonescope, options: argparse.Namespace) -> int:
    """Prints how much there is, and how long it takes at the speed of a sample on this machine."""
    found = batch.expect(inputs)
    sample = next(iter(sorted(SAMPLES_DIR.glob("*.mp3"))))
    pipeline = scope.pipeline(options.engine, options.precision)
    pipeline.predict(sample)  # the first run of an engine takes longer
    start_s = time.perf_counter()
    duration_s = pipeline.predict(sample).track.duration_s
    speed = duration_s / (time.perf_counter() - start_s)
    told = asdict(found) | {"seconds_per_second": round(speed, 1)}
    cli_answer.answer(told | {"expected_s": round(found.duration_s / speed, 1)})
    if found.unknown:
        cli_answer.say(
            f"{found.unknown} file(s) do not tell their duration, and are not counted in it"
        )
    return 0


class _Progress:
    """Tells how far a batch is, by the bytes of its files; skipped files say nothing of the speed."""

    def __init__(self, inputs: Sequence[Input]) -> None:
        self._sizes = {item.place: _size(item) for item in inputs}
        self._left = sum(self._sizes.values())
        self._total = len(inputs)
        self._done = self._worked = 0
        self._started_s = time.monotonic()

    def tell(self, item: Input, skipped: bool) -> None:
        """Counts a file and writes a line to stderr."""
        size = self._sizes[item.place]
        self._done += 1
        self._left -= size
        self._worked += 0 if skipped else size
        line = f"{self._done} of {self._total}"
        if self._worked:
            left_s = (time.monotonic() - self._started_s) / self._worked * self._left
            line += f", {left_s:.0f} s left"
        cli_answer.say(line)


def _size(item: Input) -> int:
    try:
        return 1_000_000 if item.remote else max(1, Path(item.place).stat().st_size)
    except OSError:
        return 1


def _count(text: str) -> int:
    if not text.isdigit() or int(text) > 64:
        raise argparse.ArgumentTypeError(f"{text} is no number from 0 to 64")
    return int(text)
