"""Faults in short form: the long run is `benchmarks.faults`."""

import random

from benchmarks.faults import fuzz, kills, mutated, writers


def test_mutated_files_are_survived(tmp_path):
    survived, longest_s = fuzz(tmp_path / "fuzz", 300)
    assert survived == 300
    assert longest_s < 60


def test_kills_and_writers_are_survived(tmp_path):
    assert kills(tmp_path / "kills", 1) == 1
    assert writers(tmp_path / "writers", 2, 4) == 8


def test_mutations_differ_and_come_again():
    data = bytes(range(256)) * 40
    made = [mutated(data, random.Random(seed)) for seed in range(20)]
    assert made == [mutated(data, random.Random(seed)) for seed in range(20)]
    assert len({*made, data}) > 15
