"""The commands on the corpus: `project`, `cluster`, `similar`, `confounds`."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core import answers, cli_answer
from core.api import Tonescope
from core.explore.clusters import Grouping
from core.explore.groups import Unit
from core.explore.projection import MapSettings, Method
from core.explore.space import SpaceKind, SpaceSettings
from core.explore.units import By
from core.records import Span


def add_explore(commands: Any) -> Iterator[argparse.ArgumentParser]:
    """Adds the commands; yields the parser of each, which still lacks `--store`."""
    project = commands.add_parser("project", help="make a map of the corpus's segments")
    _project_options(project)
    cluster = commands.add_parser("cluster", help="group segments, recordings or sessions")
    _cluster_options(cluster)
    similar = commands.add_parser("similar", help="find the same tone as in a region or clip")
    _similar_options(similar)
    confounds = commands.add_parser(
        "confounds", help="what a clustering or map follows besides emotion"
    )
    of = confounds.add_mutually_exclusive_group()
    of.add_argument("--clustering", metavar="ID", help="(default: the newest)")
    of.add_argument("--map", metavar="ID", nargs="?", const="", help="of a map (the newest)")
    confounds.set_defaults(command=_confounds)
    for parser in (project, cluster, similar, confounds):
        engine = None if parser is confounds else "compact"
        parser.add_argument("--engine", default=engine, help="a name, or an engine id")
        yield parser
    for parser in (project, cluster):
        parser.add_argument("--seed", type=_seed, default=0, help="(default: 0)")
    for parser in (project, cluster, similar):
        _space_options(parser)


def _project_options(project: argparse.ArgumentParser) -> None:
    usual = MapSettings()
    project.add_argument("--method", choices=list(Method), default="umap")
    for name, kind, value, said in (
        ("--neighbors", int, usual.n_neighbors, "UMAP: neighbours of each that are kept near"),
        ("--min-dist", float, usual.min_dist, "UMAP: how closely points may lie"),
        ("--perplexity", float, usual.perplexity, "t-SNE: neighbours of each that count"),
        ("--fit-points", int, usual.fit_points, "most segments that are arranged"),
    ):
        project.add_argument(
            name, type=kind, default=value, metavar="N", help=f"{said} (default: {value})"
        )
    project.add_argument(
        "--join",
        metavar="ID",
        nargs="?",
        const="",
        help="make no map: put newer segments on this one (the newest), where nothing moves",
    )
    project.set_defaults(command=_project)


def _cluster_options(cluster: argparse.ArgumentParser) -> None:
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
        "--least", type=_positive, default=10, metavar="N", help="HDBSCAN: fewest of a cluster"
    )
    cluster.add_argument(
        "--by", choices=list(By), help="of recordings and sessions (default: profile)"
    )
    cluster.set_defaults(command=_cluster)


def _similar_options(similar: argparse.ArgumentParser) -> None:
    similar.add_argument("--recording", metavar="ID", help="its SHA-256, with start and end")
    similar.add_argument("--start-s", type=cli_answer.seconds, metavar="A")
    similar.add_argument("--end-s", type=cli_answer.seconds, metavar="B")
    similar.add_argument("--channel", type=_whole, help="of this channel, from 0 (default: mean)")
    similar.add_argument("--clip", type=Path, metavar="FILE", help="in place of a recording")
    similar.add_argument("--segment", type=_segment, metavar="ID:N", help="likewise")
    for name, said in (("--like", "more"), ("--unlike", "less")):
        similar.add_argument(
            name,
            type=_segment,
            action="append",
            default=[],
            metavar="ID:N",
            help=f"{said} like this segment; may be given several times",
        )
    similar.add_argument("-k", type=_positive, default=10, help="how many (default: 10)")
    similar.add_argument("--other-recordings", action="store_true", help="not from the same one")
    similar.add_argument("--other-speakers", action="store_true", help="not by the same one")
    similar.add_argument("--save", metavar="TITLE", help="keep what is found as a set")
    similar.set_defaults(command=_similar, wrong=similar.error)


def _space_options(parser: argparse.ArgumentParser) -> None:
    usual = SpaceSettings()
    parser.add_argument(
        "--space",
        choices=list(SpaceKind),
        default="centred",
        help="what is taken away before segments are compared (default: centred)",
    )
    parser.add_argument(
        "--shrinkage",
        type=float,
        default=usual.shrinkage,
        metavar="N",
        help=f"per speaker: segments that the corpus weighs (default: {usual.shrinkage:g})",
    )
    parser.add_argument(
        "--min-segments",
        type=_positive,
        default=usual.min_segments,
        metavar="N",
        help=f"per speaker: fewest to be centred by (default: {usual.min_segments})",
    )
    parser.add_argument(
        "--neutral", action="store_true", help="per speaker: from what people heard as neutral"
    )


def _project(options: argparse.Namespace) -> int:
    scope = Tonescope(options.store)
    if options.join is not None:
        cli_answer.answer(scope.join_map(options.join or None, engine=options.engine))
        return 0
    wanted = MapSettings(
        options.neighbors, options.min_dist, options.perplexity, options.fit_points
    )
    answer = scope.project(
        Method(options.method),
        engine=options.engine,
        seed=options.seed,
        space=_space(options),
        wanted=wanted,
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
        least=options.least,
    )
    if answer["left_out"]:
        cli_answer.say(
            f"left out {answer['left_out']} segment(s) that belong to no {unit} or have no scores"
        )
    cli_answer.answer(answer)
    return 0


def _similar(options: argparse.Namespace) -> int:
    times = options.start_s, options.end_s
    if (options.recording is None) != (None in times) or times.count(None) == 1:
        options.wrong("a region needs --recording, --start-s and --end-s; give all three")
    span = None if options.recording is None else Span(*times)
    hits = Tonescope(options.store).similar(
        options.recording,
        span,
        options.k,
        clip=options.clip,
        segment=options.segment,
        liked=options.like,
        disliked=options.unlike,
        channel=options.channel,
        engine=options.engine,
        space=_space(options),
        other_recordings=options.other_recordings,
        other_speakers=options.other_speakers,
        title=options.save,
    )
    for hit in hits:
        cli_answer.answer(answers.similar(hit))
    if len(hits) < options.k:
        cli_answer.say(f"{len(hits)} of {options.k}: there are no more segments to compare with")
    return 0


def _confounds(options: argparse.Namespace) -> int:
    audit = Tonescope(options.store).confounds(
        options.clustering, projection=options.map, engine=options.engine
    )
    for found in audit.found:
        cli_answer.answer(answers.confound(found))
    cli_answer.say(audit.advice)
    cli_answer.say(audit.circular)
    return 0


def _space(options: argparse.Namespace) -> SpaceSettings:
    settings = SpaceSettings(
        SpaceKind(options.space), options.shrinkage, options.min_segments, options.neutral
    )
    if settings.warning:
        cli_answer.say(settings.warning)
    return settings


def _segment(text: str) -> tuple[str, int]:
    recording, colon, number = text.rpartition(":")
    if not (recording and colon and number.isascii() and number.isdigit()):
        raise argparse.ArgumentTypeError(
            f"{text} is no segment; give the recording, a colon and the segment's number"
        )
    return recording, int(number)


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
