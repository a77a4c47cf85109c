"""Exports that are one file, of a recording, a session or everything: reports and bundles."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from core.errors import StoreError
from core.export.bundle import Contents, left_out, write_bundle
from core.export.report import write_report
from core.store import consent
from core.store.consent import Use
from core.store.store import Store


class Whole(StrEnum):
    """What is written as one file."""

    REPORT = "report"
    BUNDLE = "bundle"


SUFFIXES: Final = {Whole.REPORT: "report.html", Whole.BUNDLE: "bundle.zip"}


@dataclass(frozen=True)
class Done:
    """What was written.

    Attributes:
        n_recordings: in the file.
        n_held: recordings that were asked for and may not be published.
        n_maps: maps and sets that were left out of a bundle, as they hold other recordings too.
    """

    n_recordings: int
    n_held: int
    n_maps: int


def write_whole(
    store: Store,
    path: Path,
    kind: Whole,
    recording: str | None = None,
    session: str | None = None,
    *,
    audio: bool = False,
    pseudonyms: bool = False,
    noted_as: str | None = None,
) -> Done:
    """Writes a report or a bundle; returns what is in it.

    Args:
        store: where the results are.
        path: of the file.
        kind: of file.
        recording: only this one, by its SHA-256 or first digits.
        session: only the recordings of this session.
        audio: whether a bundle has the sound, as far as it may be heard.
        pseudonyms: whether all recordings go under pseudonyms; those that have one always do.
        noted_as: where the file goes, if not to `path`: for those who forget a recording later.

    Raises:
        StoreError: there is nothing to write, or the file cannot be written.
    """
    known = store.lake.read("recordings", ["recording", "session"]).to_pylist()
    chosen = [row["recording"] for row in known]
    if recording is not None:
        chosen = [store.recording(recording).recording]
        consent.check(store, chosen[0], Use.PUBLISH)
    elif session is not None:
        chosen = [row["recording"] for row in known if row["session"] == session]
        if not chosen:
            raise StoreError(f"No recording has the session {session!r}; see Overview.")
    if kind is Whole.BUNDLE:
        what = Contents(tuple(chosen), audio, pseudonyms)
        n, n_maps = write_bundle(store, path, what, noted_as), left_out(store, what)
    else:
        title = session if recording is None else None
        asked = {"session": title, "noted_as": noted_as}
        n, n_maps = write_report(store, path, chosen, pseudonyms=pseudonyms, **asked), 0
    return Done(n, len(chosen) - n, n_maps)
