"""What the analysis of files came to, and how it is stored: many in the commits of one."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from core import conversation
from core.errors import TonescopeError
from core.provenance import readable
from core.records import Failure, Outcome, Track, Turn
from core.settings import Analysis
from core.store import consent
from core.store.batches import Result, write_all
from core.store.store import Store
from core.timeline.track import Timeline

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Found:
    """What one file, or one channel of it, came to: plain data, fit to go to another process.

    Attributes:
        outcome: what is told of it.
        result: what is still to be stored, or None.
        failure: why there is none, still to be stored, or None.
        turns: who speaks when, where speakers were told apart just now.
        settings: of the analysis, where there is a result.
    """

    outcome: Outcome
    result: Result | None = None
    failure: Failure | None = None
    turns: tuple[Turn, ...] = ()
    settings: Analysis | None = None

    @property
    def n_frames(self) -> int:
        """How many frames are to be stored."""
        return 0 if self.result is None else len(self.result.track.logits)


def outcome_of(path: Path, track: Track, n_segments: int, status: str) -> Outcome:
    """Returns what is told of a track that there is."""
    said = Timeline(track).utterance()
    return Outcome(
        file=readable(path),
        recording=track.source.recording,
        status=status,
        duration_s=track.duration_s,
        emotion=said.emotion,
        confidence=said.confidence,
        segments=n_segments,
        warnings=track.source.warnings,
    )


def failed(
    path: Path, name: str, recording: str | None, engine: str, stage: str, error: Exception
) -> Found:
    """Returns what is told and stored of a file that could not be analysed.

    Args:
        path: the file.
        name: what people call it.
        recording: its SHA-256, as far as it could be read.
        engine: which was to analyse it.
        stage: of `Failure`.
        error: why; what is none of `core.errors` goes to the log.
    """
    reason = str(error)
    if not isinstance(error, TonescopeError):
        log.error("unexpected failure on %s", name, exc_info=error)
        reason = (
            f"{name!r} could not be analysed ({type(error).__name__}); "
            "this is a fault of the program, and the log has its details."
        )
    failure = Failure(recording, name, engine, stage, reason, datetime.now(UTC))
    return Found(Outcome(readable(path), recording, "failed", error=reason), failure=failure)


def write_found(store: Store, found: Sequence[Found]) -> list[Outcome]:
    """Stores what files came to; returns their outcomes, in order.

    What the store does not take is a failed outcome. Of files with the same bytes the first counts,
    the others are skipped.

    Args:
        store: where they go.
        found: a few hundred at most.
    """
    outcomes = [one.outcome for one in found]
    for one in found:
        if one.failure:
            _record(store, one.failure)
    withheld = consent.withheld(store, consent.Use.ANALYSE)
    refused = [n for n, one in enumerate(found) if _recording(one) in withheld]
    for number in refused:  # another process, which did not know, has analysed it
        try:
            consent.check(store, str(_recording(found[number])), consent.Use.ANALYSE)
        except TonescopeError as error:
            outcomes[number] = _not_stored(store, found[number], error)
    found = [replace(one, result=None) if n in refused else one for n, one in enumerate(found)]
    for numbers in _rounds(found, outcomes):
        chosen = [found[number] for number in numbers]
        try:
            _write(store, chosen)
        except Exception as error:  # what cannot be stored may not cost the rest of a batch
            for number in numbers:
                outcomes[number] = _not_stored(store, found[number], error)
    return outcomes


def _recording(one: Found) -> str | None:
    return one.result.recording.recording if one.result else None


def _rounds(found: Sequence[Found], outcomes: list[Outcome]) -> list[list[int]]:
    """Returns which results are stored together: no recording twice in one round."""
    known: set[tuple[str, int | None, str]] = set()
    seen: dict[str, int] = {}
    rounds: list[list[int]] = []
    for number, one in enumerate(found):
        if one.result is None:
            continue
        source = one.result.track.source
        key = (source.recording, source.channel, source.track_key)
        if key in known:
            outcomes[number] = replace(one.outcome, status="skipped")
            continue
        known.add(key)
        at = seen[source.recording] = seen.get(source.recording, -1) + 1
        rounds[at:] = rounds[at:] or [[]]
        rounds[at].append(number)
    return rounds


def _write(store: Store, found: Sequence[Found]) -> None:
    results = [one.result for one in found if one.result]
    for one in found:
        if one.result and one.settings:
            recording = one.result.recording.recording
            conversation.keep_turns(store, recording, one.settings, one.turns)
    write_all(store, results)


def _not_stored(store: Store, one: Found, error: Exception) -> Outcome:
    assert one.result is not None
    row, engine = one.result.recording, one.result.track.source.engine
    told = failed(Path(one.outcome.file), row.name, row.recording, engine, "store", error)
    if told.failure:
        _record(store, told.failure)
    return replace(told.outcome, file=one.outcome.file, channel=one.outcome.channel)


def _record(store: Store, failure: Failure) -> None:
    try:
        store.record_failure(failure)
    except TonescopeError as error:
        log.warning("The failure of %s could not be stored either: %s", failure.name, error)
