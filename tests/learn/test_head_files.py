"""Heads as files: what is written comes back, and what was forged is refused in a sentence."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from core.errors import HeadError
from core.learn import heads
from core.learn.head_files import CARD, NUMBERS, read_head, write_head
from core.learn.heads import Head


@pytest.fixture
def head() -> Head:
    rng = np.random.default_rng(0)
    linear = heads.Linear(("calm", "ärgerlich"), rng.normal(size=(2, 5)), rng.normal(size=2))
    return heads.named(linear, "my ../head", "fake-0", {"uar": 0.5}, 1.5, 0.4)


@pytest.fixture
def folder(head: Head, tmp_path: Path) -> Path:
    return write_head(head, tmp_path)[0].parent


def test_head_comes_back_as_it_was(head, folder, tmp_path):
    found = read_head(folder)
    assert found.key == head.key
    assert (found.name, found.card, found.threshold) == (head.name, head.card, 0.4)
    np.testing.assert_array_equal(found.weight, head.weight)
    assert folder.parent == tmp_path  # whatever the name says
    with safe_open(folder / NUMBERS, "numpy") as file:
        assert sorted(file.keys()) == ["bias", "weight"]


def test_head_is_never_overwritten(head, folder, tmp_path):
    with pytest.raises(HeadError, match="holds a head already"):
        write_head(head, tmp_path)


def test_folder_that_cannot_be_written_is_explained(head, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(HeadError, match="choose another folder"):
        write_head(head, tmp_path / "file")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": 2}, "no card of a head of format 1"),
        ({"name": "a\nb"}, "name is no text"),
        ({"name": "x" * 81}, "name is no text"),
        ({"engine_id": 5}, "engine_id is no text"),
        ({"classes": ["a"]}, "2 to 50 different words"),
        ({"classes": ["a", "a"]}, "2 to 50 different words"),
        ({"classes": ["a", "b", "c"]}, "do not belong together"),
        ({"classes": ["a", 3]}, "2 to 50 different words"),
        ({"classes": "ab"}, "no card of a head"),
        ({"temperature": 0}, "temperature is no number"),
        ({"temperature": True}, "temperature is no number"),
        ({"temperature": 1e999}, "no JSON"),
        ({"threshold": -1}, "threshold is no number"),
        ({"threshold": "x"}, "threshold is no number"),
        ({"card": []}, "how the head was made"),
    ],
)
def test_forged_card_is_refused(folder, change, said):
    says = json.loads((folder / CARD).read_text()) | change
    (folder / CARD).write_text(json.dumps(says))
    with pytest.raises(HeadError, match=said):
        read_head(folder)


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, "null"])
def test_card_that_is_no_card_is_refused(folder, text):
    (folder / CARD).write_text(text)
    with pytest.raises(HeadError, match=CARD):
        read_head(folder)


def test_forged_numbers_are_refused(folder):
    path = folder / NUMBERS
    good = {"weight": np.ones((2, 5), np.float32), "bias": np.ones(2, np.float32)}
    for change, said in (
        ({"weight": np.ones((2, 5))}, "float64"),
        ({"weight": np.ones((3, 5), np.float32)}, "do not belong together"),
        ({"weight": np.full((2, 5), np.nan, np.float32)}, "no numbers"),
        ({"bias": np.ones((2, 1), np.float32)}, "float32 row"),
        ({"weight": np.ones((2, 0), np.float32)}, "float32 matrix"),
    ):
        save_file(good | change, path)
        with pytest.raises(HeadError, match=said):
            read_head(folder)
    save_file({"weight": good["weight"]}, path)
    with pytest.raises(HeadError, match="no numbers of a head"):
        read_head(folder)
    for data in (b"", b"\x80\x04cos\nsystem\n", b"\xff" * 64):
        path.write_bytes(data)
        with pytest.raises(HeadError, match="no numbers of a head"):
            read_head(folder)
    path.write_bytes(b"\0" * (4 * 50 * 8193 + 5000))
    with pytest.raises(HeadError, match="bytes, which no head needs"):
        read_head(folder)
    path.unlink()
    with pytest.raises(HeadError, match="give the folder of a head"):
        read_head(folder)
