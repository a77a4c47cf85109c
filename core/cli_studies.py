"""The command `sessions`: who, when and what for, and how emotions change over it."""

import argparse
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from core import cli_answer
from core.api import Tonescope
from core.export.pseudonyms import leaving
from core.records import Metadata
from core.studies import grouping, metadata, trends


def add_studies(commands: Any) -> Iterator[argparse.ArgumentParser]:
    """Adds the commands; yields the parser of each action, which still lacks `--store`."""
    sessions = commands.add_parser("sessions", help="group recordings, sum them up")
    steps = sessions.add_subparsers(required=True, metavar="ACTION")
    taking = steps.add_parser("import", help="take session, speaker, date and tags from a table")
    taking.add_argument("file", type=Path, metavar="FILE", help="a CSV, or participants.tsv")
    names = steps.add_parser("names", help="read them from file names by a pattern")
    names.add_argument("pattern", help="such as {speaker}_{session}, or a regular expression")
    names.add_argument("--preview", action="store_true", help="show, and change nothing")
    setting = steps.add_parser("set", help="say it of recordings; what is not given stays")
    setting.add_argument("recording", nargs="+", metavar="ID", help="SHA-256, or its first digits")
    for field in grouping.FIELDS:
        setting.add_argument(f"--{field}", help="split at semicolons" if field == "tags" else None)
    setting.add_argument(
        "--clear", action="append", default=[], choices=grouping.FIELDS, help="say nothing of this"
    )
    undoing = steps.add_parser("undo", help="take your last step back")
    redoing = steps.add_parser("redo", help="do again what you took back last")
    edits = ((taking, _import), (names, _names), (setting, _set), (undoing, _undo))
    for parser, command in (*edits, (redoing, _redo)):
        parser.add_argument("--by", default="command line", help="whose step it is")
        parser.set_defaults(command=command)
    listing = steps.add_parser("list", help="list what is said of each recording")
    listing.set_defaults(command=_list)
    history = steps.add_parser("history", help="list the steps that count")
    history.set_defaults(command=_history)
    summing = steps.add_parser("trend", help="each emotion's share or score over sessions")
    summing.add_argument("--measure", choices=["share", "mean"], default="share")
    summing.add_argument(
        "--group", choices=["tags", "speaker"], help="divide by tag, or by speaker"
    )
    summing.add_argument("--over", choices=["session", "recorded_on"], default="session")
    summing.add_argument(
        "--each", action="store_true", help="of each speaker, in place of means over speakers"
    )
    summing.set_defaults(command=_trend)
    writing = steps.add_parser("tidy", help="write a table with a codebook for R or pandas")
    writing.add_argument("--unit", choices=["segment", "turn"], default="segment")
    writing.add_argument("--out", type=Path, required=True, metavar="DIR")
    writing.set_defaults(command=_tidy)
    for parser in (summing, writing):
        parser.add_argument("--engine", default="compact", help="a name, or an engine id")
    yield from (taking, names, setting, undoing, redoing, listing, history, summing, writing)


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


def _set(options: argparse.Namespace) -> int:
    store = Tonescope(options.store).store
    given = {field: getattr(options, field) or "" for field in grouping.FIELDS}
    said = grouping.metadata_of(given, "The options")
    found = {}
    for name in options.recording:
        known = store.recording(name)
        kept: dict[str, Any] = {
            "session": said.session or known.session,
            "speaker": said.speaker or known.speaker,
            "recorded_on": said.recorded_on or known.recorded_on,
            "tags": said.tags or known.tags,
        }
        for field in options.clear:
            kept["recorded_on" if field == "date" else field] = () if field == "tags" else None
        found[known.recording] = Metadata(**kept)
    n = metadata.edit(store, found, options.by)
    cli_answer.answer({"recordings": len(found), "changed": n})
    return 0


def _list(options: argparse.Namespace) -> int:
    for row in cli_answer.plain(metadata.table(Tonescope(options.store).store)):
        day = row["recorded_on"].isoformat() if row["recorded_on"] else None
        cli_answer.answer({**row, "recorded_on": day, "tags": list(row["tags"])})
    return 0


def _history(options: argparse.Namespace) -> int:
    for step in metadata.steps(Tonescope(options.store).store):
        cli_answer.answer({**asdict(step), "made_at": step.made_at.isoformat()})
    return 0


def _undo(options: argparse.Namespace) -> int:
    step = metadata.undo(Tonescope(options.store).store, options.by)
    cli_answer.answer({"undone": step is not None, "recordings": step.n_recordings if step else 0})
    return 0


def _redo(options: argparse.Namespace) -> int:
    step = metadata.redo(Tonescope(options.store).store, options.by)
    cli_answer.answer({"redone": step is not None, "recordings": step.n_recordings if step else 0})
    return 0


def _trend(options: argparse.Namespace) -> int:
    every = trends.tidy(Tonescope(options.store).store, options.engine)
    rows = trends.dated(every, options.over, options.group)
    if options.each:
        found = trends.per_session(rows, options.group, options.over)
    else:
        found = trends.group_means(rows, options.measure, options.group, options.over)
    for row in cli_answer.plain(found):
        day = row.get("recorded_on")
        cli_answer.answer(row if day is None else row | {"recorded_on": str(day)[:10]})
    return 0


def _tidy(options: argparse.Namespace) -> int:
    store = Tonescope(options.store).store
    rows = leaving(store, trends.tidy(store, options.engine, options.unit))
    table, book = trends.write_tidy(rows, options.out)
    cli_answer.answer({"file": str(table), "rows": len(rows)})
    cli_answer.answer({"file": str(book), "rows": len(trends.CODEBOOK)})
    return 0
