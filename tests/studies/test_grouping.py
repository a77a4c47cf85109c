"""Session, speaker, date and tags from tables and file names."""

from datetime import date
from pathlib import Path

import pytest

from core.errors import StudyError
from core.records import Metadata
from core.studies.grouping import from_names, matched, read_table


def made(tmp_path: Path, text: str | bytes, name="who.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_csv_names_files_or_recordings(tmp_path):
    text = "\ufefffile,session,speaker,date,tags\nx/a.wav,s1,Ann,2026-01-31,one; two;\nb.wav,,,,\n"
    first, second = read_table(made(tmp_path, text))
    assert first.metadata == Metadata("s1", "Ann", date(2026, 1, 31), ("one", "two"))
    assert second.metadata == Metadata()
    recordings = {"aa" * 32: "a.wav", "bb" * 32: "b.wav", "cc" * 32: "c.wav", "dd" * 32: "c.wav"}
    found, left = matched((first, second), recordings)
    assert set(found) == {"aa" * 32, "bb" * 32}
    assert left == ()
    by_hash = read_table(made(tmp_path, f"recording,speaker\n{'cc' * 6},Cy\nc.wav,Di\n"))
    found, left = matched(by_hash, recordings)
    assert found == {"cc" * 32: Metadata(speaker="Cy")}
    assert [row.key for row in left] == ["c.wav"]  # two recordings have this name


def test_participants_of_bids_are_found_in_file_names(tmp_path):
    text = "participant_id\tage\tsex\nsub-01\t30\tF\nsub-011\tn/a\tM\n"
    rows = read_table(made(tmp_path, text, "participants.tsv"))
    assert rows[0].metadata == Metadata(speaker="sub-01", tags=("age=30", "sex=F"))
    assert rows[1].metadata.tags == ("sex=M",)
    recordings = {
        "1": "sub-01_ses-a_audio.wav",
        "2": "sub-01_ses-b_audio.wav",
        "3": "sub-011_audio.wav",
        "4": "other.wav",
    }
    found, left = matched(rows, recordings)
    assert {key: said.speaker for key, said in found.items()} == {
        "1": "sub-01",
        "2": "sub-01",
        "3": "sub-011",
    }
    assert left == ()


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("{speaker}_{session}", "P1_week2.wav", Metadata("week2", "P1")),
        ("{date}-{speaker}", "20260131-P1.wav", Metadata(None, "P1", date(2026, 1, 31))),
        ("{any}_{speaker}_x", "call_P.1_x.flac", Metadata(None, "P.1")),
        ("{speaker}_{session}", "P1.wav", None),
        ("{date}_{speaker}", "today_P1.wav", None),
        (r"(?P<speaker>P\d+)\D(?P<session>\d)", "P12x3.wav", Metadata("3", "P12")),
        (r"(?P<speaker>P\d+)\.wav", "folder/P12.wav", Metadata(None, "P12")),
        ("{speaker}.{session}", "a+b.c.wav", Metadata("c", "a+b")),
    ],
)
def test_file_names_by_a_pattern(pattern, name, expected):
    assert from_names(pattern, [name]) == [(name, expected)]


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("plain", "this one has none"),
        ("{age}_{speaker}", "this one has age, speaker"),
        ("{speaker}_{speaker}", "cannot be understood"),
        ("(?P<speaker>[", "cannot be understood"),
        ("{speaker}" + "x" * 400, "300 are enough"),
    ],
)
def test_pattern_that_makes_no_sense_is_explained(pattern, said):
    with pytest.raises(StudyError, match=said):
        from_names(pattern, ["a.wav"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name,speaker\na,b\n", "it needs file, recording"),
        ("", "the columns none"),
        ("file,file\na,b\n", "each column once"),
        ("file,date\na,31.1.2026\n", "line 2: '31.1.2026' is no date"),
        ("file,speaker\n,b\n", "file is empty"),
        (b"file\n\xff\xfe\n", "not in UTF-8"),
        ("file\n" + "a" * 200_000 + "\n", "as a table"),
    ],
)
def test_table_that_makes_no_sense_is_explained(tmp_path, text, said):
    with pytest.raises(StudyError, match=said):
        read_table(made(tmp_path, text))


def test_missing_and_endless_tables_are_explained(tmp_path, monkeypatch):
    with pytest.raises(StudyError, match="No such file"):
        read_table(tmp_path / "none.csv")
    monkeypatch.setattr("core.studies.grouping.MOST_ROWS", 1)
    with pytest.raises(StudyError, match="over 1 rows"):
        read_table(made(tmp_path, "file\na\nb\n"))
    monkeypatch.setattr("core.studies.grouping.MOST_BYTES", 3)
    with pytest.raises(StudyError, match="over 3 bytes"):
        read_table(made(tmp_path, "file\na\nb\n"))
