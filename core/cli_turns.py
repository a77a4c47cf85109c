"""The command `turns`: who speaks when, shown, found, corrected, imported, taken back."""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from core import answers, cli_answer
from core.api import Tonescope
from core.errors import TurnError
from core.records import Span
from core.speakers import turns as edits
from core.speakers.turns import Turns


def add_turns(commands: Any) -> Iterator[argparse.ArgumentParser]:
    """Adds the command; yields the parser of each action, which still lacks `--store`."""
    turns = commands.add_parser("turns", help="who speaks when: show, find, correct, take back")
    actions = turns.add_subparsers(required=True, metavar="ACTION")

    def action(name: str, told: str, command: Any) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = actions.add_parser(name, help=told)
        parser.add_argument("--recording", required=True, metavar="ID", help="its SHA-256")
        parser.add_argument("--channel", type=int, help="of this channel, from 0 (default: mean)")
        parser.set_defaults(command=command)
        return parser

    def edit(name: str, told: str, change: Callable[..., Turns]) -> argparse.ArgumentParser:
        return action(name, told, partial(_edit, change))

    yield action("show", "list the turns of a recording", _show)
    finding = action("find", "look for the speakers in the sound anew", _find)
    finding.add_argument(
        "--speakers", default="auto", metavar="auto|N", help="how many there are (default: auto)"
    )
    yield finding
    taking = action("import", "take turns from RTTM, CSV or ELAN", _import)
    taking.add_argument("file", type=Path, metavar="FILE")
    taking.add_argument(
        "--tier", action="append", default=[], metavar="NAME", help="of ELAN, only this tier"
    )
    yield taking
    giving = edit("give", "give a stretch to a speaker; others' turns end where it begins", _give)
    giving.add_argument("--start-s", type=float, required=True, metavar="S")
    giving.add_argument("--end-s", type=float, required=True, metavar="S")
    whose = giving.add_mutually_exclusive_group(required=True)
    whose.add_argument("--to", metavar="NAME", help="a speaker, known or new")
    whose.add_argument("--nobody", action="store_true", help="it is nobody's turn")
    giving.add_argument("--together", action="store_true", help="those who speak there go on")
    yield giving
    splitting = edit("split", "give what of a turn comes after a time to another", _split)
    splitting.add_argument("--at-s", type=float, required=True, metavar="S")
    splitting.add_argument("--to", required=True, metavar="NAME", help="who speaks from there on")
    yield splitting
    moving = edit("move", "move the boundary between a turn and the next one", _move)
    moving.add_argument("--turn", type=int, required=True, metavar="N", help="counted from 0")
    moving.add_argument("--to-s", type=float, required=True, metavar="S")
    yield moving
    assigning = edit("assign", "give a whole turn to a speaker", _assign)
    assigning.add_argument("--turn", type=int, required=True, metavar="N", help="counted from 0")
    assigning.add_argument("--to", required=True, metavar="NAME", help="a speaker, known or new")
    yield assigning
    renaming = edit("rename", "give a speaker another name", _rename)
    renaming.add_argument("old", metavar="OLD")
    renaming.add_argument("new", metavar="NEW")
    yield renaming
    merging = edit("merge", "make two speakers one, under the first name", _merge)
    merging.add_argument("one", metavar="NAME")
    merging.add_argument("other", metavar="OTHER")
    yield merging
    yield action("undo", "go back to the turns before the last change", _undo)


def _show(options: argparse.Namespace) -> int:
    for turn in Tonescope(options.store).turns(options.recording, options.channel):
        cli_answer.answer(asdict(turn))
    return 0


def _find(options: argparse.Namespace) -> int:
    scope = Tonescope(options.store)
    found = scope.find_turns(options.recording, options.speakers, options.channel)
    cli_answer.answer(answers.turn_version(found))
    return 0


def _import(options: argparse.Namespace) -> int:
    scope = Tonescope(options.store)
    preview = scope.preview_turns(options.file, options.recording, options.channel, options.tier)
    for sentence in preview.warnings:
        cli_answer.say(sentence)
    cli_answer.answer(answers.turn_version(scope.store_turns(preview)))
    return 0


def _undo(options: argparse.Namespace) -> int:
    found = Tonescope(options.store).undo_turns(options.recording, options.channel)
    cli_answer.answer(answers.turn_version(found))
    return 0


def _edit(change: Callable[[Turns, argparse.Namespace], Turns], options: argparse.Namespace) -> int:
    found = Tonescope(options.store).change_turns(
        options.recording, lambda turns: change(turns, options), options.channel
    )
    cli_answer.answer(answers.turn_version(found))
    return 0


def _give(turns: Turns, options: argparse.Namespace) -> Turns:
    if not 0 <= options.start_s < options.end_s:
        raise TurnError(
            f"A stretch from {options.start_s:g} to {options.end_s:g} s is empty; give a start from "
            "0 on and an end after it."
        )
    to = None if options.nobody else options.to
    return edits.give(turns, Span(options.start_s, options.end_s), to, options.together)


def _split(turns: Turns, options: argparse.Namespace) -> Turns:
    return edits.split_at(turns, options.at_s, options.to)


def _move(turns: Turns, options: argparse.Namespace) -> Turns:
    return edits.move_boundary(turns, options.turn, options.to_s)


def _assign(turns: Turns, options: argparse.Namespace) -> Turns:
    return edits.assign(turns, options.turn, options.to)


def _rename(turns: Turns, options: argparse.Namespace) -> Turns:
    return edits.rename(turns, options.old, options.new)


def _merge(turns: Turns, options: argparse.Namespace) -> Turns:
    return edits.merge(turns, options.one, options.other)
