"""The command `evaluate`: an engine against reference labels."""

import argparse
import time
from pathlib import Path
from typing import Any

from core import answers, cli_answer
from core.api import Tonescope
from core.settings import Analysis, Conditioning


def add_evaluate(commands: Any) -> argparse.ArgumentParser:
    """Adds the command; returns its parser, which still lacks the options of engines."""
    evaluate: argparse.ArgumentParser = commands.add_parser(
        "evaluate", help="compare an engine with reference labels"
    )
    evaluate.add_argument(
        "manifest",
        type=Path,
        metavar="MANIFEST.csv",
        help="columns file, emotion[, speaker][, start_s, end_s]; paths relative to it",
    )
    evaluate.set_defaults(command=_evaluate)
    return evaluate


def _evaluate(options: argparse.Namespace) -> int:
    conditioning = Conditioning(
        channel=options.channel,
        noise_reduction=options.noise_reduction,
        trim_silence=options.trim_silence,
    )
    scope = Tonescope(settings=Analysis(conditioning))
    started_s = told_s = time.monotonic()

    def progress(share: float) -> None:
        nonlocal told_s
        if time.monotonic() - told_s >= 1:
            told_s = time.monotonic()
            cli_answer.say(f"{share:.0%}, {(told_s - started_s) / share * (1 - share):.0f} s left")

    found = scope.evaluate(
        options.manifest, engine=options.engine, precision=options.precision, progress=progress
    )
    for item, reason in found.failed:
        cli_answer.say(f"line {item.row}: {reason}")
    if found.in_training:
        cli_answer.say(f"{found.in_training} of the recordings were in the engine's training data")
    engine = scope.registry.load(options.engine, options.precision)
    answer = answers.evaluation(found, engine.engine_id)
    cli_answer.answer(answer)
    return 1 if found.failed else 0
