"""How far people agree with one another and with an engine, over segments and over time.

The unit is the segment: frames and instants of one label are not independent of each other, and
segments of one speaker are not either, so recordings and speakers are counted beside them, and
intervals draw these anew.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, Final

from core.emotions import EMOTIONS
from core.labels import history, intervals
from core.labels.coefficients import Terms, cohen_kappa, krippendorff_alpha, shared_time, time_kappa
from core.labels.intervals import Interval, Seconds, Times
from core.labels.records import Draft, Kind, Label
from core.store.corpus import corpus
from core.store.rows import MIX
from core.store.store import Store

LEAST_COVERED: Final = 0.5  # of a segment, for a label to be about it


@dataclass(frozen=True)
class Counts:
    """How much a figure rests on.

    Attributes:
        n_speakers: different speakers as far as they are known.
    """

    n_segments: int
    n_recordings: int
    n_speakers: int


@dataclass(frozen=True)
class Intervals:
    """How far figures would move with other speakers or recordings.

    Attributes:
        figures: by the figure's name; None where too many draws leave it undefined.
        missing: the sentence that says why there is none, or None.
    """

    figures: Mapping[str, Interval | None] = field(default_factory=dict)
    missing: str | None = None


@dataclass(frozen=True)
class Pair:
    """How far two raters agree.

    Attributes:
        first: an annotator.
        second: an annotator, or the id of an engine.
        with_engine: whether the second is an engine.
        counts: of the segments that both rated.
        agreement: share of these segments with the same term.
        kappa: Cohen's, or None where it is undefined.
        shared_s: time that both labelled, in seconds.
        time_agreement: share of this time with the same term.
        time_kappa: Cohen's kappa with seconds in place of segments.
        own_terms: segments left out beside an engine, as their term is none of the nine.
        seen: labels among these made while the engine's results were shown; they may follow it.
        intervals: of `agreement` and of `kappa`, over segments and, as `time_agreement` and
            `time_kappa`, over time.
    """

    first: str
    second: str
    with_engine: bool
    counts: Counts
    agreement: float | None
    kappa: float | None
    shared_s: float
    time_agreement: float | None
    time_kappa: float | None
    own_terms: int
    seen: int
    intervals: Intervals = Intervals()


@dataclass(frozen=True)
class Agreement:
    """How far the annotators of some recordings agree.

    Attributes:
        engine_id: whose segments are the units.
        annotators: in alphabetical order.
        alpha: Krippendorff's, of all annotators together; the engine is none.
        counts: of the segments that at least two annotators rated.
        pairs: annotators with one another, then each with the engine.
        intervals: of `alpha`.
    """

    engine_id: str
    annotators: tuple[str, ...]
    alpha: float | None
    counts: Counts
    pairs: tuple[Pair, ...]
    intervals: Intervals = Intervals()


@dataclass(frozen=True)
class Unit:
    """A segment as what labels are about."""

    recording: str
    speaker: str | None
    channel: int
    start_s: float
    end_s: float
    emotion: str


def agreement(
    store: Store, engine: str = "compact", recordings: Iterable[str] | None = None
) -> Agreement:
    """Returns how far people agree over the segments of an engine's newest analyses.

    A label is about a segment if it covers at least half of it; where several of one annotator do,
    the one that covers most counts.

    Args:
        store: where labels and segments are.
        engine: whose segments are the units: a name or an id.
        recordings: only these, by default all that have labels.

    Raises:
        StoreError: the engine has analysed nothing.
    """
    found = corpus(store, engine)
    labels = emotion_labels(store, None if recordings is None else set(recordings))
    units = [
        unit for unit in units_of(found.segments.to_dict("records")) if unit.recording in labels
    ]
    people = sorted({label.annotator for mine in labels.values() for label in mine})
    about = {
        person: [label_about(unit, person, labels[unit.recording]) for unit in units]
        for person in people
    }
    said: list[Terms] = [[row.term if row else None for row in rows] for rows in about.values()]
    several = [
        unit
        for unit, terms in zip(units, zip(*said, strict=True), strict=True)
        if sum(term is not None for term in terms) > 1
    ]
    pairs = [_pair(a, b, about, units, labels) for a, b in combinations(people, 2)]
    pairs += [_with_engine(person, found.engine_id, about, units, labels) for person in people]
    return Agreement(
        engine_id=found.engine_id,
        annotators=tuple(people),
        alpha=krippendorff_alpha(said) if len(people) > 1 else None,
        counts=_counts(several),
        pairs=tuple(pairs),
        intervals=_of_alpha(units, said),
    )


def emotion_labels(store: Store, wanted: set[str] | None = None) -> dict[str, list[Label]]:
    """Returns the judgements of emotion that stand, by recording."""
    every = {
        recording: [label for label in known.labels if label.kind is Kind.EMOTION]
        for recording, known in history.every(store).items()
        if wanted is None or recording in wanted
    }
    return {recording: labels for recording, labels in every.items() if labels}


def units_of(rows: Iterable[Mapping[Any, Any]]) -> Iterable[Unit]:
    """Yields the segments of a corpus, given by its rows."""
    for row in rows:
        speaker = row["speaker"] if isinstance(row["speaker"], str) else None
        yield Unit(
            row["recording"],
            speaker,
            int(row["channel"]),
            float(row["start_s"]),
            float(row["end_s"]),
            str(row["emotion"]),
        )


def label_about(unit: Unit, person: str, labels: Sequence[Label]) -> Label | None:
    """Returns the label of a person that is about a segment."""
    covered: dict[str, float] = defaultdict(float)
    first: dict[str, Label] = {}
    for label in labels:
        same = label.channel is None or unit.channel in (MIX, label.channel)
        shared_s = min(label.end_s, unit.end_s) - max(label.start_s, unit.start_s)
        if label.annotator == person and same and shared_s > 0:
            covered[label.term] += shared_s
            first.setdefault(label.term, label)
    if not covered:
        return None
    term = max(covered, key=lambda term: covered[term])
    enough = covered[term] >= LEAST_COVERED * (unit.end_s - unit.start_s) - 1e-9
    return first[term] if enough else None


def _pair(
    a: str,
    b: str,
    about: Mapping[str, list[Label | None]],
    units: Sequence[Unit],
    labels: Mapping[str, Sequence[Label]],
) -> Pair:
    rows = [(u, x, y) for u, x, y in zip(units, about[a], about[b], strict=True) if x and y]
    seconds: dict[str, Seconds] = {}
    for recording, mine in labels.items():
        first = [label for label in mine if label.annotator == a]
        second = [label for label in mine if label.annotator == b]
        seconds[recording] = shared_time(first, second)
    both = [(x.term, y.term) for _, x, y in rows]
    seen = _seen(label for _, *two in rows for label in two)
    rated = [unit for unit, _, _ in rows]
    return _compared(a, b, False, rated, both, _times(units, seconds), 0, seen)


def _with_engine(
    person: str,
    engine_id: str,
    about: Mapping[str, list[Label | None]],
    units: Sequence[Unit],
    labels: Mapping[str, Sequence[Label]],
) -> Pair:
    rated = [(unit, label) for unit, label in zip(units, about[person], strict=True) if label]
    rows = [(unit, label) for unit, label in rated if label.term in EMOTIONS]
    seconds: dict[str, Seconds] = {}
    for recording, mine in labels.items():
        first = [x for x in mine if x.annotator == person and x.term in EMOTIONS]
        second = [_as_draft(unit, engine_id) for unit in units if unit.recording == recording]
        seconds[recording] = shared_time(first, second)
    return _compared(
        person,
        engine_id,
        True,
        [unit for unit, _ in rows],
        [(label.term, unit.emotion) for unit, label in rows],
        _times(units, seconds),
        len(rated) - len(rows),
        _seen(label for _, label in rows),
    )


def _as_draft(unit: Unit, engine_id: str) -> Draft:
    return Draft(
        recording=unit.recording,
        start_s=unit.start_s,
        end_s=unit.end_s,
        term=unit.emotion,
        annotator=engine_id,
    )


def _compared(
    first: str,
    second: str,
    with_engine: bool,
    units: Sequence[Unit],
    terms: Sequence[tuple[str, str]],
    times: Times,
    own_terms: int,
    seen: int,
) -> Pair:
    seconds: dict[tuple[str, str], float] = defaultdict(float)
    for both, length in zip(times.terms, times.lengths_s, strict=True):
        seconds[both] += length
    total_s = sum(seconds.values())
    same_s = sum(length for (a, b), length in seconds.items() if a == b)
    same = sum(a == b for a, b in terms)
    return Pair(
        first=first,
        second=second,
        with_engine=with_engine,
        counts=_counts(units),
        agreement=same / len(terms) if terms else None,
        kappa=cohen_kappa([a for a, _ in terms], [b for _, b in terms]),
        shared_s=total_s,
        time_agreement=same_s / total_s if total_s else None,
        time_kappa=time_kappa(seconds),
        own_terms=own_terms,
        seen=seen,
        intervals=_of_pair(units, terms, times),
    )


def _times(units: Iterable[Unit], seconds: Mapping[str, Seconds]) -> Times:
    speakers: dict[str, set[str | None]] = defaultdict(set)
    for unit in units:
        speakers[unit.recording].add(unit.speaker)
    return intervals.times(speakers, seconds)


def _of_pair(units: Sequence[Unit], terms: Sequence[tuple[str, str]], times: Times) -> Intervals:
    found = intervals.groups([u.speaker for u in units], [u.recording for u in units])
    if isinstance(found, str):
        return Intervals(missing=found)
    tables = intervals.pair_tables(terms, found)
    figures = {"agreement": intervals.share, "kappa": intervals.kappa}
    told = {n: intervals.interval(f, tables, found) for n, f in figures.items()}
    spoken = intervals.groups(times.speakers, times.recordings)
    if not isinstance(spoken, str):
        tables = intervals.pair_tables(times.terms, spoken, times.lengths_s)
        told |= {f"time_{n}": intervals.interval(f, tables, spoken) for n, f in figures.items()}
    return Intervals(told)


def _of_alpha(units: Sequence[Unit], said: Sequence[Terms]) -> Intervals:
    """Returns the interval of alpha over the units that at least two annotators rated."""
    rated = zip(units, zip(*said, strict=True), strict=True)
    several = [(u, terms) for u, terms in rated if sum(term is not None for term in terms) > 1]
    if not several:
        return Intervals()
    found = intervals.groups([u.speaker for u, _ in several], [u.recording for u, _ in several])
    if isinstance(found, str):
        return Intervals(missing=found)
    tables = intervals.coincidences(list(zip(*(t for _, t in several), strict=True)), found)
    return Intervals({"alpha": intervals.interval(intervals.alpha, tables, found)})


def _counts(units: Sequence[Unit]) -> Counts:
    speakers = {unit.speaker for unit in units if unit.speaker}
    return Counts(len(units), len({unit.recording for unit in units}), len(speakers))


def _seen(labels: Iterable[Label]) -> int:
    return len({label.label for label in labels if label.blind is False})
