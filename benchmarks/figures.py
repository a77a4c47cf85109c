"""How every benchmark says what it measured: one JSON line for each figure."""

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Figure:
    """One measured figure.

    Attributes:
        value: None where there is none.
        against: what it was compared with in the same run, or None.
        ratio: how much better than that; above 1 is better, for times too.
        limit: the bound where one is known, or the number tried.
    """

    figure: str
    value: float | None
    unit: str
    against: str | None = None
    ratio: float | None = None
    limit: float | None = None

    def show(self) -> None:
        """Prints the figure as a line of JSON."""
        print(json.dumps(asdict(self), ensure_ascii=False, allow_nan=False), flush=True)
