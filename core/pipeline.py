"""From a file to a stored result: the one place that knows audio, engines, timeline and store."""

import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from core.audio.decode import open_audio
from core.audio.survey import survey
from core.emotions import N_EMOTIONS
from core.engines.base import HOP_S, Engine, Frames
from core.engines.windows import run_windowed
from core.errors import AudioError, Cancelled, TonescopeError
from core.records import (
    BLOCK_S,
    Failure,
    Flags,
    Floats,
    Recording,
    Run,
    Segment,
    Span,
    Survey,
    Track,
    TrackSource,
)
from core.settings import Analysis, digest
from core.store.store import Store, Utterance
from core.timeline.segments import SegmentSums, cut, segments_of
from core.timeline.track import Timeline, spans_of
from core.version import VERSION

log = logging.getLogger(__name__)

FRAMES_A_BLOCK = round(BLOCK_S / HOP_S)
SURVEY_SHARE = 0.4  # of the work on a recording, as measured with `compact` on two cores
_PACKAGES = ("torch", "numpy", "av", "soxr", "silero-vad")

Progress = Callable[[float], None]


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


@dataclass(frozen=True)
class Analysed:
    """A track and its segments, fresh from the engine or from the store."""

    track: Track
    segments: tuple[Segment, ...]
    survey: Survey | None = field(default=None, compare=False)


class Pipeline:
    """Analyses files by one engine with one set of settings."""

    def __init__(self, engine: Engine, settings: Analysis | None = None) -> None:
        self.engine = engine
        self.settings = settings or Analysis()

    @property
    def track_key(self) -> str:
        """Names engine, conditioning, windowing and precision."""
        return digest(
            {
                "engine_id": self.engine.engine_id,
                "conditioning": asdict(self.settings.conditioning),
                "windowing": asdict(self.engine.windowing),
                "precision": self.engine.precision,
            }
        )

    @property
    def run_key(self) -> str:
        """Names the track key and the segmentation."""
        segmentation = asdict(self.settings.segmentation)
        return digest({"track_key": self.track_key, "segmentation": segmentation})

    def predict(self, path: Path, progress: Progress | None = None) -> Analysed:
        """Returns the track and segments of a file; stores nothing.

        Args:
            path: the audio file.
            progress: called with the share of work done, 0 to 1; may raise to stop.

        Raises:
            AudioError: the file cannot be read as audio.
            EngineError: the engine cannot take it.
        """
        return self._run(path, path.name, sha256_of(path), progress or _silent)

    def analyze(
        self,
        path: Path,
        store: Store,
        metadata: Metadata | None = None,
        *,
        name: str | None = None,
        keep: bool = False,
        progress: Progress | None = None,
    ) -> Outcome:
        """Analyses a file into the store; what fails is recorded there and in the outcome.

        Args:
            path: the audio file.
            store: where results go; a result that it holds already is not made again.
            metadata: session, speaker, date and tags.
            name: the recording's name where the file's own is not meant for people.
            keep: whether the store keeps a copy of the file.
            progress: called with the share of work done, 0 to 1; may raise `Cancelled`.

        Raises:
            Cancelled: `progress` raised it; nothing of this file was kept.
            StoreError: the store cannot be used at all.
        """
        name = name or path.name
        metadata = metadata or Metadata()
        recording, stage = None, "read"
        try:
            recording = sha256_of(path)
            stored = self.stored(recording, store)
            if stored:
                self._refresh(store, stored, path, metadata, keep)
                return self._outcome(path, stored, "skipped")
            stage = "analyse"
            known = store.track(recording, self.settings.conditioning.channel, self.track_key)
            fresh = None if known else self._run(path, name, recording, progress or _silent)
            stage = "store"
            with store.attempt() as attempt:
                if fresh is None:
                    assert known is not None
                    fresh = self._segmented_again(known)
                else:
                    row = self._recording(path, name, recording, fresh, metadata)
                    if keep:
                        row = replace(row, kept=store.keep(path, recording, Path(name).suffix))
                    store.write_track(attempt, row, fresh.track, _utterance(fresh.track))
                store.write_run(attempt, fresh.track, self._stored_run(fresh, known is not None))
            return self._outcome(path, fresh, "done")
        except Cancelled:
            raise
        except Exception as error:  # one input may not cost the rest of a batch
            if not isinstance(error, TonescopeError):
                log.exception("unexpected failure on %s", name)
            return self._failed(path, store, name, recording, stage, error)

    def stored(self, recording: str, store: Store) -> Analysed | None:
        """Returns what the store holds for a recording under these very settings, or None."""
        channel = self.settings.conditioning.channel
        segments = store.segments(recording, channel, self.run_key)
        if segments is None:
            return None
        track = store.track(recording, channel, self.track_key)
        return None if track is None else Analysed(track, segments)

    def _run(self, path: Path, name: str, recording: str, progress: Progress) -> Analysed:
        found = survey(path, self.settings.conditioning, name, _survey_share(progress))
        n_frames = self.engine.n_frames(found.n_samples)
        speech = _mask(found.speech, n_frames, self.engine.offset_s)
        bounds = cut(spans_of(speech, HOP_S, self.engine.offset_s), self.settings.segmentation)
        sums = SegmentSums(bounds, HOP_S, self.engine.offset_s)
        builder = _Builder(n_frames, self.engine.n_dims, speech, sums)
        with open_audio(path, self.settings.conditioning.channel, name) as audio:
            for frames in run_windowed(self.engine, audio.samples()):
                builder.add(frames)
                progress(SURVEY_SHARE + (1 - SURVEY_SHARE) * builder.n_done / max(1, n_frames))
        if builder.n_done != n_frames:
            raise AudioError(
                f"{name!r} changed while it was read; analyse it again when it is complete."
            )
        track = Track(
            source=self._source(recording, found.warnings),
            duration_s=found.duration_s,
            hop_s=HOP_S,
            offset_s=self.engine.offset_s,
            logits=builder.logits,
            speech=speech,
            block_sums=builder.block_sums,
            block_frames=builder.block_frames,
        )
        return Analysed(track, segments_of(Timeline(track), bounds, sums.means()), found)

    def _segmented_again(self, track: Track) -> Analysed:
        """Cuts a stored track anew, with embeddings from its blocks; no engine runs."""
        timeline = Timeline(track)
        bounds = cut(timeline.speech_spans(), self.settings.segmentation)
        embeddings = [timeline.embedding(span) for span in bounds]
        return Analysed(track, segments_of(timeline, bounds, embeddings))

    def _source(self, recording: str, warnings: tuple[str, ...]) -> TrackSource:
        return TrackSource(
            recording=recording,
            channel=self.settings.conditioning.channel,
            track_key=self.track_key,
            engine=self.engine.name,
            engine_id=self.engine.engine_id,
            precision=self.engine.precision,
            conditioning=self.settings.conditioning_json(),
            windowing=json.dumps(asdict(self.engine.windowing), sort_keys=True),
            class_mask=self.engine.class_mask,
            temperatures=self.engine.temperatures,
            versions=versions(),
            warnings=warnings,
            created_at=datetime.now(UTC),
        )

    def _stored_run(self, analysed: Analysed, from_blocks: bool) -> Run:
        return Run(
            recording=analysed.track.source.recording,
            track_key=self.track_key,
            run_key=self.run_key,
            segmentation=self.settings.segmentation_json(),
            embedding_resolution_s=BLOCK_S if from_blocks else HOP_S,
            segments=analysed.segments,
        )

    def _recording(
        self, path: Path, name: str, recording: str, fresh: Analysed, metadata: Metadata
    ) -> Recording:
        assert fresh.survey is not None
        return Recording(
            recording=recording,
            name=name,
            source=str(path.resolve()),
            kept=None,
            size_bytes=path.stat().st_size,
            duration_s=fresh.track.duration_s,
            info=fresh.survey.info,
            added_at=datetime.now(UTC),
            **_given(metadata),
        )

    def _refresh(
        self, store: Store, stored: Analysed, path: Path, metadata: Metadata, keep: bool
    ) -> None:
        """Sets what is new of a known recording: where it lies now, and what people say of it."""
        known = store.recording(stored.track.source.recording)
        kept = store.keep(path, known.recording, Path(known.name).suffix) if keep else known.kept
        given = {key: value for key, value in _given(metadata).items() if value}
        fresh = replace(known, kept=kept, **given)
        if not keep and known.source != str(path.resolve()):
            fresh = replace(fresh, source=str(path.resolve()))
        if fresh != known:
            store.put_recording(fresh)

    def _outcome(self, path: Path, analysed: Analysed, status: str) -> Outcome:
        said = Timeline(analysed.track).utterance()
        return Outcome(
            file=str(path),
            recording=analysed.track.source.recording,
            status=status,
            duration_s=analysed.track.duration_s,
            emotion=said.emotion,
            confidence=said.confidence,
            segments=len(analysed.segments),
            warnings=analysed.track.source.warnings,
        )

    def _failed(
        self,
        path: Path,
        store: Store,
        name: str,
        recording: str | None,
        stage: str,
        error: Exception,
    ) -> Outcome:
        reason = str(error)
        if not isinstance(error, TonescopeError):
            reason = (
                f"{name!r} could not be analysed ({type(error).__name__}); "
                "this is a fault of the program, and the log has its details."
            )
        failure = Failure(recording, name, self.engine.name, stage, reason, datetime.now(UTC))
        try:
            store.record_failure(failure)
        except TonescopeError:
            log.exception("the failure of %s could not be stored", name)
        return Outcome(str(path), recording, "failed", error=reason)


class _Builder:
    """Gathers the frames of a track, keeping embeddings only as sums."""

    def __init__(self, n_frames: int, n_dims: int, speech: Flags, sums: SegmentSums) -> None:
        n_blocks = -(-n_frames // FRAMES_A_BLOCK)
        self.n_done = 0
        self.logits: Floats = np.zeros((n_frames, N_EMOTIONS), np.float32)
        self.block_sums: Floats = np.zeros((n_blocks, n_dims), np.float32)
        edges = np.minimum(np.arange(n_blocks + 1) * FRAMES_A_BLOCK, n_frames)
        self.block_frames = np.diff(edges).astype(np.int32)
        self._speech = speech
        self._sums = sums

    def add(self, frames: Frames) -> None:
        first, last = self.n_done, self.n_done + len(frames)
        if not len(frames) or last > len(self.logits):
            self.n_done = last
            return
        self.logits[first:last] = frames.logits
        np.add.at(self.block_sums, np.arange(first, last) // FRAMES_A_BLOCK, frames.embeddings)
        self._sums.add(first, frames.embeddings, self._speech[first:last])
        self.n_done = last


def sha256_of(path: Path) -> str:
    """Returns the SHA-256 of a file's bytes, 64 hex digits.

    Raises:
        AudioError: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise AudioError(
            f"{path.name!r} cannot be read ({error.strerror}); check its path and permissions."
        ) from error


@cache
def versions() -> dict[str, str]:
    """Returns the version of each package that has a part in a track."""
    found = {"tonescope": VERSION}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _mask(speech: tuple[Span, ...], n_frames: int, offset_s: float) -> Flags:
    """Returns which frames have their middle in speech, shape `(n_frames,)`."""
    middles = offset_s + HOP_S * (np.arange(n_frames) + 0.5)
    edges = np.array([[span.start_s, span.end_s] for span in speech]).reshape(-1)
    inside: Flags = np.searchsorted(edges, middles, side="right") % 2 == 1
    return inside


def _utterance(track: Track) -> Utterance:
    said = Timeline(track).utterance()
    return Utterance(said.logits.astype(np.float32), said.emotion, said.confidence)


def _survey_share(progress: Progress) -> Callable[[float, float | None], None]:
    """Turns seconds surveyed into a share of the work, as far as the file declares its length."""

    def report(done_s: float, declared_s: float | None) -> None:
        share = min(1.0, done_s / declared_s) if declared_s else 0.5
        progress(SURVEY_SHARE * share)

    return report


def _given(metadata: Metadata) -> dict[str, Any]:
    return {
        "session": metadata.session,
        "speaker": metadata.speaker,
        "recorded_on": metadata.recorded_on,
        "tags": metadata.tags,
    }


def _silent(share: float) -> None:
    del share
