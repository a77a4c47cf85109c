"""Generated audio, tracks and speech detection, so that tests need neither recordings nor models."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import av
import numpy as np

from core.emotions import N_EMOTIONS
from core.records import AudioInfo, Recording, Segment, Span, Track, TrackSource
from core.settings import Conditioning

RATE = 16_000
CODECS = {
    ".wav": "pcm_s16le",
    ".flac": "flac",
    ".mp3": "libmp3lame",
    ".m4a": "aac",
    ".ogg": "libopus",
    ".opus": "libopus",
    ".webm": "libopus",
    ".mka": "libopus",
    ".aac": "aac",
    ".wma": "wmav2",
    ".ac3": "ac3",
    ".eac3": "eac3",
    ".mp2": "mp2",
    ".ts": "aac",
    ".wv": "wavpack",
    ".tta": "tta",
    ".aiff": "pcm_s16be",
    ".au": "pcm_s16be",
    ".caf": "pcm_s16le",
    ".w64": "pcm_s16le",
    ".mov": "pcm_s16le",
}


def tone(seconds: float, hz: float = 440.0, level: float = 0.3, rate: int = RATE) -> np.ndarray:
    """Returns a sine, shape `(n_samples,)`."""
    times = np.arange(round(seconds * rate)) / rate
    return (level * np.sin(2 * np.pi * hz * times)).astype(np.float32)


def noise(seconds: float, seed: int = 0, level: float = 0.1, rate: int = RATE) -> np.ndarray:
    """Returns white noise, shape `(n_samples,)`."""
    made = np.random.default_rng(seed).standard_normal(round(seconds * rate))
    return np.clip(level * made, -1, 1).astype(np.float32)


def silence(seconds: float, rate: int = RATE) -> np.ndarray:
    """Returns digital silence, shape `(n_samples,)`."""
    return np.zeros(round(seconds * rate), np.float32)


def talk(parts: Sequence[tuple[float, float]], rate: int = RATE, hz: float = 200.0) -> np.ndarray:
    """Returns stretches of tone, given as `(seconds, level)`; level 0 is a pause."""
    return np.concatenate([tone(seconds, hz, level, rate) for seconds, level in parts])


def speech_like(seconds: float, seed: int = 0, rate: int = RATE) -> np.ndarray:
    """Returns a buzz with wandering pitch and syllables: band-limited, as speech is."""
    rng = np.random.default_rng(seed)
    times = np.arange(round(seconds * rate)) / rate
    pitch = 120 + 30 * np.sin(2 * np.pi * 0.7 * times + rng.uniform(0, 6))
    phase = 2 * np.pi * np.cumsum(pitch) / rate
    buzz = sum(np.sin(k * phase) / k for k in range(1, 20))
    syllables = np.clip(np.sin(2 * np.pi * 2 * times + rng.uniform(0, 6)), 0, 1)
    return (0.2 * buzz * syllables).astype(np.float32)


def write(
    path: Path, samples: np.ndarray, rate: int = RATE, codec: str | None = None, **options: str
) -> Path:
    """Writes samples, shape `(n_samples,)` or `(n_channels, n_samples)`, as the suffix says.

    Options are the codec's; those that begin with `muxer_` are the container's.
    """
    channels = np.atleast_2d(samples)
    layout = {1: "mono", 2: "stereo", 6: "5.1"}[len(channels)]
    codec = codec or CODECS[path.suffix]
    if codec == "pcm_s16le" or codec == "flac":
        whole = np.clip(np.round(channels * 32768), -32768, 32767).astype(np.int16)
        kind, data = "s16", whole.T.reshape(1, -1)
    else:
        kind, data = "fltp", np.ascontiguousarray(channels, np.float32)
    if codec == "pcm_f32le":
        kind, data = "flt", np.ascontiguousarray(channels.T, np.float32).reshape(1, -1)
    muxer = {key[6:]: options.pop(key) for key in list(options) if key.startswith("muxer_")}
    with av.open(str(path.resolve()), "w", options=muxer) as container:
        stream: Any = container.add_stream(codec, rate=rate, layout=layout, options=options)
        frame = av.AudioFrame.from_ndarray(data, format=kind, layout=layout)
        frame.sample_rate = rate
        frame.pts = 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def write_video(path: Path, samples: np.ndarray, late_s: float, codec: str, rate: int) -> Path:
    """Writes a black video from 0 on whose sound, shape `(n_samples,)`, begins `late_s` later."""
    with av.open(str(path), "w") as container:
        film: Any = container.add_stream("mpeg4", rate=25)
        film.width, film.height, film.pix_fmt = 32, 32, "yuv420p"
        sound: Any = container.add_stream(codec, rate=rate, layout="mono")
        for n in range(round(25 * (late_s + len(samples) / rate))):
            picture = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
            picture.pts = n
            container.mux(film.encode(picture))
        container.mux(film.encode(None))
        data = np.ascontiguousarray(samples[np.newaxis], np.float32)
        frame = av.AudioFrame.from_ndarray(data, format="fltp", layout="mono")
        frame.sample_rate, frame.pts = rate, round(late_s * rate)
        container.mux(sound.encode(frame))
        container.mux(sound.encode(None))
    return path


class LevelDetector:
    """Stands in for Silero VAD, which does not take tones for speech: what is loud is speech."""

    def __init__(self, settings: Conditioning) -> None:
        self._parts: list[np.ndarray] = []

    def feed(self, samples: np.ndarray) -> None:
        self._parts.append(np.array(samples))

    def finish(self) -> tuple[Span, ...]:
        samples = np.concatenate([*self._parts, np.zeros(0, np.float32)])
        n_steps = len(samples) // 160
        steps = samples[: n_steps * 160].reshape(n_steps, 160)
        loud = np.concatenate([[False], np.abs(steps).max(axis=1, initial=0) > 0.01, [False]])
        edges = np.flatnonzero(np.diff(loud.astype(int))).reshape(-1, 2) / 100
        return tuple(Span(float(a), float(b)) for a, b in edges)


def make_source(**changes: Any) -> TrackSource:
    """Returns where a made-up track comes from."""
    values: dict[str, Any] = {
        "recording": "ab" * 32,
        "channel": None,
        "track_key": "0123456789abcdef",
        "engine": "fake",
        "engine_id": "fake-000000000000",
        "precision": "fp32",
        "conditioning": "{}",
        "windowing": "{}",
        "class_mask": (True,) * N_EMOTIONS,
        "temperatures": {0.5: 2.0, 2.0: 1.5, 10.0: 1.0},
        "versions": {"tonescope": "0"},
        "warnings": (),
        "created_at": datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC),
    }
    return TrackSource(**(values | changes))


def make_track(
    n_frames: int = 500,
    seed: int = 0,
    speech: np.ndarray | None = None,
    n_dims: int = 3,
    offset_s: float = 0.0,
    **source: Any,
) -> tuple[Track, np.ndarray]:
    """Returns a random track, and the frame embeddings, shape `(n_frames, n_dims)`, behind it."""
    rng = np.random.default_rng(seed)
    embeddings = rng.standard_normal((n_frames, n_dims)).astype(np.float32)
    n_blocks = -(-n_frames // 25)
    parts = [embeddings[25 * b : 25 * (b + 1)] for b in range(n_blocks)]
    track = Track(
        source=make_source(**source),
        duration_s=n_frames * 0.02,
        hop_s=0.02,
        offset_s=offset_s,
        logits=(3 * rng.standard_normal((n_frames, N_EMOTIONS))).astype(np.float32),
        speech=rng.random(n_frames) < 0.6 if speech is None else speech,
        block_sums=np.array([p.sum(axis=0) for p in parts], np.float32).reshape(n_blocks, n_dims),
        block_frames=np.array([len(p) for p in parts], np.int32),
    )
    return track, embeddings


def make_recording(**changes: Any) -> Recording:
    """Returns a made-up recording."""
    values: dict[str, Any] = {
        "recording": "ab" * 32,
        "name": "talk.wav",
        "source": "talk.wav",
        "kept": None,
        "size_bytes": 1234,
        "duration_s": 10.0,
        "info": AudioInfo("wav", "pcm_s16le", 16_000, 1, 10.0),
        "added_at": datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC),
    }
    return Recording(**(values | changes))


def make_segment(number: int, start_s: float, end_s: float, seed: int = 0) -> Segment:
    """Returns a made-up segment."""
    rng = np.random.default_rng(seed + number)
    return Segment(
        segment=number,
        start_s=start_s,
        end_s=end_s,
        n_frames=round((end_s - start_s) / 0.02),
        logits=rng.standard_normal(N_EMOTIONS).astype(np.float32),
        embedding=rng.standard_normal(3).astype(np.float32),
        emotion="sad",
        confidence=0.25,
    )
