"""A store of made-up tracks, written without any analysis."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from core.emotions import EMOTIONS
from core.records import Run
from core.store.store import Store, Utterance
from tests.synthetic import make_recording, make_segment, make_source, make_track

N_SEGMENTS = 5


def add_recording(store: Store, number: int, speaker: str, session: str, tags=(), **row) -> str:
    """Writes a recording of 20 s with 5 segments of 3 s; returns its name."""
    recording = f"{number:x}" * 64
    source = make_source(recording=recording)
    rng = np.random.default_rng(number)
    speech = np.repeat(rng.random(10) < 0.8, 100)
    track = replace(make_track(1000, seed=number, speech=speech)[0], source=source)
    kinds = rng.choice(["sad", "happy", "angry"], N_SEGMENTS)
    segments = tuple(
        replace(make_segment(n, 4.0 * n, 4.0 * n + 3.0, seed=number), emotion=EMOTIONS[k])
        for n, k in enumerate([[str(e) for e in EMOTIONS].index(kind) for kind in kinds])
    )
    run = Run(recording, source.track_key, "run", "{}", 0.02, segments)
    known = make_recording(
        recording=recording,
        name=f"{number}.wav",
        speaker=speaker,
        session=session,
        tags=tags,
        **{"duration_s": 20.0, "added_at": datetime(2026, 1, 2, tzinfo=UTC), **row},
    )
    with store.attempt() as attempt:
        said = Utterance(np.zeros(9, np.float32), EMOTIONS[6], None)
        store.write_track(attempt, known, track, said)
        store.write_run(attempt, track, run)
    return recording


@pytest.fixture(scope="session")
def study(tmp_path_factory) -> Store:
    """Four speakers in two sessions, each with a recording in both; nothing may be written to it."""
    store = Store(tmp_path_factory.mktemp("study") / "store")
    for number in range(8):
        tags = ("all", "late" if number > 3 else "early")
        add_recording(store, number, f"P{number % 4}", f"s{number // 4}", tags)
    return store
