"""Who answers: an engine or a head of one's own, and beside whom."""

from typing import Any

from dashboard import evaluating
from dashboard.components import choose
from dashboard.evaluating import Answerer
from dashboard.session import Keys


def show(bar: Any, *, stored: bool) -> tuple[Answerer | None, Answerer | None]:
    """Asks; returns who answers and beside whom, or None for each.

    Args:
        bar: the container to ask in.
        stored: whether the labels are those of the store.
    """
    found = evaluating.answerers(stored)
    if not found:
        return None, None
    names = {name: one.title for name, one in found.items()}
    chosen = next(iter(found))
    if len(found) > 1:
        chosen = choose.show("Who answers", Keys.EVALUATE_ANSWERS, names, bar, width=260)
        others = {"": "nothing"} | {name: title for name, title in names.items() if name != chosen}
        other = choose.show(
            "Compared with",
            Keys.EVALUATE_AGAINST,
            others,
            bar,
            width=260,
            help="A second engine, or a head of yours, on the same material.",
        )
        return found[chosen], found.get(other)
    return found[chosen], None
