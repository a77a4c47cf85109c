"""What recordings may be used for, and their end, as pages ask for it."""

from dataclasses import dataclass
from datetime import UTC, date, datetime

import streamlit as st

from core.store import consent
from core.store.consent import Consent, Use
from core.store.forget import Forgotten, forget, recordings_of
from dashboard import resources
from dashboard.background import forget_results
from dashboard.shared import allowed, queue, scope

USES = {Use.ANALYSE: "Analyse", Use.LISTEN: "Listen", Use.PUBLISH: "Publish"}


@dataclass(frozen=True)
class Overdue:
    """A recording that was to be kept until a day that is over."""

    recording: str
    name: str
    until: date


def consent_of(recording: str) -> Consent | None:
    """Returns what counts now for a recording, or None where nothing was recorded."""
    return consent.every(scope().store, recording).get(recording)


def overdue() -> list[Overdue]:
    """Returns the recordings whose time is over, the earliest first."""
    found = _consents(resources.place(), allowed())
    today = datetime.now(UTC).date()
    late = []
    for recording, given in found.items():
        if given.retain_until is not None and today > given.retain_until:
            name = resources.recording(recording).name
            late.append(Overdue(recording, name, given.retain_until))
    return sorted(late, key=lambda one: (one.until, one.name))


@st.cache_data(show_spinner=False, max_entries=4)
def _consents(place: str, versions: tuple[object, ...]) -> dict[str, Consent]:
    del place, versions  # only the key of the cache
    store = scope().store
    known = set(store.lake.read("recordings", ["recording"])["recording"].to_pylist())
    return {r: given for r, given in consent.every(store).items() if r in known}


def same_speaker(recording: str) -> list[str]:
    """Returns all recordings of the speaker of one, itself among them."""
    speaker = resources.recording(recording).speaker
    return recordings_of(scope().store, speaker) if speaker else [recording]


def record(recordings: list[str], given: Consent, by: str) -> int:
    """Records what is allowed for recordings; returns for how many.

    Raises:
        StoreError: the basis is empty, or a recording is not there.
    """
    return consent.put(scope().store, recordings, given, by or None)


def busy() -> bool:
    """Returns whether files are being analysed, which might store again what is forgotten."""
    return any(not view.finished for view in queue().views())


def forget_all(recordings: list[str], speaker: str | None = None) -> Forgotten:
    """Removes recordings for good, and what this process remembers of them.

    Raises:
        StoreError: others write all the time, or the disk does not take it.
    """
    from dashboard import sound  # not on the way to the first page

    done = forget(scope().store, recordings, speaker)
    sound.forget()
    forget_results()
    st.cache_data.clear()
    st.cache_resource.clear()
    return done
