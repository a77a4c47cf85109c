"""The commands `store` and `bundle`, and the exports of a whole store: bundles and reports."""

import argparse
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from core import cli_answer
from core.api import Tonescope
from core.errors import StoreError
from core.export.bundle import Contents, write_bundle
from core.export.opening import open_bundle
from core.export.report import write_report
from core.settings import default_store
from core.store.compact import compact

WHOLE = ("report", "bundle")  # formats of `export` that are one file


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
    store = Tonescope(options.store).store
    known = store.lake.read("recordings", ["recording", "session"]).to_pylist()
    chosen = [row["recording"] for row in known]
    if options.recording:
        chosen = [store.recording(options.recording).recording]
    elif options.session is not None:
        chosen = [row["recording"] for row in known if row["session"] == options.session]
        if not chosen:
            raise StoreError(f"No recording has the session {options.session!r}; see Overview.")
    day = f"{datetime.now():%Y%m%d_%H%M%S}"
    if options.format == "bundle":
        path = options.out / f"tonescope_{day}.bundle.zip"
        what = Contents(tuple(chosen), options.audio, options.pseudonyms)
        n_rows = write_bundle(store, path, what)
        if not options.audio:
            cli_answer.say("the sound was left out; --audio puts it in")
    else:
        path = options.out / f"tonescope_{day}.report.html"
        session = None if options.recording else options.session
        wanted = {"session": session, "pseudonyms": options.pseudonyms}
        n_rows = write_report(store, path, chosen, **wanted)
    if n_rows < len(chosen):
        cli_answer.say(f"left out {len(chosen) - n_rows} recording(s) that may not be published")
    cli_answer.answer({"file": str(path), "rows": n_rows})
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
