"""The command `flags`: rules over the corpus, and how good they are."""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core import cli_answer
from core.api import Tonescope
from core.errors import RuleError
from core.studies import flag_store
from core.studies.quality import Verdict
from core.studies.rules import MOST_BYTES, Rule, from_json, to_json


def add_flags(commands: Any) -> Iterator[argparse.ArgumentParser]:
    """Adds the command; yields the parser of each action, which still lacks `--store`."""
    flags = commands.add_parser("flags", help="moments that a rule flags")
    actions = flags.add_subparsers(required=True, metavar="ACTION")
    finding = actions.add_parser("find", help="find a rule's moments in all stored tracks")
    finding.set_defaults(command=_find)
    saving = actions.add_parser("save", help="keep a rule as the next version under its name")
    saving.add_argument("rule", metavar="RULE.json")
    saving.set_defaults(command=_save)
    listing = actions.add_parser("list", help="list the rules of the store")
    listing.add_argument("--versions", action="store_true", help="all versions, not the newest")
    listing.set_defaults(command=_list)
    drawing = actions.add_parser("draw", help="draw flagged and unflagged moments to review")
    drawing.add_argument("--flagged", type=int, default=25, metavar="N", help="(default: 25)")
    drawing.add_argument("--unflagged", type=int, default=25, metavar="N", help="(default: 25)")
    drawing.add_argument("--seed", type=int, default=0, help="(default: 0)")
    drawing.set_defaults(command=_draw)
    for parser in (finding, drawing):
        parser.add_argument("rule", metavar="RULE.json|NAME", help="a file, or a rule of the store")
        parser.add_argument("--engine", default="compact", help="a name, or an engine id")
    queues = actions.add_parser("moments", help="list the moments of a queue, with their verdicts")
    queues.set_defaults(command=_moments)
    reviewing = actions.add_parser("review", help="say whether the rule is right of a moment")
    reviewing.add_argument("verdict", choices=list(Verdict))
    reviewing.add_argument("--moment", type=int, required=True)
    reviewing.set_defaults(command=_review)
    undoing = actions.add_parser("undo", help="take your last verdict on a queue back")
    undoing.set_defaults(command=_undo)
    measuring = actions.add_parser("quality", help="precision and recall, from the verdicts")
    measuring.set_defaults(command=_quality)
    for parser in (queues, reviewing, undoing, measuring):
        parser.add_argument(
            "--queue", type=int, required=True, help="its number, as `draw` told it"
        )
    for parser in (reviewing, undoing):
        parser.add_argument("--by", default="command line", help="whose verdict it is")
    yield from (finding, saving, listing, drawing, queues, reviewing, undoing, measuring)


def _rule(options: argparse.Namespace) -> Rule:
    path = Path(options.rule)
    if path.suffix != ".json":
        return flag_store.rule(Tonescope(options.store).store, options.rule).rule
    try:
        with path.open("rb") as file:
            return from_json(file.read(4 * MOST_BYTES).decode("utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        said = getattr(error, "strerror", None) or "it is not in UTF-8"
        raise RuleError(f"{path.name} cannot be read ({said}); give a rule as JSON.") from error


def _find(options: argparse.Namespace) -> int:
    rule = _rule(options)
    found = flag_store.find(Tonescope(options.store).store, rule, options.engine)
    for row in cli_answer.plain(found):
        cli_answer.answer({"rule": rule.name, **row})
    return 0


def _save(options: argparse.Namespace) -> int:
    _stored(flag_store.save_rule(Tonescope(options.store).store, _rule(options)))
    return 0


def _list(options: argparse.Namespace) -> int:
    store = Tonescope(options.store).store
    for newest in flag_store.rules(store):
        name = newest.rule.name
        for found in flag_store.versions(store, name) if options.versions else [newest]:
            _stored(found, queues=flag_store.queues(store, name))
    return 0


def _stored(found: flag_store.StoredRule, **more: Any) -> None:
    told = {"name": found.rule.name, "version": found.version}
    cli_answer.answer(told | {"rule": json.loads(to_json(found.rule))} | more)


def _draw(options: argparse.Namespace) -> int:
    store = Tonescope(options.store).store
    queue = flag_store.make_queue(
        store, _rule(options), options.flagged, options.unflagged, options.engine, options.seed
    )
    cli_answer.answer({"queue": queue, "moments": len(flag_store.moments(store, queue))})
    return 0


def _moments(options: argparse.Namespace) -> int:
    for found in flag_store.moments(Tonescope(options.store).store, options.queue):
        cli_answer.answer(
            {
                "moment": found.moment,
                "recording": found.recording,
                "channel": found.channel,
                "start_s": found.span.start_s,
                "end_s": found.span.end_s,
                "flagged": found.flagged,
                "verdict": found.verdict,
            }
        )
    return 0


def _review(options: argparse.Namespace) -> int:
    store = Tonescope(options.store).store
    verdict = Verdict(options.verdict)
    flag_store.review(store, options.queue, options.moment, verdict, options.by)
    cli_answer.answer({"moment": options.moment, "verdict": verdict})
    return 0


def _undo(options: argparse.Namespace) -> int:
    moment = flag_store.undo_review(Tonescope(options.store).store, options.queue, options.by)
    cli_answer.answer({"undone": moment is not None, "moment": moment})
    return 0


def _quality(options: argparse.Namespace) -> int:
    found = flag_store.quality(Tonescope(options.store).store, options.queue)
    cli_answer.answer(
        {
            **cli_answer.estimate("precision", found.precision),
            **cli_answer.estimate("recall", found.recall),
            "n_reviewed": found.n_reviewed,
            "n_speakers": found.n_speakers,
            "n_skipped": found.n_skipped,
            "n_flagged": found.n_flagged,
            "n_unflagged": found.n_unflagged,
        }
    )
    return 0
