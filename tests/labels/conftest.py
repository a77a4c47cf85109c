"""Labels on a made-up recording of 10 s."""

from collections.abc import Callable

import pytest

from core.labels.records import Draft
from core.store.store import Store
from tests.synthetic import make_recording

RECORDING = make_recording().recording


@pytest.fixture
def book(store: Store) -> Store:
    """A store with a recording of 10 s."""
    store.put_recording(make_recording())
    return store


@pytest.fixture
def draft() -> Callable[..., Draft]:
    """Makes drafts of labels."""

    def make(start_s: float = 1.0, end_s: float = 2.0, term: str = "happy", **more) -> Draft:
        values = {"recording": RECORDING, "annotator": "Anna"} | more
        return Draft(start_s=start_s, end_s=end_s, term=term, **values)

    return make
