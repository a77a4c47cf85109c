"""Recordings by session, speaker, date and tags, and what studies make of them."""

import io
import tempfile
import zipfile
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import streamlit as st

from core.errors import StudyError
from core.records import Metadata
from core.statistics.permutation import GroupTest
from core.store.corpus import speakers_of
from core.store.rows import MIX
from core.studies import grouping, metadata, trajectories, trends
from core.studies.grouping import Grouped
from core.studies.metadata import Step
from core.studies.trajectories import Band
from core.timeline.track import Timeline
from dashboard import studies
from dashboard.background import Background, Report, Task
from dashboard.corpus import corpus
from dashboard.shared import scope

WORK: Final = Background()
N_POINTS: Final = 50
STEP_S: Final = 1.0


def table() -> pd.DataFrame:
    """Returns what is said of each recording: `recording`, `name` and the four fields."""
    return _table(studies.version("recordings"))


@st.cache_data(show_spinner=False, max_entries=4)
def _table(versions: tuple[Hashable, ...]) -> pd.DataFrame:
    del versions  # only the key of the cache
    return metadata.table(scope().store)


def edit(
    changes: Mapping[str, Metadata], by: str, origin: str | None = None, *, only_given: bool = False
) -> int:
    """Sets what is said of recordings, as one step that can be undone; returns how many changed.

    Raises:
        StudyError: nobody does it.
    """
    return metadata.edit(scope().store, changes, by, origin, only_given=only_given)


def undo(by: str) -> Step | None:
    """Undoes a person's last step; returns it, or None if there was none."""
    return metadata.undo(scope().store, by)


def redo(by: str) -> Step | None:
    """Does again what a person undid last; returns it, or None if there was nothing."""
    return metadata.redo(scope().store, by)


def read_file(name: str, data: bytes) -> tuple[dict[str, Metadata], tuple[Grouped, ...]]:
    """Returns which recording each row of a file is about, and the rows that are about none.

    Raises:
        StudyError: the file cannot be read.
    """
    kind = ".tsv" if name.lower().endswith(".tsv") else ".csv"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"table{kind}"
        path.write_bytes(data)
        rows = grouping.read_table(path)
    return grouping.matched(rows, studies.names())


def read_names(pattern: str) -> list[tuple[str, str, Metadata | None]]:
    """Returns recording, name and what a pattern reads from it, None where it does not fit.

    Raises:
        StudyError: the pattern cannot be understood.
    """
    names = studies.names()
    read = grouping.from_names(pattern, names.values())
    return [(r, name, said) for r, (name, said) in zip(names, read, strict=True)]


def tidy(engine: str, unit: str = "segment") -> pd.DataFrame:
    """Returns a row for each segment or turn with all that is known of it."""
    return _tidy(engine, unit, studies.version("recordings", "runs", "turns"))


@st.cache_resource(show_spinner="Gathering the segments …", max_entries=4)
def _tidy(engine: str, unit: str, versions: tuple[Hashable, ...]) -> pd.DataFrame:
    del versions
    return trends.tidy(scope().store, engine, unit)


def tidy_zip(engine: str, unit: str) -> bytes:
    """Returns the tidy table with its codebook as a ZIP."""
    file = io.BytesIO()
    with tempfile.TemporaryDirectory() as folder:
        paths = trends.write_tidy(tidy(engine, unit), Path(folder))
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in paths:
                archive.write(path, path.name)
    return file.getvalue()


def trend(engine: str, measure: str, group: str | None, over: str) -> tuple[pd.DataFrame, bool]:
    """Returns the trend of every emotion, and whether its lines are groups with intervals.

    Where no group has 8 speakers, the lines are the speakers themselves and there is no interval.

    Args:
        engine: its id.
        measure: `share` or `mean`.
        group: a column that divides speakers, or None.
        over: `session` or `recorded_on`.

    Returns:
        Rows of `line`, `over`, `emotion`, `value`, `low` and `high`, in the order of time.
    """
    versions = studies.version("recordings", "runs", "turns")
    return _trend(engine, measure, group, over, versions)


@st.cache_data(show_spinner="Drawing speakers anew …", max_entries=16)
def _trend(
    engine: str, measure: str, group: str | None, over: str, versions: tuple[Hashable, ...]
) -> tuple[pd.DataFrame, bool]:
    rows = _dated(_tidy(engine, "segment", versions))
    found = trends.group_means(rows, measure, group, over)
    if found.empty:
        return found, False
    order = rows.groupby(over)["recorded_on"].min().sort_values(kind="stable").index
    grouped = bool(found["low"].notna().any())
    if grouped:
        found["line"] = found[group].replace("", "none") if group else "all speakers"
    else:
        found = _each_speaker(rows, measure, group, over)
    place = {name: n for n, name in enumerate(order)}
    found["place"] = found[over].map(place)
    return found.sort_values(["line", "place"]).reset_index(drop=True), grouped


def _dated(rows: pd.DataFrame) -> pd.DataFrame:
    """Returns the rows with a session and a date as text, the same way for each."""
    found = rows.copy()
    found["session"] = found["session"].fillna("").replace("", "no session")
    dates = found["recorded_on"].astype(object)
    found["recorded_on"] = [
        str(day)[:10] if day is not None and day == day else "no date" for day in dates
    ]
    found["tags"] = found["tags"].fillna("")
    found["speaker"] = speakers_of(found)
    return found


def _each_speaker(rows: pd.DataFrame, measure: str, group: str | None, over: str) -> pd.DataFrame:
    keyed = rows.assign(session=rows[over].astype(object))
    each = trends.per_session(keyed, group)
    wide = [f"{measure}_{name}" for name in trends.NAMES]
    keys = [*([group] if group else []), "speaker", "session"]
    long = each[[*keys, *wide]].melt(keys, var_name="emotion", value_name="value")
    long["emotion"] = long["emotion"].str.removeprefix(f"{measure}_")
    long["line"] = long["speaker"].astype(str)
    if group:
        long["line"] += " · " + long[group].astype(str).replace("", "none")
    long["low"] = long["high"] = np.nan
    return long.drop(columns="speaker").rename(columns={"session": over})


@dataclass(frozen=True)
class Courses:
    """The courses of two groups.

    Attributes:
        times: shape `(n_times,)`, seconds, or share of the recording.
        bands: by the group's name.
        test: how they differ, or None.
        paired: whether the same speakers were compared with themselves.
        left_out: speakers without recordings of both kinds, where paired.
        why_not: why there is no test, or None.
    """

    times: np.ndarray
    bands: dict[str, Band]
    test: GroupTest | None
    paired: bool
    left_out: tuple[str, ...]
    why_not: str | None


def groups_of(engine: str, by: str) -> dict[str, list[str]]:
    """Returns the recordings of each session or tag, by its name."""
    mine = set(corpus(engine).segments["recording"])
    found: dict[str, list[str]] = {}
    for row in table().to_dict("records"):
        if row["recording"] in mine:
            names = row["tags"] if by == "tag" else [row["session"]]
            for name in names or ():
                if name:
                    found.setdefault(str(name), []).append(row["recording"])
    return dict(sorted(found.items()))


def courses_key(engine: str, by: str, chosen: Sequence[str], end_s: float | None) -> Hashable:
    """Returns the name of a comparison of courses."""
    return (*studies.version("recordings", "runs"), engine, by, tuple(chosen), end_s)


def start_courses(engine: str, by: str, chosen: Sequence[str], end_s: float | None) -> Task:
    """Starts to compare the courses of two groups; its result are `Courses`.

    Args:
        engine: its id.
        by: `session` or `tag`.
        chosen: names of the groups.
        end_s: where an axis in seconds ends; None for recordings brought to one length.
    """

    def action(report: Report) -> Courses:
        members = groups_of(engine, by)
        bands = {name: _band(engine, members[name], end_s, report) for name in chosen}
        report("Permuting speakers")
        times = (
            np.arange(0, end_s - 1e-9, STEP_S) if end_s else (np.arange(N_POINTS) + 0.5) / N_POINTS
        )
        return _compared(times, bands)

    key = courses_key(engine, by, chosen, end_s)
    return studies.soon(WORK.view(key) or WORK.start(key, "Comparing courses", action))


def _band(engine: str, recordings: list[str], end_s: float | None, report: Report) -> Band:
    store = scope().store
    segments = corpus(engine).segments
    rows = segments[segments["recording"].isin(recordings)].drop_duplicates(
        ["recording", "channel"]
    )
    found = []
    for number, row in enumerate(rows.to_dict("records"), 1):
        report(f"Recording {number} of {len(rows)}")
        channel = None if row["channel"] == MIX else int(row["channel"])
        track = store.track(row["recording"], channel, row["track_key"], blocks=False)
        if track is None:
            raise StudyError("A recording is no longer in the store; reload the page.")
        timeline = Timeline(track)
        found.append(
            trajectories.absolute(timeline, end_s, STEP_S)
            if end_s
            else trajectories.normalised(timeline, N_POINTS)
        )
    return trajectories.group_band(np.stack(found), speakers_of(rows))


def _compared(times: np.ndarray, bands: dict[str, Band]) -> Courses:
    if len(bands) != 2:
        return Courses(times, bands, None, False, (), None)
    first, second = bands.values()
    both = set(first.speakers) & set(second.speakers)
    try:
        if len(both) >= 2:
            test, left = trajectories.compare_paired(first, second)
            return Courses(times, bands, test, True, left, None)
        return Courses(times, bands, trajectories.compare(first, second), False, (), None)
    except StudyError as error:
        return Courses(times, bands, None, False, (), str(error))
