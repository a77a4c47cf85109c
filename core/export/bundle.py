"""A bundle: recordings with tracks, labels, maps and settings in one file that opens elsewhere.

A ZIP whose members are stored as they are: a manifest, a Parquet file for each table, and, where it was
asked for, the sound. A backup is a bundle of everything. Numbers are copied, never computed again, so
every figure is the same where it is opened.
"""

import hashlib
import json
import os
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from core.errors import StoreError
from core.export.pseudonyms import Pseudonyms
from core.store import consent, copies
from core.store.consent import Use
from core.store.folder import SCHEMA_VERSION
from core.store.gate import alone
from core.store.schema import TABLES
from core.store.store import Store
from core.version import VERSION

FORMAT: Final = "tonescope bundle"
MANIFEST: Final = "manifest.json"
_BATCH: Final = 50  # recordings whose frames are held at once
_OWNERS: Final = {"frames": "tracks", "blocks": "tracks", "segments": "runs"}
_MAPS: Final = ("projections", "clusterings", "selections")
_SHARED: Final = ("recordings", "tracks", "runs", "turns", "labels", "consents", *_MAPS, *_OWNERS)
_BASIS: Final = "kept by the maker of the bundle"


@dataclass(frozen=True)
class Contents:
    """What goes into a bundle.

    Attributes:
        recordings: SHA-256 of each.
        audio: whether the sound comes with them, as far as the store keeps it.
        pseudonyms: whether names of people, files and sessions are replaced, and notes left out, in
            all recordings; those whose consent names a pseudonym always go so.
        everything: a backup: all tables, whatever consents say.
    """

    recordings: tuple[str, ...]
    audio: bool = False
    pseudonyms: bool = False
    everything: bool = False


def write_bundle(store: Store, path: Path, what: Contents, noted_as: str | None = None) -> int:
    """Writes a bundle, whole or not at all; returns how many recordings it holds.

    Raises:
        StoreError: there is nothing to write, or the folder cannot be written to.
    """
    chosen = what.recordings
    if not what.everything:
        held = consent.withheld(store, Use.PUBLISH)
        chosen = tuple(r for r in what.recordings if r not in held)
    if not chosen and not what.everything:
        raise StoreError(
            "There is nothing to put into the bundle; analyse a recording first, or record a "
            "consent that allows to publish."
        )
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with (
            alone(store.root),
            tempfile.TemporaryDirectory(dir=path.parent) as folder,
            zipfile.ZipFile(draft, "w", zipfile.ZIP_STORED) as archive,
        ):
            _fill(archive, store, chosen, what, Path(folder))
        draft.replace(path)
    except OSError as error:
        raise StoreError(
            f"{str(path)!r} cannot be written ({error.strerror}); "
            "check permissions and free space, or choose another place."
        ) from error
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
    copies.note(store, "backup" if what.everything else "bundle", noted_as or path, chosen)
    return len(chosen)


def _fill(
    archive: zipfile.ZipFile, store: Store, chosen: Iterable[str], what: Contents, folder: Path
) -> None:
    recordings = frozenset(chosen)
    names = None if what.everything else Pseudonyms(store, everybody=what.pseudonyms)
    runs = store.lake.read("runs", ["attempt", "recording"]) if names else None
    whose = (
        dict(zip(*(runs[c].to_pylist() for c in runs.column_names), strict=True)) if runs else {}
    )
    members: dict[str, dict[str, Any]] = {}
    for name in TABLES if what.everything else _SHARED:
        file = folder / f"{name}.parquet"
        n_rows = 0
        with pq.ParquetWriter(file, TABLES[name].schema, compression="zstd") as writer:
            for rows in _rows(store, name, None if what.everything else recordings):
                told = _told(names, name, rows, whose) if names else rows
                n_rows += len(told)
                writer.write_table(told.cast(TABLES[name].schema))
        if n_rows:
            member = f"tables/{name}.parquet"
            archive.write(file, member)
            members[member] = {"sha256": _sha256(file), "rows": n_rows}
        file.unlink()
    if what.audio:
        silent = frozenset() if what.everything else consent.withheld(store, Use.LISTEN)
        for row in store.lake.read("recordings", ["recording", "kept"]).to_pylist():
            mine = row["recording"] in recordings or what.everything
            if row["kept"] and mine and row["recording"] not in silent:
                kept = store.root / row["kept"]
                if kept.is_file():
                    archive.write(kept, row["kept"])
                    members[row["kept"]] = {"sha256": row["recording"]}
    about = {
        "format": FORMAT,
        "schema": SCHEMA_VERSION,
        "tonescope": VERSION,
        "kind": "backup" if what.everything else "bundle",
        "pseudonyms": bool(names and names.hidden & recordings),
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "recordings": len(recordings),
        "members": members,
    }
    archive.writestr(MANIFEST, json.dumps(about, indent=1))


def _rows(store: Store, name: str, recordings: frozenset[str] | None) -> Iterator[pa.Table]:
    """Yields the rows of a table, for all or for some recordings; large tables in parts."""
    if name in _OWNERS:
        owned = store.lake.read(_OWNERS[name], ["recording", "attempt"]).to_pylist()
        mine = [r["attempt"] for r in owned if recordings is None or r["recording"] in recordings]
        for first in range(0, len(mine), _BATCH):
            part = pa.array(sorted(mine)[first : first + _BATCH], pa.int64())
            yield store.lake.read(name, where=pc.field("attempt").isin(part))
        return
    rows = store.lake.read(name)
    if recordings is None:
        yield rows
        return
    wanted = pa.array(sorted(recordings), pa.string())
    inside = pc.is_in(rows["recording"].cast(pa.string()), wanted)
    table = TABLES[name]
    if "recording" in table.keys[1:]:  # a map goes with all its points, or stays
        heads = pc.equal(rows["segment"], -1)
        key = table.keys[0]
        split = set(rows.filter(pc.invert(pc.or_(inside, heads)))[key].to_pylist())
        whole = [found not in split for found in rows[key].to_pylist()]
        rows = rows.filter(pa.array(whole, pa.bool_()))
    else:
        rows = rows.filter(inside)
    yield rows


def _told(names: Pseudonyms, table: str, rows: pa.Table, whose: dict[int, str]) -> pa.Table:
    """Returns rows of a table as they may leave, recordings under pseudonyms without names."""
    if table == "segments":
        at = rows.schema.get_field_index("speaker")
        people = [
            names.heard(whose.get(attempt, ""), speaker)
            for speaker, attempt in zip(
                rows["speaker"].to_pylist(), rows["attempt"].to_pylist(), strict=True
            )
        ]
        return rows.set_column(at, "speaker", pa.array(people, pa.string()))
    if table in _MAPS:
        at = rows.schema.get_field_index("parameters")
        texts = [text and names.parameters(text) for text in rows["parameters"].to_pylist()]
        return rows.set_column(at, "parameters", pa.array(texts, pa.string()))
    if table not in ("recordings", "turns", "labels", "consents"):
        return rows
    told = []
    for row in rows.to_pylist():
        hidden = names.hides(row["recording"])
        if hidden and row.get("tier") == "transcript":
            continue
        told.append(names.row(row) if hidden else row)
        if hidden and table == "turns" and row["speaker"] is None:
            told[-1] |= {"speaker": None}  # the head of a version is nobody's turn
        if hidden and table == "turns" and row["method"] is not None:
            told[-1] |= {"method": "{}"}
        if hidden and table == "consents":
            told[-1] |= {"basis": _BASIS}
        if hidden and table == "recordings":
            told[-1] |= {"tags": []}
    return pa.Table.from_pylist(told, schema=TABLES[table].schema)


def left_out(store: Store, what: Contents) -> int:
    """Returns how many maps and sets hold recordings of a bundle, and others that are not in it."""
    held = consent.withheld(store, Use.PUBLISH)
    inside = set(what.recordings) - held
    n_split = 0
    for name in _MAPS:
        rows = store.lake.read(name, [TABLES[name].keys[0], "recording"])
        found: dict[str, set[str]] = {}
        for key, recording in zip(*(rows[c].to_pylist() for c in rows.column_names), strict=True):
            found.setdefault(key, set()).add(recording)
        n_split += sum(bool(m & inside) and bool(m - inside - {""}) for m in found.values())
    return n_split


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
