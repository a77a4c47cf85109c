"""What the store holds, as the API lists it: what may be published, under pseudonyms where there are."""

from typing import Any

import pandas as pd

from core.answers import Json, segment_scores
from core.errors import StoreError
from core.export.pseudonyms import Pseudonyms
from core.store import consent
from core.store.consent import Use
from core.store.corpus import newest_runs
from core.store.rows import MIX
from core.store.store import Store
from core.timeline.track import Timeline


def recordings(store: Store, limit: int, offset: int) -> Json:
    """Returns some recordings, the newest first; one of several channels has a line for each."""
    runs = newest_runs(store)
    runs = runs[~runs["recording"].isin(consent.withheld(store, Use.PUBLISH))]
    page = runs.iloc[offset : offset + limit]
    lines = [
        {
            "recording": row["recording"],
            "name": row["name"],
            "channel": _channel(row["channel"]),
            "session": _text(row["session"]),
            "speaker": _text(row["speaker"]),
            "duration_s": float(row["duration_s"]),
            "emotion": row["emotion"],
            "confidence": None if pd.isna(row["confidence"]) else float(row["confidence"]),
            "segments": int(row["n_segments"]),
            "engine": row["engine_id"],
        }
        for row in Pseudonyms(store).frame(page).to_dict("records")
    ]
    return {"total": len(runs), "recordings": lines}


def segments(store: Store, recording: str) -> Json:
    """Returns the segments of a recording's newest analysis.

    Raises:
        StoreError: there is no such recording, or nothing of it counts.
    """
    known = store.recording(recording).recording
    consent.check(store, known, Use.PUBLISH)
    names = Pseudonyms(store)
    runs = newest_runs(store, known)
    if runs.empty:
        raise StoreError(f"There is no analysis of recording {known[:12]}; analyse it again.")
    lines: list[Json] = []
    for row in runs.to_dict("records"):
        channel = _channel(row["channel"])
        track = store.track(known, channel, row["track_key"], blocks=False)
        if track is None:
            continue
        timeline = Timeline(track)
        found = store.segments(known, channel, row["run_key"], embeddings=False) or ()
        lines += [
            {
                "segment": segment.segment,
                "speaker": names.heard(known, segment.speaker),
                "channel": channel,
            }
            | segment_scores(timeline, segment)
            for segment in found
        ]
    return {"recording": known, "engine": runs["engine_id"].iloc[0], "segments": lines}


def _channel(number: Any) -> int | None:
    return None if number == MIX else int(number)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
