"""The commands `flags` and `sessions`: rules over the corpus, and who, when and what for."""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from core import cli_answer
from core.api import Tonescope
from core.errors import RuleError
from core.export.pseudonyms import leaving
from core.studies import flag_store, grouping, metadata, trends
from core.studies.rules import MOST_BYTES, Rule, from_json, to_json


def add_studies(commands: Any) -> Iterator[argparse.ArgumentParser]:
    """Adds the commands; yields the parser of each action, which still lacks `--store`."""
    flags = commands.add_parser("flags", help="moments that a rule flags")
    actions = flags.add_subparsers(required=True, metavar="ACTION")
    finding = actions.add_parser("find", help="find a rule's moments in all stored tracks")
    finding.add_argument("rule", metavar="RULE.json|NAME", help="a file, or a rule of the store")
    finding.add_argument("--engine", default="compact", help="a name, or an engine id")
    finding.set_defaults(command=_find)
    saving = actions.add_parser("save", help="keep a rule as the next version under its name")
    saving.add_argument("rule", metavar="RULE.json")
    saving.set_defaults(command=_save)
    listing = actions.add_parser("list", help="list the rules of the store")
    listing.set_defaults(command=_list)
    sessions = commands.add_parser("sessions", help="group recordings, sum them up")
    steps = sessions.add_subparsers(required=True, metavar="ACTION")
    taking = steps.add_parser("import", help="take session, speaker, date and tags from a table")
    taking.add_argument("file", type=Path, metavar="FILE", help="a CSV, or participants.tsv")
    names = steps.add_parser("names", help="read them from file names by a pattern")
    names.add_argument("pattern", help="such as {speaker}_{session}, or a regular expression")
    names.add_argument("--preview", action="store_true", help="show, and change nothing")
    undoing = steps.add_parser("undo", help="take the last step back")
    for parser, command in ((taking, _import), (names, _names), (undoing, _undo)):
        parser.add_argument("--by", default="command line", help="whose step it is")
        parser.set_defaults(command=command)
    summing = steps.add_parser("trend", help="each emotion's share or score over sessions")
    summing.add_argument("--measure", choices=["share", "mean"], default="share")
    summing.add_argument("--group", choices=["tags", "speaker"], help="divide by this column")
    summing.set_defaults(command=_trend)
    writing = steps.add_parser("tidy", help="write a table with a codebook for R or pandas")
    writing.add_argument("--unit", choices=["segment", "turn"], default="segment")
    writing.add_argument("--out", type=Path, required=True, metavar="DIR")
    writing.set_defaults(command=_tidy)
    for parser in (summing, writing):
        parser.add_argument("--engine", default="compact", help="a name, or an engine id")
    yield from (finding, saving, listing, taking, names, undoing, summing, writing)


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
    for row in _plain(flag_store.find(Tonescope(options.store).store, rule, options.engine)):
        cli_answer.answer({"rule": rule.name, **row})
    return 0


def _save(options: argparse.Namespace) -> int:
    _stored(flag_store.save_rule(Tonescope(options.store).store, _rule(options)))
    return 0


def _list(options: argparse.Namespace) -> int:
    for found in flag_store.rules(Tonescope(options.store).store):
        _stored(found)
    return 0


def _stored(found: flag_store.StoredRule) -> None:
    told = {"name": found.rule.name, "version": found.version}
    cli_answer.answer(told | {"rule": json.loads(to_json(found.rule))})


def _import(options: argparse.Namespace) -> int:
    store = Tonescope(options.store).store
    rows = metadata.table(store)
    names = dict(zip(rows["recording"], rows["name"], strict=True))
    found, left = grouping.matched(grouping.read_table(options.file), names)
    for row in left:
        cli_answer.say(f"no single recording is {row.key!r}")
    n = metadata.edit(store, found, options.by, options.file.name, only_given=True)
    cli_answer.answer({"recordings": len(found), "changed": n, "left": len(left)})
    return 1 if left else 0


def _names(options: argparse.Namespace) -> int:
    store = Tonescope(options.store).store
    rows = metadata.table(store)
    read = grouping.from_names(options.pattern, rows["name"])
    pairs = list(zip(rows["recording"], read, strict=True))
    if options.preview:
        for recording, (name, said) in pairs:
            told = {"recording": recording, "name": name, "fits": said is not None}
            day = said.recorded_on.isoformat() if said and said.recorded_on else None
            fields = {**vars(said), "tags": list(said.tags), "recorded_on": day} if said else {}
            cli_answer.answer(told | fields)
        return 0
    found = {recording: said for recording, (_, said) in pairs if said is not None}
    n = metadata.edit(store, found, options.by, only_given=True)
    cli_answer.answer({"recordings": len(found), "changed": n, "left": len(pairs) - len(found)})
    return 0


def _undo(options: argparse.Namespace) -> int:
    step = metadata.undo(Tonescope(options.store).store, options.by)
    cli_answer.answer({"undone": step is not None, "recordings": step.n_recordings if step else 0})
    return 0


def _trend(options: argparse.Namespace) -> int:
    rows = trends.tidy(Tonescope(options.store).store, options.engine)
    for row in _plain(trends.group_means(rows, options.measure, options.group)):
        cli_answer.answer(row)
    return 0


def _tidy(options: argparse.Namespace) -> int:
    store = Tonescope(options.store).store
    rows = leaving(store, trends.tidy(store, options.engine, options.unit))
    table, book = trends.write_tidy(rows, options.out)
    cli_answer.answer({"file": str(table), "rows": len(rows)})
    cli_answer.answer({"file": str(book), "rows": len(trends.CODEBOOK)})
    return 0


def _plain(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Returns the rows as JSON takes them: what is missing is null."""
    plain = rows.astype(object).where(rows.notna(), None)
    return [{str(key): value for key, value in row.items()} for row in plain.to_dict("records")]
