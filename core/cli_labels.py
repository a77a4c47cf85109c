"""The command `labels`: what people hear, listed, added, imported, undone, and how far they agree."""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from core import cli_answer
from core.api import Tonescope
from core.errors import LabelError
from core.labels import agreement, history, imports, readers
from core.labels.coefficients import gamma
from core.labels.records import Draft, Kind
from core.store.store import Store


def add_labels(commands: Any) -> Iterator[argparse.ArgumentParser]:
    """Adds the command; yields the parser of each action, which still lacks `--store`."""
    labels = commands.add_parser("labels", help="labels by people: list, add, import, undo, agree")
    actions = labels.add_subparsers(required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="list the labels of a recording")
    adding = actions.add_parser("add", help="label a stretch")
    for name, kind, text in (
        ("--start-s", cli_answer.seconds, "start, seconds"),
        ("--end-s", cli_answer.seconds, "end, seconds"),
        ("--term", str, "one of the nine emotions, or a word of your own"),
    ):
        adding.add_argument(name, type=kind, required=True, help=text)
    adding.add_argument("--intensity", type=float, help="from 0 to 1")
    adding.add_argument("--note")
    adding.add_argument("--channel", type=int, help="only this channel, from 0 (default: all)")
    taking = actions.add_parser(
        "import", help="take labels from ELAN, TextGrid, Audacity, CSV, WebVTT"
    )
    taking.add_argument("file", type=Path, metavar="FILE")
    taking.add_argument(
        "--tier", action="append", default=[], metavar="NAME", help="only this tier; repeatable"
    )
    undoing = actions.add_parser("undo", help="take your last step on a recording back")
    redoing = actions.add_parser("redo", help="do again what you took back last")
    agreeing = actions.add_parser("agreement", help="how far annotators agree, and with the engine")
    agreeing.add_argument("--recording", metavar="ID", help="only this one (default: all)")
    agreeing.add_argument("--engine", default="compact", help="whose segments are the units")
    agreeing.add_argument(
        "--gamma", action="store_true", help="of one recording, where boundaries differ (slow)"
    )
    for parser in (adding, taking, undoing, redoing):
        parser.add_argument("--annotator", required=True, help="your name or code")
    for parser in (listing, adding, taking, undoing, redoing):
        parser.add_argument("--recording", required=True, metavar="ID", help="its SHA-256")
    for parser, command in (
        (listing, _list),
        (adding, _add),
        (taking, _import),
        (undoing, _undo),
        (redoing, _redo),
        (agreeing, _agreement),
    ):
        parser.set_defaults(command=command)
        yield parser


def _store(options: argparse.Namespace) -> Store:
    return Tonescope(options.store).store


def _list(options: argparse.Namespace) -> int:
    store = _store(options)
    for label in history.of(store, store.recording(options.recording).recording):
        cli_answer.answer(asdict(label) | {"created_at": label.created_at.isoformat()})
    return 0


def _add(options: argparse.Namespace) -> int:
    draft = Draft(
        recording=options.recording,
        start_s=options.start_s,
        end_s=options.end_s,
        term=options.term,
        annotator=options.annotator,
        channel=options.channel,
        intensity=options.intensity,
        note=options.note,
    )
    (number,) = history.add(_store(options), draft)
    cli_answer.answer({"label": number})
    return 0


def _import(options: argparse.Namespace) -> int:
    store, path = _store(options), options.file
    try:
        content = readers.read(path.name, path.read_bytes())
    except OSError as error:
        raise LabelError(
            f"The file {path} cannot be read ({error.strerror}); check its name and permissions."
        ) from error
    names = [tier.name for tier in content.tiers]
    unknown = sorted(set(options.tier) - set(names))
    if unknown:
        raise LabelError(
            f"There is no tier {unknown[0]!r} in {path.name}; it has {', '.join(names)}."
        )
    tiers = [t for t in content.tiers if t.kind != "engine" and t.name in (options.tier or names)]
    takes = [(tier, imports.suggested(tier, options.annotator)) for tier in tiers]
    preview = imports.preview(store, options.recording, takes, path.name)
    for sentence in preview.left_out:
        cli_answer.say(sentence)
    stored = imports.store_preview(store, preview, options.annotator)
    cli_answer.answer({"labels": stored, "left_out": list(preview.left_out)})
    return 0


def _undo(options: argparse.Namespace) -> int:
    return _step(options, history.undo)


def _redo(options: argparse.Namespace) -> int:
    return _step(options, history.redo)


def _step(options: argparse.Namespace, step: Callable[[Store, str, str], bool]) -> int:
    store = _store(options)
    done = step(store, store.recording(options.recording).recording, options.annotator)
    cli_answer.answer({"done": done})
    if not done:
        cli_answer.say(
            f"There is no step of {options.annotator!r} on this recording to go back to."
        )
    return 0 if done else 1


def _agreement(options: argparse.Namespace) -> int:
    store = _store(options)
    only = None
    if options.recording is not None:
        only = [store.recording(options.recording).recording]
    elif options.gamma:
        raise LabelError("Gamma is of one recording; name it with --recording.")
    found = agreement.agreement(store, options.engine, only)
    whole = asdict(found)
    pairs = whole.pop("pairs")
    if options.gamma:
        whole["gamma"] = _gamma(store, options.recording)
    cli_answer.answer(whole)
    for pair in pairs:
        cli_answer.answer(pair)
    return 0


def _gamma(store: Store, recording: str) -> float | None:
    labels: dict[str, list[Draft]] = {}
    for label in history.of(store, store.recording(recording).recording, Kind.EMOTION):
        labels.setdefault(label.annotator, []).append(label)
    return gamma(labels)
