"""Tonescope as a library: one object that analyses, predicts, reads and exports.

from core.api import Tonescope

scope = Tonescope()
scope.predict(Path("interview.mp3"))["emotion"]
"""

from collections.abc import Iterator
from functools import cached_property, partial
from pathlib import Path

from core import answers
from core.api_explore import Explored
from core.api_turns import TurnMethods
from core.audio.condition import open_heard
from core.audio.playable import COPY_TYPE, media_type, write_browser_copy
from core.channels import EachChannel
from core.engines.registry import Registry
from core.errors import EngineError
from core.evaluation import Evaluation, evaluate
from core.export.annotations import AnnotationFormat, export_annotations
from core.export.outputs import write_outputs
from core.export.tables import TableFormat, export_tables
from core.learn import library
from core.learn.manifest import read_manifest
from core.pipeline import Analysed, Pipeline
from core.progress import Progress
from core.provenance import sha256_of
from core.records import Metadata, Outcome, Span, Track
from core.settings import Analysis, Conditioning, default_store
from core.store import consent
from core.store.check import Check, check
from core.store.consent import Use
from core.store.store import Store
from core.timeline.track import FrameChoice, Timeline


class Tonescope(TurnMethods, Explored):
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
            ConsentError: it may not be analysed.
            EngineError: the engine cannot take it.
            RegionError: the region does not lie within the recording.
        """
        consent.check_file(self.folder, path, Use.ANALYSE)
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
        head: str | None = None,
    ) -> Evaluation:
        """Compares an engine, or a head of the store over it, with a manifest; stores nothing.

        Raises:
            ManifestError: the manifest cannot be used, or nothing in it could be read out.
            EngineError: there is no such engine, or it does not pass verification.
            HeadError: there is no such head, or it does not fit the engine.
        """
        items = read_manifest(manifest)
        known = self.registry.trained_on(engine)
        by = None if head is None else library.head(self.store, head)
        return evaluate(items, self.pipeline(engine, precision), known, progress, by)

    def write_outputs(self, path: Path, pipeline: Pipeline, folder: Path) -> Path:
        """Writes the folder of results of a recording that the store holds.

        Raises:
            StoreError: it is not in the store, is held back by its consent, or the folder cannot be
                written to.
        """
        recording = sha256_of(path)
        for use in (Use.PUBLISH, Use.LISTEN):
            consent.check(self.store, recording, use)
        stored = pipeline.stored(recording, self.store)
        if stored is None:
            raise EngineError(f"{path.name!r} is not analysed yet; analyse it first.")
        return _write_outputs(path, stored, folder, pipeline.settings.conditioning)

    def export(
        self,
        folder: Path,
        kind: TableFormat | AnnotationFormat,
        recording: str | None = None,
        *,
        pseudonyms: bool = False,
    ) -> Iterator[tuple[Path, int]]:
        """Writes tables or tiers into a folder, under pseudonyms where asked; yields files, rows.

        Raises:
            StoreError: there is nothing to export, or the folder cannot be written to.
        """
        if isinstance(kind, AnnotationFormat):
            return export_annotations(self.store, folder, kind, recording, pseudonyms=pseudonyms)
        return export_tables(self.store, folder, kind, recording, pseudonyms=pseudonyms)

    def heard(self, path: Path, engine: str) -> Track:
        """Returns the track of a file that is not stored, such as a clip that is searched with."""
        consent.check_file(self.folder, path, Use.ANALYSE)
        return self.pipeline(engine).predict(path).track

    def playable(self, recording: str) -> tuple[Path, str]:
        """Returns a file that browsers play, and its media type: the recording's own, or a copy.

        Raises:
            StoreError: the file is not where it was, may not be heard, or the disk is full.
            AudioError: it cannot be decoded any more.
        """
        known = self.store.recording(recording)
        path = consent.sound_path(self.store, known, Use.LISTEN)
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
