"""What a recording may be used for: legal basis, scope, how long, and under which name.

A row of `consents` is a step; the last one of a recording counts. Where nothing was recorded,
analysing, listening and exporting go on as ever. Whoever reads a recording's sound comes by
`sound_path` and says for what.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from core.errors import ConsentError, StoreError
from core.plain import one_line
from core.provenance import sha256_of
from core.records import Recording
from core.store.attempts import new_number
from core.store.schema import TABLES
from core.store.store import Store


class Use(StrEnum):
    """What a person can allow.

    `analyse`: engines run on it, and it counts in what is made from the corpus. `listen`: its sound is
    played, drawn and cut. `publish`: it is in exports, bundles, reports and answers over HTTP.
    """

    ANALYSE = "analyse"
    LISTEN = "listen"
    PUBLISH = "publish"


@dataclass(frozen=True)
class Consent:
    """What was allowed for a recording.

    Attributes:
        basis: the legal basis, in words, such as `consent form of 2026-03-01`.
        scope: what is allowed; what is not named is not.
        retain_until: the last day on which it may be kept, or None.
        pseudonym: stands for the speaker where results leave the machine, or None.
    """

    basis: str
    scope: frozenset[Use]
    retain_until: date | None = None
    pseudonym: str | None = None


def put(store: Store, recordings: Sequence[str], consent: Consent, by: str | None = None) -> int:
    """Records what is allowed for recordings, as one step; returns for how many.

    Args:
        store: where they are.
        recordings: SHA-256, or first digits.
        consent: what counts from now on.
        by: who records it.

    Raises:
        StoreError: one of them is not there, or the basis is empty.
    """
    basis = one_line(consent.basis, 500)
    if not basis:
        raise StoreError(
            "A consent needs its legal basis in words, such as: consent form of 2026-03-01."
        )
    known = [store.recording(digits).recording for digits in recordings]
    now, first = datetime.now(UTC), new_number()
    rows = [
        {
            "event": first + number,
            "recording": recording,
            "basis": basis,
            "analyse": Use.ANALYSE in consent.scope,
            "listen": Use.LISTEN in consent.scope,
            "publish": Use.PUBLISH in consent.scope,
            "retain_until": consent.retain_until,
            "pseudonym": one_line(consent.pseudonym or "", 200) or None,
            "by": one_line(by or "", 200) or None,
            "made_at": now,
        }
        for number, recording in enumerate(dict.fromkeys(known))
    ]
    store.lake.append("consents", pa.Table.from_pylist(rows, schema=TABLES["consents"].schema))
    store.lake.tidy("consents")
    return len(rows)


def every(store: Store, recording: str | None = None) -> dict[str, Consent]:
    """Returns what counts now, by the SHA-256 of the recordings for which anything was recorded."""
    where = None if recording is None else pc.field("recording") == recording
    rows = store.lake.read("consents", where=where).sort_by("event").to_pylist()
    return {
        row["recording"]: Consent(
            basis=row["basis"],
            scope=frozenset(use for use in Use if row[use]),
            retain_until=row["retain_until"],
            pseudonym=row["pseudonym"],
        )
        for row in rows
    }


def withheld(store: Store, use: Use) -> frozenset[str]:
    """Returns the recordings for which a use was not allowed, or not any more."""
    today = datetime.now(UTC).date()
    return frozenset(r for r, found in every(store).items() if not allowed(found, use, today))


def allowed(found: Consent | None, use: Use, today: date) -> bool:
    """Returns whether a recording may be used so; where nothing was recorded, it may."""
    return found is None or (use in found.scope and not _over(found, today))


def check(store: Store, recording: str, use: Use) -> None:
    """Lets pass what is allowed.

    Raises:
        ConsentError: it is not.
    """
    found = every(store, recording).get(recording)
    if allowed(found, use, datetime.now(UTC).date()):
        return
    assert found is not None
    why = "its time is over" if use in found.scope else f"it does not allow to {use}"
    raise ConsentError(
        f"Recording {recording[:12]} is held back by its consent ({why}); "
        "record another consent for it if there is one."
    )


def check_file(root: Path, path: Path, use: Use) -> None:
    """Lets pass a file of which the store in a folder, if there is one, has no consent against it.

    Raises:
        ConsentError: it has.
    """
    if (root / "tables" / "consents").is_dir():
        check(Store(root), sha256_of(path), use)


def sound_path(store: Store, known: Recording, use: Use) -> Path:
    """Returns where the sound of a recording lies, for a use that its consent allows.

    Raises:
        ConsentError: it does not.
        StoreError: the file is no longer where it was.
    """
    check(store, known.recording, use)
    return store.audio_path(known)


def expired(store: Store, today: date | None = None) -> list[str]:
    """Returns the recordings whose time is over."""
    day = today or datetime.now(UTC).date()
    return sorted(r for r, found in every(store).items() if _over(found, day))


def pseudonyms(store: Store) -> Mapping[str, str]:
    """Returns the pseudonym of each recording that has one."""
    return {r: found.pseudonym for r, found in every(store).items() if found.pseudonym}


def _over(found: Consent, today: date) -> bool:
    return found.retain_until is not None and today > found.retain_until
