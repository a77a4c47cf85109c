"""Files of labels: what is read, what is left out, what is refused."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from praatio.data_classes.interval_tier import IntervalTier
from praatio.data_classes.point_tier import PointTier
from praatio.textgrid import Textgrid
from pympi.Elan import Eaf

from core.errors import LabelError
from core.labels import history, imports, readers
from core.labels.imports import Take, preview, suggested
from core.labels.readers import Interval, Tier, read
from core.labels.records import Kind
from tests.labels.conftest import RECORDING

ROWS = [(0.5, 1.25, "happy"), (2.0, 3.5, "wist & ful")]


def rows(content) -> list:
    return [(i.start_s, i.end_s, i.text) for tier in content.tiers for i in tier.intervals]


def test_textgrid_of_praatio_is_read(tmp_path):
    grid = Textgrid(0, 10)
    grid.addTier(IntervalTier("Anna", ROWS, 0, 10))
    grid.addTier(PointTier("clicks", [(1.0, "x")], 0, 10))
    for form in ("long_textgrid", "short_textgrid"):
        grid.save(str(tmp_path / "a.TextGrid"), form, includeBlankSpaces=True)
        for encoding in ("utf-8", "utf-16"):
            data = (tmp_path / "a.TextGrid").read_text("utf-8").encode(encoding)
            found = read("a.TextGrid", data)
            assert rows(found) == ROWS
            assert [tier.name for tier in found.tiers] == ["Anna"]
            assert found.left_out == 1


def test_textgrid_with_misleading_labels_is_read():
    rows_ = [(0.0, 1.0, 'item [1]: class = "IntervalTier"'), (1.0, 2.0, "! 7 intervals [2]:")]
    parts = ['File type = "ooTextFile"\nObject class = "TextGrid"\n0 2 <exists> 1 ! one 5\n']
    parts += ['"IntervalTier" "a ""b""" 0 2 2\n']
    parts += ['{} {} "{}"\n'.format(a, b, t.replace('"', '""')) for a, b, t in rows_]
    found = read("a.TextGrid", "".join(parts).encode())
    assert rows(found) == rows_
    assert found.tiers[0].name == 'a "b"'


def test_eaf_of_pympi_is_read_with_its_dependent_tiers(tmp_path):
    document = Eaf()
    document.add_linguistic_type("dep", "Symbolic_Association", timealignable=False)
    document.add_tier("said", part="P1")
    document.add_tier("feel", ling="dep", parent="said", ann="Anna")
    for start_s, end_s, text in ROWS:
        document.add_annotation("said", int(start_s * 1000), int(end_s * 1000), text)
    document.add_ref_annotation("feel", "said", 2500, "sad")
    document.to_file(str(tmp_path / "a.eaf"))
    data = (tmp_path / "a.eaf").read_bytes()
    found = read("a.eaf", data)
    assert [(t.name, t.person) for t in found.tiers] == [("said", "P1"), ("feel", "Anna")]
    assert rows(found) == [*ROWS, (2.0, 3.5, "sad")]
    untimed = data.replace(b' TIME_VALUE="1250"', b"")
    assert rows(read("a.eaf", untimed)) == [ROWS[1], (2.0, 3.5, "sad")]
    assert read("a.eaf", untimed).left_out == 1


def test_audacity_is_read_with_frequencies_and_commas():
    text = "0,5\t1,25\thappy\n\\\t100\t200\n\n2.000000\t3.500000\twist & ful\n5\t5\tpoint\n"
    found = read("labels.txt", text.encode())
    assert rows(found) == ROWS
    assert found.left_out == 1


def test_webvtt_is_a_transcript_of_its_voices():
    text = (
        "WEBVTT\n\n1\n00:00:00.500 --> 00:00:01.250\n<v Eve>happy\n\n"
        "00:02.000 --> 00:03.500\n<v Eve>wist &amp; <i>ful</i>\n"
    )
    found = read("t.vtt", text.encode())
    assert rows(found) == ROWS
    assert [(t.name, t.person, t.kind) for t in found.tiers] == [("Eve", "Eve", "transcript")]


@pytest.mark.parametrize(
    "text",
    [
        "start_s,end_s,label\n0.5,1.25,happy\n2,3.5,wist & ful\n",
        "\ufeffBegin;End;Emotion\r\n0,5;1,25;happy\r\n0:02;00:00:03,5;wist & ful\r\n",
        'onset\toffset\tvalue\n0.5\t1.25\t"happy"\n2\t3.5\t"wist\n& ful"\n',
    ],
)
def test_csv_is_read_as_spreadsheets_write_it(text):
    assert rows(read("a.csv", text.encode())) == ROWS


def test_csv_of_several_people_is_several_tiers():
    text = (
        "start_s,end_s,label,intensity,note,annotator,kind\n0,1,sad,0.5,soft,Anna,emotion\n"
        "0,1,'=x,,,Ben,emotion\n0,1,hello there,,,P1,transcript\n"
    )
    anna, ben, said = read("a.csv", text.encode("utf-8")).tiers
    assert (anna.person, anna.intervals[0].intensity, anna.intervals[0].note) == (
        "Anna",
        0.5,
        "soft",
    )
    assert ben.intervals[0].text == "=x"
    assert (said.person, said.kind) == ("P1", "transcript")


BROKEN = {
    "a.pdf": (b"x", "is no file of labels"),
    "a.eaf": (b"<x", r"cannot be read as an ELAN file \(\w+\)"),
    "b.eaf": (b'<!DOCTYPE a [<!ENTITY b "c">]><a/>', "declares entities"),
    "a.TextGrid": (b"\x00\xff nothing", "cannot be read as a TextGrid"),
    "b.TextGrid": (b'"ooTextFile" "Pitch 1"', "does not begin as a TextGrid"),
    "a.txt": (b"no tab here", "line 1 has no tab"),
    "b.txt": (b"x\t2\tsad", "line 1 has 'x' where a number"),
    "c.txt": (b"nan\t2\tsad", "where a number"),
    "d.txt": (b"2\t1\tsad\n3\t4\t \n", "holds no stretch of time"),
    "a.csv": (b"a,b\n1,2\n", "no column start_s, end_s, term"),
    "b.csv": (b"", "no column"),
    "c.csv": (b"start,end,label\n1,two,sad\n", "line 2 has 'two'"),
    "a.vtt": (b"hello", "does not begin with WEBVTT"),
    "b.vtt": (b"WEBVTT\n\n", "holds no stretch"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_file_is_one_sentence(name):
    data, sentence = BROKEN[name]
    with pytest.raises(LabelError, match=sentence) as caught:
        read(name, data)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_too_large_files_are_refused(monkeypatch):
    monkeypatch.setattr(readers, "MOST_MB", 0)
    with pytest.raises(LabelError, match="at most 0"):
        read("a.txt", b"0\t1\tsad")
    monkeypatch.undo()
    monkeypatch.setattr(readers, "MOST_INTERVALS", 1)
    with pytest.raises(LabelError, match="holds 2 intervals"):
        read("a.txt", b"0\t1\tsad\n1\t2\tsad")


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=200), suffix=st.sampled_from(readers.SUFFIXES))
def test_noise_is_read_or_refused_and_nothing_else(data, suffix):
    head = {"vtt": b"WEBVTT\n\n00:01.000 --> ", "csv": b"start,end,label\n"}.get(suffix, b"")
    with contextlib.suppress(LabelError):
        assert read(f"a.{suffix}", head + data).tiers


def take(kind=Kind.EMOTION, annotator="Anna"):
    return Take(kind, annotator)


def tier(*intervals, **more):
    return Tier("t", tuple(Interval(*values) for values in intervals), **more)


def test_preview_counts_and_stores_nothing(book):
    found = preview(
        book,
        RECORDING,
        [
            (
                tier(
                    (0, 1, "Happy"),
                    (1, 2, "wistful"),
                    (9, 12, "sad"),
                    (11, 12, "sad"),
                    (2, 3, "x" * 101),
                    (3, 4, "sad", 4.0, "soft"),
                    (4, 5, "sad", 0.4),
                ),
                take(),
            ),
            (tier((0, 1, "hello there")), take(Kind.TRANSCRIPT, "P1")),
        ],
        "a.eaf",
    )
    assert found.emotions == {"happy": 1, "sad": 3}
    assert found.own_terms == {"wistful": 1}
    assert found.left_out == (
        "1 end after the recording and are cut at its end",
        "2 lie outside the recording, or have too long a text",
    )
    assert [d.end_s for d in found.drafts] == [1, 2, 10, 4, 5, 1]
    assert [(d.intensity, d.note) for d in found.drafts[3:5]] == [
        (None, "soft; intensity 4"),
        (0.4, None),
    ]
    assert history.of(book, RECORDING) == ()
    assert imports.store_preview(book, found, "Anna") == 6
    labels = history.of(book, RECORDING)
    assert {label.origin for label in labels} == {"a.eaf"}
    assert [x.term for x in history.of(book, RECORDING, Kind.TRANSCRIPT)] == ["hello there"]
    again = preview(book, RECORDING, [(tier((0, 1, "happy"), (5, 6, "sad")), take())], "b.eaf")
    assert (len(again.drafts), again.left_out) == (1, ("1 are there already",))
    assert history.undo(book, RECORDING, "Anna")
    assert history.of(book, RECORDING) == ()


def test_import_of_nothing_is_explained(book):
    found = preview(book, RECORDING, [(tier((11, 12, "sad")), take())], "a")
    with pytest.raises(LabelError, match="no label to add"):
        imports.store_preview(book, found, "Anna")


def test_a_tier_of_sentences_is_taken_for_a_transcript():
    words = tier((0, 1, "I said so"), (1, 2, "and why not"))
    assert suggested(words, "Anna") == Take(Kind.TRANSCRIPT, "Anna")
    assert suggested(tier((0, 1, "sad"), (1, 2, "so so")), "Anna").kind is Kind.EMOTION
    told = tier((0, 1, "I said so"), kind="emotion", person="Ben")
    assert suggested(told, "Anna") == Take(Kind.EMOTION, "Ben")
