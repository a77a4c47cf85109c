"""Who speaks when in a recording, found in its sound or known before, and segments that follow."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from core.audio.condition import open_heard
from core.progress import Progress, silent
from core.records import Segment, Span, Track, Turn
from core.settings import Analysis, Segmentation, Speakers, digest
from core.speakers.clustering import MERGE_DISTANCE
from core.speakers.model import model_id
from core.speakers.turns import by_speaker, speakers
from core.store import turns as versions
from core.store.store import Store
from core.store.turns import TurnVersion
from core.timeline.segments import cut, segments_of
from core.timeline.track import Timeline

AUTO = "auto"
SCHEME = 1  # grows when the same settings would find other turns

Bounds = tuple[tuple[Span, ...], tuple[str | None, ...]]


@dataclass(frozen=True)
class Known:
    """Turns that are not looked for.

    Attributes:
        made: how they were made, as it names a run.
        by_person: whether somebody corrected or imported them, or went back to them.
    """

    turns: tuple[Turn, ...]
    made: dict[str, Any]
    by_person: bool = False


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
    progress: Progress = silent,
    known: Known | None = None,
) -> tuple[Turn, ...]:
    """Returns who speaks when, from the sound; empty where speakers are not told apart.

    Args:
        path: the audio file.
        name: what errors call it.
        settings: of the analysis.
        speech: stretches of speech, in order.
        progress: called with the share done, 0 to 1; may raise to stop.
        known: turns that count already, which then are the answer.

    Raises:
        AudioError: the file cannot be read as audio.
        EngineError: the networks that tell speakers apart are missing or changed.
    """
    if known is not None:
        return known.turns
    if settings.speakers == Speakers.NONE or not speech:
        return ()
    if settings.speakers == Speakers.CHANNEL:
        who = f"Channel {(settings.conditioning.channel or 0) + 1}"
        return tuple(Turn(who, span.start_s, span.end_s) for span in speech)
    from core.speakers.diarization import diarize
    from core.speakers.model import speaker_model

    n_speakers = None if settings.speakers == Speakers.AUTO else int(settings.speakers)
    end_s = speech[-1].end_s

    def told(done_s: float) -> None:
        progress(min(1.0, done_s / end_s))

    with open_heard(path, settings.conditioning, None, name) as samples:
        return diarize(speaker_model(), samples, speech, n_speakers, told)


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


def known_turns(store: Store, recording: str, settings: Analysis) -> Known | None:
    """Returns the turns that a new run follows, or None where they are to be looked for.

    What a person corrected, imported or went back to counts whatever the settings say. So does what
    was found in the sound, where the settings ask for the same or for nothing.
    """
    every = versions.versions(store, recording, settings.conditioning.channel)
    wanted = method(settings)
    now = every[-1] if every else None
    if now is not None and (now.source != AUTO or not wanted):
        return Known(now.turns, made_by(now), now.source != AUTO)
    same = (v for v in reversed(every) if v.source == AUTO and v.method == wanted)
    found = next(same, None)
    return None if found is None else Known(found.turns, wanted)


def made_by(version: TurnVersion) -> dict[str, Any]:
    """Returns how turns were made, as it names the runs that follow them."""
    return version.method if version.source == AUTO else {"turns": version.key}


def keep_turns(store: Store, recording: str, settings: Analysis, turns: Sequence[Turn]) -> None:
    """Stores turns that were found in the sound, unless those that count are these or a person's."""
    channel, wanted = settings.conditioning.channel, method(settings)
    if not wanted:
        return
    now = versions.current(store, recording, channel)
    if now is None or (now.source == AUTO and now.method != wanted):
        versions.put(store, recording, channel, turns, AUTO, wanted)


def remarks(settings: Analysis, known: Known | None, turns: Sequence[Turn]) -> tuple[str, ...]:
    """Returns what whoever asked for speakers should know of those that there are."""
    if settings.speakers in (Speakers.NONE, Speakers.CHANNEL):
        return ()
    if known is not None and known.by_person:
        return (
            "Who speaks when was corrected or imported before and stays as it is; look for the "
            "speakers anew on Recording, or by `turns find`.",
        )
    if settings.speakers == Speakers.AUTO and len(speakers(turns)) == 1:
        return (
            "Only one voice was found. If more people speak, say how many: made-up, related and very "
            "emotional voices are easily taken for one.",
        )
    return ()


def run_key(track_key: str, settings: Segmentation, turns: dict[str, Any]) -> str:
    """Returns the name of a run: of its track, its segmentation and how its turns were made."""
    parts = {"track_key": track_key, "segmentation": asdict(settings)}
    return digest(parts | ({"turns": turns} if turns else {}))
