"""Recordings by session, speaker, date and tags, and what studies make of them."""

import io
import tempfile
import zipfile
from collections.abc import Hashable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from core.export.pseudonyms import leaving
from core.plain import file_stem
from core.records import Metadata
from core.studies import grouping, metadata, trends
from core.studies.grouping import Grouped
from core.studies.metadata import Step
from dashboard import studies
from dashboard.shared import scope


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
        path = Path(folder) / f"{file_stem(Path(name).stem, 'table')}{kind}"
        path.write_bytes(data)
        rows = grouping.read_table(path)
    return grouping.matched(rows, studies.names())


def read_names(pattern: str) -> list[tuple[str, str, Metadata | None]]:
    """Returns recording, name and what a pattern reads from it, None where it does not fit.

    Raises:
        StudyError: the pattern cannot be understood.
    """
    names = dict(sorted(studies.names().items(), key=lambda item: item[1]))
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
        paths = trends.write_tidy(leaving(scope().store, tidy(engine, unit)), Path(folder))
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in paths:
                archive.write(path, path.name)
    return file.getvalue()


def trend(
    engine: str, measure: str, group: str | None, over: str, *, each: bool = False
) -> tuple[pd.DataFrame, bool]:
    """Returns the trend of every emotion, and whether groups have enough speakers for intervals.

    Where no group has 8 speakers, the lines are the speakers themselves and there is no interval. Where
    some have and others have not, the speakers of those stand in place of a mean, each by itself.

    Args:
        engine: its id.
        measure: `share` or `mean`.
        group: a column that divides speakers, or None.
        over: `session` or `recorded_on`.
        each: whether the lines are the speakers in any case.

    Returns:
        Rows of `line`, `over`, `emotion`, `value`, `low` and `high`, in the order of time; `single`
        where a speaker stands in place of a mean.
    """
    versions = studies.version("recordings", "runs", "turns")
    return _trend(engine, measure, group, over, each, versions)


@st.cache_data(show_spinner="Drawing speakers anew …", max_entries=16)
def _trend(
    engine: str,
    measure: str,
    group: str | None,
    over: str,
    each: bool,
    versions: tuple[Hashable, ...],
) -> tuple[pd.DataFrame, bool]:
    rows = trends.dated(_tidy(engine, "segment", versions), over, group)
    found = trends.group_means(rows, measure, group, over)
    if found.empty:
        return found, False
    first = rows.groupby(over)["recorded_on"].agg(
        lambda days: min(map(str, days.dropna()), default="~")
    )
    order = first.sort_values(kind="stable").index
    grouped = bool(found["low"].notna().any())
    speakers = _each_speaker(rows, measure, group, over)
    if grouped and not each:
        found["line"] = found[group].replace("", "none") if group else "all speakers"
        few = found["low"].isna()
        keys = [*([group] if group else []), over, "emotion"]
        alone = speakers.merge(found.loc[few, keys]).assign(single=True)
        found = pd.concat([found[~few].assign(single=False), alone])
    else:
        found = speakers.assign(single=False)
    place = {name: n for n, name in enumerate(order)}
    found["place"] = found[over].map(place)
    return found.sort_values(["single", "line", "place"]).reset_index(drop=True), grouped


def _each_speaker(rows: pd.DataFrame, measure: str, group: str | None, over: str) -> pd.DataFrame:
    made = trends.per_session(rows, group, over)
    wide = [f"{measure}_{name}" for name in trends.NAMES]
    keys = [*([group] if group else []), "speaker", over]
    long = made[[*keys, *wide]].melt(keys, var_name="emotion", value_name="value")
    long["emotion"] = long["emotion"].str.removeprefix(f"{measure}_")
    long["line"] = long["speaker"].astype(str)
    if group:
        long["line"] += " · " + long[group].astype(str).replace("", "none")
    long["low"] = long["high"] = np.nan
    return long.drop(columns="speaker")
