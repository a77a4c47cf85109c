"""Turns from other programs, sound and hostile."""

import pytest
from pympi.Elan import Eaf

from core.errors import TurnError
from core.records import Turn
from core.speakers.imports import MAX_BYTES, read_turns

EXPECTED = (Turn("Ada", 0.5, 2.0, "import"), Turn("Ben", 2.25, 4.0, "import"))


def test_rttm_is_read(tmp_path):
    path = tmp_path / "a.rttm"
    path.write_text(
        ";; a comment\nSPKR-INFO a 1 <NA> <NA> <NA> unknown Ada <NA> <NA>\n"
        "SPEAKER a 1 2.25 1.75 <NA> <NA> Ben <NA> <NA>\nSPEAKER a 1 0.5 1.5 <NA> <NA> Ada <NA> <NA>\n"
    )
    assert read_turns(path, 10).turns == EXPECTED


@pytest.mark.parametrize(
    "text",
    [
        "start_s,end_s,speaker\n0.5,2,Ada\n2.25,4,Ben\n",
        "\ufeffSpeaker;Start;End\nAda;0.5;2\n\nBen;2.25;4\n",
        "onset\toffset\ttext\tname\n0.5\t2\thello, you\tAda\n2.25\t4\tyes\tBen\n",
    ],
)
def test_tables_are_read(tmp_path, text):
    path = tmp_path / "a.csv"
    path.write_text(text, encoding="utf-8")
    assert read_turns(path, 10).turns == EXPECTED


def elan(path):
    eaf = Eaf(author="test")
    eaf.remove_tier("default")
    eaf.add_tier("A_words", part="Ada")
    eaf.add_tier("Ben")
    eaf.add_annotation("A_words", 500, 2000, "hello")
    eaf.add_annotation("Ben", 2250, 4000, "yes")
    eaf.to_file(str(path))
    return path


def test_elan_is_read_by_participant_or_tier(tmp_path, capsys):
    path = elan(tmp_path / "a.eaf")
    assert read_turns(path, 10).turns == EXPECTED
    assert read_turns(path, 10, ["Ben"]).turns == EXPECTED[1:]
    with pytest.raises(TurnError, match="has no tier 'x'; its tiers are 'A_words', 'Ben'"):
        read_turns(path, 10, ["x"])
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.txt", b"", "give one that ends in .rttm"),
        ("a.csv", b"", "has no column 'start_s'"),
        ("a.csv", b"start_s,end_s,speaker\n", "holds no turns"),
        ("a.csv", b"start_s,end_s,speaker\n1,2\n", "Line 2 of 'a.csv' has 2 columns"),
        ("a.csv", b"start_s,end_s,speaker\n1,nan,x\n", "has 'nan' where a time"),
        ("a.csv", b"start_s,end_s,speaker\n3,2,x\n", "end must come after"),
        ("a.csv", b"start_s,end_s,speaker\n99,100,x\n", "turns of this recording"),
        ("a.csv", b"start_s,end_s,speaker\n1,2,\n", "give each turn a name"),
        ("a.csv", b"\xff\xfe\x00", "no text in UTF-8"),
        ("a.csv", b'start_s,end_s,speaker\n"' + b"x" * 200_000, "no table that can be read"),
        ("a.rttm", b"SPEAKER a 1 2\n", "has 4 fields"),
        ("a.rttm", b"SPEAKER a 1 x 1 <NA> <NA> A <NA>\n", "has 'x' where a time"),
        ("a.rttm", b"SPEAKER a 1 1 1 - - A\nSPEAKER b 1 1 1 - - A\n", "several recordings"),
        ("a.eaf", b"<no xml", "no ELAN file that can be read"),
        ("a.eaf", b"<html></html>", "can be read|holds no turns"),
        ("a.csv", b"x" * (MAX_BYTES + 1), "larger than 20 MB"),
    ],
)
def test_bad_file_is_explained(tmp_path, name, data, said):
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(TurnError, match=said):
        read_turns(path, 10)


def test_missing_file_is_explained(tmp_path):
    with pytest.raises(TurnError, match=r"'no\.csv' cannot be read"):
        read_turns(tmp_path / "no.csv", 10)


def test_what_is_odd_about_a_file_is_said(tmp_path):
    path = tmp_path / "a.csv"
    rows = "".join(f"{i},{i + 1},P{i}\n" for i in range(14))
    path.write_text("start,end,speaker\n0.5,2,Ada\n1.5,3,Ada\n2.5,12.5,Ben\n" + rows)
    found = read_turns(path, 20).warnings
    assert len(found) == 3
    assert found[0].startswith("17 turns of the file become 16")
    assert "For 12.0 s more than one person speaks" in found[1]  # 0.5 to 12.5 s
    assert "16 speakers" in found[2]
    assert "(13.50 s) will be cut off (1 turn)" in read_turns(path, 13.5).warnings[0]
    path.write_text("start,end,speaker\n0.5,2,Ada\n2,3,Ben\n")
    assert read_turns(path, 20).warnings == ()
