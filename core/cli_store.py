"""The commands `store` and `bundle`, and the exports of a whole store: bundles and reports."""

import argparse
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from core import cli_answer
from core.api import Tonescope
from core.export.bundle import Contents, write_bundle
from core.export.opening import open_bundle
from core.export.whole import SUFFIXES, Whole, write_whole
from core.settings import default_store
from core.store.compact import compact

WHOLE = tuple(str(kind) for kind in Whole)  # formats of `export` that are one file


def add_store(commands: Any) -> Iterator[argparse.ArgumentParser]:
    """Adds the commands; yields the parser of each action, which still lacks `--store`."""
    store = commands.add_parser("store", help="look after the store")
    actions = store.add_subparsers(required=True, metavar="ACTION")
    checking = actions.add_parser("check", help="check every table, remove what dead writers left")
    checking.set_defaults(command=_check)
    yield checking
    compacting = actions.add_parser("compact", help="join small files, remove what is outdated")
    compacting.set_defaults(command=_compact)
    yield compacting
    backing = actions.add_parser("backup", help="write everything into one file")
    backing.add_argument("file", type=Path, metavar="FILE")
    backing.set_defaults(command=_backup)
    yield backing
    restoring = actions.add_parser("restore", help="make a new store of a backup of your own")
    restoring.add_argument("file", type=Path, metavar="FILE")
    restoring.set_defaults(command=_open, own=True)
    yield restoring
    bundle = commands.add_parser("bundle", help="open what `export --format bundle` wrote")
    opened = bundle.add_subparsers(required=True, metavar="ACTION")
    opening = opened.add_parser("open", help="make a new store of a bundle of anybody's")
    opening.add_argument("file", type=Path, metavar="FILE")
    opening.set_defaults(command=_open, own=False)
    yield opening


def add_whole(export: argparse.ArgumentParser) -> None:
    """Adds to `export` what bundles and reports take."""
    export.add_argument("--session", help="bundle, report: only the recordings of this session")
    export.add_argument("--audio", action="store_true", help="bundle: with the sound")
    export.add_argument(
        "--pseudonyms",
        action="store_true",
        help="all recordings without names, notes, transcripts, not only those that have one",
    )


def export_whole(options: argparse.Namespace) -> int:
    """Writes a bundle or a report; returns the exit status."""
    scope = Tonescope(options.store)
    day = f"{datetime.now():%Y%m%d_%H%M%S}"
    kind = Whole(options.format)
    path = options.out / f"tonescope_{day}.{SUFFIXES[kind]}"
    done = write_whole(
        scope.store,
        path,
        kind,
        options.recording,
        options.session,
        audio=options.audio,
        pseudonyms=options.pseudonyms,
    )
    if kind is Whole.BUNDLE and not options.audio:
        cli_answer.say("the sound was left out; --audio puts it in")
    if done.n_held:
        cli_answer.say(f"left out {done.n_held} recording(s) that may not be published")
    if done.n_maps:
        cli_answer.say(f"left out {done.n_maps} map(s) or set(s) that hold other recordings")
    cli_answer.answer({"file": str(path), "rows": done.n_recordings})
    return 0


def _check(options: argparse.Namespace) -> int:
    found = Tonescope(options.store).check()
    cli_answer.answer({"ok": found.ok, **asdict(found)})
    return 0 if found.ok else 1


def _compact(options: argparse.Namespace) -> int:
    cli_answer.answer(asdict(compact(Tonescope(options.store).store)))
    return 0


def _backup(options: argparse.Namespace) -> int:
    store = Tonescope(options.store).store
    known = store.lake.read("recordings", ["recording"])["recording"].to_pylist()
    what = Contents(tuple(known), audio=True, everything=True)
    cli_answer.answer(
        {"file": str(options.file), "recordings": write_bundle(store, options.file, what)}
    )
    return 0


def _open(options: argparse.Namespace) -> int:
    root = options.store or default_store()
    n_recordings = open_bundle(options.file, root, own=options.own)
    cli_answer.answer({"store": str(root), "recordings": n_recordings})
    return 0
