"""Rules, review queues and verdicts of a store; rows are only ever added.

A row of `flags` is a version of a rule (`rule`), a review queue (`queue`, with what it was drawn from),
a moment of a queue (`moment`), what a person said of one (`verdict`), or that a verdict does not count
(`undo`); of the others the last one counts.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from core.audio.decode import open_audio
from core.audio.prosody import HOP_S, load_prosody, prosody_of
from core.errors import RuleError
from core.plain import one_line
from core.records import Span
from core.store import consent
from core.store import turns as turn_versions
from core.store.attempts import new_number
from core.store.consent import Use
from core.store.rows import MIX, channel_number
from core.store.schema import TABLES
from core.store.store import Store
from core.studies.flagging import Heard, flags, speaker_of
from core.studies.quality import Quality, Verdict, measured, windows
from core.studies.rules import LevelOver, Rule, TurnsTo, from_json, to_json
from core.studies.timelines import tracks
from core.timeline.track import Timeline
from core.timeline.turning_points import turning_points

_TABLE: Final = "flags"
COLUMNS: Final = ("recording", "channel", "name", "session", "speaker", "start_s", "end_s")
SHORTEST_WINDOW_S: Final = 1.0


class _Kind(StrEnum):
    RULE = "rule"
    QUEUE = "queue"
    MOMENT = "moment"
    VERDICT = "verdict"
    UNDO = "undo"


@dataclass(frozen=True)
class StoredRule:
    """A version of a rule."""

    rule: Rule
    version: int
    made_at: datetime


@dataclass(frozen=True)
class Moment:
    """A moment to review; whether it was flagged is hidden from the reviewer by the page.

    Attributes:
        verdict: the last one, or None.
    """

    moment: int
    recording: str
    channel: int | None
    span: Span
    flagged: bool
    verdict: Verdict | None


def save_rule(store: Store, rule: Rule) -> StoredRule:
    """Stores a rule as the next version under its name; an unchanged one stays as it is."""
    checked = from_json(to_json(rule))
    known = versions(store, checked.name)
    if known and known[-1].rule == checked:
        return known[-1]
    version = known[-1].version + 1 if known else 1
    _append(store, _row(_Kind.RULE, name=checked.name, version=version, rule=to_json(checked)))
    return versions(store, checked.name)[-1]


def rules(store: Store) -> list[StoredRule]:
    """Returns the newest version of each rule, in alphabetical order."""
    newest = {found.rule.name: found for found in _rules(store)}
    return [newest[name] for name in sorted(newest)]


def versions(store: Store, name: str) -> list[StoredRule]:
    """Returns all versions of a rule, the first one first."""
    return [found for found in _rules(store) if found.rule.name == name]


def rule(store: Store, name: str) -> StoredRule:
    """Returns the newest version of a rule.

    Raises:
        RuleError: there is none of this name.
    """
    known = versions(store, name)
    if not known:
        names = ", ".join(repr(found.rule.name) for found in rules(store)[:10]) or "none"
        raise RuleError(
            f"There is no rule {name[:80]!r} in the store, but {names}; save one first."
        )
    return known[-1]


def find(store: Store, rule: Rule, engine: str = "compact") -> pd.DataFrame:
    """Returns the moments that a rule flags in every stored track of an engine; no model runs.

    Args:
        store: where the tracks are.
        rule: what is looked for.
        engine: a name or an id.

    Returns:
        A row for each flag, with the columns of `COLUMNS`; channel -1 is the mix. Where turns are known,
        the speaker is who speaks most in the flag.

    Raises:
        RuleError: a track lacks what the rule asks for.
    """
    rows = []
    for place, heard in _tracks(store, engine, rule):
        for span in flags(rule, heard):
            who = speaker_of(heard.turns, heard.speaker, span)
            rows.append({**place, "speaker": who, "start_s": span.start_s, "end_s": span.end_s})
    return pd.DataFrame(rows, columns=list(COLUMNS))


def make_queue(
    store: Store,
    rule: Rule,
    n_flagged: int = 25,
    n_unflagged: int = 25,
    engine: str = "compact",
    seed: int = 0,
) -> int:
    """Draws flagged and unflagged moments to review, in random order; returns the queue's number.

    Unflagged moments are windows as long as the median flag (at least 1 s) that hold speech and touch no
    flag, out of all such windows of the corpus.

    Raises:
        RuleError: the rule flags nothing and there is no speech to look through.
    """
    rng = np.random.default_rng(seed)
    found = find(store, rule, engine)
    lengths = (found["end_s"] - found["start_s"]).to_numpy()
    width_s = max(SHORTEST_WINDOW_S, float(np.median(lengths))) if len(found) else 5.0
    others = []
    for place, heard in _tracks(store, engine, None):
        keys = (found["recording"] == place["recording"]) & (found["channel"] == place["channel"])
        taken = found[keys][["start_s", "end_s"]].to_numpy()
        for span in windows(heard.timeline, taken, width_s):
            others.append({**place, "start_s": span.start_s, "end_s": span.end_s})
    if not len(found) and not others:
        raise RuleError("No track holds speech that could be reviewed; analyse recordings first.")
    queue = new_number()
    drawn = [
        (row, flagged)
        for rows, n, flagged in (
            (found.to_dict("records"), n_flagged, True),
            (others, n_unflagged, False),
        )
        for row in (rows[i] for i in rng.permutation(len(rows))[:n])
    ]
    told = json.dumps(
        {
            "rule": to_json(rule),
            "engine": engine,
            "seed": seed,
            "window_s": width_s,
            "n_flagged": len(found),
            "n_unflagged": len(others),
        }
    )
    rows = [_row(_Kind.QUEUE, name=rule.name, queue=queue, rule=told)]
    for number in rng.permutation(len(drawn)):
        row, flagged = drawn[number]
        place = {key: row[key] for key in ("recording", "channel", "start_s", "end_s")}
        rows.append(_row(_Kind.MOMENT, queue=queue, flagged=flagged, **place))
        rows[-1]["flag"] = queue + len(rows)
    _append(store, *rows)
    return queue


def queues(store: Store, name: str | None = None) -> list[int]:
    """Returns the numbers of all queues, of a rule or of all, the newest first."""
    found = _read(store, _Kind.QUEUE)
    return [row["queue"] for row in reversed(found) if name in (None, row["name"])]


def moments(store: Store, queue: int) -> list[Moment]:
    """Returns the moments of a queue in the order of reviewing."""
    said = {row["of"]: Verdict(row["review"]) for row in _verdicts(store, queue)}
    return [
        Moment(
            moment=row["flag"],
            recording=row["recording"],
            channel=None if row["channel"] == MIX else row["channel"],
            span=Span(row["start_s"], row["end_s"]),
            flagged=row["flagged"],
            verdict=said.get(row["flag"]),
        )
        for row in _read(store, _Kind.MOMENT, queue)
    ]


def review(store: Store, queue: int, moment: int, verdict: Verdict, by: str) -> None:
    """Stores what a person says of a moment; of several verdicts the last one counts.

    `right` says that the rule was: of a flagged moment that it is what is looked for, of an unflagged
    one that it is not.

    Raises:
        RuleError: the moment is none of the queue, or nobody says it.
    """
    if moment not in {known.moment for known in moments(store, queue)}:
        raise RuleError(f"There is no moment {moment} in the queue {queue}; reload the queue.")
    person = one_line(by, 80)
    if not person:
        raise RuleError("A verdict needs the name of who gives it; give one.")
    row = _row(_Kind.VERDICT, queue=queue, of=moment, review=str(verdict), by=person)
    _append(store, row)


def undo_review(store: Store, queue: int, by: str) -> int | None:
    """Takes a person's last verdict on a queue back; returns its moment, or None if there was none.

    What was said of the moment before, by whomever, counts again.
    """
    person = one_line(by, 80)
    mine = [row for row in _verdicts(store, queue) if row["by"] == person]
    if not mine:
        return None
    _append(store, _row(_Kind.UNDO, queue=queue, of=mine[-1]["flag"], by=person))
    return int(mine[-1]["of"])


def quality(store: Store, queue: int, level: float = 0.95) -> Quality:
    """Returns precision and recall of a rule, from the verdicts on a queue.

    Raises:
        RuleError: there is no such queue.
    """
    heads = _read(store, _Kind.QUEUE, queue)
    if not heads:
        raise RuleError(f"There is no queue {queue} in the store; draw one first.")
    told = json.loads(heads[0]["rule"])
    said = [
        (moment.flagged, moment.verdict, who)
        for moment, who in _with_speakers(store, moments(store, queue))
    ]
    return measured(said, told["n_flagged"], told["n_unflagged"], level)


def _with_speakers(store: Store, every: list[Moment]) -> Iterator[tuple[Moment, str]]:
    """Yields moments with who speaks in them; the recording where nobody is named."""
    rows = store.lake.read("recordings", ["recording", "speaker"]).to_pylist()
    names = {row["recording"]: row["speaker"] for row in rows}
    places = {(moment.recording, moment.channel) for moment in every}
    versions = {place: turn_versions.current(store, *place) for place in places}
    for moment in every:
        version = versions[moment.recording, moment.channel]
        turns = version.turns if version else ()
        who = speaker_of(turns, names.get(moment.recording), moment.span)
        yield moment, who or f"recording {moment.recording}"


def _tracks(store: Store, engine: str, rule: Rule | None) -> Iterator[tuple[dict[str, Any], Heard]]:
    """Yields every track that counts, with what a rule asks of it."""
    conditions = rule.conditions if rule else ()
    wants_points = any(isinstance(condition, TurnsTo) for condition in conditions)
    wants_level = any(isinstance(condition, LevelOver) for condition in conditions)
    for row, timeline in tracks(store, engine):
        channel = None if row["channel"] == MIX else int(row["channel"])
        version = turn_versions.versions(store, row["recording"], channel)
        turns = version[-1].turns if version else ()
        heard = Heard(
            timeline,
            turns,
            row["speaker"],
            _level(store, row["recording"], channel, timeline) if wants_level else None,
            turning_points(timeline, turns=turns) if wants_points else None,
        )
        place = {key: row[key] for key in ("recording", "name", "session", "speaker")}
        yield place | {"channel": channel_number(channel)}, heard


def _level(store: Store, recording: str, channel: int | None, timeline: Timeline) -> np.ndarray:
    """Returns the level at each frame, from the lanes kept beside the sound, made if need be."""
    known = store.recording(recording)
    name = f"{'mix' if channel is None else f'channel{channel}'}.prosody.npz"

    def write(draft: Any) -> None:
        path = consent.sound_path(store, known, Use.ANALYSE)
        with open_audio(path, channel, known.name) as audio:
            prosody_of(audio.samples()).save(draft)

    level = load_prosody(store.derived(known, name, write)).level_db
    if not len(level):
        return np.full(timeline.n_frames, -np.inf)
    nearest = np.round(timeline.times() / HOP_S).astype(int)
    found: np.ndarray = level[np.minimum(nearest, len(level) - 1)]
    return found


def _rules(store: Store) -> list[StoredRule]:
    return [
        StoredRule(from_json(row["rule"]), row["version"], row["made_at"])
        for row in _read(store, _Kind.RULE)
    ]


def _verdicts(store: Store, queue: int) -> list[dict[str, Any]]:
    """Returns the verdicts on a queue that were not taken back, in order."""
    undone = {row["of"] for row in _read(store, _Kind.UNDO, queue)}
    return [row for row in _read(store, _Kind.VERDICT, queue) if row["flag"] not in undone]


def _read(store: Store, kind: _Kind, queue: int | None = None) -> list[dict[str, Any]]:
    where = pc.field("kind") == str(kind)
    if queue is not None:
        where = where & (pc.field("queue") == queue)
    return sorted(store.lake.read(_TABLE, where=where).to_pylist(), key=lambda row: row["flag"])


def _row(kind: _Kind, **values: Any) -> dict[str, Any]:
    return {"flag": new_number(), "kind": str(kind), "made_at": datetime.now(UTC), **values}


def _append(store: Store, *rows: dict[str, Any]) -> None:
    store.lake.append(_TABLE, pa.Table.from_pylist(list(rows), schema=TABLES[_TABLE].schema))
    store.lake.tidy(_TABLE)
