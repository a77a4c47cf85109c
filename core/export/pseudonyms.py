"""Pseudonyms in what leaves the store: of all recordings, or of those whose consent names one.

A recording under a pseudonym loses what people wrote of it: names of speakers, file, session and
annotators get stand-ins, and tags, date, notes and transcripts are left out. Its SHA-256 stays, which
tells whoever has the very same file which one it is.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import PurePath
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from core.labels.records import Kind, Label
from core.records import Recording
from core.store import consent
from core.store.consent import Use
from core.store.store import Store

_OTHERS: Final = ("annotator", "by")
_TECHNICAL: Final = (
    *("engine_id", "kind", "method", "unit", "by", "k", "space", "space_key", "space_settings"),
    *("data", "run_keys", "sessions", "parent", "settings", "versions"),
)
NOTE: Final = (
    "recordings under pseudonyms: names of people, files and sessions are stand-ins; tags, dates, "
    "notes and transcripts are left out"
)
_LEFT_OUT: Final = ("tags", "recorded_on", "note", "origin", "source")


class Pseudonyms:
    """Stands names in for names: the same for the same person throughout one store.

    Args:
        store: where the names are.
        everybody: whether all recordings are put under pseudonyms, or only those that must be: whose
            consent names a pseudonym, or whose speaker has one by the consent for another recording.
    """

    def __init__(self, store: Store, *, everybody: bool = False) -> None:
        self._store = store
        self._numbers: dict[str, dict[str, int]] = {}
        given = consent.pseudonyms(store)
        self._known: list[dict[str, Any]] = []
        if given or everybody:
            columns = ["recording", "name", "speaker", "session", "added_at"]
            rows = store.lake.read("recordings", columns).to_pylist()
            self._known = sorted(rows, key=lambda row: (row["added_at"], row["recording"]))
        self._given = {
            r["speaker"]: given[r["recording"]]
            for r in self._known
            if r["speaker"] and r["recording"] in given
        }
        self._whose = {
            r["recording"]: self._given.get(r["speaker"]) or given.get(r["recording"])
            for r in self._known
        }
        for kind, column in (("person", "speaker"), ("session", "session")):
            for row in self._known:
                if row[column]:
                    self._number(kind, row[column])
        self.hidden = frozenset(
            recording for recording, whose in self._whose.items() if everybody or whose
        )

    def __bool__(self) -> bool:
        """Whether any recording is under a pseudonym."""
        return bool(self.hidden)

    def hides(self, recording: str) -> bool:
        """Returns whether a recording is under a pseudonym."""
        return recording in self.hidden

    def person(self, name: str | None, recording: str | None = None) -> str | None:
        """Returns what stands for a speaker; of nobody, for the speaker of a whole recording."""
        if not name:
            return self._whose.get(recording or "")
        return self._given.get(name) or f"person-{self._number('person', name)}"

    def heard(self, recording: str, speaker: str | None) -> str | None:
        """Returns who is heard in a segment as it may be told: as it is, or what stands for it."""
        return self.person(speaker) if speaker and self.hides(recording) else speaker

    def session(self, name: str | None) -> str | None:
        """Returns what stands for a session."""
        return f"session-{self._number('session', name)}" if name else None

    def annotator(self, name: str | None) -> str | None:
        """Returns what stands for somebody who labelled, imported or edited."""
        return f"annotator-{self._number('annotator', name)}" if name else None

    @staticmethod
    def file(recording: str, name: str) -> str:
        """Returns what stands for the name of a file."""
        suffix = PurePath(name).suffix[:6]
        clean = suffix if suffix.isascii() and suffix[1:].isalnum() else ""
        return f"recording-{recording[:12]}{clean}"

    def recording(self, known: Recording) -> Recording:
        """Returns a recording as it may be told of."""
        if not self.hides(known.recording):
            return known
        return replace(
            known,
            name=self.file(known.recording, known.name),
            source=None,
            session=self.session(known.session),
            speaker=self.person(known.speaker, known.recording),
            recorded_on=None,
            tags=(),
        )

    def labels(self, found: Iterable[Label]) -> list[Label]:
        """Returns labels as they may be told of; of recordings under a pseudonym no transcripts."""
        told = []
        for label in found:
            if self.hides(label.recording):
                if label.kind is Kind.TRANSCRIPT:
                    continue
                who = self.annotator(label.annotator) or ""
                by = self.annotator(label.by) or ""
                label = replace(label, annotator=who, by=by, note=None, origin=None)
            told.append(label)
        return told

    def row(self, row: Mapping[Any, Any]) -> dict[str, Any]:
        """Returns a row that has a `recording` as it may be told of, with the same columns."""
        told = dict(row)
        recording = told.get("recording")
        if not isinstance(recording, str) or not self.hides(recording):
            return told
        if isinstance(told.get("name"), str):
            told["name"] = self.file(recording, told["name"])
        if "speaker" in told:
            told["speaker"] = self.person(_text(told["speaker"]), recording)
        if "session" in told:
            told["session"] = self.session(_text(told["session"]))
        for column in _OTHERS:
            if column in told:
                told[column] = self.annotator(_text(told[column]))
        for column in _LEFT_OUT:
            if column in told:
                told[column] = None
        return told

    def frame(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Returns a table with a column `recording` as it may leave, with the same columns."""
        if not self or rows.empty or not rows["recording"].isin(self.hidden).any():
            return rows
        hidden = rows["recording"].isin(self.hidden).to_numpy()
        names = [n for n in ("name", "speaker", "session", *_OTHERS, *_LEFT_OUT) if n in rows]
        told = [self.row(row) for row in rows.loc[hidden, ["recording", *names]].to_dict("records")]
        found = rows.copy()
        for name in names:
            column = found[name].astype(object).to_numpy(dtype=object, copy=True)
            column[hidden] = np.array([row[name] for row in told] + [None], dtype=object)[:-1]
            found[name] = pd.Series(column, found.index, dtype=_dtype(rows[name]))
        return found

    def parameters(self, text: str) -> str:
        """Returns the parameters of a map or the like, JSON, with stand-ins for names."""
        told = {k: v if k in _TECHNICAL else self._clean(v) for k, v in json.loads(text).items()}
        return json.dumps(told, sort_keys=True)

    def _clean(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self._clean(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [self._clean(inner) for inner in value]
        if not isinstance(value, str) or not self._stand_ins:
            return value
        return self._named.sub(lambda found: self._stand_ins[found[0]], value)

    @cached_property
    def _named(self) -> re.Pattern[str]:
        longest_first = sorted(self._stand_ins, key=len, reverse=True)
        return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)")

    @cached_property
    def _stand_ins(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for row in self._known:
            if self.hides(row["recording"]):
                found[row["name"]] = self.file(row["recording"], row["name"])
                if row["session"]:
                    found[row["session"]] = str(self.session(row["session"]))
                if row["speaker"]:
                    found[row["speaker"]] = str(self.person(row["speaker"]))
        mine = pc.field("recording").isin(sorted(self.hidden))
        turns = self._store.lake.read("turns", ["speaker"], mine)["speaker"].to_pylist()
        return {name: str(self.person(name)) for name in turns if name} | found

    def _number(self, kind: str, name: str) -> int:
        mine = self._numbers.setdefault(kind, {})
        return mine.setdefault(name, len(mine) + 1)


def leaving(store: Store, rows: pd.DataFrame) -> pd.DataFrame:
    """Returns rows with a `recording` as they may leave: none that is held back, no hidden name."""
    held = rows["recording"].isin(consent.withheld(store, Use.PUBLISH))
    return Pseudonyms(store).frame(rows[~held])


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _dtype(column: pd.Series) -> Any:
    return object if column.dtype == object else column.dtype
