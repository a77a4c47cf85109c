"""Tonescope as a library: one object that analyses, predicts, reads and exports.

from core.api import Tonescope

scope = Tonescope()
scope.predict(Path("interview.mp3"))["emotion"]
"""

from collections.abc import Iterator, Sequence
from functools import cached_property, partial
from pathlib import Path

from core import answers, conversation
from core.api_explore import Explored
from core.audio.condition import open_heard
from core.audio.playable import COPY_TYPE, media_type, write_browser_copy
from core.channels import EachChannel
from core.conversation import TurnPreview
from core.engines.registry import Registry
from core.errors import EngineError
from core.evaluation import Evaluation, evaluate
from core.export.annotations import AnnotationFormat, export_annotations
from core.export.outputs import write_outputs
from core.export.tables import TableFormat, export_tables
from core.learn.manifest import read_manifest
from core.pipeline import Analysed, Pipeline, Progress
from core.provenance import sha256_of
from core.records import Metadata, Outcome, Span, Track, Turn
from core.settings import Analysis, Conditioning, default_store
from core.store import consent
from core.store import turns as turn_versions
from core.store.check import Check, check
from core.store.consent import Use
from core.store.store import Store
from core.store.turns import TurnVersion
from core.timeline.track import FrameChoice, Timeline


class Tonescope(Explored):
    """Engines, a store and settings, brought together.

    Args:
        store: the folder of the store; by default `TONESCOPE_STORE` or `data/store`.
        settings: of every analysis.
        registry: the engines; by default those of this machine.
    """

    def __init__(
        self,
        store: Path | None = None,
        settings: Analysis | None = None,
        registry: Registry | None = None,
    ) -> None:
        self.registry = registry or Registry()
        self.settings = settings or Analysis()
        self._folder = store or default_store()

    @property
    def folder(self) -> Path:
        """The folder of the store, whether it is opened or not."""
        return self._folder

    @cached_property
    def store(self) -> Store:
        """The store, opened when first needed.

        Raises:
            StoreError: the folder cannot be used as a store.
        """
        return Store(self._folder)

    def pipeline(
        self,
        engine: str = "compact",
        precision: str = "auto",
        settings: Analysis | None = None,
        *,
        each_channel: bool = False,
    ) -> Pipeline:
        """Returns the pipeline of an engine, which is loaded if need be.

        Args:
            engine: a name, or a model directory.
            precision: of its arithmetic.
            settings: in place of those of this object.
            each_channel: whether each channel of a file is a track and a speaker of its own.

        Raises:
            EngineError: there is no such engine, or it does not pass verification.
        """
        kind = EachChannel if each_channel else Pipeline
        return kind(self.registry.load(engine, precision), settings or self.settings)

    def analyze(
        self,
        path: Path,
        metadata: Metadata | None = None,
        *,
        engine: str = "compact",
        precision: str = "auto",
        progress: Progress | None = None,
    ) -> Outcome:
        """Analyses a file into the store; a bad file is a failed outcome, not an error."""
        return self.pipeline(engine, precision).analyze(
            path, self.store, metadata, progress=progress
        )

    def predict(
        self,
        path: Path,
        granularity: answers.Granularity = answers.Granularity.UTTERANCE,
        *,
        engine: str = "compact",
        precision: str = "auto",
        region: Span | None = None,
        frames: FrameChoice | None = None,
    ) -> answers.Json:
        """Returns the contract's object for a file; stores nothing.

        Raises:
            AudioError: the file cannot be read as audio.
            EngineError: the engine cannot take it.
            RegionError: the region does not lie within the recording.
        """
        analysed = self.pipeline(engine, precision).predict(path)
        timeline = Timeline(analysed.track)
        return answers.prediction(timeline, analysed.segments, granularity, region, frames)

    def evaluate(
        self,
        manifest: Path,
        *,
        engine: str = "compact",
        precision: str = "auto",
        progress: Progress | None = None,
    ) -> Evaluation:
        """Compares an engine with the labels of a manifest; stores nothing.

        Raises:
            ManifestError: the manifest cannot be used, or nothing in it could be read out.
            EngineError: there is no such engine, or it does not pass verification.
        """
        items = read_manifest(manifest)
        known = self.registry.trained_on(engine)
        return evaluate(items, self.pipeline(engine, precision), known, progress)

    def write_outputs(self, path: Path, pipeline: Pipeline, folder: Path) -> Path:
        """Writes the folder of results of a recording that the store holds.

        Raises:
            StoreError: it is not in the store, or the folder cannot be written to.
        """
        stored = pipeline.stored(sha256_of(path), self.store)
        if stored is None:
            raise EngineError(f"{path.name!r} is not analysed yet; analyse it first.")
        return _write_outputs(path, stored, folder, pipeline.settings.conditioning)

    def export(
        self,
        folder: Path,
        kind: TableFormat | AnnotationFormat,
        recording: str | None = None,
    ) -> Iterator[tuple[Path, int]]:
        """Writes tables or tiers of the store into a folder; yields each file with its rows.

        Raises:
            StoreError: there is nothing to export, or the folder cannot be written to.
        """
        if isinstance(kind, AnnotationFormat):
            return export_annotations(self.store, folder, kind, recording)
        return export_tables(self.store, folder, kind, recording)

    def heard(self, path: Path, engine: str) -> Track:
        """Returns the track of a file that is not stored, such as a clip that is searched with."""
        return self.pipeline(engine).predict(path).track

    def turns(self, recording: str, channel: int | None = None) -> tuple[Turn, ...]:
        """Returns who speaks when, as it counts now; empty where nobody told speakers apart.

        Raises:
            StoreError: there is no such recording.
        """
        known = self.store.recording(recording).recording
        version = turn_versions.current(self.store, known, channel)
        return () if version is None else version.turns

    def correct_turns(
        self, recording: str, turns: Sequence[Turn], channel: int | None = None
    ) -> TurnVersion:
        """Stores turns corrected by hand, with segments that follow them.

        Raises:
            TurnError: a turn has no name, is empty, or lies outside the recording.
        """
        known = self.store.recording(recording).recording
        return conversation.correct(self.store, known, channel, turns)

    def import_turns(
        self,
        path: Path,
        recording: str,
        channel: int | None = None,
        tiers: Sequence[str] = (),
    ) -> TurnVersion:
        """Takes turns from RTTM, CSV or ELAN, with segments that follow them.

        Raises:
            TurnError: the file cannot be read, holds no turns, or none of this recording.
            StoreError: there is no such recording, or no track of this channel.
        """
        return self.store_turns(self.preview_turns(path, recording, channel, tiers))

    def preview_turns(
        self,
        path: Path,
        recording: str,
        channel: int | None = None,
        tiers: Sequence[str] = (),
        name: str | None = None,
    ) -> TurnPreview:
        """Returns what a file of turns would give; raises as `import_turns`, and stores nothing."""
        return conversation.preview_turns(self.store, path, recording, channel, tiers, name)

    def store_turns(self, preview: TurnPreview, only: Sequence[str] | None = None) -> TurnVersion:
        """Stores the turns of a preview, or those of some of its speakers.

        Raises:
            TurnError: none of these speakers has a turn.
        """
        return conversation.store_turns(self.store, preview, only)

    def undo_turns(self, recording: str, channel: int | None = None) -> TurnVersion:
        """Goes back to the turns before the last change.

        Raises:
            TurnError: there is nothing to undo.
        """
        known = self.store.recording(recording).recording
        return conversation.undo(self.store, known, channel)

    def playable(self, recording: str) -> tuple[Path, str]:
        """Returns a file that browsers play, and its media type: the recording's own, or a copy.

        Raises:
            StoreError: the file is not where it was, its consent does not allow to listen, or the
                disk does not take a copy.
            AudioError: it cannot be decoded any more.
        """
        known = self.store.recording(recording)
        consent.check(self.store, known.recording, Use.LISTEN)
        path = self.store.audio_path(known)
        kind = media_type(known.info)
        if kind:
            return path, kind
        write = partial(write_browser_copy, path, name=known.name)
        return self.store.browser_copy(known, write), COPY_TYPE

    def check(self) -> Check:
        """Checks the store and removes what dead writers left in it."""
        return check(self.store)


def _write_outputs(path: Path, stored: Analysed, folder: Path, settings: Conditioning) -> Path:
    timeline = Timeline(stored.track)
    result = answers.prediction(timeline, stored.segments)
    quality = stored.track.source.quality
    with open_heard(path, settings, quality.heard if quality else None) as samples:
        return write_outputs(folder, result, samples, timeline.embedding())
