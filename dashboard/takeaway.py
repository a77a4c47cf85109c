"""What the Export page gives: tables as files, charts with the caption that says what made them."""

import json
import shutil
import tempfile
import weakref
import zipfile
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import plotly.graph_objects as go

from core.audio.peaks import Peaks
from core.errors import StoreError
from core.export.annotations import AnnotationFormat
from core.export.pseudonyms import Pseudonyms, leaving
from core.export.tables import TableFormat
from core.export.whole import SUFFIXES, Done, Whole, write_whole
from core.labels.records import Label
from core.records import Span
from core.timeline.track import FrameChoice
from core.version import VERSION
from dashboard import corpus, figures, lanes, map_figure, resources, words
from dashboard.background import Report, background
from dashboard.components import map_notes, provenance
from dashboard.pictures import Picture, draw
from dashboard.printing import Sheet, standalone_html, with_waveform
from dashboard.session import DEFAULT_SMOOTHING_S
from dashboard.shared import allowed, scope
from dashboard.timeline_figure import timeline_figure

ALL = "all"
_HEAD = 5
_PARTS = 1500  # of a waveform; a page of paper shows no more


@dataclass(frozen=True)
class Written:
    """Files that were written.

    Attributes:
        folder: removed when this is forgotten.
        files: names and numbers of rows, in the order in which they were written.
        archive: all of them as one ZIP.
    """

    folder: Path
    files: list[tuple[str, int]]
    archive: Path

    def path(self, name: str) -> Path:
        """Returns where one of the files lies."""
        return self.folder / "files" / name


def may_leave(rows: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Returns rows of the catalogue as they may leave, and how many recordings are held back."""
    found = leaving(scope().store, rows)
    return found, rows["recording"].nunique() - found["recording"].nunique()


def outside_name(recording: str) -> str:
    """Returns the name of a recording as files carry it outside: its own, or a stand-in."""
    store = scope().store
    return Pseudonyms(store).recording(resources.recording(recording)).name


def tables_key(
    kind: TableFormat | AnnotationFormat, recording: str, pseudonyms: bool = False
) -> Hashable:
    """Returns the name under which tables are written: the data of today in one format."""
    store = scope().store
    tables = ("recordings", "tracks", "runs", "labels", "turns")
    versions = (*allowed(), *(store.lake.version(name) for name in tables))
    return (str(store.root), "tables", kind, recording, pseudonyms, versions)


def write_tables(
    kind: TableFormat | AnnotationFormat, recording: str, pseudonyms: bool = False
) -> None:
    """Starts to write tables or tiers.

    Args:
        kind: their format.
        recording: its SHA-256, or `ALL`.
        pseudonyms: whether all recordings go under pseudonyms.
    """
    library = scope()
    wanted = None if recording == ALL else recording

    def action(report: Report) -> Written:
        report("Reading the store")
        files: list[tuple[str, int]] = []
        folder = Path(tempfile.mkdtemp(prefix="tonescope-"))
        place, archive = folder / "files", folder / "all.zip"
        written = Written(folder, files, archive)
        weakref.finalize(written, shutil.rmtree, folder, ignore_errors=True)
        try:
            for path, n_rows in library.export(place, kind, wanted, pseudonyms=pseudonyms):
                files.append((path.name, n_rows))
                report(f"Wrote {path.name}")
            report("Packing")
            with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as pack:
                for name, _ in files:
                    pack.write(place / name, name)
        except OSError as error:
            raise StoreError(
                f"The files could not be written to {place} ({error.strerror}); check the free "
                "space of its disk."
            ) from error
        return written

    background().start(tables_key(kind, recording, pseudonyms), "Writing the files", action)


@dataclass(frozen=True)
class Asked:
    """A report or bundle that is wanted: of a recording, a session, or everything."""

    kind: Whole
    recording: str | None
    session: str | None
    audio: bool
    pseudonyms: bool


@dataclass(frozen=True)
class OneFile:
    """A report or bundle that was written; its folder goes when this is forgotten."""

    path: Path
    done: Done


def whole_key(asked: Asked) -> Hashable:
    """Returns the name under which a report or bundle is written: of the data of today."""
    store = scope().store
    tables = ("recordings", "tracks", "runs", "labels", "turns", "projections", "clusterings")
    versions = (*allowed(), *(store.lake.version(name) for name in tables))
    return (str(store.root), asked, versions)


def write_one(asked: Asked) -> None:
    """Starts to write a report or a bundle."""
    store = scope().store

    def action(report: Report) -> OneFile:
        report("Reading the store")
        folder = Path(tempfile.mkdtemp(prefix="tonescope-"))
        path = folder / f"tonescope.{SUFFIXES[asked.kind]}"
        try:
            done = write_whole(
                store,
                path,
                asked.kind,
                asked.recording,
                asked.session,
                audio=asked.audio,
                pseudonyms=asked.pseudonyms,
                noted_as=f"downloaded from the page on {datetime.now(UTC):%Y-%m-%d}",
            )
        except StoreError:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        written = OneFile(path, done)
        weakref.finalize(written, shutil.rmtree, folder, ignore_errors=True)
        return written

    background().start(whole_key(asked), f"Writing the {asked.kind}", action)


def head(written: Written, name: str) -> pd.DataFrame | None:
    """Returns the first rows of a written table, or None where a file is none."""
    path = written.path(name)
    if path.suffix == ".csv":
        return pd.read_csv(path, nrows=_HEAD)
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        batch = next(pq.ParquetFile(path).iter_batches(_HEAD), None)
        return None if batch is None else batch.to_pandas()
    return None


def chart_key(name: str, of: str, kind: Picture, sheet: Sheet, look: str) -> Hashable:
    """Returns the name under which a chart is drawn."""
    store = scope().store
    tables = ("recordings", "tracks", "runs", "labels", "projections", "clusterings")
    versions = (*allowed(), *(store.lake.version(table) for table in tables))
    return (str(store.root), "chart", name, of, kind, sheet, look, versions)


def make_chart(key: Hashable, figure: go.Figure, caption: str, kind: Picture, sheet: Sheet) -> None:
    """Starts to draw a chart."""

    def action(report: Report) -> bytes:
        report("Drawing")
        return draw(figure, caption, kind, sheet)

    background().start(key, "Making the chart", action)


@dataclass(frozen=True)
class TimelineLook:
    """How the timeline of a recording is drawn.

    Attributes:
        smoothing_s: width of the region that each point reads out.
        frames: which frames are read out; all of them where a track has no speech.
        stacked: areas that add up to 1 instead of lines.
        region: the only stretch to draw, or None for all.
        second: another run of the recording, drawn beside with the difference.
        labels: whether what people said of it is drawn as lanes.
    """

    smoothing_s: float = DEFAULT_SMOOTHING_S
    frames: FrameChoice = FrameChoice.SPEECH
    stacked: bool = False
    region: Span | None = None
    second: resources.Choice | None = None
    labels: bool = False


def timeline_chart(
    row: pd.Series,
    look: TimelineLook | None = None,
    waveform: Peaks | None = None,
) -> tuple[go.Figure, str]:
    """Returns the timeline of a recording, and its caption.

    Args:
        row: of the catalogue.
        look: how it is drawn.
        waveform: to show above it.
    """
    look = look or TimelineLook()
    choice = resources.choice_of(row)
    timeline = resources.timeline(choice)
    second = None if look.second is None else resources.timeline(look.second)
    frames = look.frames if timeline.track.speech.any() else FrameChoice.ALL
    figure = timeline_figure(
        timeline,
        resources.segments(choice),
        width_s=look.smoothing_s,
        frames=frames,
        stacked=look.stacked,
        dark=False,
        region=look.region,
        second=second,
        labels=lanes.labels_of(choice.recording, told=_leaving) if look.labels else (),
    )
    if waveform is not None:
        duration_s = timeline.track.duration_s
        covered, pairs = waveform.between(look.region or Span(0.0, duration_s), _PARTS)
        figure = with_waveform(figure, pairs, covered, duration_s)
    part = ""
    if look.region is not None:
        part = f" from {look.region.start_s:.2f} to {look.region.end_s:.2f} s"
    caption = (
        f"{outside_name(choice.recording)}{part}. "
        f"Smoothing {look.smoothing_s:g} s, {frames} frames. "
    )
    if look.second is None or second is None:
        return figure, caption + provenance.caption(timeline)
    tracks = (("A", choice, timeline), ("B", look.second, second))
    told = (f"{x}: {_channel(which)}. {provenance.caption(one)}" for x, which, one in tracks)
    return figure, f"{caption}{' '.join(told)} Below them the scores of B minus those of A."


def timeline_page(row: pd.Series, look: TimelineLook) -> bytes:
    """Returns the timeline of a recording as one HTML page that opens offline."""
    return standalone_html(*timeline_chart(row, look))


def _leaving(labels: Iterable[Label]) -> list[Label]:
    return Pseudonyms(scope().store).labels(labels)


def _channel(choice: resources.Choice) -> str:
    return "Mean of channels" if choice.channel is None else f"Channel {choice.channel}"


def share_chart(rows: pd.DataFrame) -> tuple[go.Figure, str]:
    """Returns the share of speech time by emotion over recordings, and its caption."""
    seconds = resources.seconds_by_emotion(tuple(rows["attempt"].tolist())).sum()
    count = f"{len(rows):,} recordings" if len(rows) > 1 else str(rows.iloc[0]["name"])
    made = "; ".join(_made_by(rows))
    caption = f"{count}, {seconds.sum():.0f} s of speech in segments. {made}. Tonescope {VERSION}."
    return figures.share_figure(seconds.to_dict(), False), caption


def map_chart(view: corpus.MapView, colour: str) -> tuple[go.Figure, str]:
    """Returns a stored map as vectors, and its caption; without what may not leave."""
    points = leaving(scope().store, view.points)
    groups = map_figure.groups_of(points, colour, False)
    figure = map_figure.map_figure(
        points, groups, title=view.title, dark=False, vector=len(points) <= 20_000
    )
    caption = f"{map_notes.caption(view)} Tonescope {VERSION}. {words.NO_EVIDENCE}"
    return figure, caption


def _made_by(rows: pd.DataFrame) -> list[str]:
    """Returns engine, precision and windows of each kind of track among rows of the catalogue."""
    columns = ["track_key", "engine_id", "precision", "windowing"]
    tracks = scope().store.lake.read("tracks", columns=columns).to_pandas()
    mine = tracks[tracks["track_key"].isin(rows["track_key"])].drop_duplicates("track_key")
    found = []
    for row in mine.to_dict("records"):
        windows = json.loads(row["windowing"])
        found.append(
            f"Engine {row['engine_id']}, {row['precision']}; windows of {windows['window_s']:g} s "
            f"with {windows['overlap_s']:g} s overlap"
        )
    return list(dict.fromkeys(found))
