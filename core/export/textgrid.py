"""Tiers as a TextGrid of Praat."""

from collections.abc import Iterator
from pathlib import Path

from core.export.sheets import POINTS, Sheet


def write(sheet: Sheet, folder: Path) -> Iterator[tuple[Path, int]]:
    """Writes a TextGrid: interval tiers, and point tiers for turning points and peaks; yields it."""
    from praatio.data_classes.interval_tier import IntervalTier
    from praatio.data_classes.point_tier import PointTier
    from praatio.textgrid import Textgrid

    end_s = max([sheet.recording.duration_s, *(t.items[-1].end_s for t in sheet.tiers if t.items)])
    grid = Textgrid(0.0, end_s)
    for tier in sheet.tiers:
        if tier.kind in POINTS:
            points = [(item.start_s, item.text or "turn") for item in tier.items]
            grid.addTier(PointTier(tier.name, points, 0.0, end_s))
        else:
            rows = [(item.start_s, item.end_s, item.text) for item in tier.items]
            grid.addTier(IntervalTier(tier.name, rows, 0.0, end_s))
    if not sheet.tiers:
        grid.addTier(IntervalTier("engine", [], 0.0, end_s))
    path = folder / f"{sheet.stem}.TextGrid"
    grid.save(str(path), "long_textgrid", includeBlankSpaces=True)
    yield path, sum(len(tier.items) for tier in sheet.tiers)
