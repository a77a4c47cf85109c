"""An engine against reference labels, as pages ask for it; computed beside the pages."""

import json
import tempfile
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from core.emotions import EMOTIONS, Emotion
from core.errors import ManifestError, TonescopeError
from core.evaluation import evaluate, table_of
from core.learn import library
from core.learn.figures import over_speakers
from core.learn.manifest import files_of_manifest, read_manifest, terms_of_manifest
from core.learn.over_time import Timed
from core.learn.scoring import Agreement
from core.learn.stored import Mapped, stored_answers
from core.plain import file_stem
from core.provenance import sha256_of
from core.settings import digest
from core.statistics.proportions import Estimate
from core.store import consent
from core.store.consent import Use
from core.store.corpus import corpus, engine_ids
from dashboard import studies
from dashboard.background import Background, Report, Task
from dashboard.shared import scope

WORK: Final = Background()


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
    def stored(self) -> bool:
        """Whether these are the labels of the store."""
        return self.path is None and self.name is None

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
class Answerer:
    """Who answers: an engine, or a head of the store over it.

    Attributes:
        engine: a name, or the id of whose results are stored.
        head: the key of a head, or None for the engine's own.
        title: for people.
    """

    engine: str
    head: str | None
    title: str


@dataclass(frozen=True)
class Result:
    """What came of it.

    Attributes:
        figures: as the command `evaluate` gives them.
        intervals: `uar`, `uar_present`, `wa` and `f1`, with intervals from 8 speakers on.
        items: a row for each item: `key`, `name`, `file`, `recording`, `start_s`, `end_s`, `speaker`,
            `label`, `answer`, `confidence`, `width_s`, `snr_db` and `tags`.
        failed: what was left out, each with its reason.
        in_training: items that the engine was trained on, or None where that is not known.
        engine_id: whose answers they are.
        title: of who answers.
        over_time: each recording over time, by annotator; a CSV's under an empty name.
        fitted_on: items that a head may have been fitted on; None where that is not known or there is
            no head.
        has_head: whether a head answers.
    """

    figures: Agreement
    intervals: dict[str, Estimate]
    items: pd.DataFrame
    failed: tuple[tuple[str, str], ...]
    in_training: int | None
    engine_id: str
    title: str
    over_time: dict[str, tuple[Timed, ...]]
    fitted_on: int | None = None
    has_head: bool = False


def answerers(stored: bool) -> dict[str, Answerer]:
    """Returns who can answer, by what the address calls them.

    Args:
        stored: whether the labels are those of the store; then only stored results can answer.
    """
    if stored:
        engines = {found: found for found in engine_ids(scope().store)}
    else:
        infos = [info for info in scope().registry.list() if info.ready]
        engines = {info.name: str(info.engine_id) for info in infos}
    found = {name: Answerer(name, None, name) for name in engines}
    nine = {str(emotion) for emotion in EMOTIONS}
    for head in library.heads(scope().store):
        name = next((name for name, known in engines.items() if known == head.engine_id), None)
        if name is not None and set(head.classes) <= nine:
            found[f"head:{head.key}"] = Answerer(name, head.key, f"{head.name} (a head of yours)")
    return found


def words_of(reference: Reference, engine: str) -> dict[str, int]:
    """Returns how often each word stands as a label.

    Raises:
        ManifestError: the CSV cannot be used.
        StoreError: the engine has analysed nothing.
    """
    if reference.stored:
        store = scope().store
        terms = library.terms_of(store, corpus(store, engine))
        names, counts = np.unique(terms[terms != ""], return_counts=True)
        return dict(zip(names.tolist(), counts.tolist(), strict=True))
    with tempfile.TemporaryDirectory() as folder:
        return terms_of_manifest(_csv(reference, folder))


def key(reference: Reference, mapping: Mapped, by: Answerer) -> Hashable:
    """Returns the name of an evaluation."""
    told = json.dumps({word: None if e is None else str(e) for word, e in mapping.items()})
    tables = ("labels", "runs", "recordings") if reference.stored else ()
    return (*studies.version(*tables), reference.key, told, by.engine, by.head)


def start(reference: Reference, mapping: Mapped, by: Answerer) -> Task:
    """Starts an evaluation; its result is a `Result`."""

    def action(report: Report) -> Result:
        if reference.stored:
            report("Reading labels and answers")
            return _from_labels(mapping, by)
        return _from_csv(reference, mapping, by, report)

    name = key(reference, mapping, by)
    return studies.soon(WORK.start(name, f"Comparing {by.title} with the labels", action))


def _from_csv(reference: Reference, mapping: Mapped, by: Answerer, report: Report) -> Result:
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
    pipeline = scope().pipeline(by.engine)

    def progress(share: float) -> None:
        report(f"{share:.0%} of {len(items):,} labels compared")

    head = None if by.head is None else library.head(scope().store, by.head)
    came = evaluate(items, pipeline, scope().registry.trained_on(by.engine), progress, head)
    rows = table_of(came)
    known = _tags()
    digits = {file: sha256_of(Path(file)) for file in rows["file"].unique()}
    rows["recording"] = [digits[f] if digits[f] in known else None for f in rows["file"]]
    told = zip(rows["tags"], rows["recording"], strict=True)
    rows["tags"] = [tags or known.get(str(recording), ()) for tags, recording in told]
    failed = [(f"line {item.row}", reason) for item, reason in came.failed]
    failed += [
        (name, "it is no recording of this store, or several have its name") for name in missing
    ]
    scores = np.array([one.read_out.scores for one in came.answered])
    return Result(
        figures=came.agreement,
        intervals=_intervals(rows, scores),
        items=rows,
        failed=tuple(failed),
        in_training=came.in_training,
        engine_id=pipeline.engine.engine_id,
        title=by.title,
        over_time={"": came.over_time},
        has_head=head is not None,
    )


def _from_labels(mapping: Mapped, by: Answerer) -> Result:
    store = scope().store
    head = None if by.head is None else library.head(store, by.head)
    found = stored_answers(store, by.engine, mapping, head)
    trained = _trained_on(found.engine_id)
    heard = None if trained is None else int(found.items["recording"].isin(trained).sum())
    return Result(
        figures=found.figures,
        intervals=_intervals(found.items, found.scores),
        items=found.items.assign(file=None),
        failed=(),
        in_training=heard,
        engine_id=found.engine_id,
        title=by.title,
        over_time=dict(found.over_time),
        fitted_on=found.fitted_on,
        has_head=head is not None,
    )


def _intervals(items: pd.DataFrame, scores: np.ndarray) -> dict[str, Estimate]:
    labels = [Emotion(name) for name in items["label"]]
    return over_speakers(labels, scores, list(items["speaker"]))


def _tags() -> dict[str, tuple[str, ...]]:
    """Returns the tags of each recording of the store."""
    rows = scope().store.lake.read("recordings", columns=["recording", "tags"]).to_pylist()
    return {row["recording"]: tuple(row["tags"] or ()) for row in rows}


def _trained_on(engine_id: str) -> frozenset[str] | None:
    try:
        return scope().registry.trained_on(engine_id.rsplit("-", 1)[0])
    except TonescopeError:
        return None


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
