"""Turns corrected by a person, by hand or by a file, and segments that follow them at once."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from core import conversation
from core.conversation import AUTO
from core.errors import StoreError, TurnError
from core.progress import Progress, silent
from core.provenance import sha256_of
from core.records import BLOCK_S, Run, Track, Turn
from core.settings import Analysis, Conditioning, Segmentation, segmentation_json
from core.speakers.imports import IMPORT, read_turns
from core.speakers.turns import HAND, Turns, checked, speech_seconds
from core.store import consent
from core.store import turns as versions
from core.store.rows import channel_number
from core.store.store import Store
from core.store.turns import TurnVersion
from core.timeline.track import Timeline

LITTLE = 0.5  # of the speech; turns that cover less are likely those of another recording


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


def change(
    store: Store, recording: str, channel: int | None, action: Callable[[Turns], Turns]
) -> TurnVersion:
    """Stores what a function of `core.speakers.turns` makes of the turns that count now.

    Raises:
        TurnError: it cannot be done, or changes nothing.
    """
    version = versions.current(store, recording, channel)
    before = () if version is None else version.turns
    after = action(before)
    if _bare(after) == _bare(before):
        raise TurnError("The turns are so already; nothing was changed.")
    return correct(store, recording, channel, after)


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
    track = _newest_track(store, known.recording, channel)
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


def find_again(
    store: Store,
    recording: str,
    channel: int | None,
    speakers: str,
    progress: Progress | None = None,
) -> TurnVersion:
    """Looks for the speakers in the sound, and puts them over the turns that count; undo goes back.

    Args:
        store: where the recording is.
        recording: its SHA-256.
        channel: of which a track is stored.
        speakers: `auto`, or how many there are.
        progress: called with the share done, 0 to 1; may raise to stop.

    Raises:
        TurnError: there is no speech.
        StoreError: the channel was not analysed, or the file is not where it was.
        AudioError: the file cannot be read as audio.
        EngineError: the networks that tell speakers apart are missing.
        SettingsError: this is no number of speakers.
    """
    track = _newest_track(store, recording, channel)
    conditioning = Conditioning(**json.loads(track.source.conditioning))
    settings = Analysis(replace(conditioning, channel=channel), speakers=speakers)
    known, speech = store.recording(recording), Timeline(track).speech_spans()
    path = consent.sound_path(store, known, consent.Use.ANALYSE)
    found = conversation.find_turns(path, known.name, settings, speech, progress or silent)
    if not found:
        raise TurnError("No speaker was found, as there is no speech in this recording.")
    how = conversation.method(settings)
    version = versions.put(store, recording, channel, found, AUTO, how)
    _cut_anew(store, recording, channel, version)
    return version


def recut(store: Store, recording: str, channel: int | None) -> None:
    """Cuts segments that follow the turns that count, for runs that were made before them.

    Raises:
        TurnError: speakers were never told apart.
    """
    version = versions.current(store, recording, channel)
    if version is None:
        raise TurnError("There are no turns to follow; look for the speakers, or import turns.")
    _cut_anew(store, recording, channel, version)


def _bare(turns: Turns) -> list[tuple[str, float, float]]:
    return [(turn.speaker, turn.start_s, turn.end_s) for turn in turns]


def _cut_anew(store: Store, recording: str, channel: int | None, version: TurnVersion) -> None:
    """Writes runs of each track of a channel, cut by these turns as they were cut before."""
    made = conversation.made_by(version)
    for track_key, segmentations in _runs(store, recording, channel).items():
        track = store.track(recording, channel, track_key)
        assert track is not None
        for settings in segmentations:
            run = Run(
                recording=recording,
                track_key=track_key,
                run_key=conversation.run_key(track_key, settings, made),
                segmentation=segmentation_json(settings, made),
                embedding_resolution_s=BLOCK_S,
                segments=conversation.segments_again(track, version.turns, settings),
            )
            with store.attempt() as attempt:
                store.write_run(attempt, track, run, anew=True)


def _newest_track(store: Store, recording: str, channel: int | None) -> Track:
    key = list(_runs(store, recording, channel))[-1]
    track = store.track(recording, channel, key, blocks=False)
    assert track is not None
    return track


def _runs(store: Store, recording: str, channel: int | None) -> dict[str, list[Segmentation]]:
    """Returns how each track of a channel was cut, by its key; what came last stands last."""
    where = (pc.field("recording") == recording) & (pc.field("channel") == channel_number(channel))
    rows = store.lake.read("runs", ["track_key", "segmentation", "attempt"], where)
    found: dict[str, list[Segmentation]] = {}
    for row in rows.sort_by("attempt").to_pylist():
        values = {k: v for k, v in json.loads(row["segmentation"]).items() if k != "turns"}
        settings = Segmentation(**values)
        before = found.pop(row["track_key"], [])
        found[row["track_key"]] = [*(s for s in before if s != settings), settings]
    if not found:
        which = "the mean of its channels" if channel is None else f"channel {channel}"
        raise StoreError(
            f"Of {store.recording(recording).name!r}, {which} was not analysed; analyse it first, "
            "or choose another channel."
        )
    return found
