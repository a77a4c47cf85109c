"""Segments that people saved under a title, such as the hits of a query."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import pandas as pd

from core.errors import ExploreError
from core.explore.search import Hit
from core.plain import one_line
from core.settings import digest
from core.store import maps
from core.store.corpus import SEGMENT_KEYS
from core.store.maps import SELECTION, Head
from core.store.store import Store

MOST_NAME: Final = 80
_KEYS: Final = list(SEGMENT_KEYS)


def keep_selection(
    store: Store, title: str, rows: pd.DataFrame, details: Mapping[str, Any]
) -> Head:
    """Stores segments under a title, such as the hits of a query.

    Args:
        store: where they go.
        title: what they are called.
        rows: a row for each segment with its keys, `rank` and `score`.
        details: what made them: JSON, `engine_id` among it.

    Raises:
        ExploreError: the title is empty, or there is no segment.
    """
    clean = one_line(title, MOST_NAME)
    if not clean or rows.empty:
        what = "There is no segment" if clean else "The title is empty"
        raise ExploreError(f"{what}; choose some segments and name them.")
    made_at = datetime.now(UTC)
    parameters = {**details, "title": clean, "n": len(rows)}
    key = digest({"parameters": parameters, "made_at": made_at.isoformat()})
    head = Head(SELECTION, key, "search", 0, parameters, made_at)
    maps.write(store, head, rows)
    return head


def selections(store: Store) -> list[Head]:
    """Returns the saved selections, the newest first."""
    return maps.heads(store, SELECTION)


def selection(store: Store, key: str) -> pd.DataFrame:
    """Returns a saved selection: keys, `rank` and `score`, ordered by rank.

    Raises:
        StoreError: there is none of this key.
    """
    found: pd.DataFrame = maps.points(store, SELECTION, key).sort_values("rank", ignore_index=True)
    return found


def rows_of_hits(hits: Sequence[Hit]) -> pd.DataFrame:
    """Returns hits as rows for `keep_selection`."""
    columns = [*_KEYS, "rank", "score"]
    return pd.DataFrame([[getattr(hit, c) for c in columns] for hit in hits], columns=columns)
