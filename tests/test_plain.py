"""Text of strangers made fit for a line, and for the name of a file."""

import pytest

from core.plain import file_stem, one_line


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (" a\n\tb\x00\x1b[0m ", "a b [0m"),
        ("e\u0301", "é"),
        ("x\u202ecod.exe", "x cod.exe"),
        ("\ud800\uffff ok", "ok"),
        ("می\u200cخواهم 😢", "می\u200cخواهم 😢"),
        ("", ""),
    ],
)
def test_a_line_is_what_every_format_takes(text, line):
    assert one_line(text) == line


def test_long_text_is_cut():
    assert one_line("ab cd", 3) == "ab"


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("../../etc/pass wd.wav", "pass wd"),
        ("a<b>:c.mp3", "a_b__c"),
        ("...", "___"),
        ("", "recording"),
    ],
)
def test_a_stem_names_no_folder(name, stem):
    assert file_stem(name) == stem
