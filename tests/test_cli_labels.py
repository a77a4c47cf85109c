"""`labels` from the command line."""

import pytest
from sklearn.metrics import cohen_kappa_score


@pytest.fixture
def place(run, talk_file, tmp_path):
    """Options that name a store with one recording, and its SHA-256."""
    store = ["--store", tmp_path / "s"]
    said = run("analyze", talk_file, "--engine", "fake", *store)
    return store, said.lines[0]["recording"]


def test_labels_are_added_listed_undone_and_done_again(run, place):
    store, recording = place
    mine = ["--recording", recording, "--annotator", "Anna", *store]
    span = ["--start-s", 1, "--end-s", 2.5]
    added = run("labels", "add", *mine, *span, "--term", "SAD", "--intensity", 0.4)
    assert added.status == 0
    (label,) = run("labels", "list", "--recording", recording[:12], *store).lines
    assert added.lines == [{"label": label["label"]}]
    told = {k: label[k] for k in ("start_s", "end_s", "term", "annotator", "intensity", "blind")}
    assert told == {
        "start_s": 1.0,
        "end_s": 2.5,
        "term": "sad",
        "annotator": "Anna",
        "intensity": 0.4,
        "blind": None,
    }
    mine[1] = recording[:12]
    assert run("labels", "undo", *mine).lines == [{"done": True}]
    assert run("labels", "list", "--recording", recording, *store).lines == []
    again = run("labels", "undo", *mine)
    assert (again.status, again.lines) == (1, [{"done": False}])
    assert "no step of 'Anna'" in again.stderr
    assert run("labels", "redo", *mine).lines == [{"done": True}]
    assert len(run("labels", "list", "--recording", recording, *store).lines) == 1


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--start-s", "5", "--end-s", "900"], "no stretch of this recording"),
        (["--start-s", "1", "--end-s", "2", "--intensity", "3"], "lies outside 0 to 1"),
    ],
)
def test_what_is_no_label_is_explained(run, place, options, sentence):
    store, recording = place
    mine = ["--recording", recording, "--annotator", "Anna", "--term", "sad", *store]
    said = run("labels", "add", *mine, *options)
    assert said.status == 1
    assert sentence in said.stderr


def test_files_are_imported_by_tier(run, place, tmp_path):
    store, recording = place
    path = tmp_path / "said.csv"
    path.write_text(
        "start_s,end_s,label,annotator\n1,2,happy,Ben\n4,5,wry,Ben\n1,2,sad,Cleo\n90,91,sad,Ben\n"
    )
    mine = ["--recording", recording, "--annotator", "Anna", *store]
    wrong = run("labels", "import", path, "--tier", "nobody", *mine)
    assert "There is no tier 'nobody'" in wrong.stderr
    tier = wrong.stderr.split("it has ")[1].split(", ")[0]
    found = run("labels", "import", path, "--tier", tier, *mine)
    assert found.lines[0]["labels"] == 2
    assert "lie outside the recording" in found.lines[0]["left_out"][0]
    listed = run("labels", "list", "--recording", recording, *store).lines
    assert {(x["annotator"], x["term"], x["by"]) for x in listed} == {
        ("Ben", "happy", "Anna"),
        ("Ben", "wry", "Anna"),
    }
    missing = run("labels", "import", tmp_path / "none.csv", *mine)
    assert "cannot be read (No such file" in missing.stderr


def test_agreement_is_that_of_the_segments(run, place):
    store, recording = place
    on = ["--recording", recording, *store]
    for person, terms in (("Anna", ("sad", "angry")), ("Ben", ("sad", "happy"))):
        for term, span in zip(terms, ((1.0, 3.0), (4.0, 6.5)), strict=True):
            times = ["--start-s", span[0], "--end-s", span[1], "--term", term]
            assert run("labels", "add", *on, "--annotator", person, *times).status == 0
    said = run("labels", "agreement", "--engine", "fake", *store)
    whole, people, *with_engine = said.lines
    assert whole["annotators"] == ["Anna", "Ben"]
    assert people["kappa"] == pytest.approx(cohen_kappa_score(["sad", "angry"], ["sad", "happy"]))
    assert people["time_agreement"] == pytest.approx(2.0 / 4.5)
    assert "8 speakers or recordings" in people["intervals"]["missing"]
    assert [pair["with_engine"] for pair in with_engine] == [True, True]
    refused = run("labels", "agreement", "--gamma", "--engine", "fake", *store)
    assert "name it with --recording" in refused.stderr
