"""The command `turns`: who speaks when, shown, taken from other programs, taken back."""

import argparse
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from core import answers, cli_answer
from core.api import Tonescope


def add_turns(commands: Any) -> Iterator[argparse.ArgumentParser]:
    """Adds the command; yields the parser of each action, which still lacks `--store`."""
    turns = commands.add_parser("turns", help="who speaks when: show, import, take back")
    actions = turns.add_subparsers(required=True, metavar="ACTION")
    showing = actions.add_parser("show", help="list the turns of a recording")
    taking = actions.add_parser("import", help="take turns from RTTM, CSV or ELAN")
    taking.add_argument("file", type=Path, metavar="FILE")
    taking.add_argument(
        "--tier", action="append", default=[], metavar="NAME", help="of ELAN, only this tier"
    )
    undoing = actions.add_parser("undo", help="go back to the turns before the last change")
    for parser, command in ((showing, _show), (taking, _import), (undoing, _undo)):
        parser.add_argument("--recording", required=True, metavar="ID", help="its SHA-256")
        parser.add_argument("--channel", type=int, help="of this channel, from 0 (default: mean)")
        parser.set_defaults(command=command)
        yield parser


def _show(options: argparse.Namespace) -> int:
    for turn in Tonescope(options.store).turns(options.recording, options.channel):
        cli_answer.answer(asdict(turn))
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
