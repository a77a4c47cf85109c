"""The codebook beside every export: what each column means, and what made the rows."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from core.engines.published import licence_of
from core.version import VERSION


def content(made: pd.DataFrame, **more: Any) -> dict[str, Any]:
    """Returns a codebook.

    Args:
        made: a row for each result, with `engine_id`, `precision`, `windowing` and `conditioning`.
        more: what each column or tier means, and settings of the export.
    """
    columns = ["engine_id", "precision", "windowing", "conditioning"]
    engines = made[columns].drop_duplicates().to_dict("records")
    return {
        "tonescope": VERSION,
        "written_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "engines": [row | {"licence": licence_of(row["engine_id"])} for row in engines],
        **more,
    }


def write(folder: Path, book: dict[str, Any]) -> Path:
    """Writes a codebook into a folder; returns its path."""
    path = folder / "codebook.json"
    path.write_text(json.dumps(book, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return path
