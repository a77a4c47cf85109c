"""Heads of one's own, as pages pick, label, fit, apply and move them."""

import io
import tempfile
import zipfile
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Final

import pandas as pd

from core.errors import HeadError, TonescopeError
from core.export.pseudonyms import leaving
from core.export.tables import guarded
from core.labels import history
from core.labels.agreement import emotion_labels, label_about, units_of
from core.labels.records import Draft
from core.learn import library
from core.learn.calibrating import Calibrated
from core.learn.head_files import CARD, MOST_BYTES, NUMBERS
from core.learn.heads import Head
from core.learn.label_curve import LabelCurve, curve_of_labels
from core.learn.picking import Way
from core.store.corpus import corpus
from core.store.rows import MIX
from core.store.samples import Sample, samples
from dashboard import studies
from dashboard.background import Background, Report, Task
from dashboard.shared import scope

WORK: Final = Background()
_MOST_FILE: Final = 4 * MOST_BYTES
_BESIDE: Final = 2  # blocks on either side: single ones flicker, and a head learnt from segments


def draws(engine: str) -> list[Sample]:
    """Returns what was drawn to be labelled, the newest first."""
    return samples(scope().store, engine)


def draw(way: Way, n_wanted: int, engine: str) -> Sample:
    """Draws segments to label, and keeps which.

    Raises:
        HeadError: there is no segment left to label.
    """
    store = scope().store
    seed = len(samples(store, engine))
    return library.draw(store, way, n_wanted, engine, seed)


def said_of(drawn: Sample, annotator: str) -> list[str]:
    """Returns what a person said of each segment of a draw, in its order; empty without a label."""
    labels = emotion_labels(scope().store, set(drawn.segments["recording"]))
    rows = drawn.segments.assign(speaker=None, emotion="").to_dict("records")
    found = [label_about(u, annotator, labels.get(u.recording, [])) for u in units_of(rows)]
    return [label.term if label else "" for label in found]


def label(row: pd.Series, term: str, annotator: str, *, blind: bool) -> None:
    """Stores what a person says of a segment.

    Raises:
        LabelError: it cannot be kept.
    """
    channel = int(row["channel"])
    draft = Draft(
        recording=row["recording"],
        channel=None if channel == MIX else channel,
        start_s=row["start_s"],
        end_s=row["end_s"],
        term=term,
        annotator=annotator,
        blind=blind,
    )
    history.add(scope().store, draft)


def counts(engine: str) -> pd.DataFrame:
    """Returns how many segments have each term: `term`, `picked` and `random`."""
    store = scope().store
    found = corpus(store, engine)
    terms = library.terms_of(store, found)
    rows = pd.DataFrame({"term": terms, "random": library.in_random_draw(store, found)})
    rows = rows[rows["term"] != ""]
    rows["picked"] = ~rows["random"]
    return rows.groupby("term", as_index=False)[["random", "picked"]].sum()


def in_training(engine: str) -> int:
    """Returns how many labelled segments are of recordings that an engine is known to be trained on."""
    store = scope().store
    found = corpus(store, engine)
    try:
        trained = scope().registry.trained_on(found.engine_id.rsplit("-", 1)[0]) or frozenset()
    except TonescopeError:
        return 0
    said = library.terms_of(store, found) != ""
    return int((found.segments["recording"].isin(trained).to_numpy() & said).sum())


def fit_key(engine: str, name: str, accuracy: float | None) -> Hashable:
    """Returns the name of the fitting of a head."""
    return (*studies.version("labels", "samples", "runs"), engine, name, accuracy)


def fit(engine: str, name: str, accuracy: float | None) -> Task:
    """Starts to fit a head on the labels of the store; its result is a `Calibrated`."""
    store = scope().store

    def action(report: Report) -> Calibrated:
        report("Fitting, each speaker answered without their own labels")
        return library.make_head(store, name, engine, accuracy=accuracy)

    return studies.soon(WORK.start(fit_key(engine, name, accuracy), "Fitting the head", action))


def curve_key(engine: str) -> Hashable:
    """Returns the name of the curve of the labels of today."""
    return (*studies.version("labels", "samples", "runs"), engine, "curve")


def curve(engine: str) -> Task:
    """Starts the curve of recall against labels; its result is a `LabelCurve`."""
    store = scope().store

    def action(report: Report) -> LabelCurve:
        report("Fitting heads on the first labels, then on more")
        return curve_of_labels(store, engine)

    return studies.soon(WORK.start(curve_key(engine), "Following the labels", action))


def course(head: Head, recording: str) -> pd.DataFrame:
    """Returns a head's scores over time of a recording, read over 2.5 s; no model runs.

    Raises:
        TonescopeError: the engine of the head has not analysed it.
    """
    return library.course(scope().store, head, recording, _BESIDE)


def heads(engine: str | None = None) -> list[Head]:
    """Returns the heads of the store, the newest first."""
    return library.heads(scope().store, engine)


def apply(head: Head) -> pd.DataFrame:
    """Returns what a head says of every stored segment of its engine; no model runs.

    Raises:
        TonescopeError: the engine has analysed nothing.
    """
    return library.apply(scope().store, head)


def csv(rows: pd.DataFrame) -> bytes:
    """Returns what a head says as the bytes of a CSV, of the segments that may leave."""
    return guarded(leaving(scope().store, rows)).to_csv(index=False).encode()


def exported(head: Head) -> bytes:
    """Returns a head as a ZIP of its card and its numbers, which hold no code."""
    with tempfile.TemporaryDirectory() as folder:
        paths = library.export_head(scope().store, head.key, Path(folder))
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in paths:
                archive.write(path, path.name)
        return file.getvalue()


def import_head(files: Mapping[str, bytes]) -> Head:
    """Stores a head that was handed in: its ZIP, or card and numbers.

    Raises:
        HeadError: it is no head that can be believed.
    """
    parts: dict[str, bytes] = {}
    for name, data in files.items():
        parts |= _unpacked(data) if name.lower().endswith(".zip") else {name: data}
    missing = [name for name in (CARD, NUMBERS) if name not in parts]
    if missing:
        raise HeadError(
            f"{' and '.join(missing)} is missing; hand in the ZIP of a head, or {CARD} and {NUMBERS} "
            "together."
        )
    with tempfile.TemporaryDirectory() as folder:
        for name in (CARD, NUMBERS):
            (Path(folder) / name).write_bytes(parts[name])
        return library.import_head(scope().store, Path(folder))


def _unpacked(data: bytes) -> dict[str, bytes]:
    """Returns card and numbers of a ZIP; nothing else in it is looked at."""
    found = {}
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for info in archive.infolist():
                name = info.filename.rsplit("/", 1)[-1]
                if name in (CARD, NUMBERS) and name not in found:
                    with archive.open(info) as file:
                        found[name] = file.read(_MOST_FILE)
    except (zipfile.BadZipFile, OSError, RuntimeError, ValueError, NotImplementedError) as error:
        raise HeadError(
            "The ZIP cannot be read; export the head again where it was made."
        ) from error
    return found


def undo(recording: str, annotator: str) -> str | None:
    """Undoes a person's last label; returns why it could not be done, or None."""
    try:
        history.undo(scope().store, recording, annotator)
    except TonescopeError as error:
        return str(error)
    return None
