"""What commands answer: the JSON objects of the contract, made from records."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import numpy as np
import pandas as pd

from core.emotions import EMOTIONS
from core.evaluation import Evaluation
from core.explore.cluster_profiles import Profiles
from core.explore.confounds import Found
from core.explore.search import Hit
from core.records import Outcome, Segment, Span
from core.store.maps import Head
from core.store.rows import MIX
from core.store.turns import TurnVersion
from core.timeline.calibration import emotion_of
from core.timeline.segments import scores_of_segment
from core.timeline.track import FrameChoice, Timeline

Json = dict[str, Any]


class Granularity(StrEnum):
    """How finely a prediction is told."""

    UTTERANCE = "utterance"
    SEGMENT = "segment"
    FRAME = "frame"


def outcome(result: Outcome) -> Json:
    """Returns the line of `analyze`."""
    line = asdict(result)
    line["warnings"] = list(result.warnings)
    return line


def evaluation(found: Evaluation, engine_id: str) -> Json:
    """Returns the object of `evaluate`; scores are rounded to six digits."""
    return {
        **rounded(asdict(found.agreement)),
        "failed": len(found.failed),
        "in_training": found.in_training or 0,
        "in_training_known": found.in_training is not None,
        "engine": engine_id,
    }


def rounded(value: Any) -> Any:
    """Returns a value of JSON with all numbers rounded to six digits."""
    if isinstance(value, dict):
        return {key: rounded(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [rounded(inner) for inner in value]
    return round(value, 6) if isinstance(value, float) else value


def projection(head: Head) -> Json:
    """Returns the object of `project`."""
    return {
        "projection": head.key,
        "points": head.parameters["n"],
        "method": head.method,
        "seed": head.seed,
        "engine_id": head.parameters["engine_id"],
        "reason": head.parameters["reason"],
        "space": head.parameters["space"],
        "trustworthiness": head.parameters.get("trustworthiness"),
    }


def clustering(head: Head) -> Json:
    """Returns the object of `cluster`."""
    of = head.parameters
    return {
        "clustering": head.key,
        "k": of["clusters"],
        "silhouette": of["silhouette"],
        "sizes": of["sizes"],
        "unit": of["unit"],
        "seed": head.seed,
        "engine_id": of["engine_id"],
        "left_out": of["left_out"],
        "space": of["space"],
        "method": head.method,
        "noise": of.get("noise", 0),
    }


def similar(hit: Hit) -> Json:
    """Returns a line of `similar`."""
    return {
        "rank": hit.rank,
        "recording": hit.recording,
        "segment": hit.segment,
        "start_s": hit.start_s,
        "end_s": hit.end_s,
        "score": hit.score,
        "emotion": hit.emotion,
        "channel": None if hit.channel == MIX else hit.channel,
        "speaker": hit.speaker,
        "why": hit.why,
        "difference": named(np.asarray(hit.difference)),
    }


def profile(found: Profiles, number: int) -> Json:
    """Returns a line of `clusters profile`: numbers are counted from 1, 0 is no cluster."""
    of = found.profiles[number]
    return {
        "clustering": found.head.key,
        "cluster": number + 1,
        "name": found.name(number),
        "unit": found.unit,
        "size": of.size,
        "share": of.share,
        "emotions": None if of.emotions is None else named(np.asarray(of.emotions)),
        "emotions_rest": (
            None if of.emotions_rest is None else named(np.asarray(of.emotions_rest))
        ),
        "effects": [vars(effect) for effect in of.effects],
        "origins": of.origins,
        "typical": _examples(found, of.typical),
        "outliers": _examples(found, of.outliers),
    }


def _examples(found: Profiles, rows: Sequence[int]) -> list[str]:
    if found.unit != "segment":
        return [str(name) for name in found.rows["unit"].iloc[list(rows)]]
    of = found.rows.iloc[list(rows)]
    return [f"{r}:{n}" for r, n in zip(of["recording"], of["segment"], strict=True)]


def saved_set(head: Head) -> Json:
    """Returns a line of `sets list`."""
    of = head.parameters
    return {
        "set": head.key,
        "title": of["title"],
        "n": of["n"],
        "engine_id": of.get("engine_id"),
        "made_at": head.made_at.isoformat(timespec="seconds"),
    }


def set_rows(rows: pd.DataFrame) -> list[Json]:
    """Returns the lines of `sets show`; a score is null where segments were marked by hand."""
    return [
        {
            "rank": int(row["rank"]),
            "recording": row["recording"],
            "channel": None if row["channel"] == MIX else int(row["channel"]),
            "segment": int(row["segment"]),
            "score": None if np.isnan(row["score"]) else float(row["score"]),
        }
        for row in rows.to_dict("records")
    ]


def confound(found: Found) -> Json:
    """Returns a line of `confounds`; what cannot be told is null, and `note` says why."""
    return {
        "factor": str(found.factor),
        "ami": found.ami,
        "ari": found.ari,
        "probe_accuracy": found.probe_accuracy,
        "chance": found.chance,
        "n": found.n,
        "values": found.values,
        "note": found.note,
    }


def turn_version(version: TurnVersion) -> Json:
    """Returns the object of `turns import` and `turns undo`."""
    return {
        "version": version.version,
        "source": version.source,
        "turns": len(version.turns),
        "speakers": list(dict.fromkeys(turn.speaker for turn in version.turns)),
    }


def prediction(
    timeline: Timeline,
    segments: Sequence[Segment],
    granularity: Granularity = Granularity.UTTERANCE,
    region: Span | None = None,
    frames: FrameChoice | None = None,
) -> Json:
    """Returns the object of `predict`.

    Args:
        timeline: the track.
        segments: of the track.
        granularity: whether segments or frames are listed as well.
        region: only this stretch, or None for the whole recording.
        frames: what the read-out takes; by default all frames for the whole recording, which
            equals the engine's own answer, and speech for a region.

    Raises:
        RegionError: the region does not lie within the recording, or holds no wanted frame.
    """
    if region is not None:
        region = Span(region.start_s, min(region.end_s, timeline.track.duration_s))
    if region is None and frames in (None, FrameChoice.ALL):
        said = timeline.utterance()
    else:
        whole = Span(0.0, timeline.track.duration_s)
        said = timeline.read_out(region or whole, frames or FrameChoice.SPEECH)
    answer: Json = {
        "emotion": said.emotion,
        "confidence": said.confidence,
        "scores": named(said.scores),
        "granularity": granularity,
        "timestamp": datetime.now(UTC).isoformat(timespec="seconds"),
        "engine": timeline.track.source.engine_id,
        "duration_s": timeline.track.duration_s,
    }
    if region is not None:
        answer |= {"start_s": region.start_s, "end_s": region.end_s}
    if granularity is Granularity.SEGMENT:
        answer["segments"] = [segment_scores(timeline, s) for s in segments if _inside(s, region)]
    elif granularity is Granularity.FRAME:
        answer["frames"] = _frames(timeline, region, frames)
    return answer


def named(scores: np.ndarray) -> dict[str, float]:
    """Returns nine scores, shape `(9,)`, by the names of the emotions."""
    return dict(zip(map(str, EMOTIONS), scores.tolist(), strict=True))


def segment_scores(timeline: Timeline, segment: Segment) -> Json:
    """Returns an item of the list of segments that `predict` answers."""
    return {
        "start_s": segment.start_s,
        "end_s": segment.end_s,
        "emotion": segment.emotion,
        "confidence": segment.confidence,
        "scores": named(scores_of_segment(timeline, segment)),
    }


def _inside(segment: Segment, region: Span | None) -> bool:
    """Whether a segment touches the region."""
    return region is None or (segment.start_s < region.end_s and segment.end_s > region.start_s)


def _frames(timeline: Timeline, region: Span | None, frames: FrameChoice | None) -> list[Json]:
    track = timeline.track
    first = 0 if region is None else timeline.frame_at(region.start_s)
    last = timeline.n_frames if region is None else timeline.frame_at(region.end_s)
    scores = timeline.curve(track.hop_s)
    return [
        {
            "start_s": round(track.offset_s + i * track.hop_s, 6),
            "end_s": round(track.offset_s + (i + 1) * track.hop_s, 6),
            "emotion": emotion_of(scores[i]),
            "confidence": None,
            "scores": named(scores[i]),
        }
        for i in range(first, last)
        if frames is not FrameChoice.SPEECH or track.speech[i]
    ]
