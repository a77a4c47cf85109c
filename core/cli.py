"""The command line: results as JSON lines on stdout, everything else on stderr.

Exit status: 0 when all went well, 1 when any input failed, 2 on wrong usage.
"""

import argparse
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from core import answers, cli_answer
from core.api import Tonescope
from core.cli_analyze import add_analyze
from core.cli_calibrate import add_calibrate
from core.cli_courses import add_courses
from core.cli_evaluate import add_evaluate
from core.cli_explore import add_explore
from core.cli_flags import add_flags
from core.cli_groups import add_groups
from core.cli_labels import add_labels
from core.cli_privacy import add_privacy
from core.cli_serve import add_serve
from core.cli_store import WHOLE, add_store, add_whole, export_whole
from core.cli_studies import add_studies
from core.cli_turns import add_turns
from core.engines.precision import PRECISIONS
from core.engines.published import HUBS, PUBLISHED
from core.engines.registry import Verification
from core.errors import TonescopeError
from core.export.annotations import AnnotationFormat
from core.export.tables import TableFormat
from core.records import Span
from core.settings import Analysis, Conditioning, Speakers
from core.timeline.track import FrameChoice
from core.version import VERSION

_FORMATS = {str(kind): kind for kind in (*TableFormat, *AnnotationFormat)}
Command = Callable[[argparse.Namespace], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; returns its exit status."""
    options = _parser().parse_args(arguments)
    command: Command = options.command
    try:
        return command(options)
    except TonescopeError as error:
        cli_answer.say(f"tonescope: {error}")
        return 1
    except BrokenPipeError:
        return 1
    except KeyboardInterrupt:
        cli_answer.say(
            "tonescope: stopped; what was finished is stored, and the same command goes on."
        )
        return 130


def _predict(options: argparse.Namespace) -> int:
    region = None
    if options.start_s is not None or options.end_s is not None:
        end_s = math.inf if options.end_s is None else options.end_s
        region = Span(options.start_s or 0.0, end_s)
    answer = _scope(options).predict(
        options.file,
        answers.Granularity(options.granularity),
        engine=options.engine,
        precision=options.precision,
        region=region,
        frames=FrameChoice(options.frames) if options.frames else None,
    )
    cli_answer.answer(answer)
    return 0


def _engines(options: argparse.Namespace) -> int:
    for info in _scope(options).registry.list():
        cli_answer.answer(asdict(info))
    return 0


def _engines_fetch(options: argparse.Namespace) -> int:
    told_s = -math.inf

    def progress(done: int, total: int) -> None:
        nonlocal told_s
        if time.monotonic() - told_s >= 1 or done == total:
            told_s = time.monotonic()
            cli_answer.say(f"{done / 1e6:,.1f} of {total / 1e6:,.1f} MB")

    registry = _scope(options).registry
    try:
        found = registry.fetch(options.name, options.hub, progress=progress)
    except TonescopeError as error:
        found = Verification(options.name, ok=False, reason=str(error))
    return _verified(found)


def _engines_verify(options: argparse.Namespace) -> int:
    return _verified(_scope(options).registry.verify(options.name))


def _verified(found: Verification) -> int:
    cli_answer.answer(asdict(found))
    if found.reason:
        cli_answer.say(f"tonescope: {found.reason}")
    return 0 if found.ok else 1


def _export(options: argparse.Namespace) -> int:
    if options.format in WHOLE:
        return export_whole(options)
    kind = _FORMATS[options.format]
    scope = _scope(options)
    wanted = {"pseudonyms": options.pseudonyms}
    for path, n_rows in scope.export(options.out, kind, options.recording, **wanted):
        cli_answer.answer({"file": str(path), "rows": n_rows})
    return 0


def _scope(options: argparse.Namespace) -> Tonescope:
    names = ("channel", "noise_reduction", "trim_silence")
    given = {name: getattr(options, name) for name in names if hasattr(options, name)}
    settings = Analysis(Conditioning(**given), speakers=getattr(options, "speakers", Speakers.NONE))
    return Tonescope(getattr(options, "store", None), settings)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m core", description="See how emotion moves through recorded speech."
    )
    parser.add_argument("--version", action="version", version=f"tonescope {VERSION}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    analyze = add_analyze(commands)
    _add_store(analyze)
    _add_engine(analyze)
    _add_predict(commands)
    evaluate = add_evaluate(commands)
    _add_engine(evaluate)
    _add_store(evaluate)
    _add_engines(commands)
    export = commands.add_parser("export", help="write the store's results for other programs")
    export.add_argument("--format", choices=[*_FORMATS, *WHOLE], required=True)
    export.add_argument("--out", type=Path, required=True, metavar="DIR")
    export.add_argument("--recording", metavar="ID", help="only this recording")
    _add_store(export)
    add_whole(export)
    export.set_defaults(command=_export)
    studies = (add_flags, add_studies, add_courses, add_privacy, add_store)
    families = (add_explore, add_groups, add_turns, add_labels, add_calibrate, *studies)
    actions = [action for add in families for action in add(commands)]
    for adding in (*actions, add_serve(commands)):
        _add_store(adding)
    return parser


def _add_predict(commands: Any) -> None:
    predict = commands.add_parser("predict", help="say how a file sounds, and store nothing")
    predict.add_argument("file", type=Path, metavar="FILE")
    predict.add_argument("--granularity", choices=list(answers.Granularity), default="utterance")
    predict.add_argument(
        "--start-s", type=cli_answer.seconds, metavar="A", help="start of a region, seconds"
    )
    predict.add_argument(
        "--end-s", type=cli_answer.seconds, metavar="B", help="end of a region, seconds"
    )
    predict.add_argument(
        "--frames",
        choices=list(FrameChoice),
        help="what the read-out takes (default: all for the whole recording, speech for a region)",
    )
    _add_engine(predict)
    predict.set_defaults(command=_predict)


def _add_engines(commands: Any) -> None:
    engines = commands.add_parser("engines", help="list, fetch or verify engines")
    engines.set_defaults(command=_engines)
    actions = engines.add_subparsers(metavar="ACTION")
    fetching = actions.add_parser("fetch", help="fetch a published engine once, and verify it")
    fetching.add_argument("name", choices=list(PUBLISHED), metavar="NAME")
    fetching.add_argument("--hub", choices=HUBS, default="ms", help="ModelScope or Hugging Face")
    fetching.set_defaults(command=_engines_fetch)
    verifying = actions.add_parser("verify", help="check an engine and everything it consists of")
    verifying.add_argument("name", metavar="NAME|DIR")
    verifying.set_defaults(command=_engines_verify)


def _add_store(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--store", type=Path, metavar="DIR", help="(default: TONESCOPE_STORE or data/store)"
    )


def _add_engine(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--engine", default="compact", help="a name, or a model directory")
    parser.add_argument("--precision", choices=PRECISIONS, default="auto")
    parser.add_argument("--channel", type=int, help="only this channel, from 0 (default: mean)")
    parser.add_argument(
        "--noise-reduction", action="store_true", help="lower steady background noise first"
    )
    parser.add_argument(
        "--trim-silence",
        action="store_true",
        help="leave out what lies before the first and after the last speech; times stay",
    )
