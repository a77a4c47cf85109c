"""What every command has: answers on stdout, words on stderr, a time among its options."""

import argparse
import json
import math
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from core.statistics.proportions import Estimate


def answer(value: dict[str, Any]) -> None:
    """Writes a result as one line of JSON on stdout."""
    print(json.dumps(value, ensure_ascii=False, allow_nan=False), flush=True)


def say(text: str) -> None:
    """Writes a line for people on stderr."""
    print(text, file=sys.stderr, flush=True)


def estimate(name: str, found: "Estimate | None") -> dict[str, float | None]:
    """Returns a value with its interval as three fields, all null where there is none."""
    if found is None:
        return {name: None, f"{name}_low": None, f"{name}_high": None}
    return {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}


def seconds(text: str) -> float:
    """Returns an option's time in seconds.

    Raises:
        ArgumentTypeError: it is negative or not finite.
        ValueError: it is no number.
    """
    value = float(text)
    if not math.isfinite(value) or value < 0:
        raise argparse.ArgumentTypeError(f"{text} is no time in seconds; give 0 or more")
    return value


def plain(rows: "pd.DataFrame") -> list[dict[str, Any]]:
    """Returns rows as JSON takes them: what is missing is null."""
    told = rows.astype(object).where(rows.notna(), None)
    return [{str(key): value for key, value in row.items()} for row in told.to_dict("records")]
