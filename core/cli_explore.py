"""The commands on the corpus: `project`, `cluster`, `similar`, `confounds`."""

import argparse
from collections.abc import Iterator
from typing import Any

from core import answers, cli_answer
from core.api import Tonescope
from core.explore.clusters import Grouping
from core.explore.groups import Unit
from core.explore.projection import Method
from core.explore.space import SpaceKind, SpaceSettings
from core.explore.units import By
from core.records import Span


def add_explore(commands: Any) -> Iterator[argparse.ArgumentParser]:
    """Adds the commands; yields the parser of each, which still lacks `--store`."""
    project = commands.add_parser("project", help="make a map of the corpus's segments")
    project.add_argument("--method", choices=list(Method), default="umap")
    project.set_defaults(command=_project)
    cluster = commands.add_parser("cluster", help="group segments, recordings or sessions")
    cluster.add_argument(
        "--k",
        type=_clusters,
        default=None,
        metavar="N|auto",
        help="(default: auto, by silhouette and stability)",
    )
    cluster.add_argument("--unit", choices=list(Unit), default="segment")
    cluster.add_argument("--method", choices=list(Grouping), default="kmeans")
    cluster.add_argument(
        "--by", choices=list(By), help="of recordings and sessions (default: profile)"
    )
    cluster.set_defaults(command=_cluster)
    similar = commands.add_parser("similar", help="find the same tone as in a region")
    similar.add_argument("--recording", required=True, metavar="ID", help="its SHA-256")
    similar.add_argument("--start-s", type=cli_answer.seconds, required=True, metavar="A")
    similar.add_argument("--end-s", type=cli_answer.seconds, required=True, metavar="B")
    similar.add_argument("--channel", type=_whole, help="of this channel, from 0 (default: mean)")
    similar.add_argument("-k", type=_positive, default=10, help="how many (default: 10)")
    similar.add_argument("--other-recordings", action="store_true", help="not from the same one")
    similar.add_argument("--other-speakers", action="store_true", help="not by the same one")
    similar.set_defaults(command=_similar)
    confounds = commands.add_parser("confounds", help="what a clustering follows besides emotion")
    confounds.add_argument("--clustering", metavar="ID", help="(default: the newest)")
    confounds.set_defaults(command=_confounds)
    for parser in (project, cluster, similar, confounds):
        engine = None if parser is confounds else "compact"
        parser.add_argument("--engine", default=engine, help="a name, or an engine id")
        yield parser
    for parser in (project, cluster):
        parser.add_argument("--seed", type=_seed, default=0, help="(default: 0)")
    for parser in (project, cluster, similar):
        parser.add_argument(
            "--space",
            choices=list(SpaceKind),
            default="centred",
            help="what is taken away before segments are compared (default: centred)",
        )


def _project(options: argparse.Namespace) -> int:
    answer = Tonescope(options.store).project(
        Method(options.method), engine=options.engine, seed=options.seed, space=_space(options)
    )
    if answer["reason"] and answer["method"] != options.method:
        cli_answer.say(answer["reason"])
    cli_answer.answer(answer)
    return 0


def _cluster(options: argparse.Namespace) -> int:
    unit = Unit(options.unit)
    answer = Tonescope(options.store).cluster(
        options.k,
        unit,
        engine=options.engine,
        seed=options.seed,
        space=_space(options),
        method=Grouping(options.method),
        by=None if options.by is None else By(options.by),
    )
    if answer["left_out"]:
        cli_answer.say(
            f"left out {answer['left_out']} segment(s) that belong to no {unit} or have no scores"
        )
    cli_answer.answer(answer)
    return 0


def _similar(options: argparse.Namespace) -> int:
    hits = Tonescope(options.store).similar(
        options.recording,
        Span(options.start_s, options.end_s),
        options.k,
        channel=options.channel,
        engine=options.engine,
        space=_space(options),
        other_recordings=options.other_recordings,
        other_speakers=options.other_speakers,
    )
    for hit in hits:
        cli_answer.answer(answers.similar(hit))
    if len(hits) < options.k:
        cli_answer.say(f"{len(hits)} of {options.k}: there are no more segments to compare with")
    return 0


def _confounds(options: argparse.Namespace) -> int:
    audit = Tonescope(options.store).confounds(options.clustering, engine=options.engine)
    for found in audit.found:
        cli_answer.answer(answers.confound(found))
    cli_answer.say(audit.advice)
    cli_answer.say(audit.circular)
    return 0


def _space(options: argparse.Namespace) -> SpaceSettings:
    settings = SpaceSettings(SpaceKind(options.space))
    if settings.warning:
        cli_answer.say(settings.warning)
    return settings


def _clusters(text: str) -> int | None:
    if text == "auto":
        return None
    if not text.isdigit() or int(text) < 2:
        raise argparse.ArgumentTypeError(
            f"{text} is no number of clusters; give 2 or more, or auto"
        )
    return int(text)


def _seed(text: str) -> int:
    if not text.isdigit() or int(text) >= 2**31:
        raise argparse.ArgumentTypeError(
            f"{text} is no seed; give a whole number from 0 to 2^31 - 1"
        )
    return int(text)


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text} is no channel; give a whole number from 0")
    return int(text)


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 100_000):
        raise argparse.ArgumentTypeError(f"{text} is no count; give 1 to 100000")
    return int(text)
