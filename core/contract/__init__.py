"""The contract's JSON Schemas (draft 2020-12): what every command and benchmark answers.

Fields may be added, never renamed; so each schema names what must be there and allows more.
"""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent


def names() -> tuple[str, ...]:
    """Returns the names of all schemas, in alphabetical order."""
    return tuple(sorted(path.name.split(".")[0] for path in FOLDER.glob("*.schema.json")))


def schema(name: str) -> dict[str, Any]:
    """Returns the JSON Schema of one answer.

    Args:
        name: of `names`, such as `predict` or `store_check`.

    Raises:
        KeyError: there is no schema of this name.
    """
    if name not in names():
        raise KeyError(f"There is no schema {name!r}; choose one of {', '.join(names())}.")
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.schema.json").read_text("utf-8"))
    return found
