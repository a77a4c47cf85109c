"""Who speaks when in a recording, from its sound or by hand, and segments that follow from it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from core.audio.condition import open_heard
from core.errors import StoreError, TurnError
from core.provenance import sha256_of
from core.records import BLOCK_S, Run, Segment, Span, Track, Turn
from core.settings import Analysis, Segmentation, Speakers, digest, segmentation_json
from core.speakers.clustering import MERGE_DISTANCE
from core.speakers.imports import IMPORT, read_turns
from core.speakers.model import model_id
from core.speakers.turns import HAND, by_speaker, checked, speech_seconds
from core.store import turns as versions
from core.store.rows import MIX
from core.store.store import Store
from core.store.turns import TurnVersion
from core.timeline.segments import cut, segments_of
from core.timeline.track import Timeline

AUTO = "auto"
LITTLE = 0.5  # of the speech; turns that cover less are likely those of another recording
SCHEME = 1  # grows when the same settings would find other turns

Bounds = tuple[tuple[Span, ...], tuple[str | None, ...]]


@dataclass(frozen=True)
class TurnPreview:
    """Turns of a file as they would be stored, and what a person should look at before.

    Attributes:
        seconds: how much of the recording's speech each speaker has, by name.
        warnings: sentences.
        method: where they come from, as plain data.
    """

    recording: str
    channel: int | None
    turns: tuple[Turn, ...]
    seconds: dict[str, float]
    warnings: tuple[str, ...]
    method: dict[str, Any]


def method(settings: Analysis) -> dict[str, Any]:
    """Returns how turns are made, as plain data; empty where speakers are not told apart.

    Raises:
        EngineError: the networks that tell speakers apart are missing.
    """
    if settings.speakers in (Speakers.NONE, Speakers.CHANNEL):
        return {} if settings.speakers == Speakers.NONE else {"speakers": settings.speakers}
    found = {"model": model_id(), "merge_distance": MERGE_DISTANCE, "scheme": SCHEME}
    return {"speakers": settings.speakers, **found}


def find_turns(
    path: Path,
    name: str,
    settings: Analysis,
    speech: Sequence[Span],
    progress: Callable[[float], None] | None = None,
) -> tuple[Turn, ...]:
    """Returns who speaks when, from the sound; empty where speakers are not told apart.

    Args:
        path: the audio file.
        name: what errors call it.
        settings: of the analysis.
        speech: stretches of speech, in order.
        progress: called with the seconds done; may raise to stop.

    Raises:
        AudioError: the file cannot be read as audio.
        EngineError: the networks that tell speakers apart are missing or changed.
    """
    if settings.speakers == Speakers.NONE or not speech:
        return ()
    if settings.speakers == Speakers.CHANNEL:
        who = f"Channel {(settings.conditioning.channel or 0) + 1}"
        return tuple(Turn(who, span.start_s, span.end_s) for span in speech)
    from core.speakers.diarization import diarize
    from core.speakers.model import speaker_model

    n_speakers = None if settings.speakers == Speakers.AUTO else int(settings.speakers)
    with open_heard(path, settings.conditioning, None, name) as samples:
        return diarize(speaker_model(), samples, speech, n_speakers, progress)


def bounds_of(speech: Sequence[Span], turns: Sequence[Turn], settings: Segmentation) -> Bounds:
    """Returns the bounds of the segments and the speaker of each; none spans two speakers.

    Args:
        speech: stretches of speech, in order.
        turns: who speaks when; without any, speakers are not told apart.
        settings: how speech is cut.
    """
    if not turns:
        bounds = cut(speech, settings)
        return bounds, (None,) * len(bounds)
    pairs = [
        (part, speaker)
        for speaker, spans in by_speaker(speech, turns)
        for part in cut(spans, settings)
    ]
    return tuple(part for part, _ in pairs), tuple(speaker for _, speaker in pairs)


def segments_again(
    track: Track, turns: Sequence[Turn], settings: Segmentation
) -> tuple[Segment, ...]:
    """Cuts a stored track anew, with embeddings from its blocks; no engine runs."""
    timeline = Timeline(track)
    bounds, speakers = bounds_of(timeline.speech_spans(), turns, settings)
    embeddings = [
        timeline.embedding(span) if timeline.has_speech(span) else None for span in bounds
    ]
    return segments_of(timeline, bounds, embeddings, speakers)


def found_before(store: Store, recording: str, settings: Analysis) -> tuple[Turn, ...] | None:
    """Returns turns that were found in the same way before, or None."""
    wanted = method(settings)
    for version in versions.versions(store, recording, settings.conditioning.channel):
        if version.source == AUTO and version.method == wanted:
            return version.turns
    return None


def keep_turns(store: Store, recording: str, settings: Analysis, turns: Sequence[Turn]) -> None:
    """Stores turns that were found in the sound, unless the ones that count are these."""
    channel, wanted = settings.conditioning.channel, method(settings)
    if not wanted:
        return
    now = versions.current(store, recording, channel)
    if now is None or now.source != AUTO or now.method != wanted:
        versions.put(store, recording, channel, turns, AUTO, wanted)


def correct(
    store: Store, recording: str, channel: int | None, turns: Sequence[Turn]
) -> TurnVersion:
    """Stores turns corrected by hand, and segments that follow them; nothing is overwritten.

    Raises:
        TurnError: a turn has no name, is empty, or lies outside the recording.
    """
    duration_s = store.recording(recording).duration_s
    version = versions.put(store, recording, channel, checked(turns, duration_s), HAND)
    _cut_anew(store, recording, channel, version)
    return version


def undo(store: Store, recording: str, channel: int | None) -> TurnVersion:
    """Goes back to the turns before the last change, with segments that follow them.

    Raises:
        TurnError: there is nothing to undo.
    """
    version = versions.undo(store, recording, channel)
    _cut_anew(store, recording, channel, version)
    return version


def preview_turns(
    store: Store,
    path: Path,
    recording: str,
    channel: int | None = None,
    tiers: Sequence[str] = (),
    name: str | None = None,
) -> TurnPreview:
    """Returns what a file of turns would give; nothing is stored.

    Args:
        store: where the recording is.
        path: RTTM, CSV or ELAN.
        recording: its SHA-256, or the first digits of it.
        channel: that they belong to, or None for the mean of all.
        tiers: of ELAN, the tiers to take; by default all that have times of their own.
        name: what errors call the file; by default its own name.

    Raises:
        TurnError: the file cannot be read, holds no turns, or none of this recording.
        StoreError: there is no such recording, or no track of this channel.
    """
    known = store.recording(recording)
    found = read_turns(path, known.duration_s, tiers, name)
    track = store.track(
        known.recording, channel, _tracks(store, known.recording, channel)[0], blocks=False
    )
    assert track is not None
    speech = Timeline(track).speech_spans()
    warnings = found.warnings
    anybody = checked([replace(turn, speaker="anybody") for turn in found.turns], track.duration_s)
    covered_s = speech_seconds(speech, anybody)["anybody"]
    spoken_s = sum(span.duration_s for span in speech)
    if covered_s < LITTLE * spoken_s:
        warnings += (
            f"Only {covered_s / spoken_s:.0%} of the speech lies in these turns; check that they are "
            "those of this recording.",
        )
    how = {"file_sha256": sha256_of(path), "format": path.suffix.lower()[1:]}
    seconds = speech_seconds(speech, found.turns)
    return TurnPreview(known.recording, channel, found.turns, seconds, warnings, how)


def store_turns(
    store: Store, preview: TurnPreview, only: Sequence[str] | None = None
) -> TurnVersion:
    """Stores the turns of a preview, and cuts segments that follow them.

    Args:
        store: where the recording is.
        preview: of a file.
        only: the speakers to take; by default all.

    Raises:
        TurnError: none of these speakers has a turn.
    """
    kept = [turn for turn in preview.turns if only is None or turn.speaker in only]
    if not kept:
        raise TurnError("No speaker is chosen; choose those whose turns are to be taken.")
    recording, channel = preview.recording, preview.channel
    version = versions.put(store, recording, channel, kept, IMPORT, preview.method)
    _cut_anew(store, recording, channel, version)
    return version


def _cut_anew(store: Store, recording: str, channel: int | None, version: TurnVersion) -> None:
    """Writes a run of each track of a channel, cut by these turns."""
    settings = Segmentation()
    made = {"turns": version.key}
    for track_key in _tracks(store, recording, channel):
        track = store.track(recording, channel, track_key)
        assert track is not None
        run = Run(
            recording=recording,
            track_key=track_key,
            run_key=run_key(track_key, settings, made),
            segmentation=segmentation_json(settings, made),
            embedding_resolution_s=BLOCK_S,
            segments=segments_again(track, version.turns, settings),
        )
        with store.attempt() as attempt:
            store.write_run(attempt, track, run)


def run_key(track_key: str, settings: Segmentation, turns: dict[str, Any]) -> str:
    """Returns the name of a run: of its track, its segmentation and how its turns were made."""
    from dataclasses import asdict

    parts = {"track_key": track_key, "segmentation": asdict(settings)}
    return digest(parts | ({"turns": turns} if turns else {}))


def _tracks(store: Store, recording: str, channel: int | None) -> list[str]:
    rows = store.lake.read("tracks", columns=["recording", "channel", "track_key"]).to_pylist()
    number = MIX if channel is None else channel
    found = [
        str(row["track_key"])
        for row in rows
        if row["recording"] == recording and row["channel"] == number
    ]
    if not found:
        which = "the mean of its channels" if channel is None else f"channel {channel}"
        raise StoreError(
            f"Of {store.recording(recording).name!r}, {which} was not analysed; analyse it first, "
            "or choose another channel."
        )
    return found
