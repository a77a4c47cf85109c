"""From a file to a stored result: the one place that knows audio, engines, timeline and store."""

import json
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from core import conversation
from core.audio.condition import open_heard
from core.audio.decode import SAMPLE_RATE
from core.audio.survey import survey
from core.conversation import Known
from core.engines.base import HOP_S, Engine
from core.engines.windows import run_windowed
from core.errors import AudioError, Cancelled, EngineError
from core.findings import Found, failed, outcome_of, write_found
from core.progress import Progress, of_file, part, silent
from core.provenance import readable, sha256_of, versions
from core.records import (
    BLOCK_S,
    Metadata,
    Outcome,
    Recording,
    Run,
    Segment,
    Survey,
    Track,
    TrackSource,
    Turn,
)
from core.settings import Analysis, digest, segmentation_json
from core.store import consent
from core.store.batches import Result
from core.store.store import Store, Utterance
from core.timeline.builder import TrackBuilder
from core.timeline.segments import segments_of
from core.timeline.track import Timeline, mask_of, spans_of

SURVEY_SHARE = 0.4  # of the work on a recording, as measured with `compact` on two cores
SPEAKER_SHARES = (0.15, 0.75)  # where speakers are looked for, roughly: survey, survey and search


@dataclass(frozen=True)
class Analysed:
    """A track and its segments, fresh from the engine or from the store.

    Attributes:
        turns: who speaks when, as the segments follow it.
        made: how the turns were made, as it names the run.
        remarks: sentences for whoever asked for speakers.
    """

    track: Track
    segments: tuple[Segment, ...]
    survey: Survey | None = field(default=None, compare=False)
    turns: tuple[Turn, ...] = field(default=(), compare=False)
    made: dict[str, Any] = field(default_factory=dict, compare=False)
    remarks: tuple[str, ...] = field(default=(), compare=False)


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
        """Names the track key, the segmentation and how turns are made where none are known."""
        return self._run_key(conversation.method(self.settings))

    def _run_key(self, made: dict[str, Any]) -> str:
        return conversation.run_key(self.track_key, self.settings.segmentation, made)

    def predict(self, path: Path, progress: Progress | None = None) -> Analysed:
        """Returns the track and segments of a file; stores nothing.

        Args:
            path: the audio file.
            progress: called with the share of work done, 0 to 1; may raise to stop.

        Raises:
            AudioError: the file cannot be read as audio.
            EngineError: the engine cannot take it.
        """
        return self._run(path, readable(path.name), sha256_of(path), progress or silent)

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
        found = self.find(path, store, metadata, name=name, keep=keep, progress=progress)
        return write_found(store, [found])[0]

    def find(
        self,
        path: Path,
        store: Store | None,
        metadata: Metadata | None = None,
        *,
        name: str | None = None,
        keep: bool = False,
        progress: Progress | None = None,
    ) -> Found:
        """Analyses a file; a new track is left for `write_found` to store, what fails as well.

        Args are those of `analyze`; without a store nothing is known before, and nothing is kept.

        Raises:
            Cancelled: `progress` raised it; nothing of this file was kept.
        """
        name = readable(name or path.name)
        metadata = metadata or Metadata()
        recording, stage = None, "read"
        try:
            recording = sha256_of(path)
            turns = None
            if store:
                consent.check(store, recording, consent.Use.ANALYSE)
                stored = self.stored(recording, store, embeddings=False)
                if stored:
                    self._refresh(store, stored, path, metadata, keep)
                    return Found(self._outcome(path, stored, "skipped"))
                stage = "analyse"
                known = store.track(recording, self.settings.conditioning.channel, self.track_key)
                turns = conversation.known_turns(store, recording, self.settings)
                if known:
                    found = self._segmented_again(known, path, name, turns, progress or silent)
                    stage = "store"
                    self._store_again(store, found, path, metadata, keep)
                    return Found(self._outcome(path, found, "done"))
            stage = "analyse"
            found = self._run(path, name, recording, progress or silent, turns)
            row = self._recording(path, name, found, metadata)
            stage = "store"
            if store and keep:
                row = replace(row, kept=store.keep(path, recording, Path(name).suffix), source=None)
            run = self._stored_run(found, HOP_S)
            result = Result(row, found.track, _utterance(found.track), run)
            outcome = self._outcome(path, found, "done")
            return Found(outcome, result, turns=found.turns, settings=self.settings)
        except Cancelled:
            raise
        except Exception as error:  # one input may not cost the rest of a batch
            if isinstance(error, AudioError) and stage == "analyse":
                stage = "decode"
            return failed(path, name, recording, self.engine.name, stage, error)

    def stored(self, recording: str, store: Store, *, embeddings: bool = True) -> Analysed | None:
        """Returns what the store holds for a recording under these very settings, or None."""
        channel = self.settings.conditioning.channel
        known = conversation.known_turns(store, recording, self.settings)
        key = self.run_key if known is None else self._run_key(known.made)
        segments = store.segments(recording, channel, key, embeddings=embeddings)
        if segments is None:
            return None
        track = store.track(recording, channel, self.track_key, blocks=embeddings)
        if track is None:
            return None
        turns = () if known is None else known.turns
        told = conversation.remarks(self.settings, known, turns)
        return Analysed(track, segments, turns=turns, remarks=told)

    def _run(
        self, path: Path, name: str, recording: str, progress: Progress, known: Known | None = None
    ) -> Analysed:
        looks = known is None and bool(conversation.method(self.settings))
        surveyed, told = SPEAKER_SHARES if looks else (SURVEY_SHARE, SURVEY_SHARE)
        surveying = of_file(part(progress, 0.0, surveyed))
        found = survey(path, self.settings.conditioning, name, surveying)
        heard = found.quality.heard
        offset_s = heard.start_s + self.engine.offset_s
        n_frames = self.engine.n_frames(round(heard.duration_s * SAMPLE_RATE))
        speech = mask_of(found.speech, n_frames, HOP_S, offset_s)
        spans = spans_of(speech, HOP_S, offset_s)
        listening = part(progress, surveyed, told)
        turns = conversation.find_turns(path, name, self.settings, spans, listening, known)
        bounds, speakers = conversation.bounds_of(spans, turns, self.settings.segmentation)
        builder = TrackBuilder(self.engine.n_dims, speech, bounds, HOP_S, offset_s)
        with open_heard(path, self.settings.conditioning, heard, name) as samples:
            for frames in run_windowed(self.engine, samples):
                builder.add(frames.logits, frames.embeddings)
                part(progress, told, 1.0)(builder.n_done / max(1, len(speech)))
        if not builder.complete:
            raise AudioError(
                f"{name!r} changed while it was read; analyse it again when it is complete."
            )
        if not np.isfinite(builder.logits).all() or not np.isfinite(builder.block_sums).all():
            raise EngineError(
                f"The engine {self.engine.engine_id} answered {name!r} with values that are no "
                "numbers; nothing was stored. Use fp32, or another engine."
            )
        track = Track(
            source=self._source(recording, found),
            duration_s=found.duration_s,
            hop_s=HOP_S,
            offset_s=offset_s,
            logits=builder.logits,
            speech=speech,
            block_sums=builder.block_sums,
            block_frames=builder.block_frames,
        )
        sums = builder.segment_embeddings()
        segments = segments_of(Timeline(track), bounds, sums, speakers)
        return self._analysed(track, segments, known, turns, found)

    def _segmented_again(
        self, track: Track, path: Path, name: str, known: Known | None, progress: Progress
    ) -> Analysed:
        """Cuts a stored track anew; the engine does not run again."""
        spans = Timeline(track).speech_spans()
        turns = conversation.find_turns(path, name, self.settings, spans, progress, known)
        cut = conversation.segments_again(track, turns, self.settings.segmentation)
        return self._analysed(track, cut, known, turns)

    def _analysed(
        self,
        track: Track,
        segments: tuple[Segment, ...],
        known: Known | None,
        turns: tuple[Turn, ...],
        found: Survey | None = None,
    ) -> Analysed:
        made = conversation.method(self.settings) if known is None else known.made
        remarks = conversation.remarks(self.settings, known, turns)
        return Analysed(track, segments, found, turns, made, remarks)

    def _store_again(
        self, store: Store, found: Analysed, path: Path, metadata: Metadata, keep: bool
    ) -> None:
        with store.attempt() as attempt:
            self._refresh(store, found, path, metadata, keep)
            recording = found.track.source.recording
            conversation.keep_turns(store, recording, self.settings, found.turns)
            store.write_run(attempt, found.track, self._stored_run(found, BLOCK_S))

    def _source(self, recording: str, found: Survey) -> TrackSource:
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
            warnings=found.warnings + ((self.engine.remark,) if self.engine.remark else ()),
            created_at=datetime.now(UTC),
            quality=found.quality,
        )

    def _stored_run(self, analysed: Analysed, resolution_s: float) -> Run:
        return Run(
            recording=analysed.track.source.recording,
            track_key=self.track_key,
            run_key=self._run_key(analysed.made),
            segmentation=segmentation_json(self.settings.segmentation, analysed.made),
            embedding_resolution_s=resolution_s,
            segments=analysed.segments,
        )

    def _recording(self, path: Path, name: str, found: Analysed, metadata: Metadata) -> Recording:
        assert found.survey is not None
        return Recording(
            recording=found.track.source.recording,
            name=name,
            source=readable(path.resolve()),
            kept=None,
            size_bytes=path.stat().st_size,
            duration_s=found.track.duration_s,
            info=found.survey.info,
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
        if not keep and known.source != readable(path.resolve()):
            fresh = replace(fresh, source=readable(path.resolve()))
        if fresh != known:
            store.put_recording(fresh)

    def _outcome(self, path: Path, analysed: Analysed, status: str) -> Outcome:
        told = outcome_of(path, analysed.track, len(analysed.segments), status)
        return replace(told, warnings=(*told.warnings, *analysed.remarks))


def _utterance(track: Track) -> Utterance:
    said = Timeline(track).utterance()
    return Utterance(said.logits.astype(np.float32), said.emotion, said.confidence)


def _given(metadata: Metadata) -> dict[str, Any]:
    return {
        "session": metadata.session,
        "speaker": metadata.speaker,
        "recorded_on": metadata.recorded_on,
        "tags": metadata.tags,
    }
