"""Stretches of time in the page's address, such as `12.340-15.020`."""

import math
from typing import Any

from core.records import Span


def parse(text: str | None, duration_s: float) -> Span | None:
    """Returns the stretch that an address names, or None if it names none of this recording."""
    start, _, end = (text or "").partition("-")
    return checked(start, end, duration_s)


def checked(start: Any, end: Any, duration_s: float) -> Span | None:
    """Returns a stretch within a recording, or None where these are no such times.

    Args:
        start: in seconds, as it came from a browser.
        end: the same.
        duration_s: of the recording.
    """
    try:
        start_s, end_s = float(start), float(end)
    except (TypeError, ValueError):
        return None
    if not (math.isfinite(start_s) and math.isfinite(end_s)):
        return None
    start_s, end_s = max(0.0, start_s), min(end_s, duration_s)
    return Span(round(start_s, 3), round(end_s, 6)) if start_s < end_s else None
