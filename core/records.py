"""The records that pass between the parts of the library: plain data, no behaviour of their own."""

from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]

BLOCK_S = 0.5
FRAMES_A_BLOCK = 25  # of 20 ms


@dataclass(frozen=True)
class Span:
    """A stretch of time `[start_s, end_s)`."""

    start_s: float
    end_s: float

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.end_s - self.start_s


@dataclass(frozen=True)
class Turn:
    """A stretch in which one person speaks; turns of two people may overlap.

    Attributes:
        speaker: a name, such as `Speaker 1`.
        source: `auto` (found by clustering voices), `import` or `hand`.
    """

    speaker: str
    start_s: float
    end_s: float
    source: str = "auto"


@dataclass(frozen=True)
class AudioInfo:
    """What the container says of an audio file, before it is decoded.

    Attributes:
        container: short name of the container format, such as `mp3`.
        codec: short name of the codec, such as `pcm_s16le`.
        sample_rate: samples per second and channel.
        n_channels: number of channels.
        declared_s: duration that the container declares, in seconds, or None.
    """

    container: str
    codec: str
    sample_rate: int
    n_channels: int
    declared_s: float | None


@dataclass(frozen=True)
class Quality:
    """What a recording is like as sound, measured before any noise reduction.

    Attributes:
        duration_s: decoded duration in seconds.
        level_db: root mean square level of the mix, in dB relative to full scale.
        peak_db: greatest sample of the channels that are analysed; above 0 in some float files.
        clipped_share: share of their samples that lie in runs at full scale.
        dc_offset: mean of all samples.
        snr_db: estimate of speech over background, from speech and pauses; None without pauses.
        bandwidth_hz: highest frequency that holds anything, at most 8000; None in silence.
        speech_share: share of the duration that is speech.
        channel_levels_db: root mean square level of each channel of the file.
        cancelled_share: share of the energy where the channels cancel each other out in the mix.
        gap_s: silence that stands for what the file lacks, in seconds.
        heard_start_s: where the part that the engine heard begins: 0 unless silence was trimmed.
        heard_end_s: where it ends.
        tonal_share: share of the time outside speech that is audible and tonal, as music is, but
            ringing too; None where there is hardly any such time.
    """

    duration_s: float
    level_db: float
    peak_db: float
    clipped_share: float
    dc_offset: float
    snr_db: float | None
    bandwidth_hz: float | None
    speech_share: float
    channel_levels_db: tuple[float, ...]
    cancelled_share: float
    gap_s: float
    heard_start_s: float
    heard_end_s: float
    tonal_share: float | None = None

    @property
    def heard(self) -> Span:
        """The stretch that the engine heard."""
        return Span(self.heard_start_s, self.heard_end_s)


@dataclass(frozen=True)
class Survey:
    """What one pass over the audio found, before any engine heard it.

    Attributes:
        info: what the container says.
        n_samples: samples at 16 kHz.
        duration_s: decoded duration in seconds.
        speech: stretches of speech, in order, none touching another.
        level_db: root mean square level in dB relative to full scale.
        warnings: sentences on what was odd, fit to be shown.
        quality: what the recording is like as sound.
    """

    info: AudioInfo
    n_samples: int
    duration_s: float
    speech: tuple[Span, ...]
    level_db: float
    warnings: tuple[str, ...]
    quality: Quality


@dataclass(frozen=True)
class Recording:
    """One audio file, known by the SHA-256 of its bytes.

    Attributes:
        recording: SHA-256 of the bytes, 64 hex digits.
        name: file name, as it came.
        source: path of the file when it was analysed where it lay, or None.
        kept: path of the store's own copy, relative to the store, or None.
        added_at: when it first came in, UTC.
    """

    recording: str
    name: str
    source: str | None
    kept: str | None
    size_bytes: int
    duration_s: float
    info: AudioInfo
    session: str | None = None
    speaker: str | None = None
    recorded_on: date | None = None
    tags: tuple[str, ...] = ()
    added_at: datetime | None = None


@dataclass(frozen=True)
class TrackSource:
    """Where a track comes from: everything needed to make it again.

    Attributes:
        track_key: names engine, conditioning, windowing and precision.
        class_mask: for each of the nine emotions, whether the engine can answer it.
        versions: name and version of each package that had a part in it.
        quality: of the recording's sound, where it was measured.
    """

    recording: str
    channel: int | None
    track_key: str
    engine: str
    engine_id: str
    precision: str
    conditioning: str
    windowing: str
    class_mask: tuple[bool, ...]
    temperatures: dict[float, float] | None
    versions: dict[str, str]
    warnings: tuple[str, ...]
    created_at: datetime
    quality: Quality | None = None


@dataclass(frozen=True)
class Track:
    """All frames of one recording (or channel) under one engine.

    Attributes:
        source: where it comes from.
        duration_s: of the recording.
        hop_s: time from one frame to the next, in seconds.
        offset_s: time of the first frame, in seconds.
        logits: shape `(n_frames, 9)`, raw.
        speech: shape `(n_frames,)`, true where the frame is speech.
        block_sums: shape `(n_blocks, n_dims)`, sum of the frame embeddings over 0.5 s each.
        block_frames: shape `(n_blocks,)`, how many frames each sum holds.
    """

    source: TrackSource
    duration_s: float
    hop_s: float
    offset_s: float
    logits: Floats
    speech: Flags
    block_sums: Floats
    block_frames: NDArray[np.int32]


@dataclass(frozen=True)
class Segment:
    """A stretch of one speaker's speech: the unit of clustering, projection and search.

    Attributes:
        segment: number within its run, from 0.
        n_frames: frames of speech that its read-out takes.
        logits: shape `(9,)`, mean of the raw logits of its speech.
        embedding: shape `(n_dims,)`, mean of the embeddings of its speech.
        emotion: the emotion with the highest score.
        confidence: calibrated, or None where none can be given.
    """

    segment: int
    start_s: float
    end_s: float
    n_frames: int
    logits: Floats
    embedding: Floats
    emotion: str
    confidence: float | None
    speaker: str | None = None


@dataclass(frozen=True)
class Run:
    """The segments of one track under one segmentation.

    Attributes:
        run_key: names track key and segmentation.
        segmentation: its parameters, as JSON.
        embedding_resolution_s: 0.02 when the embeddings were summed from frames, 0.5 from blocks.
    """

    recording: str
    track_key: str
    run_key: str
    segmentation: str
    embedding_resolution_s: float
    segments: tuple[Segment, ...]


@dataclass(frozen=True)
class Failure:
    """An input that could not be analysed, and why.

    Attributes:
        recording: SHA-256 of the bytes, or None when even these could not be read.
        stage: what was being done: `read`, `decode`, `analyse` or `store`.
    """

    recording: str | None
    name: str
    engine: str
    stage: str
    reason: str
    failed_at: datetime


@dataclass(frozen=True)
class Metadata:
    """What people say of a recording when they hand it in."""

    session: str | None = None
    speaker: str | None = None
    recorded_on: date | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What became of one file.

    Attributes:
        status: `done`, `skipped` (known already) or `failed`.
        recording: SHA-256 of its bytes, or None when they could not be read.
        emotion: the engine's answer for the whole recording.
        confidence: calibrated, or None where none can be given.
        segments: how many there are.
        channel: the one that was analysed, from 0, where each was analysed by itself.
    """

    file: str
    recording: str | None
    status: str
    duration_s: float | None = None
    emotion: str | None = None
    confidence: float | None = None
    segments: int | None = None
    warnings: tuple[str, ...] = ()
    error: str | None = None
    channel: int | None = None
