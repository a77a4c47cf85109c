"""The commands on what was found in the corpus and kept: `clusters` and `sets`."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core import answers, cli_answer
from core.api import Tonescope


def add_groups(commands: Any) -> Iterator[argparse.ArgumentParser]:
    """Adds the commands; yields the parser of each action, which still lacks `--store`."""
    clusters = commands.add_parser("clusters", help="look into a clustering, name, merge, export")
    actions = clusters.add_subparsers(required=True, metavar="ACTION")
    profile = actions.add_parser("profile", help="what each cluster is")
    profile.add_argument("clustering", nargs="?", metavar="ID", help="(default: the newest)")
    profile.set_defaults(command=_profile)
    yield profile
    save = actions.add_parser("save", help="keep it under a title, with names and merges")
    save.add_argument("clustering", metavar="ID")
    save.add_argument("--title", required=True)
    save.add_argument(
        "--name",
        type=_named,
        action="append",
        default=[],
        metavar="N=NAME",
        help="of cluster N, from 1; may be given several times",
    )
    save.add_argument(
        "--merge",
        type=_numbers,
        action="append",
        default=[],
        metavar="N,N",
        help="make these clusters one; may be given several times",
    )
    save.set_defaults(command=_save)
    yield save
    export = actions.add_parser("export", help="write it as CSV, a row for each segment")
    export.add_argument("clustering", metavar="ID")
    export.add_argument("--out", type=Path, required=True, metavar="FILE")
    export.set_defaults(command=_export)
    yield export

    sets = commands.add_parser("sets", help="sets of segments that were saved")
    actions = sets.add_subparsers(required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="the saved sets, the newest first")
    listing.set_defaults(command=_sets)
    yield listing
    for name, said, command in (
        ("show", "the segments of a set", _show),
        ("remove", "remove a set; its segments stay", _remove),
    ):
        action = actions.add_parser(name, help=said)
        action.add_argument("set", metavar="ID")
        action.set_defaults(command=command)
        yield action


def _profile(options: argparse.Namespace) -> int:
    found = Tonescope(options.store).profiles(options.clustering)
    for number in sorted(found.profiles):
        cli_answer.answer(answers.profile(found, number))
    return 0


def _save(options: argparse.Namespace) -> int:
    scope = Tonescope(options.store)
    cli_answer.answer(
        scope.save_clusters(options.clustering, options.title, dict(options.name), options.merge)
    )
    return 0


def _export(options: argparse.Namespace) -> int:
    rows = Tonescope(options.store).export_clusters(options.clustering, options.out)
    cli_answer.answer({"file": str(options.out), "rows": rows})
    return 0


def _sets(options: argparse.Namespace) -> int:
    for head in Tonescope(options.store).sets():
        cli_answer.answer(answers.saved_set(head))
    return 0


def _show(options: argparse.Namespace) -> int:
    for row in Tonescope(options.store).set_rows(options.set):
        cli_answer.answer(row)
    return 0


def _remove(options: argparse.Namespace) -> int:
    cli_answer.answer(answers.saved_set(Tonescope(options.store).remove_set(options.set)))
    return 0


def _named(text: str) -> tuple[int, str]:
    number, _, name = text.partition("=")
    if not (number.isascii() and number.isdigit() and name.strip()):
        raise argparse.ArgumentTypeError(f"{text} names no cluster; give such as 1=calm")
    return int(number), name


def _numbers(text: str) -> list[int]:
    parts = text.split(",")
    if len(parts) < 2 or not all(part.isascii() and part.isdigit() for part in parts):
        raise argparse.ArgumentTypeError(f"{text} are no clusters to merge; give such as 1,3")
    return [int(part) for part in parts]
