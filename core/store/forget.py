"""Forgetting: a recording, or all of a speaker, leaves the store with everything made from it.

What is to go is written down first and crossed out last, so that whatever is killed on the way is
ended by the next `forget` or `store check`. Rows that name a recording go; rows of attempts that no
track names go; maps, clusterings and what else was made from many recordings goes whole where it
holds one of them. A draw of segments loses those of the recording alone: what is left of a random draw
is a random draw of what is left. A head cannot unlearn: it is named, and loses the texts that tell of
anybody.
"""

import json
import os
import shutil
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from core.errors import AudioError, StoreError
from core.provenance import sha256_of
from core.store.attempts import alive
from core.store.copies import Copy, holding
from core.store.gate import alone
from core.store.purge import purge
from core.store.schema import TABLES
from core.store.store import Store
from core.store.table import Table

JOURNAL: Final = ".forgetting"
_OWNERS: Final = {"frames": "tracks", "blocks": "tracks", "segments": "runs"}
_FIRST: Final = ("tracks", "runs")  # without these rows a result does not count any more
_HISTORIES: Final = ("metadata",)  # what was once said of one recording may name another's speaker
_REDACTED: Final = "forgotten"


@dataclass(frozen=True)
class Wanted:
    """What is to be forgotten.

    Attributes:
        recordings: SHA-256 of each.
        texts: names of files and speakers, which other rows may hold.
    """

    recordings: tuple[str, ...]
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Forgotten:
    """What forgetting removed, and what else may hold traces.

    Attributes:
        rows: removed from all tables.
        files: of sound, or made from sound.
        maps: maps, clusterings and other sets that were removed as they held a recording.
        heads: that may have learned from a recording; they were kept.
        copies: bundles and backups that hold a recording; they are out of reach.
    """

    recordings: tuple[str, ...]
    rows: int
    files: int
    maps: tuple[str, ...]
    heads: tuple[str, ...]
    copies: tuple[Copy, ...]


def recordings_of(store: Store, speaker: str) -> list[str]:
    """Returns the recordings in which somebody speaks, as people said so, in any version.

    Names that were given by telling voices apart (`Speaker 1`) are nobody's, and do not count.

    Raises:
        StoreError: there is none.
    """
    lake = store.lake
    mine = (pc.field("speaker") == speaker) & (pc.field("source") != "auto")
    said = (pc.field("annotator") == speaker) & (pc.field("tier") == "transcript")
    found = lake.read("recordings", ["recording"], pc.field("speaker") == speaker)
    names = set(found["recording"].to_pylist())
    names |= set(lake.read("turns", ["recording"], mine)["recording"].to_pylist())
    names |= set(lake.read("labels", ["recording"], said)["recording"].to_pylist())
    if not names:
        raise StoreError(
            f"No recording in the store has the speaker {speaker!r}; Overview and `export` list "
            "the speakers."
        )
    return sorted(names)


def forget(store: Store, recordings: Iterable[str], speaker: str | None = None) -> Forgotten:
    """Removes recordings and everything made from them, for good.

    Args:
        store: where they are.
        recordings: the SHA-256 of each, in full.
        speaker: whose name goes from every other row as well.

    Raises:
        StoreError: others write all the time, or the disk does not take it; then what was begun is
            ended by giving the command again.
    """
    with alone(store.root):
        resume(store)
        found = tuple(sorted(set(recordings)))
        names = _of(store, "recordings", "name", found)
        texts = tuple(sorted({*names, *([speaker] if speaker else [])}))
        _write(store.root / JOURNAL, json.dumps(asdict(Wanted(found, texts))))
        return _finish(store, Wanted(found, texts))


def resume(store: Store) -> Forgotten | None:
    """Ends what a killed process began to forget; returns what was left to do, or None."""
    path = store.root / JOURNAL
    if not path.exists():
        return None
    with alone(store.root):
        try:
            told = json.loads(path.read_text("utf-8"))
            wanted = Wanted(tuple(told["recordings"]), tuple(told["texts"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreError(
                f"The note {path} of what is to be forgotten is damaged; remove it, and give the "
                "command `forget` again."
            ) from error
        return _finish(store, wanted)


def _finish(store: Store, wanted: Wanted) -> Forgotten:
    lake = store.lake
    copies = tuple(holding(store, wanted.recordings))
    heads = tuple(_heads(store, wanted))
    files = _remove_files(store.root, wanted)
    rows, maps = 0, []
    for name in (*_FIRST, *(name for name in TABLES if name not in _FIRST)):
        table = TABLES[name]
        if name in _OWNERS:
            continue
        if "recording" in table.keys[1:]:
            held, n = _forget_wholes(store, name, wanted)
            maps += [f"{table.keys[0]} {key}" for key in held]
            rows += n
        elif "recording" in table.schema.names:
            rows += lake.delete(name, _any_of("recording", wanted.recordings))
        elif len(table.keys) > 1:  # made from the whole corpus, like a space for its vectors
            rows += lake.delete(name, "true")
    rows += lake.delete("failures", _any_of("name", wanted.texts) + " AND recording IS NULL")
    rows += _remove_unowned(store)
    for name, table in TABLES.items():
        if name in _HISTORIES or ("recording" not in table.schema.names and name not in _OWNERS):
            _redact(store, name, table, wanted)
        purge(lake, name)
    (store.root / JOURNAL).unlink(missing_ok=True)
    return Forgotten(wanted.recordings, rows, files, tuple(maps), heads, copies)


def _forget_wholes(store: Store, name: str, wanted: Wanted) -> tuple[list[str], int]:
    """Removes each map or the like that holds a recording; returns their keys, and the rows."""
    key = TABLES[name].keys[0]
    held = sorted(_of(store, name, key, wanted.recordings))
    return held, store.lake.delete(name, _any_of(key, held)) if held else 0


def _remove_unowned(store: Store) -> int:
    """Removes rows of attempts that no track or run names; nobody writes meanwhile."""
    removed, living = 0, alive(store.attempts)
    for name, owner in _OWNERS.items():
        written = pc.unique(store.lake.read(name, ["attempt"])["attempt"]).to_pylist()
        named = set(store.lake.read(owner, ["attempt"])["attempt"].to_pylist())
        dead = sorted(set(written) - named - living)
        if dead:
            numbers = ", ".join(str(int(attempt)) for attempt in dead)
            removed += store.lake.delete(name, f"attempt IN ({numbers})")
    return removed


def _heads(store: Store, wanted: Wanted) -> list[str]:
    """Returns the heads over engines that heard a recording: these may have learned from it."""
    engines = _of(store, "tracks", "engine_id", wanted.recordings)
    rows = store.lake.read("heads", ["head", "name", "engine_id"]).to_pylist()
    return [f"{row['head']} ({row['name']})" for row in rows if row["engine_id"] in engines]


def _remove_files(root: Path, wanted: Wanted) -> int:
    removed = 0
    try:
        for recording in wanted.recordings:
            folder = root / "audio" / recording[:2]
            for path in (*folder.glob(f"{recording}*"), *folder.glob(f".{recording}*")):
                path.unlink(missing_ok=True)
                removed += 1
            with suppress(OSError):
                folder.rmdir()
        for path in (root / "incoming").glob("*"):
            with suppress(AudioError):
                if path.is_file() and sha256_of(path) in wanted.recordings:
                    path.unlink(missing_ok=True)
                    removed += 1
        if (root / "indexes").is_dir():  # made anew from what is left when next asked
            shutil.rmtree(root / "indexes")
    except OSError as error:
        raise StoreError(
            f"A file of a recording cannot be removed ({error.strerror}); check the permissions of "
            "the store's folder, then give the same command again."
        ) from error
    return removed


def _redact(store: Store, name: str, table: Table, wanted: Wanted) -> None:
    """Takes ids and names out of the texts of a table that belongs to no recording."""
    rows = store.lake.read(name)
    clean = [_clean(row, wanted) for row in rows.to_pylist()]
    if clean != rows.to_pylist():
        store.lake.replace(name, pa.Table.from_pylist(clean, schema=table.schema))


def _clean(value: Any, wanted: Wanted) -> Any:
    if isinstance(value, dict):
        return {key: _clean(inner, wanted) for key, inner in value.items()}
    if isinstance(value, list):
        return [_clean(inner, wanted) for inner in value] if value and _texts(value) else value
    if not isinstance(value, str):
        return value
    for recording in wanted.recordings:
        value = value.replace(recording, _REDACTED)
    for text in wanted.texts:
        quoted = json.dumps(text), json.dumps(text, ensure_ascii=False)
        value = _REDACTED if value == text else value
        for form in quoted:
            value = value.replace(form, json.dumps(_REDACTED))
    return value


def _texts(values: list[Any]) -> bool:
    return isinstance(values[0], str)


def _of(store: Store, name: str, column: str, recordings: Iterable[str]) -> set[str]:
    """Returns what a column of a table holds in the rows of recordings."""
    rows = store.lake.read(name, ["recording", column])
    mine = pc.is_in(rows["recording"].cast(pa.string()), pa.array(recordings, pa.string()))
    return set(rows.filter(mine)[column].to_pylist())


def _any_of(column: str, values: Iterable[str]) -> str:
    """Returns SQL that is true where a column holds one of the values, whatever is in them."""
    quoted = ", ".join("'" + value.replace("'", "''") + "'" for value in values)
    return f"{column} IN ({quoted})" if quoted else "false"


def _write(path: Path, text: str) -> None:
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        draft.write_text(text, "utf-8")
        draft.replace(path)
    except OSError as error:
        raise StoreError(
            f"The store's folder {path.parent} cannot be written to ({error.strerror}); nothing "
            "was forgotten. Check its permissions and free space."
        ) from error
