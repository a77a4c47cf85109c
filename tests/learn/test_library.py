"""Heads of a store: labelled, fitted, kept, applied to what is stored."""

import numpy as np
import pytest

from core.errors import HeadError
from core.labels import history
from core.labels.records import Draft
from core.learn import library
from core.learn.heads import softmax
from core.learn.picking import Way
from core.pipeline import Pipeline
from core.records import Metadata
from core.store.corpus import corpus, embeddings, read_outs
from core.store.samples import sample, samples
from core.store.store import Store
from tests.fakes import FakeEngine
from tests.synthetic import LevelDetector, talk, write


@pytest.fixture(scope="module")
def filled(tmp_path_factory) -> Store:
    """5 recordings of a person each, with 8 segments: every other one is loud."""
    folder = tmp_path_factory.mktemp("heads")
    store = Store(folder / "store")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("core.audio.survey.SpeechDetector", LevelDetector)
        for number in range(5):
            parts = [(1.2, 0.0)]
            for k in range(8):
                parts += [(1.0, (0.4 if k % 2 else 0.05) * (1 + number / 10)), (1.2, 0.0)]
            path = write(folder / f"{number}.wav", talk(parts))
            said = Metadata(speaker=f"P{number}")
            assert Pipeline(FakeEngine()).analyze(path, store, said).segments == 8
    return store


def label(store: Store, drawn, annotator="Ann") -> None:
    """Says of each drawn segment what was heard: `loud` or `soft`, words of one's own."""
    found = corpus(store, "fake")
    points = embeddings(store, found)
    keys = zip(found.segments["recording"], found.segments["segment"], strict=True)
    levels = dict(zip(keys, points[:, 0], strict=True))
    for recording, rows in drawn.segments.groupby("recording"):
        drafts = [
            Draft(
                recording=recording,
                start_s=row["start_s"],
                end_s=row["end_s"],
                term="loud" if levels[recording, row["segment"]] > 0.1 else "soft",
                annotator=annotator,
            )
            for row in rows.to_dict("records")
        ]
        history.add(store, *drafts)


def test_label_twenty_fit_apply(filled, tmp_path):
    first = library.draw(filled, Way.RANDOM, 20, "fake", seed=1)
    label(filled, first)
    second = library.draw(filled, Way.DIVERSE, 6, "fake")
    keys = ["recording", "segment"]
    assert first.segments.merge(second.segments, on=keys).empty
    assert second.parameters["n_of"] == 20
    label(filled, second)
    assert [s.sample for s in samples(filled)] == [second.sample, first.sample]
    assert sample(filled, first.sample).segments.equals(first.segments)

    made = library.make_head(filled, "volume", "fake")
    assert (made.n_labels, made.n_sample, made.uar.value) == (26, 20, 1.0)
    assert made.uar_engine is None
    assert made.head.classes == ("loud", "soft")

    rows = library.apply(filled, library.head(filled, "volume"))
    loud = embeddings(filled, corpus(filled, "fake"))[:, 0] > 0.1
    assert len(rows) == 40
    np.testing.assert_array_equal(rows["head_class"] == "loud", loud)

    one = rows.iloc[int(np.flatnonzero(loud)[0])]
    track_key = filled.table("tracks", one["recording"])["track_key"][0].as_py()
    track = filled.track(one["recording"], None, track_key)
    curve = library.block_scores(made.head, track)
    assert curve.shape == (len(track.block_frames), 2)
    assert curve[round(one["start_s"] / 0.5), 0] > 0.5
    mean = track.block_sums[1] / track.block_frames[1]
    np.testing.assert_allclose(curve[1].argmax(), made.head.logits(mean[np.newaxis])[0].argmax())
    wide = library.course(filled, made.head, one["recording"], beside=2)
    for number in (0, 7, len(curve) - 1):
        near = slice(max(0, number - 2), number + 3)
        mean = track.block_sums[near].sum(axis=0) / track.block_frames[near].sum()
        expected = softmax(made.head.logits(mean[np.newaxis]) / made.head.temperature)[0]
        said = wide.iloc[number][["score_loud", "score_soft"]].to_numpy(float)
        np.testing.assert_allclose(said, expected, atol=1e-5)
        frames = track.speech[25 * number : 25 * number + 25]
        assert wide["speech"][number] == pytest.approx(frames.mean())

    library.export_head(filled, "volume", tmp_path)
    other = Store(tmp_path / "other")
    taken = library.import_head(other, tmp_path / "volume")
    assert taken.key == library.head(other, "volume").key == made.head.key
    np.testing.assert_array_equal(library.head(other, made.head.key).weight, made.head.weight)

    with pytest.raises(HeadError, match=r"no head 'gone' in the store, but 'volume'"):
        library.head(filled, "gone")
    with pytest.raises(HeadError, match="needs a name"):
        library.make_head(filled, "  ", "fake")
    with pytest.raises(HeadError, match="random sample has 0 labels"):
        library.make_head(filled, "x", "fake", annotators=["nobody"])


def test_majority_counts_and_a_tie_is_no_label(filled):
    found = corpus(filled, "fake")
    row = found.segments.to_dict("records")[0]
    before = library.terms_of(filled, found)
    place = {"recording": row["recording"], "start_s": row["start_s"], "end_s": row["end_s"]}
    for person, term in (("B", "sad"), ("C", "happy")):
        history.add(filled, Draft(term=term, annotator=person, **place))
    assert library.terms_of(filled, found, ["B", "C"])[0] == ""
    history.add(filled, Draft(term="happy", annotator="D", **place))
    assert library.terms_of(filled, found, ["B", "C", "D"])[0] == "happy"
    assert library.terms_of(filled, found, ["B"])[0] == "sad"
    np.testing.assert_array_equal(library.terms_of(filled, found)[1:], before[1:])


def test_read_outs_are_those_of_the_segments(filled):
    found = corpus(filled, "fake")
    read = read_outs(filled, found)
    for number in (0, 17, 39):
        row = found.segments.iloc[number]
        segment = filled.segments(row["recording"], None, row["run_key"])[row["segment"]]
        np.testing.assert_allclose(read.iloc[number, :9].to_numpy(float), segment.logits)
        assert read["n_frames"][number] == segment.n_frames
        assert len(read["class_mask"][number]) == 9


def test_track_of_another_engine_is_refused(filled):
    from core.learn import heads as plain
    from tests.synthetic import make_track

    head = plain.named(plain.Linear(("a", "b"), np.zeros((2, 3)), np.zeros(2)), "x", "other-0", {})
    with pytest.raises(HeadError, match="the track is of fake-000000000000"):
        library.block_scores(head, make_track()[0])
