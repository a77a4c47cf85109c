"""The commands `courses` and `estimates`: time, shape and order of emotions; the engine's error."""

import argparse
from collections.abc import Iterator
from typing import Any

import numpy as np

from core import cli_answer
from core.api import Tonescope
from core.emotions import EMOTIONS, Emotion
from core.errors import StudyError
from core.records import Span
from core.store import samples
from core.store.corpus import corpus
from core.store.rows import MIX
from core.studies import corrected, courses, events, shape_search, transitions
from core.studies.courses import Axis, Courses, Grouping

NAMES = [str(emotion) for emotion in EMOTIONS]


def add_courses(commands: Any) -> Iterator[argparse.ArgumentParser]:
    """Adds the commands; yields the parser of each action, which still lacks `--store`."""
    actions = commands.add_parser(
        "courses", help="compare courses over time, search by shape, transitions"
    ).add_subparsers(required=True, metavar="ACTION")
    comparing = actions.add_parser("compare", help="whether the courses of two groups differ")
    _groups(comparing)
    comparing.add_argument("--end-s", type=cli_answer.seconds, help="seconds, not start to end")
    comparing.add_argument("--event", help="turn:EMOTION, label:TERM or flag:RULE to lock on")
    for side in ("before", "after"):
        comparing.add_argument(
            f"--{side}-s", type=cli_answer.seconds, default=10.0, help="of the event (default: 10)"
        )
    comparing.add_argument("--values", action="store_true", help="a line for each time, too")
    comparing.set_defaults(command=_compare)
    shape = actions.add_parser("shape", help="stretches whose course is like one")
    _shape(shape)
    changes = actions.add_parser("transitions", help="what follows what, and how long each lasts")
    changes.add_argument("--speaker", help="only this one")
    changes.set_defaults(command=_transitions)
    actions = commands.add_parser(
        "estimates", help="group results with the engine's error in them, from a labelled sample"
    ).add_subparsers(required=True, metavar="ACTION")
    drawing = actions.add_parser("draw", help="draw segments of each group at random, to label")
    _groups(drawing)
    drawing.add_argument("-n", type=int, default=30, help="of each group (default: 30)")
    drawing.add_argument("--seed", type=int, default=0, help="(default: 0)")
    drawing.set_defaults(command=_draw)
    correcting = actions.add_parser("correct", help="shares of segments, raw and corrected")
    correcting.add_argument("--sample", type=int, required=True, help="its number, from `draw`")
    correcting.set_defaults(command=_correct)
    for parser in (shape, correcting):
        parser.add_argument("--emotion", choices=NAMES, action="append", help="(default: all)")
    for parser in (comparing, shape, changes, drawing):
        parser.add_argument("--engine", default="compact", help="a name, or an engine id")
    yield from (comparing, shape, changes, drawing, correcting)


def _groups(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--by", choices=list(Grouping), default="session")
    parser.add_argument(
        "--group", action="append", required=True, metavar="NAME", help="a session or tag; twice"
    )


def _shape(parser: argparse.ArgumentParser) -> None:
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--recording", metavar="ID", help="like a stretch of this one")
    what.add_argument("--shape", choices=list(shape_search.SHAPES))
    what.add_argument("--points", metavar="SCORES", help="such as 0.1,0.1,0.8; of one emotion")
    parser.add_argument("--start-s", type=cli_answer.seconds, default=0.0)
    parser.add_argument("--end-s", type=cli_answer.seconds)
    parser.add_argument("--channel", type=int, default=MIX, help="(default: the mix)")
    parser.add_argument("--length-s", type=cli_answer.seconds, default=10.0, help="of a shape")
    parser.add_argument("--low", type=float, default=0.1, help="least score of a shape")
    parser.add_argument("--high", type=float, default=0.7, help="greatest score of a shape")
    parser.add_argument("-k", type=int, default=10, help="how many (default: 10)")
    parser.set_defaults(command=_search)


def _compare(options: argparse.Namespace) -> int:
    event = events.from_text(options.event) if options.event else None
    axis = Axis(options.end_s, event, options.before_s, options.after_s)
    found = courses.compare(
        Tonescope(options.store).store,
        options.engine,
        Grouping(options.by),
        options.group,
        axis,
        lambda doing: cli_answer.say(doing),
    )
    cli_answer.answer(_told(found))
    for number, time in enumerate(found.times.tolist() if options.values else []):
        for name, band in found.bands.items():
            edges = (("low", band.low), ("mean", band.mean), ("high", band.high))
            values = {edge: None if of is None else _scores(of[number]) for edge, of in edges}
            cli_answer.answer({"group": name, "time": time, **values})
    return 0


def _told(found: Courses) -> dict[str, Any]:
    """Returns what the comparison says, as JSON takes it."""
    told: dict[str, Any] = {
        "speakers": {name: len(band.speakers) for name, band in found.bands.items()},
        "events": found.n_events,
        "paired": found.paired,
        "left_out": list(found.left_out),
        "why_not": found.why_not,
        "p": None,
        "p_by_emotion": None,
        "smallest_p": None,
        "permutations": None,
        "compared": 0,
    }
    test = found.test
    if test is not None and not np.isnan(test.p).all():
        least = np.min(np.where(np.isnan(test.p), np.inf, test.p), axis=0)
        told |= {
            "p": float(least.min()),
            "p_by_emotion": _scores(np.where(np.isinf(least), np.nan, least)),
            "smallest_p": test.smallest_p,
            "permutations": test.n_permutations,
            "compared": int((~np.isnan(test.p)).any(axis=1).sum()),
        }
    return told


def _scores(values: np.ndarray) -> dict[str, float | None]:
    pairs = zip(NAMES, values.tolist(), strict=True)
    return {name: None if value != value else value for name, value in pairs}


def _search(options: argparse.Namespace) -> int:
    store = Tonescope(options.store).store
    emotions = [Emotion(name) for name in options.emotion or NAMES]
    if options.recording:
        if options.end_s is None or options.end_s <= options.start_s:
            raise StudyError("Give the end of the stretch after its start, such as --end-s 12.")
        span = Span(options.start_s, options.end_s)
        query = shape_search.like(
            store, options.engine, options.recording, span, options.channel, emotions
        )
    else:
        if len(emotions) != 1:
            raise StudyError("A shape is one of one emotion's score; give it by --emotion.")
        query = shape_search.drawn(_points(options), options.length_s, emotions[0])
    rows, _ = shape_search.find(store, options.engine, query, options.k)
    for rank, row in enumerate(cli_answer.plain(rows), 1):
        cli_answer.answer({"rank": rank, **row})
    return 0


def _points(options: argparse.Namespace) -> list[float]:
    if options.shape:
        return shape_search.between(options.shape, options.low, options.high)
    return shape_search.points_of(options.points)


def _transitions(options: argparse.Namespace) -> int:
    rows = corpus(Tonescope(options.store).store, options.engine).segments
    if options.speaker:
        rows = rows[rows["speaker"] == options.speaker]
    found = transitions.over_speakers(rows)
    cli_answer.answer({"speakers": len(found.chances.speakers)})
    for row, name in enumerate(NAMES):
        for column, after in enumerate(NAMES):
            if found.counts[row, column]:
                told = {"from": name, "to": after, "count": int(found.counts[row, column])}
                cli_answer.answer(told | _band("chance", found.chances, row, column))
    for row, name in enumerate(NAMES):
        if found.n_stretches[row]:
            told = {"emotion": name, "stretches": int(found.n_stretches[row])}
            cli_answer.answer(told | _band("dwell_s", found.dwell_s, row))
    return 0


def _band(name: str, band: Any, *cell: int) -> dict[str, float | None]:
    low, high = (None if edge is None else float(edge[cell]) for edge in (band.low, band.high))
    return {name: float(band.mean[cell]), f"{name}_low": low, f"{name}_high": high}


def _draw(options: argparse.Namespace) -> int:
    store = Tonescope(options.store).store
    by = Grouping(options.by)
    drawn = corrected.draw(store, by, options.group, options.n, options.engine, options.seed)
    for row in cli_answer.plain(drawn.segments):
        cli_answer.answer({"sample": drawn.sample, **row})
    return 0


def _correct(options: argparse.Namespace) -> int:
    store = Tonescope(options.store).store
    drawn = samples.sample(store, options.sample)
    for name in options.emotion or NAMES:
        found = corrected.estimate(store, drawn, Emotion(name))
        told = {"emotion": name, "changed": found.changed}
        for group, one in found.groups.items():
            counts = vars(found.labelled[group])
            cli_answer.answer(told | {"group": group} | counts | _powered(one))
        if found.difference is not None:
            cli_answer.answer(told | {"group": None} | _powered(found.difference))
    return 0


def _powered(found: Any) -> dict[str, Any]:
    if found is None:
        return {
            "engine_only": None,
            **cli_answer.estimate("corrected", None),
            **cli_answer.estimate("labels", None),
        }
    return {
        "engine_only": found.engine_only,
        **cli_answer.estimate("corrected", found.estimate),
        **cli_answer.estimate("labels", found.labels_only),
        "power": list(found.power),
    }
