"""Diarization error rate, checked against pyannote.metrics."""

import numpy as np
import pytest
from pyannote.core import Annotation, Segment
from pyannote.metrics.diarization import DiarizationErrorRate

from core.records import Turn
from core.speakers.error_rate import error_rate


def some_turns(rng: np.random.Generator, names: str) -> list[Turn]:
    """Returns turns that may overlap between, but not within, speakers."""
    found = []
    for name in names:
        edges = np.sort(rng.choice(np.arange(1, 400), 2 * rng.integers(1, 6), replace=False)) / 10
        found += [Turn(name, float(a), float(b)) for a, b in edges.reshape(-1, 2)]
    return found


def annotation(turns: list[Turn]) -> Annotation:
    made = Annotation(uri="a")
    for number, turn in enumerate(turns):
        made[Segment(turn.start_s, turn.end_s), number] = turn.speaker
    return made


@pytest.mark.parametrize("collar_s", [0.0, 0.25])
@pytest.mark.parametrize("overlap", [True, False])
@pytest.mark.filterwarnings("ignore")
def test_rate_is_that_of_pyannote(collar_s, overlap):
    rng = np.random.default_rng(1)
    for names in ("xy", "xyz", "x", "wxyz"):
        truth, found = some_turns(rng, "abc"), some_turns(rng, names)
        metric = DiarizationErrorRate(collar=2 * collar_s, skip_overlap=not overlap)
        expected = metric(annotation(truth), annotation(found), detailed=True)
        ours = error_rate(truth, found, collar_s, overlap=overlap)
        assert ours.total_s == pytest.approx(expected["total"], abs=1e-6)
        assert ours.missed_s == pytest.approx(expected["missed detection"], abs=1e-6)
        assert ours.false_s == pytest.approx(expected["false alarm"], abs=1e-6)
        assert ours.confused_s == pytest.approx(expected["confusion"], abs=1e-6)


def test_names_do_not_matter_and_silence_is_all_missed():
    truth = [Turn("a", 0, 2), Turn("b", 2, 5)]
    assert error_rate(truth, [Turn("1", 0, 2), Turn("0", 2, 5)]).rate == 0
    assert error_rate(truth, []).rate == 1
    assert error_rate([], []).rate == 0
