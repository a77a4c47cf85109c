"""Coefficients against published worked examples, scikit-learn and brute force."""

import math
import os
import subprocess
import sys

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from core.errors import LabelError
from core.labels import coefficients
from core.labels.coefficients import cohen_kappa, krippendorff_alpha, shared_time, time_kappa
from core.settings import PROJECT_ROOT


def parsed(*rows):
    return [[None if c == "." else c for c in row.split()] for row in rows]


def test_alpha_equals_krippendorffs_worked_examples():
    """Krippendorff, 2011, Computing Krippendorff's Alpha-Reliability: examples A and C."""
    binary = parsed("0 1 0 0 0 0 0 0 1 0", "1 1 1 0 0 1 0 0 0 0")
    assert round(krippendorff_alpha(binary), 3) == 0.095
    missing = parsed(
        "1 2 3 3 2 1 4 1 2 . . .",
        "1 2 3 3 2 2 4 1 2 5 . 3",
        ". 3 3 3 2 3 4 2 2 5 1 .",
        "1 2 3 3 2 4 4 1 2 5 1 .",
    )
    assert round(krippendorff_alpha(missing), 3) == 0.743


def brute_alpha(ratings):
    """One minus the mean disagreement of pairs within units over that of all pairs."""
    units = [[t for t in unit if t] for unit in zip(*ratings, strict=True)]
    units = [unit for unit in units if len(unit) > 1]
    pool = [t for unit in units for t in unit]
    within = sum(
        sum(a != b for i, a in enumerate(u) for j, b in enumerate(u) if i != j) / (len(u) - 1)
        for u in units
    ) / len(pool)
    across = [a != b for i, a in enumerate(pool) for j, b in enumerate(pool) if i != j]
    return 1 - within / np.mean(across)


def test_alpha_equals_brute_force():
    generator = np.random.default_rng(0)
    for _ in range(10):
        codes = generator.integers(-1, 3, (4, 15))
        ratings = [["abc"[c] if c >= 0 else None for c in row] for row in codes]
        assert krippendorff_alpha(ratings) == pytest.approx(brute_alpha(ratings))


def test_undefined_is_none_and_not_a_number():
    assert krippendorff_alpha([["a", None], [None, "a"]]) is None
    assert krippendorff_alpha([["a", "a"], ["a", "a"]]) is None
    assert cohen_kappa(["a", None], [None, "a"]) is None
    assert cohen_kappa(["a", "a"], ["a", "a"]) is None
    assert time_kappa({}) is None
    assert time_kappa({("a", "a"): 3.0}) is None


def test_kappa_takes_what_both_rated():
    first, second = ["a", "b", None, "a", "b"], ["a", "a", "b", "a", "b"]
    expected = cohen_kappa_score(["a", "b", "a", "b"], ["a", "a", "a", "b"])
    assert cohen_kappa(first, second) == pytest.approx(expected)


def random_labels(generator, draft, n):
    starts = np.round(generator.uniform(0, 9, n), 2)
    lengths = np.round(generator.uniform(0.05, 1, n), 2)
    names = generator.choice(["happy", "sad", "wry"], n)
    return [draft(s, s + d, t) for s, d, t in zip(starts, lengths, names, strict=True)]


def test_time_is_that_of_every_hundredth_counted(draft):
    generator = np.random.default_rng(1)
    for _ in range(5):
        first, second = random_labels(generator, draft, 9), random_labels(generator, draft, 9)
        grid = np.arange(0.005, 10.5, 0.01)
        rows = []
        for labels in (first, second):
            row = [None] * len(grid)
            for label in sorted(labels, key=lambda x: (x.start_s, -x.end_s)):
                for i in np.flatnonzero((grid > label.start_s) & (grid < label.end_s)):
                    row[i] = label.term
            rows.append(row)
        both = [(a, b) for a, b in zip(*rows, strict=True) if a and b]
        found = shared_time(first, second)
        assert sum(found.values()) == pytest.approx(len(both) * 0.01, abs=0.011)
        same = sum(seconds for (a, b), seconds in found.items() if a == b)
        assert same == pytest.approx(sum(a == b for a, b in both) * 0.01, abs=0.011)
        expected = cohen_kappa_score(*zip(*both, strict=True))
        if not math.isnan(expected):
            assert time_kappa(found) == pytest.approx(expected, abs=0.01)


def test_without_labels_there_is_no_shared_time(draft):
    assert shared_time([], []) == {}
    assert shared_time([draft()], []) == {}


def test_gamma_says_how_to_get_it(draft, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pygamma_agreement", None)
    with pytest.raises(LabelError, match="pip install pygamma-agreement"):
        coefficients.gamma({"Anna": [draft()], "Ben": [draft()]})
    assert coefficients.gamma({"Anna": [draft()], "Ben": []}) is None


def test_gamma_hands_labels_over_and_leaves_the_generator_alone(draft, monkeypatch):
    import sys
    from types import ModuleType, SimpleNamespace

    added, package, core = [], ModuleType("pygamma_agreement"), ModuleType("pyannote.core")

    class Continuum:
        def add(self, *row):
            added.append(row)

        def compute_gamma(self, dissimilarity):
            return SimpleNamespace(gamma=np.random.random())

    package.Continuum = Continuum
    package.CombinedCategoricalDissimilarity = lambda alpha, beta: (alpha, beta)
    core.Segment = lambda a, b: (a, b)
    monkeypatch.setitem(sys.modules, "pygamma_agreement", package)
    monkeypatch.setitem(sys.modules, "pyannote.core", core)
    before = np.random.get_state()[1].tolist()
    labels = {"Anna": [draft()], "Ben": [draft(term="sad")]}
    assert coefficients.gamma(labels) == coefficients.gamma(labels)
    assert added[:2] == [("Anna", (1.0, 2.0), "happy"), ("Ben", (1.0, 2.0), "sad")]
    assert np.random.get_state()[1].tolist() == before


def test_gamma_is_1_of_equal_labels_and_falls_with_borders_and_terms():
    """By the package itself, without its compiler, which takes longer than these few labels."""
    script = """
from core.labels.coefficients import gamma
from core.settings import PROJECT_ROOT
from core.labels.records import Draft

TERMS = ("sad", "angry", "happy", "sad")

def of(who, late_s=0.0, terms=TERMS):
    rows = zip((0, 3, 6, 10), (2, 5, 9, 12), terms)
    return [Draft(recording="ab", start_s=a + late_s, end_s=b + late_s, term=t, annotator=who)
            for a, b, t in rows]

for other in (of("Ben"), of("Ben", 0.5), of("Ben", 0.0, ("happy", "sad", "angry", "neutral"))):
    print(gamma({"Anna": of("Anna"), "Ben": other}))
"""
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    command = [sys.executable, "-c", script]
    done = subprocess.run(
        command, cwd=PROJECT_ROOT, env=environment, capture_output=True, text=True, check=True
    )
    same, late, other = map(float, done.stdout.split())
    assert same == pytest.approx(1)
    assert 0.4 < late < 0.99
    assert other < 0.3
    assert "solver" not in done.stderr
