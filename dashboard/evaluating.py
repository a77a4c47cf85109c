"""An engine against reference labels, as pages ask for it; computed beside the pages."""

import json
import tempfile
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from core.emotions import Emotion
from core.errors import ManifestError, TonescopeError
from core.evaluation import evaluate
from core.learn import library
from core.learn.figures import answers_of, over_speakers
from core.learn.manifest import files_of_manifest, read_manifest, terms_of_manifest
from core.learn.scoring import Agreement, agreement
from core.plain import file_stem
from core.provenance import sha256_of
from core.settings import digest
from core.statistics.proportions import Estimate
from core.store import consent
from core.store.consent import Use
from core.store.corpus import corpus, frame_counts, read_outs
from dashboard import studies
from dashboard.background import Background, Report, Task
from dashboard.shared import scope

Mapped = Mapping[str, Emotion | None]
WORK: Final = Background()
_HOP_S: Final = 0.02


@dataclass(frozen=True)
class Reference:
    """Reference labels: a CSV on this computer, one that was handed in, or labels made here.

    Attributes:
        path: of a CSV, or None.
        name: of a file that was handed in, or None.
        data: its bytes.
    """

    path: Path | None = None
    name: str | None = None
    data: bytes = b""

    @property
    def key(self) -> Hashable:
        """Names the labels as they are now."""
        if self.path is not None:
            try:
                stat = self.path.stat()
            except OSError:
                return (str(self.path),)
            return (str(self.path), stat.st_size, stat.st_mtime_ns)
        return (self.name, digest({"data": self.data.hex()})) if self.name else ("labels",)


@dataclass(frozen=True)
class Result:
    """What came of it.

    Attributes:
        figures: as the command `evaluate` gives them.
        intervals: `uar`, `uar_present`, `wa` and `f1`, with intervals from 8 speakers on.
        items: a row for each item: `name`, `file`, `recording`, `start_s`, `end_s`, `speaker`,
            `label`, `answer`, `confidence`, `width_s` and `snr_db`.
        failed: what was left out, each with its reason.
        in_training: items that the engine was trained on, or None where that is not known.
        engine_id: whose answers they are.
    """

    figures: Agreement
    intervals: dict[str, Estimate]
    items: pd.DataFrame
    failed: tuple[tuple[str, str], ...]
    in_training: int | None
    engine_id: str


def words_of(reference: Reference, engine: str) -> dict[str, int]:
    """Returns how often each word stands as a label.

    Raises:
        ManifestError: the CSV cannot be used.
        StoreError: the engine has analysed nothing.
    """
    if reference.path is None and reference.name is None:
        store = scope().store
        terms = library.terms_of(store, corpus(store, engine))
        names, counts = np.unique(terms[terms != ""], return_counts=True)
        return dict(zip(names.tolist(), counts.tolist(), strict=True))
    with tempfile.TemporaryDirectory() as folder:
        return terms_of_manifest(_csv(reference, folder))


def key(reference: Reference, mapping: Mapped, engine: str) -> Hashable:
    """Returns the name of an evaluation."""
    told = json.dumps({word: None if e is None else str(e) for word, e in mapping.items()})
    own = reference.path is None and reference.name is None
    seen = studies.version("labels", "runs") if own else (studies.place(),)
    return (*seen, reference.key, told, engine)


def start(reference: Reference, mapping: Mapped, engine: str) -> Task:
    """Starts an evaluation; its result is a `Result`."""

    def action(report: Report) -> Result:
        if reference.path is None and reference.name is None:
            report("Reading labels and answers")
            return _from_labels(mapping, engine)
        return _from_csv(reference, mapping, engine, report)

    name = key(reference, mapping, engine)
    return studies.soon(WORK.start(name, "Comparing with the labels", action))


def _from_csv(reference: Reference, mapping: Mapped, engine: str, report: Report) -> Result:
    report("Starting the engine")
    missing: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        path = _csv(reference, folder)
        if reference.path is not None:
            items = read_manifest(path, mapping)
        else:
            found = _by_name()
            missing = [name for name in files_of_manifest(path) if _short(name) not in found]
            if len(missing) == len(files_of_manifest(path)):
                raise ManifestError(
                    f"None of the {len(missing)} files that {reference.name} names is a recording of "
                    "this store; analyse them first, or give the path of the CSV beside its files."
                )
            items = read_manifest(path, mapping, lambda name: found.get(_short(name)))
    pipeline = scope().pipeline(engine)

    def progress(share: float) -> None:
        report(f"{share:.0%} of {len(items):,} labels compared")

    came = evaluate(items, pipeline, scope().registry.trained_on(engine), progress)
    rows = []
    for one in came.answered:
        item = one.item
        rows.append(
            {
                "name": item.file.name,
                "file": str(item.file),
                "recording": None,
                "start_s": None if item.span is None else item.span.start_s,
                "end_s": None if item.span is None else item.span.end_s,
                "speaker": item.speaker or f"file {item.file.name}",
                "label": str(item.emotion),
                "confidence": one.read_out.confidence,
                "width_s": one.width_s,
                "snr_db": one.snr_db,
            }
        )
    failed = [(f"line {item.row}", reason) for item, reason in came.failed]
    failed += [
        (name, "it is no recording of this store, or several have its name") for name in missing
    ]
    scores = np.array([one.read_out.scores for one in came.answered])
    return _result(
        came.agreement,
        pd.DataFrame(rows),
        scores,
        failed,
        came.in_training,
        pipeline.engine.engine_id,
    )


def _from_labels(mapping: Mapped, engine: str) -> Result:
    store = scope().store
    found = corpus(store, engine)
    terms = library.terms_of(store, found)
    labels = [mapping.get(str(term)) if term else None for term in terms]
    rows = np.flatnonzero([label is not None for label in labels])
    if not len(rows):
        raise ManifestError("No label here stands for one of the nine emotions; map one, or label.")
    of = found.segments.iloc[rows].reset_index(drop=True)
    read = read_outs(store, found).iloc[rows].reset_index(drop=True)
    items = of[["name", "recording", "start_s", "end_s", "confidence"]].assign(
        file=None,
        speaker=library.speakers_of(of),
        label=[str(labels[row]) for row in rows],
        width_s=frame_counts(store, found)[rows] * _HOP_S,
        snr_db=[json.loads(q).get("snr_db") if q else None for q in read["quality"].fillna("")],
    )
    scores = library.engine_scores(store, found)[rows]
    sure = [None if pd.isna(c) else float(c) for c in items["confidence"]]
    figures = agreement([Emotion(name) for name in items["label"]], scores, sure)
    trained = _trained_on(found.engine_id)
    known = None if trained is None else int(items["recording"].isin(trained).sum())
    return _result(figures, items, scores, [], known, found.engine_id)


def _result(
    figures: Agreement,
    items: pd.DataFrame,
    scores: np.ndarray,
    failed: list[tuple[str, str]],
    in_training: int | None,
    engine_id: str,
) -> Result:
    labels = [Emotion(name) for name in items["label"]]
    items["answer"] = answers_of(labels, scores)[0]
    intervals = over_speakers(labels, scores, list(items["speaker"]))
    return Result(figures, intervals, items, tuple(failed), in_training, engine_id)


def _trained_on(engine_id: str) -> frozenset[str] | None:
    try:
        return scope().registry.trained_on(engine_id.rsplit("-", 1)[0])
    except TonescopeError:
        return None


def recording_of(row: pd.Series) -> str | None:
    """Returns the recording of the store that an item is of, or None."""
    if isinstance(row["recording"], str):
        return str(row["recording"])
    digits = sha256_of(Path(row["file"]))
    return digits if digits in studies.names() else None


def _csv(reference: Reference, folder: str) -> Path:
    if reference.path is not None:
        return reference.path
    path = Path(folder) / f"{file_stem(Path(reference.name or '').stem)}.csv"
    path.write_bytes(reference.data)
    return path


def _by_name() -> dict[str, Path]:
    """Returns where the audio of each recording lies, by file names that only one has."""
    store = scope().store
    found: dict[str, Any] = {}
    for recording, name in studies.names().items():
        found[name] = None if name in found else recording
    paths = {}
    for name, recording in found.items():
        if recording is not None:
            try:
                known = store.recording(recording)
                paths[name] = consent.sound_path(store, known, Use.ANALYSE)
            except TonescopeError:
                continue
    return paths


def _short(name: str) -> str:
    return name.replace("\\", "/").rsplit("/", 1)[-1]
