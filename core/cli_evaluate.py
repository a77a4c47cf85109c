"""The command `evaluate`: an engine, or a head over it, against reference labels."""

import argparse
import time
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import pandas as pd

from core import answers, cli_answer
from core.api import Tonescope
from core.errors import ManifestError, TonescopeError
from core.evaluation import Evaluation, table_of
from core.labels.agreement import agreement
from core.learn import library
from core.learn.comparing import compare_engines, side_by_side
from core.learn.over_time import Counting, Timed, error_over_time
from core.learn.stored import Answers, between_people, stored_answers
from core.settings import Analysis, Conditioning


def add_evaluate(commands: Any) -> argparse.ArgumentParser:
    """Adds the command; returns its parser, which still lacks the options of engines and stores."""
    evaluate: argparse.ArgumentParser = commands.add_parser(
        "evaluate", help="compare an engine with reference labels"
    )
    evaluate.add_argument(
        "manifest",
        type=Path,
        nargs="?",
        metavar="MANIFEST.csv",
        help="columns file, emotion[, speaker][, start_s, end_s][, tags]; paths relative to it "
        "(default: the labels in the store, where no engine runs)",
    )
    evaluate.add_argument("--head", metavar="NAME", help="a head of the store answers")
    evaluate.add_argument(
        "--against", metavar="ENGINE", help="a second engine on the same items, with a paired test"
    )
    evaluate.add_argument("--against-head", metavar="NAME", help="the same with a head")
    evaluate.add_argument(
        "--over-time", action="store_true", help="add the emotion diarization error"
    )
    evaluate.add_argument(
        "--neutral", action="store_true", help="over time, neutral is an emotion like the others"
    )
    evaluate.add_argument(
        "--unlabelled", action="store_true", help="over time, time without a label counts too"
    )
    evaluate.add_argument(
        "--pauses", action="store_true", help="over time, what holds no speech counts too"
    )
    evaluate.set_defaults(command=_evaluate)
    return evaluate


@dataclass(frozen=True)
class _Side:
    """What one engine answers."""

    answer: dict[str, Any]
    items: pd.DataFrame
    over_time: dict[str, tuple[Timed, ...]]
    n_failed: int


def _evaluate(options: argparse.Namespace) -> int:
    side = _side(options, options.engine, options.head)
    answer = side.answer
    counting = Counting(options.neutral, options.unlabelled, options.pauses)
    if options.over_time:
        answer["emotion_error"] = _over_time(side.over_time, counting)
    if options.against or options.against_head:
        other = _side(options, options.against or options.engine, options.against_head)
        answer["against"] = _compared(side, other)
    if not options.manifest:
        answer["human"] = _human(options)
    cli_answer.answer(answer)
    return 1 if side.n_failed else 0


def _side(options: argparse.Namespace, engine: str, head: str | None) -> _Side:
    conditioning = Conditioning(
        channel=options.channel,
        noise_reduction=options.noise_reduction,
        trim_silence=options.trim_silence,
    )
    scope = Tonescope(options.store, Analysis(conditioning))
    by = {"head": head} if head else {}
    if not options.manifest:
        known = None if head is None else library.head(scope.store, head)
        found = stored_answers(scope.store, engine, head=known)
        trained = _trained_on(scope, found.engine_id)
        if found.fitted_on:
            cli_answer.say(f"the head may have been fitted on {found.fitted_on} of the labels")
        return _Side(_of_store(found, trained) | by, found.items, dict(found.over_time), 0)
    came = _of_manifest(scope, options, engine, head)
    engine_id = scope.registry.load(engine, options.precision).engine_id
    return _Side(
        answers.evaluation(came, engine_id) | by,
        table_of(came),
        {"": came.over_time},
        len(came.failed),
    )


def _of_manifest(
    scope: Tonescope, options: argparse.Namespace, engine: str, head: str | None
) -> Evaluation:
    started_s = told_s = time.monotonic()

    def progress(share: float) -> None:
        nonlocal told_s
        if time.monotonic() - told_s >= 1:
            told_s = time.monotonic()
            cli_answer.say(f"{share:.0%}, {(told_s - started_s) / share * (1 - share):.0f} s left")

    found = scope.evaluate(
        options.manifest,
        engine=engine,
        precision=options.precision,
        progress=progress,
        head=head,
    )
    for item, reason in found.failed:
        cli_answer.say(f"line {item.row}: {reason}")
    if found.in_training:
        cli_answer.say(f"{found.in_training} of the recordings were in the engine's training data")
    return found


def _of_store(found: Answers, trained: frozenset[str] | None) -> dict[str, Any]:
    heard = 0 if trained is None else int(found.items["recording"].isin(trained).sum())
    told = {} if found.fitted_on is None else {"fitted_on": found.fitted_on}
    return {
        **answers.rounded(asdict(found.figures)),
        "failed": 0,
        "in_training": heard,
        "in_training_known": trained is not None,
        "engine": found.engine_id,
        **told,
    }


def _trained_on(scope: Tonescope, engine_id: str) -> frozenset[str] | None:
    try:
        return scope.registry.trained_on(engine_id.rsplit("-", 1)[0])
    except TonescopeError:
        return None


def _over_time(by_person: dict[str, tuple[Timed, ...]], counting: Counting) -> list[dict[str, Any]]:
    """Returns the error of the engine for each annotator, then of annotators for one another."""
    sides = [(name, "engine", timed) for name, timed in by_person.items()]
    for a, b in combinations(by_person, 2):
        sides.append((a, b, between_people(by_person[a], by_person[b])))
    lines = []
    for reference, told, timed in sides:
        if not timed:
            continue
        found = error_over_time(timed, counting)
        rate = found.rate
        lines.append(
            {
                "reference": reference or None,
                "told": told,
                "rate": None if rate is None else rate.value,
                "low": None if rate is None else rate.low,
                "high": None if rate is None else rate.high,
                **asdict(found.error),
                "recordings": found.n_recordings,
                **asdict(counting),
            }
        )
    return [answers.rounded(line) for line in lines]


def _compared(side: _Side, other: _Side) -> dict[str, Any]:
    both = side_by_side(side.items, other.items)
    if both.empty:
        raise ManifestError(
            "The two engines answered no item both; analyse the same recordings with both."
        )
    terms, first, second, speakers = (
        both[name].to_numpy(dtype=str) for name in ("label", "answer", "other", "speaker")
    )
    found = compare_engines(terms, first, second, speakers)
    told: dict[str, Any] = answers.rounded(
        {
            "engine": other.answer["engine"],
            "head": other.answer.get("head"),
            "n": len(both),
            "left_out": len(side.items) - len(both),
            "uar": found.first.value,
            "uar_against": found.second.value,
            "difference": found.difference.value,
            "low": found.difference.low,
            "high": found.difference.high,
            "p": found.p,
            "smallest_p": found.smallest_p,
            "n_speakers": found.n_speakers,
        }
    )
    return told


def _human(options: argparse.Namespace) -> dict[str, Any]:
    """Returns how far people agree with one another, and with the engine."""
    found = agreement(Tonescope(options.store).store, options.engine)
    pairs = [
        {
            "first": pair.first,
            "second": pair.second,
            "with_engine": pair.with_engine,
            "segments": pair.counts.n_segments,
            "agreement": pair.agreement,
            "kappa": pair.kappa,
        }
        for pair in found.pairs
    ]
    told: dict[str, Any] = answers.rounded({"alpha": found.alpha, "pairs": pairs})
    return told
