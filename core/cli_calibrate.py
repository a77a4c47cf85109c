"""The commands `calibrate` and `heads`: a read-out of one's own over stored embeddings."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core import cli_answer
from core.api import Tonescope
from core.errors import HeadError
from core.learn import library
from core.learn.from_manifest import head_from_manifest
from core.learn.head_files import CARD
from core.learn.heads import Head
from core.learn.label_curve import curve_of_labels
from core.learn.manifest import read_manifest
from core.learn.picking import Way
from core.statistics.proportions import Estimate
from core.store.rows import MIX
from core.store.store import Store


def add_calibrate(commands: Any) -> Iterator[argparse.ArgumentParser]:
    """Adds the commands; yields the parser of each action, which still lacks `--store`."""
    calibrate = commands.add_parser(
        "calibrate", help="fit a head of your own on labels, and say how good it is"
    )
    calibrate.add_argument("--name", default="my corpus", help="of the head (default: my corpus)")
    calibrate.add_argument(
        "--manifest",
        type=Path,
        metavar="MANIFEST.csv",
        help="labels of analysed files, as for evaluate (default: the labels in the store)",
    )
    calibrate.add_argument(
        "--annotator", action="append", metavar="NAME", help="only this person's labels"
    )
    calibrate.add_argument(
        "--all-random",
        action="store_true",
        help="all labels are a random sample, as where everything was labelled",
    )
    calibrate.add_argument(
        "--accuracy", type=float, metavar="SHARE", help="abstain where fewer answers would be right"
    )
    calibrate.add_argument(
        "--curve",
        action="store_true",
        help="how good it was after the first labels, then after more (not with --manifest)",
    )
    calibrate.set_defaults(command=_calibrate)
    _options(calibrate)
    yield calibrate
    heads = commands.add_parser("heads", help="pick segments to label; list, apply, move heads")
    actions = heads.add_subparsers(required=True, metavar="ACTION")
    pick = actions.add_parser("pick", help="draw segments to label")
    pick.add_argument("--way", choices=list(Way), default="random")
    pick.add_argument("-n", type=int, default=20, help="how many (default: 20)")
    pick.set_defaults(command=_pick)
    _options(pick)
    listing = actions.add_parser("list", help="list the heads of the store")
    listing.set_defaults(command=_list)
    applying = actions.add_parser("apply", help="read out all stored segments; no model runs")
    applying.add_argument("--head", required=True, metavar="NAME")
    applying.add_argument(
        "--recording", metavar="ID", help="every half second of this recording in place of segments"
    )
    applying.set_defaults(command=_apply)
    writing = actions.add_parser("export", help="write a head as files that hold no code")
    writing.add_argument("--head", required=True, metavar="NAME")
    writing.add_argument("--out", type=Path, required=True, metavar="DIR")
    writing.set_defaults(command=_export)
    reading = actions.add_parser("import", help="take a head from its folder")
    reading.add_argument("folder", type=Path, metavar="DIR")
    reading.set_defaults(command=_import)
    yield from (pick, listing, applying, writing, reading)


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--engine", default="compact", help="a name, or an engine id")
    parser.add_argument("--seed", type=int, default=0, help="(default: 0)")


def _calibrate(options: argparse.Namespace) -> int:
    if options.curve and options.manifest:
        raise HeadError(
            "The labels of a manifest have no order in time; leave out --curve or --manifest."
        )
    store = Tonescope(options.store).store
    if options.manifest:
        made = head_from_manifest(
            store,
            read_manifest(options.manifest),
            options.name,
            options.engine,
            accuracy=options.accuracy,
            seed=options.seed,
        )
    else:
        made = library.make_head(
            store,
            options.name,
            options.engine,
            annotators=options.annotator,
            accuracy=options.accuracy,
            all_random=options.all_random,
            seed=options.seed,
        )
    if not made.other_speakers:
        cli_answer.say("all labels are of one speaker, so the figures say nothing of others")
    engine, better, compared = made.uar_engine, made.better, made.compared
    curve = {"curve": _curve(store, options)} if options.curve else {}
    cli_answer.answer(
        {
            "head": made.head.name,
            "uar": made.uar.value,
            "uar_engine": None if engine is None else engine.value,
            "n_labels": made.n_labels,
            "ece": made.ece,
            "uar_low": made.uar.low,
            "uar_high": made.uar.high,
            "better_low": None if better is None else better.low,
            "better_high": None if better is None else better.high,
            "p": None if compared is None else compared.p,
            "smallest_p": None if compared is None else compared.smallest_p,
            "n_sample": made.n_sample,
            "n_speakers": made.n_speakers,
            "coverage": made.coverage,
            "uar_answered": made.uar_answered,
            "classes": list(made.head.classes),
            "key": made.head.key,
            "engine": made.head.engine_id,
        }
        | curve
    )
    return 0


def _curve(store: Store, options: argparse.Namespace) -> list[dict[str, Any]]:
    found = curve_of_labels(
        store,
        options.engine,
        annotators=options.annotator,
        all_random=options.all_random,
        seed=options.seed,
    )
    return [{"n_labels": point.n_labels} | _estimate(point.uar) for point in found.points]


def _estimate(found: Estimate) -> dict[str, Any]:
    return {"uar": found.value, "uar_low": found.low, "uar_high": found.high}


def _pick(options: argparse.Namespace) -> int:
    store = Tonescope(options.store).store
    drawn = library.draw(store, Way(options.way), options.n, options.engine, options.seed)
    for row in drawn.segments.to_dict("records"):
        cli_answer.answer(
            {"sample": drawn.sample} | {str(key): value for key, value in row.items()}
        )
    return 0


def _list(options: argparse.Namespace) -> int:
    for head in library.heads(Tonescope(options.store).store):
        cli_answer.answer(_about(head))
    return 0


def _apply(options: argparse.Namespace) -> int:
    store = Tonescope(options.store).store
    head = library.head(store, options.head)
    if options.recording:
        recording = store.recording(options.recording).recording
        for row in library.course(store, head, recording).to_dict("records"):
            channel = None if row["channel"] == MIX else row["channel"]
            scores = {name: row[f"score_{name}"] for name in head.classes}
            place = {"recording": recording, "channel": channel, "head": head.name}
            times = {key: round(row[key], 6) for key in ("start_s", "end_s")}
            cli_answer.answer(place | times | {"scores": scores})
        return 0
    for row in library.apply(store, head).to_dict("records"):
        keys = ("recording", "channel", "segment", "start_s", "end_s", "emotion")
        told = {key: row[key] for key in keys}
        cli_answer.answer(
            told
            | {
                "head": head.name,
                "class": row["head_class"],
                "confidence": row["head_confidence"],
                "abstains": row["head_abstains"],
            }
        )
    return 0


def _export(options: argparse.Namespace) -> int:
    store = Tonescope(options.store).store
    for path in library.export_head(store, options.head, options.out):
        cli_answer.answer(
            {"file": str(path), "rows": 1 if path.name == CARD else _classes(store, options)}
        )
    return 0


def _classes(store: Any, options: argparse.Namespace) -> int:
    return len(library.head(store, options.head).classes)


def _import(options: argparse.Namespace) -> int:
    cli_answer.answer(_about(library.import_head(Tonescope(options.store).store, options.folder)))
    return 0


def _about(head: Head) -> dict[str, Any]:
    return {
        "head": head.name,
        "key": head.key,
        "engine": head.engine_id,
        "classes": list(head.classes),
        "temperature": head.temperature,
        "threshold": head.threshold,
        "card": head.card,
    }
