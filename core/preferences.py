"""What the users of a store chose for all its pages: a small file beside its tables."""

import json
import os
from pathlib import Path

from core.errors import SettingsError

FILE = "preferences.json"
DEFAULT_ENGINE = "compact"


def default_engine(store: Path) -> str:
    """Returns the engine that the dashboard analyses with unless told otherwise.

    Args:
        store: the folder of the store; without a readable choice in it, it is `compact`.
    """
    try:
        with (store / FILE).open("rb") as file:
            chosen = json.loads(file.read(64 << 10))["engine"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return DEFAULT_ENGINE
    return chosen if isinstance(chosen, str) and 0 < len(chosen) < 1000 else DEFAULT_ENGINE


def choose_engine(store: Path, name: str) -> None:
    """Makes an engine the dashboard's default for a store.

    Raises:
        SettingsError: the folder cannot be written to.
    """
    draft = store / f".{FILE}.{os.getpid()}"
    try:
        store.mkdir(parents=True, exist_ok=True)
        draft.write_text(json.dumps({"engine": name}) + "\n")
        draft.replace(store / FILE)
    except OSError as error:
        raise SettingsError(
            f"The choice could not be written to {store} ({error.strerror}); check its permissions "
            "and free space."
        ) from error
