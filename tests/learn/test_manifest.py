"""Manifests: as they should be, and as they come."""

from pathlib import Path

import pytest

from core.emotions import Emotion
from core.errors import ManifestError
from core.learn.manifest import (
    Item,
    files_of_manifest,
    read_manifest,
    terms_of_manifest,
)
from core.records import Span


def manifest(folder: Path, text: str | bytes) -> Path:
    path = folder / "labels.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_rows_are_read(tmp_path: Path):
    path = manifest(
        tmp_path,
        "\ufefffile,emotion,speaker,start_s,end_s,note\n"
        'a.wav,angry,S1,,,\n"b, c.wav",sad,,0.5,2,"two\nlines"\n',
    )
    assert read_manifest(path) == (
        Item(2, tmp_path / "a.wav", Emotion.ANGRY, "S1", None),
        Item(4, tmp_path / "b, c.wav", Emotion.SAD, None, Span(0.5, 2.0)),
    )


def test_two_columns_are_enough(tmp_path: Path):
    (item,) = read_manifest(manifest(tmp_path, "emotion,file\nhappy, a.wav\n"))
    assert item == Item(2, tmp_path / "a.wav", Emotion.HAPPY, None, None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has the columns none; it needs file and emotion"),
        ("name,label\na,b\n", "has the columns name, label"),
        ("file,emotion\n", "has no rows"),
        ("file,emotion\na.wav,bored\n", "line 2: 'bored' is no label that can be compared"),
        ("file,emotion\na.wav\n", "line 2: '' is no label"),
        ("file,emotion\n,sad\n", "line 2: no file is named"),
        ("file,emotion,start_s,end_s\na,sad,1,\n", "give both as seconds, or neither"),
        ("file,emotion,start_s,end_s\na,sad,2,1\n", "empty or reversed"),
        ("file,emotion,start_s,end_s\na,sad,0,inf\n", "empty or reversed"),
        ("file,emotion,start_s,end_s\na,sad,nan,nan\n", "empty or reversed"),
        (b"file,emotion\n\xff\xfe\x00,sad\n", "expected is a CSV in UTF-8"),
        ("file,emotion\n" + "a" * 200_000 + ",sad\n", "expected is a CSV in UTF-8"),
    ],
)
def test_what_makes_no_sense_gets_a_sentence(tmp_path: Path, text, said):
    with pytest.raises(ManifestError, match=said):
        read_manifest(manifest(tmp_path, text))


def test_missing_manifest_gets_a_sentence(tmp_path: Path):
    with pytest.raises(ManifestError, match="No such file or directory"):
        read_manifest(tmp_path / "none.csv")


def test_endless_manifest_is_stopped(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("core.learn.manifest.MAX_ROWS", 2)
    with pytest.raises(ManifestError, match="over 2 rows"):
        read_manifest(manifest(tmp_path, "file,emotion\n" + "a,sad\n" * 3))


def test_words_are_mapped_files_located_and_rows_left_out(tmp_path: Path):
    path = manifest(tmp_path, "file,emotion\na.wav,ang\nb.wav,calm\nc.wav,sad\nx/d.wav,ang\n")
    assert terms_of_manifest(path) == {"ang": 2, "calm": 1, "sad": 1}
    assert files_of_manifest(path) == ("a.wav", "b.wav", "c.wav", "x/d.wav")
    words = {"ang": Emotion.ANGRY, "calm": None}
    found = read_manifest(path, words, lambda name: None if "/" in name else Path("/s") / name)
    assert found == (
        Item(2, Path("/s/a.wav"), Emotion.ANGRY, None, None),
        Item(4, Path("/s/c.wav"), Emotion.SAD, None, None),
    )
    with pytest.raises(ManifestError, match="no row that can be used"):
        read_manifest(path, words, lambda name: None)
