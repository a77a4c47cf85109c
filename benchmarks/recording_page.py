"""How the page of a long recording feels: what it costs to open, to zoom, and to ask of a region.

    python -m benchmarks.recording_page [--hours 2]

The recording is made up: frames and sound from a seeded generator, as no engine has to run to draw a
page. `build_ms` is the server's time for the page's script and for the first view of the whole, with
empty caches and after the same for another recording, so that imports do not count; `rebuild_ms` is
the same once more, as after a click on the page. Both are medians of 7. `payload_mb` is the largest
answer over all zooms, of one track and of two, spectrogram included. `region_query_ms` is the
median of 200 regions: read-out, attribution, sound of the region.
"""

import argparse
import importlib
import os
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.figures import Figure
from core.settings import PROJECT_ROOT
from core.timeline.turning_points import FALSE_PER_HOUR

RATE = 16_000
ZOOMS_S = (1e9, 3600.0, 600.0, 60.0, 10.0, 1.0)


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=2.0, help="length of the recording")
    hours = parser.parse_args().hours
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TONESCOPE_STORE"] = str(Path(folder) / "store")
        importlib.import_module(
            "dashboard.app"
        )  # has Streamlit search no packages, as it is served
        from dashboard import shared

        store = shared.scope().store
        short, _ = _made(store, Path(folder), 60.0, seed=1)
        long, duration_s = _made(store, Path(folder), hours * 3600, seed=0)
        _prepare(short, 60.0)
        _prepare(long, duration_s)
        _build(short)  # imports
        builds = [_build(long) for _ in range(7)]
        build_ms, rebuild_ms = (statistics.median(times) for times in zip(*builds, strict=True))
        Figure("build_ms", round(build_ms, 1), "ms", limit=300).show()
        Figure("rebuild_ms", round(rebuild_ms, 1), "ms").show()
        payload_mb = _payload_mb(long, duration_s)
        Figure("payload_mb", round(payload_mb, 3), "MB", limit=1.5).show()
        Figure("region_query_ms", round(_region_ms(long), 3), "ms", limit=5).show()


def _made(store: Any, folder: Path, duration_s: float, seed: int) -> tuple[str, float]:
    """Stores a made-up recording with its sound as FLAC; returns its SHA-256 and duration."""
    import json

    import soundfile

    from core.emotions import EMOTIONS, N_EMOTIONS
    from core.provenance import sha256_of
    from core.records import AudioInfo, Recording, Run, Track, TrackSource
    from core.settings import Segmentation
    from core.store.store import Utterance
    from core.timeline.calibration import emotion_of
    from core.timeline.segments import cut, segments_of
    from core.timeline.track import Timeline

    rng = np.random.default_rng(seed)
    n_seconds = int(duration_s)
    path = folder / f"made-up-{seed}.flac"
    with soundfile.SoundFile(str(path), "w", RATE, 1) as file:
        times = np.arange(RATE) / RATE
        for _ in range(n_seconds):
            loud, hz = rng.uniform(0.02, 0.5), rng.uniform(90, 250)
            file.write(loud * np.sin(2 * np.pi * hz * times) * np.sin(np.pi * 4 * times) ** 2)
    recording = sha256_of(path)
    n_frames = n_seconds * 50
    steps = rng.standard_normal((n_frames, N_EMOTIONS)).astype(np.float32)
    kernel = np.ones(25) / 5
    logits = np.stack([np.convolve(column, kernel, "same") for column in steps.T], 1)
    speech = np.repeat(rng.random(n_seconds) < 0.75, 50)
    n_blocks = -(-n_frames // 25)
    source = TrackSource(
        recording=recording,
        channel=None,
        track_key=f"{seed:016x}",
        engine="compact",
        engine_id="compact-000000000000",
        precision="fp32",
        conditioning="{}",
        windowing=json.dumps({"window_s": 10.0, "overlap_s": 2.0}),
        class_mask=(True,) * len(EMOTIONS),
        temperatures={0.5: 2.0, 10.0: 1.0},
        versions={},
        warnings=(),
        created_at=datetime.now(UTC),
    )
    track = Track(
        source=source,
        duration_s=float(n_seconds),
        hop_s=0.02,
        offset_s=0.0,
        logits=logits.astype(np.float32),
        speech=speech,
        block_sums=rng.standard_normal((n_blocks, 384)).astype(np.float32),
        block_frames=np.full(n_blocks, 25, np.int32),
    )
    timeline = Timeline(track)
    bounds = cut(timeline.speech_spans(), Segmentation())
    embeddings = [rng.standard_normal(384).astype(np.float32) for _ in bounds]
    said = timeline.utterance()
    known = Recording(
        recording=recording,
        name=path.name,
        source=str(path),
        kept=None,
        size_bytes=path.stat().st_size,
        duration_s=float(n_seconds),
        info=AudioInfo("flac", "flac", RATE, 1, float(n_seconds)),
        added_at=datetime.now(UTC),
    )
    run = Run(
        recording=recording,
        track_key=source.track_key,
        run_key=f"{seed + 16:016x}",
        segmentation="{}",
        embedding_resolution_s=0.5,
        segments=segments_of(timeline, bounds, embeddings),
    )
    with store.attempt() as attempt:
        utterance = Utterance(said.logits.astype(np.float32), emotion_of(said.scores), None)
        store.write_track(attempt, known, track, utterance)
        store.write_run(attempt, track, run)
    return recording, float(n_seconds)


def _choice(recording: str) -> Any:
    from dashboard import resources

    rows = resources.catalogue()
    return resources.choice_of(rows[rows["recording"] == recording].iloc[0])


def _prepare(recording: str, duration_s: float) -> None:
    """Makes the waveform, and makes up the prosody: both are kept in the store."""
    from core.audio.prosody import HOP_S, Prosody
    from dashboard import sound
    from dashboard.shared import scope

    rng, n = np.random.default_rng(2), int(duration_s / HOP_S)
    f0 = np.where(rng.random(n) < 0.6, rng.uniform(80, 300, n), np.nan)
    nuclei = np.sort(rng.uniform(0, duration_s, int(4 * duration_s)))
    found = Prosody(
        f0.astype(np.float32),
        rng.uniform(-60, -10, n).astype(np.float32),
        nuclei.astype(np.float32),
    )
    store = scope().store
    store.derived(store.recording(recording), "mix.prosody.npz", found.save)
    while isinstance(sound.peaks(recording, None), str):
        time.sleep(0.1)


def _build(recording: str) -> tuple[float, float]:
    """Returns the milliseconds of the script and of the first view, with empty caches and again."""
    import streamlit as st
    from starlette.testclient import TestClient
    from streamlit.testing.v1 import AppTest

    from dashboard import changes, sound
    from dashboard.background import Background
    from dashboard.shared import scope

    entry = str(PROJECT_ROOT / "dashboard" / "main.py")
    app = AppTest.from_file(entry, default_timeout=120)
    app.query_params["recording"] = recording
    app.run()
    client = TestClient(_served())
    address = _address(_choice(recording), 0.0, 1e6)
    st.cache_data.clear()
    st.cache_resource.clear()
    sound._loaded.cache_clear()
    changes._work = Background()
    scope().store.lake.forget()
    took_ms = []
    app.switch_page("../pages/recording.py")
    for _ in range(2):
        start_s = time.perf_counter()
        app.run()
        answer = client.get(address)
        took_ms.append((time.perf_counter() - start_s) * 1000)
        if app.exception or answer.status_code != 200:
            raise RuntimeError(f"The page failed: {app.exception} {answer.text[:200]}")
    search = changes.look_for(_choice(recording), FALSE_PER_HOUR)
    while not search.finished:  # begun by the first view; the next build must not run beside it
        time.sleep(0.1)
    return took_ms[0], took_ms[1]


def _served() -> Any:
    from starlette.applications import Starlette

    from dashboard.routes import ROUTES

    return Starlette(routes=ROUTES)


def _address(choice: Any, start_s: float, end_s: float) -> str:
    return (
        f"/tonescope/view/{choice.recording}?track={choice.track_key}&run={choice.run_key}&start={start_s}"
        f"&end={end_s}&width=2400&smoothing=1.0&frames=speech&parts=lanes,wave,prosody"
    )


def _payload_mb(recording: str, duration_s: float) -> float:
    """Returns the largest answer in MB: curves, lanes, waveform, prosody and spectrogram of a span."""
    from starlette.testclient import TestClient

    client, most = TestClient(_served()), 0
    first = _choice(recording)
    looks = ("", "&band=1", "&stacked=1", *_second(recording))
    for length_s in ZOOMS_S:
        start_s = max(0.0, duration_s / 2 - length_s / 2)
        end_s = min(duration_s, start_s + length_s)
        for look in looks:
            view = client.get(_address(first, start_s, end_s) + look)
            picture = client.get(
                f"/tonescope/spectrogram/{recording}?start={start_s}&end={end_s}&width=1600"
            )
            if (view.status_code, picture.status_code) != (200, 200):
                raise RuntimeError(f"{view.text[:200]} {picture.text[:200]}")
            most = max(most, len(view.content) + len(picture.content))
    return most / 1e6


def _second(recording: str) -> tuple[str, str]:
    """Stores another track of a recording, its frames in reverse; returns what asks for it too."""
    from dataclasses import replace

    from core.records import Run
    from core.store.store import Utterance
    from core.timeline.track import Timeline
    from dashboard.shared import scope

    store, choice = scope().store, _choice(recording)
    track = store.track(recording, None, choice.track_key)
    segments = store.segments(recording, None, choice.run_key)
    key = choice.track_key[::-1]
    other = replace(track, source=replace(track.source, track_key=key), logits=track.logits[::-1])
    said = Timeline(other).utterance()
    with store.attempt() as attempt:
        utterance = Utterance(said.logits.astype(np.float32), said.emotion, None)
        store.write_track(attempt, store.recording(recording), other, utterance)
        run = Run(recording, key, choice.run_key[::-1], "{}", 0.5, segments)
        store.write_run(attempt, other, run)
    beside = f"&second.track={key}&second.run={run.run_key}"
    return f"{beside}&band=1", f"{beside}&stacked=1"


def _region_ms(recording: str) -> float:
    from core.audio.prosody import Prosody, region_prosody
    from core.records import Span
    from core.timeline.attribution import attribution
    from dashboard import resources, sound

    timeline, rng = resources.timeline(_choice(recording)), np.random.default_rng(0)
    prosody = sound.prosody(recording, None)
    assert isinstance(prosody, Prosody)  # noqa: S101 - it was made before
    times = []
    for _ in range(200):
        begin_s = rng.uniform(0, timeline.track.duration_s * 0.9)
        span = Span(begin_s, begin_s + rng.uniform(5, 300))
        span = Span(span.start_s, min(span.end_s, timeline.track.duration_s))
        start_s = time.perf_counter()
        timeline.read_out(span)
        attribution(timeline, span)
        region_prosody(prosody, span)
        times.append((time.perf_counter() - start_s) * 1000)
    return statistics.median(times)


if __name__ == "__main__":
    main()
