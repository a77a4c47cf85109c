"""Tiers in the formats of other programs, read back by readers that are not ours."""

import html
import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import audformat
import numpy as np
import pandas as pd
import pytest
import webvtt
from praatio import textgrid
from pympi.Elan import Eaf

from core import cli
from core.emotions import EMOTIONS
from core.errors import StoreError
from core.export.annotations import AnnotationFormat, export_annotations, tiers
from core.export.sheets import Point
from core.labels import history
from core.labels.readers import read
from core.labels.records import Draft, Kind
from core.pipeline import Pipeline
from core.records import Metadata, Run
from core.settings import Analysis, Conditioning
from core.store.store import Store, Utterance
from core.timeline.track import Timeline
from core.timeline.turning_points import peaks, turning_points
from core.version import VERSION
from tests.fakes import FakeEngine
from tests.synthetic import make_recording, make_track, silence, write

HOSTILE = "<b>\"x\" & 'y'</b> intervals [1]: =1+1 --> item [2] \\ #{}"
PERSON = 'Ben <i>& "Co"</i> → 本'
LABELS = [
    ("Anna", 0.123456, 2.0005, "sad", Kind.EMOTION),
    ("Anna", 1.5, 3.0, "wistful", Kind.EMOTION),  # overlaps
    (PERSON, 1.0, 2.5, HOSTILE, Kind.EMOTION),
    (PERSON, 4.001, 4.002, "=cmd|' /C calc'!A0", Kind.EMOTION),
    ("Ben", 4.0, 6.5, "He said:\x00\n<v Eve>no", Kind.TRANSCRIPT),
]
SAID = [(p, a, b, " ".join(t.replace("\x00", " ").split()), k) for p, a, b, t, k in LABELS]


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    """A store of one recording of a hostile name, with its segments; and what was labelled."""
    from tests.synthetic import LevelDetector, talk

    folder = tmp_path_factory.mktemp("annotations")
    store = Store(folder / "store")
    path = write(folder / "t.wav", talk([(1, 0), (2, 0.05), (1, 0), (2.5, 0.6), (0.5, 0)]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("core.audio.survey.SpeechDetector", LevelDetector)
        outcome = Pipeline(FakeEngine()).analyze(
            path, store, Metadata(speaker='P "1" <x>'), name="../=a b\n<c>.wav"
        )
        Pipeline(FakeEngine()).analyze(write(folder / "q.wav", silence(1.0)), store)
    history.add(
        store,
        *(
            Draft(
                recording=outcome.recording,
                start_s=start_s,
                end_s=end_s,
                term=term,
                annotator=person,
                kind=kind,
                intensity=0.4,
                note="n",
            )
            for person, start_s, end_s, term, kind in LABELS
        ),
    )
    points = {outcome.recording: [Point(2.3456, "sad to angry"), Point(1.0, "x")]}
    return store, outcome.recording, points.__getitem__


@pytest.fixture
def exported(labelled, tmp_path):
    store, recording, points = labelled

    def export(kind: AnnotationFormat) -> list:
        done = list(export_annotations(store, tmp_path, kind, recording, points))
        assert all(path.parent == tmp_path and path.is_file() for path, _ in done)
        return done

    return export


def of_kind(kind, *names):
    """What was labelled: start and end in milliseconds, and the text."""
    return sorted(
        (round(a * 1000), round(b * 1000), t) for p, a, b, t, k in SAID if k is kind and p in names
    )


def rounded(rows):
    return sorted((round(a * 1000), round(b * 1000), t) for a, b, t in rows)


SEGMENTS = [(1000, 3000, "sad"), (4000, 6500, "angry")]


def test_eaf_reads_back_by_pympi_and_as_xml(exported):
    (path, count), _ = exported(AnnotationFormat.EAF)
    assert count == 9
    found = Eaf(str(path), suppress_version_warning=True)

    def rows(*names):
        return sorted(row for name in names for row in found.get_annotation_data_for_tier(name))

    names = list(found.get_tier_names())
    engine = 'engine: P "1" <x>'
    assert names == [
        engine,
        "label: Anna",
        "label: Anna (2)",
        f"label: {PERSON}",
        "transcript: Ben",
        "turning points",
    ]
    assert rows("turning points") == [(1000, 1100, "x"), (2346, 2446, "sad to angry")]
    assert rows(engine) == SEGMENTS
    assert rows("label: Anna", "label: Anna (2)") == of_kind(Kind.EMOTION, "Anna")
    assert rows(f"label: {PERSON}") == of_kind(Kind.EMOTION, PERSON)
    assert rows("transcript: Ben") == of_kind(Kind.TRANSCRIPT, "Ben")
    assert found.get_parameters_for_tier(engine)["PARTICIPANT"] == 'P "1" <x>'
    assert found.get_parameters_for_tier("label: Anna")["ANNOTATOR"] == "Anna"
    entries = found.get_cv_entries("emotions").values()
    assert [values[0][0] for values, _ in entries] == [str(e) for e in EMOTIONS]
    root = ET.parse(path).getroot()  # noqa: S314 - our own
    types = {t.attrib["LINGUISTIC_TYPE_ID"]: t.attrib for t in root.iter("LINGUISTIC_TYPE")}
    assert types["emotion"]["CONTROLLED_VOCABULARY_REF"] == "emotions"
    properties = {p.attrib["NAME"]: p.text for p in root.iter("PROPERTY")}
    assert json.loads(properties["tonescope:engine_id"]) == "fake-000000000000"
    assert json.loads(properties["tonescope:tonescope"]) == VERSION


def quoted(text: str) -> list[str]:
    """The strings of a TextGrid in order, by Praat's own rule: a quote within is doubled."""
    return [t[1:-1].replace('""', '"') for t in re.findall(r'"(?:[^"]|"")*"', text)]


def test_textgrid_reads_back_by_praatio_and_by_praats_rule(exported):
    (path, count), _ = exported(AnnotationFormat.TEXTGRID)
    assert count == 9
    text = path.read_text("utf-8")
    strings = quoted(text)
    assert HOSTILE in strings
    assert f"label: {PERSON}" in strings
    # praatio splits at "item [" and "intervals [" even within quotes, which Praat does not.
    path.write_text(text.replace(HOSTILE.replace('"', '""'), "hostile"), "utf-8")
    grid = textgrid.openTextgrid(str(path), includeEmptyIntervals=False)
    assert grid.maxTimestamp == 7.0
    rows = [e for name in ("label: Anna", "label: Anna (2)") for e in grid.getTier(name).entries]
    assert rounded(rows) == of_kind(Kind.EMOTION, "Anna")
    theirs = [(a, b, t.replace(HOSTILE, "hostile")) for a, b, t in of_kind(Kind.EMOTION, PERSON)]
    assert rounded(grid.getTier(f"label: {PERSON}").entries) == theirs
    assert rounded(grid.getTier('engine: P "1" <x>').entries) == SEGMENTS
    assert rounded(grid.getTier("transcript: Ben").entries) == of_kind(Kind.TRANSCRIPT, "Ben")
    points = [(p.time, p.label) for p in grid.getTier("turning points").entries]
    assert points == [(1.0, "x"), (2.3456, "sad to angry")]


def test_audacity_has_a_track_for_each_tier(exported):
    written = dict(exported(AnnotationFormat.AUDACITY))
    rows = {}
    for path, count in written.items():
        if path.suffix == ".txt":
            lines = path.read_text("utf-8").split("\n")[:-1]
            rows[path.stem.split("_", 6)[-1]] = [line.split("\t") for line in lines]
            assert len(lines) == count
            assert all(len(line.split("\t")) == 3 for line in lines)
    found = rounded((float(a), float(b), t) for track in rows.values() for a, b, t in track)
    expected = [*SEGMENTS, *of_kind(Kind.EMOTION, "Anna", PERSON), *of_kind(Kind.TRANSCRIPT, "Ben")]
    expected += [(1000, 1000, "x"), (2346, 2346, "sad to angry")]
    assert found == sorted(expected)
    assert len(rows) == 6


def test_webvtt_reads_back_with_voices(exported):
    (path, count), _ = exported(AnnotationFormat.WEBVTT)
    cues = webvtt.read(path)
    assert len(cues) == count == 7
    rows = {}
    for cue in cues:
        text = re.fullmatch(r"<v [^>]+>([^<]*)</v>", cue.raw_text)[1]
        times = [pd.Timedelta(time).total_seconds() for time in (cue.start, cue.end)]
        row = (*times, html.unescape(text))
        rows.setdefault(html.unescape(cue.voice), []).append(row)
    assert rounded(rows[f"label: {PERSON}"]) == of_kind(Kind.EMOTION, PERSON)
    assert rounded(rows['engine: P "1" <x>']) == SEGMENTS
    assert rounded(rows["transcript: Ben"]) == of_kind(Kind.TRANSCRIPT, "Ben")
    assert path.read_text("utf-8").count("-->") == 7


def test_rttm_says_who_speaks_when(exported):
    (path, count), _ = exported(AnnotationFormat.RTTM)
    lines = path.read_text("utf-8").splitlines()
    assert len(lines) == count == 2
    found = []
    for line in lines:
        kind, file, channel, start_s, length_s, *rest = line.split(" ")
        assert (kind, channel, len(rest)) == ("SPEAKER", "1", 5)
        assert rest == ["<NA>", "<NA>", 'P_"1"_<x>', "<NA>", "<NA>"]
        assert file == path.stem.replace(" ", "_")
        start_ms = round(float(start_s) * 1000)
        found.append((start_ms, start_ms + round(float(length_s) * 1000)))
    assert found == [row[:2] for row in SEGMENTS]
    read = pytest.importorskip("pyannote.database.util").load_rttm(path)
    ((_, turns),) = read.items()
    theirs = [(span.start, span.end, who) for span, _, who in turns.itertracks(yield_label=True)]
    assert [who for *_, who in theirs] == ['P_"1"_<x>'] * 2
    assert [(round(a * 1000), round(b * 1000)) for a, b, _ in theirs] == found


def test_audformat_loads_with_raters(exported, tmp_path):
    written = dict(exported(AnnotationFormat.AUDFORMAT))
    database = audformat.Database.load(str(tmp_path))
    tables = {path.name.split(".")[1] for path in written if path.suffix == ".parquet"}
    assert tables == set(database.tables)
    people = {database.raters[name].description: name for name in database.raters}
    for person, kind, column in (
        ("Anna", Kind.EMOTION, "term"),
        (PERSON, Kind.EMOTION, "term"),
        ("Ben", Kind.TRANSCRIPT, "text"),
    ):
        rows = database[people[person]].df.reset_index()
        found = [
            (row["start"].total_seconds(), row["end"].total_seconds(), row[column])
            for row in rows.to_dict("records")
        ]
        assert rounded(found) == of_kind(kind, person)
    engine = database["engine"].df.reset_index()
    assert engine["emotion"].tolist() == ["sad", "angry"]
    assert engine["speaker"].tolist() == ['P "1" <x>'] * 2
    assert database["files"].df["name"].tolist() == ["../=a b\n<c>.wav"]
    assert database[people["Anna"]].df["intensity"].tolist() == [0.4, 0.4]
    assert all(not file.startswith(("/", ".")) for file in database.files)


def test_two_labels_of_one_stretch_are_both_in_audformat(labelled, tmp_path):
    store, _, _ = labelled
    recording = next(
        r for r in store.table("recordings")["recording"].to_pylist() if r != labelled[1]
    )
    both = Draft(recording=recording, start_s=0, end_s=0.5, term="sad", annotator="Anna")
    history.add(store, both, Draft(**(vars(both) | {"term": "angry"})))
    written = dict(export_annotations(store, tmp_path, AnnotationFormat.AUDFORMAT, recording))
    assert {p.name for p in written} >= {"db.labels-0.parquet", "db.labels-0-2.parquet"}
    database = audformat.Database.load(str(tmp_path))
    terms = [database[name].df["term"].item() for name in ("labels-0", "labels-0-2")]
    assert terms == ["sad", "angry"]
    history.undo(store, recording, "Anna")


@pytest.mark.parametrize("kind", AnnotationFormat)
def test_codebook_names_settings_and_tiers(exported, tmp_path, kind):
    path, count = exported(kind)[-1]
    book = json.loads(path.read_text("utf-8"))
    assert book["tonescope"] == VERSION
    assert book["engines"][0]["engine_id"] == "fake-000000000000"
    assert json.loads(book["engines"][0]["windowing"])["window_s"] == 4.0
    assert "licence" in book["engines"][0]
    assert book["tiers"] == tiers(kind)
    assert count == len(book["tiers"])
    assert book["files"][0]["name"] == "../=a b\n<c>.wav"
    assert json.loads(book["files"][0]["segmentation"])


@pytest.mark.parametrize("kind", AnnotationFormat)
def test_all_recordings_and_one_without_segments_are_exported_twice(labelled, tmp_path, kind):
    store, _, _ = labelled
    first = [p.name for p, _ in export_annotations(store, tmp_path, kind)]
    again = [p.name for p, _ in export_annotations(store, tmp_path, kind)]
    assert first == again
    assert len(set(first)) == len(first)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(first)


@pytest.mark.parametrize("kind", [k for k in AnnotationFormat if k not in ("rttm", "audformat")])
def test_what_is_exported_can_be_imported_again(exported, kind):
    tiers = []
    for path, _ in exported(kind)[:-1]:
        if "turning_points" not in path.name:
            tiers += read(path.name, path.read_bytes()).tiers
    points = [tier for tier in tiers if tier.name == "turning points"]
    assert all(tier.kind == "engine" for tier in points)  # nobody's labels
    tiers = [tier for tier in tiers if tier not in points]
    rows = [(i.start_s, i.end_s, i.text) for t in tiers for i in t.intervals]
    expected = [*SEGMENTS, *of_kind(Kind.EMOTION, "Anna", PERSON), *of_kind(Kind.TRANSCRIPT, "Ben")]
    assert rounded(row for row in rows if row[0] < row[1]) == sorted(expected)
    if kind is not AnnotationFormat.AUDACITY:
        told = {(tier.kind, tier.person) for tier in tiers}
        assert told == {
            ("engine", 'P "1" <x>'),
            ("emotion", "Anna"),
            ("emotion", PERSON),
            ("transcript", "Ben"),
        }


def test_channels_have_tiers_of_their_own(loud_is_speech, store, tmp_path):
    import numpy as np

    from tests.synthetic import talk

    path = write(
        tmp_path / "two.wav", np.stack([talk([(2.0, 0.05)]), talk([(1.0, 0), (1.0, 0.6)])])
    )
    for channel in (None, 0, 1):
        Pipeline(FakeEngine(), Analysis(Conditioning(channel=channel))).analyze(path, store)
    written = list(export_annotations(store, tmp_path / "rttm", AnnotationFormat.RTTM))
    lines = written[0][0].read_text().splitlines()
    assert [(line.split()[2], line.split()[3]) for line in lines] == [
        ("1", "0.000"),
        ("2", "1.000"),
    ]
    list(export_annotations(store, tmp_path / "db", AnnotationFormat.AUDFORMAT))
    found = audformat.Database.load(str(tmp_path / "db"))
    assert set(found.tables) == {"files", "engine-channel0", "engine-channel1"}


def test_empty_store_and_folder_that_cannot_be_written_are_explained(labelled, store, tmp_path):
    with pytest.raises(StoreError, match="analyse a recording first"):
        list(export_annotations(store, tmp_path / "out", AnnotationFormat.EAF))
    assert not (tmp_path / "out").exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written to"):
        list(export_annotations(labelled[0], tmp_path / "file", AnnotationFormat.EAF))


def test_labels_are_a_table_too(labelled, tmp_path):
    from core.export.tables import TableFormat, export_tables

    store, recording, _ = labelled
    list(export_tables(store, tmp_path, TableFormat.PARQUET, recording))
    table = pd.read_parquet(tmp_path / "labels.parquet")
    found = sorted(
        (r["annotator"], r["start_s"], r["end_s"], r["term"], r["kind"])
        for r in table.to_dict("records")
    )
    assert found == sorted((p, a, b, t, str(k)) for p, a, b, t, k in SAID)
    list(export_tables(store, tmp_path, TableFormat.CSV, recording))
    text = (tmp_path / "labels.csv").read_text("utf-8")
    assert "'=cmd|" in text
    assert not re.search(r'(^|,)"?[=+@]', text, re.MULTILINE)
    tiers = read("labels.csv", text.encode()).tiers
    rows = [(i.start_s, i.end_s, i.text) for t in tiers for i in t.intervals]
    assert rounded(rows) == sorted(rounded((a, b, t) for _, a, b, t, _ in SAID))


@pytest.fixture
def turning(tmp_path):
    """A store of a recording of two channels whose emotion turns once, with who speaks when."""
    store = Store(tmp_path / "store")
    recording = make_recording(duration_s=60.0)
    for channel, turns_at in ((0, 1000), (1, 2000)):
        logits = np.random.default_rng(channel).standard_normal((3000, 9)).astype(np.float32)
        logits[:turns_at, EMOTIONS.index("sad")] += 3
        logits[turns_at:, EMOTIONS.index("angry")] += 3
        plain, _ = make_track(3000, channel=channel)
        track = replace(plain, logits=logits, speech=np.ones(3000, bool))
        said = Utterance(logits.mean(axis=0), EMOTIONS[0], None)
        run = Run(recording.recording, track.source.track_key, "5" * 16, "{}", 0.5, ())
        with store.attempt() as attempt:
            store.write_track(attempt, recording, track, said)
            store.write_run(attempt, track, run)
    return store


@pytest.mark.parametrize("kind", ["eaf", "textgrid", "audacity", "webvtt"])
def test_command_line_exports_the_turning_points_of_each_channel(turning, tmp_path, kind, capsys):
    out = tmp_path / "out"
    arguments = ["--format", kind, "--out", str(out), "--store", str(turning.root)]
    assert cli.main(["export", *arguments]) == 0
    paths = [Path(json.loads(line)["file"]) for line in capsys.readouterr().out.splitlines()]
    assert all(path.is_file() for path in paths)
    text = "from sad to angry"
    if kind == "eaf":
        found = Eaf(str(paths[0]), suppress_version_warning=True)
        names = [name for name in found.get_tier_names() if name.startswith("turning")]
        read_back = {name: found.get_annotation_data_for_tier(name) for name in names}
        points = {n: [(a / 1000, t) for a, _, t in rows] for n, rows in read_back.items()}
    elif kind == "textgrid":
        grid = textgrid.openTextgrid(str(paths[0]), includeEmptyIntervals=False)
        names = [name for name in grid.tierNames if name.startswith("turning")]
        points = {n: [(p.time, p.label) for p in grid.getTier(n).entries] for n in names}
    elif kind == "audacity":
        tracks = [path for path in paths if "turning_points" in path.name]
        rows = [path.read_text("utf-8").split("\t") for path in tracks]
        assert all(row[0] == row[1] for row in rows)
        points = {f"channel {n}": [(float(row[0]), row[2].strip())] for n, row in enumerate(rows)}
    else:
        points = {}
        assert text not in paths[0].read_text("utf-8")
    book = json.loads(paths[-1].read_text("utf-8"))
    assert ("turning points" in book["tiers"]) == (kind != "webvtt")
    assert ("peaks: EMOTION" in book["tiers"]) == (kind != "webvtt")
    if kind == "textgrid":
        stored = turning.track("ab" * 32, 1, "0123456789abcdef", blocks=False)
        tops = sorted(p.time_s for p in peaks(Timeline(stored)) if p.emotion == "angry")
        assert tops
        tier = grid.getTier("peaks: angry, channel 1")
        assert [point.time for point in tier.entries] == pytest.approx(tops, abs=1e-4)
        assert tier.entries[0].label.startswith("angry 0.")
    if points:
        assert [name[-9:] for name in points] == ["channel 0", "channel 1"]
        (first,), (second,) = points.values()
        assert (first[1], second[1]) == (text, text)
        assert first[0] == pytest.approx(20, abs=0.6)
        assert second[0] == pytest.approx(40, abs=0.6)
        stored = turning.track("ab" * 32, 0, "0123456789abcdef", blocks=False)
        (expected,) = turning_points(Timeline(stored))
        assert first[0] == pytest.approx(expected.time_s, abs=6e-4)
