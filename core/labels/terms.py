"""What people said of the segments of a corpus, and which of these were drawn to be labelled."""

from collections import Counter
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from core.labels.agreement import LEAST_COVERED, emotion_labels, label_about, units_of
from core.store.corpus import Corpus, Names
from core.store.samples import Sample
from core.store.store import Store


def terms_of(store: Store, of: Corpus, annotators: Iterable[str] | None = None) -> Names:
    """Returns the term of each segment of a corpus, shape `(n_segments,)`; empty without one.

    A label is about a segment if it covers at least half of it. Where annotators disagree, the term of
    most counts, and where two terms are equally frequent there is none.
    """
    labels = emotion_labels(store)
    wanted = None if annotators is None else set(annotators)
    people = {
        recording: sorted({label.annotator for label in mine if _counts(label.annotator, wanted)})
        for recording, mine in labels.items()
    }
    found = []
    for unit in units_of(of.segments.to_dict("records")):
        mine = labels.get(unit.recording, [])
        said = [label_about(unit, person, mine) for person in people.get(unit.recording, [])]
        votes = Counter(label.term for label in said if label).most_common(2)
        tied = len(votes) == 2 and votes[0][1] == votes[1][1]
        found.append(votes[0][0] if votes and not tied else "")
    return np.array(found, dtype=str)


def in_samples(of: Corpus, drawn: Iterable[Sample]) -> NDArray[np.bool_]:
    """Returns which segments of a corpus lie at least by half in a drawn one, shape `(n,)`."""
    places: dict[tuple[str, int], list[tuple[float, float]]] = {}
    for one in drawn:
        for row in one.segments.to_dict("records"):
            spans = places.setdefault((row["recording"], row["channel"]), [])
            spans.append((row["start_s"], row["end_s"]))
    found = np.zeros(len(of.segments), dtype=bool)
    for number, unit in enumerate(units_of(of.segments.to_dict("records"))):
        least_s = LEAST_COVERED * (unit.end_s - unit.start_s) - 1e-9
        found[number] = any(
            min(end_s, unit.end_s) - max(start_s, unit.start_s) >= least_s
            for start_s, end_s in places.get((unit.recording, unit.channel), ())
        )
    return found


def _counts(person: str, wanted: set[str] | None) -> bool:
    return wanted is None or person in wanted
