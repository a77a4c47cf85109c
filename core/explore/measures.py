"""What is known of each segment of a corpus beside its embedding: scores, sound, what people heard."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.audio.decode import open_audio
from core.audio.prosody import load_prosody, prosody_of, region_prosody
from core.emotions import N_EMOTIONS
from core.errors import TonescopeError
from core.labels import history
from core.labels.records import Kind, Label
from core.records import Recording, Span
from core.store import consent
from core.store.corpus import Corpus, frame_counts, logits
from core.store.rows import MIX
from core.store.store import Store
from core.timeline.calibration import Calibration, scores_of

HOP_S: Final = 0.02
COVERED: Final = 0.5  # of a segment, for a label to be about it
SOUND: Final = ("level_db", "f0_hz", "rate")
_TRACK: Final = ["recording", "channel", "track_key"]

Doubles = NDArray[np.float64]


def names(column: Iterable[Any]) -> list[str | None]:
    """Returns names as text, None where there is none."""
    values = column.to_numpy(object) if isinstance(column, pd.Series) else column
    return [value if isinstance(value, str) and value else None for value in values]


def speech_seconds(store: Store, of: Corpus) -> Doubles:
    """Returns the seconds of speech of each segment, shape `(n_segments,)`."""
    found: Doubles = (frame_counts(store, of) * HOP_S).astype(np.float64)
    return found


def calibrated_scores(store: Store, of: Corpus) -> Doubles:
    """Returns calibrated scores, shape `(n_segments, 9)`; NaN where there are none.

    There are none under 0.5 s, over 10 s, and for engines never calibrated.
    """
    raw, widths_s = logits(store, of).astype(np.float64), speech_seconds(store, of)
    found = np.full((len(raw), N_EMOTIONS), np.nan)
    tracks = store.lake.read("tracks", columns=[*_TRACK, "class_mask", "temperatures"]).to_pandas()
    tracks["made_by"] = [
        json.dumps([told if isinstance(told, str) else None, [bool(has) for has in mask]])
        for told, mask in zip(tracks["temperatures"], tracks["class_mask"], strict=True)
    ]
    mine = of.segments[_TRACK].merge(tracks[[*_TRACK, "made_by"]], on=_TRACK, how="left")
    made_by = mine["made_by"].to_numpy(str)
    for each in np.unique(made_by):
        told, mask = json.loads(each)
        known = {float(k): float(v) for k, v in json.loads(told).items()} if told else None
        rows = np.flatnonzero(made_by == each)
        temperatures = Calibration(known, mask).temperatures(widths_s[rows])
        has = rows[~np.isnan(temperatures)]
        divided = raw[has] / temperatures[~np.isnan(temperatures), np.newaxis]
        found[has] = scores_of(divided, mask)
    return found


def sound(store: Store, of: Corpus) -> pd.DataFrame:
    """Returns `duration_s`, `level_db`, `f0_hz`, `rate` and `recording_level_db` of each segment.

    Level, pitch and rate are known where the recording's prosody has been measured, which its page
    does; else they are NaN. The level of the whole recording comes from its quality.
    """
    rows = of.segments
    found = pd.DataFrame(np.nan, index=rows.index, columns=list(SOUND))
    found["duration_s"] = rows["end_s"] - rows["start_s"]
    for (recording, channel), mine in rows.groupby(["recording", "channel"]):
        path = _prosody(store, str(recording), int(str(channel)))
        if path is None:
            continue
        prosody = load_prosody(path)
        for index, start_s, end_s in zip(mine.index, mine["start_s"], mine["end_s"], strict=True):
            one = region_prosody(prosody, Span(float(start_s), float(end_s)))
            if one is not None:
                pitch = np.nan if one.f0_hz is None else one.f0_hz
                found.loc[index, list(SOUND)] = [one.level_db, pitch, one.rate]
    found["recording_level_db"] = _recording_levels(store, rows)
    return found


def measure_prosody(
    store: Store, of: Corpus, report: Callable[[str], None] = lambda _: None
) -> tuple[str, ...]:
    """Measures level, pitch and rate of the recordings of a corpus where that was not done yet.

    Args:
        store: where they are, and where the measures are kept.
        of: the corpus.
        report: is told what is being done.

    Returns:
        For each recording whose sound cannot be read a sentence that says why.
    """
    failed = []
    pairs = of.segments[["recording", "channel"]].drop_duplicates().to_numpy().tolist()
    for number, (recording, channel) in enumerate(pairs, 1):
        report(f"Recording {number:,} of {len(pairs):,}")
        if _prosody(store, recording, channel) is not None:
            continue
        try:
            _write_prosody(store, store.recording(recording), None if channel == MIX else channel)
        except TonescopeError as error:
            failed.append(str(error))
    return tuple(failed)


def _write_prosody(store: Store, known: Recording, channel: int | None) -> None:
    path = consent.sound_path(store, known, consent.Use.ANALYSE)

    def write(draft: Path) -> None:
        with open_audio(path, channel, known.name) as audio:
            prosody_of(audio.samples()).save(draft)

    store.derived(known, f"{_track_name(channel)}.prosody.npz", write)


def level(of_sound: pd.DataFrame) -> Doubles:
    """Returns the level of each segment where most are known, else that of its recording."""
    mine: Doubles = of_sound["level_db"].to_numpy(float)
    whole: Doubles = of_sound["recording_level_db"].to_numpy(float)
    return mine if np.mean(~np.isnan(mine)) > COVERED else whole


def people_emotions(store: Store, of: Corpus) -> list[str | None]:
    """Returns what people heard in each segment, length n; None where nobody said, or they tie.

    A label is about a segment if it covers at least half of it. Each annotator has one voice, for
    the term that covers most; the most frequent term counts.
    """
    every = history.every(store)
    labels = {
        recording: [label for label in known.labels if label.kind is Kind.EMOTION]
        for recording, known in every.items()
    }
    found: list[str | None] = [None] * len(of.segments)
    columns = ["recording", "channel", "start_s", "end_s"]
    rows = np.flatnonzero(of.segments["recording"].isin([r for r, mine in labels.items() if mine]))
    told = of.segments[columns].iloc[rows]
    for row, (recording, channel, start_s, end_s) in zip(
        rows, told.itertuples(index=False), strict=True
    ):
        found[row] = _heard(labels[recording], channel, start_s, end_s)
    return found


def _heard(labels: Iterable[Label], channel: int, start_s: float, end_s: float) -> str | None:
    covered: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for label in labels:
        same = label.channel is None or channel in (MIX, label.channel)
        shared_s = min(label.end_s, end_s) - max(label.start_s, start_s)
        if same and shared_s > 0:
            covered[label.annotator][label.term] += shared_s
    votes: dict[str, int] = defaultdict(int)
    for terms in covered.values():
        term = max(terms, key=lambda term: terms[term])
        if terms[term] >= COVERED * (end_s - start_s) - 1e-9:
            votes[term] += 1
    first = sorted(votes, key=lambda term: -votes[term])[:2]
    if not first or (len(first) == 2 and votes[first[0]] == votes[first[1]]):
        return None
    return first[0]


def _track_name(channel: int | None) -> str:
    return "mix" if channel is None else f"channel{channel}"


def _prosody(store: Store, recording: str, channel: int) -> Path | None:
    name = _track_name(None if channel == MIX else channel)
    path = store.root / f"audio/{recording[:2]}/{recording}.{name}.prosody.npz"
    return path if path.is_file() else None


def _recording_levels(store: Store, rows: pd.DataFrame) -> Doubles:
    tracks = store.lake.read("tracks", columns=[*_TRACK, "quality"]).to_pandas()
    tracks["level"] = [
        np.nan if not isinstance(text, str) else float(json.loads(text)["level_db"])
        for text in tracks["quality"]
    ]
    merged = rows[_TRACK].merge(tracks[[*_TRACK, "level"]], on=_TRACK, how="left")
    levels: Doubles = merged["level"].to_numpy(float)
    return levels
