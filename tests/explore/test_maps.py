"""Maps and clusterings of a store: which segments count, what is kept, what is made anew."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from core.errors import ExploreError, StoreError
from core.explore import maps
from core.explore.groups import Unit, make_clustering
from core.explore.maps import make_projection
from core.explore.projection import Method
from core.explore.units import By
from core.pipeline import Pipeline
from core.records import Metadata
from core.settings import Analysis, Conditioning, Segmentation
from core.store import maps as stored_maps
from core.store.corpus import corpus, embeddings, engine_ids
from core.store.store import Store
from tests.fakes import FakeEngine
from tests.synthetic import talk, write


@pytest.fixture
def filled(pipeline, make_talk, store) -> Store:
    """Six recordings of two sessions and one without, one segment each, of rising level."""
    for number, session in enumerate(["a", "a", "b", "b", "b", None]):
        path = make_talk(f"{number}.wav", 200 + 50 * number, level=0.05 + 0.1 * number)
        said = Metadata(session=session, speaker=f"P{number}")
        assert pipeline.analyze(path, store, said).status == "done"
    return store


def test_corpus_holds_every_segment_with_its_own_embedding(filled):
    found = corpus(filled, "fake")
    vectors = embeddings(filled, found)
    assert len(found.segments) == len(vectors) == 6
    for row, vector in zip(found.segments.to_dict("records"), vectors, strict=True):
        segments = filled.segments(row["recording"], None, row["run_key"])
        np.testing.assert_array_equal(vector, segments[row["segment"]].embedding)
        assert row["speaker"] == f"P{row['name'][0]}"
    assert found.engine_id == "fake-000000000000"


def test_only_the_newest_analysis_of_a_recording_counts(pipeline, talk_file, store):
    pipeline.analyze(talk_file, store)
    finer = Pipeline(FakeEngine(), Analysis(segmentation=Segmentation(max_segment_s=1.0)))
    finer.analyze(talk_file, store)
    found = corpus(store, "fake")
    stored = finer.stored(found.segments["recording"].iloc[0], store)
    assert found.run_keys == (finer.run_key,)
    assert found.segments["start_s"].tolist() == [s.start_s for s in stored.segments]


def test_channels_count_each_and_never_beside_their_mean(loud_is_speech, store, tmp_path):
    sound = talk([(0.5, 0.0), (1.5, 0.3), (0.5, 0.0)])
    path = write(tmp_path / "stereo.wav", np.stack([sound, sound * 0.5]))
    for channel in (0, 1):
        made = Pipeline(FakeEngine(), Analysis(Conditioning(channel=channel)))
        assert made.analyze(path, store).status == "done"
    assert corpus(store, "fake").segments["channel"].tolist() == [0, 1]
    Pipeline(FakeEngine()).analyze(path, store)
    assert corpus(store, "fake").segments["channel"].tolist() == [-1]


def test_engines_are_never_mixed(filled, make_talk):
    class Other(FakeEngine):
        engine_id = "fake-111111111111"

    Pipeline(Other()).analyze(make_talk("new.wav", 900), filled)
    assert engine_ids(filled) == ["fake-111111111111", "fake-000000000000"]
    assert len(corpus(filled, "fake").segments) == 1  # the weights used last
    assert len(corpus(filled, "fake-000000000000").segments) == 6


def test_engine_without_results_is_explained(filled, tmp_path):
    with pytest.raises(StoreError, match=r"'x' has analysed.*results of fake-000000000000"):
        corpus(filled, "x")
    with pytest.raises(StoreError, match="the store is empty"):
        make_projection(Store(tmp_path / "other"))


def test_map_is_kept_with_all_that_made_it_and_never_made_twice(filled, monkeypatch):
    made = make_projection(filled, "fake", Method.PCA, seed=5)
    of = made.parameters
    assert (made.method, made.seed, of["n"]) == ("pca", 5, 6)
    assert of["space"] == "centred per corpus, length 1"
    assert of["engine_id"] == "fake-000000000000"
    assert of["run_keys"] == list(corpus(filled, "fake").run_keys)
    assert {"scikit-learn", "umap-learn", "numpy"} <= set(of["versions"])
    monkeypatch.setattr("core.explore.projection.project", None)
    again = make_projection(Store(filled.root), "fake", Method.PCA, seed=5)
    assert again == made


def test_stored_points_are_the_projection_of_the_very_segments(filled):
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import normalize

    made = make_projection(filled, "fake", Method.PCA)
    points = stored_maps.points(filled, "projection", made.key)
    found = corpus(filled, "fake")
    raw = embeddings(filled, found)
    expected = PCA(2).fit_transform(normalize(raw - raw.mean(axis=0)))
    joined = found.segments.merge(points, on=["recording", "channel", "run_key", "segment"])
    np.testing.assert_allclose(np.abs(joined[["x", "y"]]), np.abs(expected), atol=1e-4)


def test_few_segments_are_shown_by_pca_and_the_reason_is_kept(filled):
    made = make_projection(filled, "fake", Method.UMAP)
    assert made.method == "pca"
    assert "6 segments are too few for UMAP" in made.parameters["reason"]
    assert maps.projections(filled, corpus(filled, "fake"), Method.UMAP) == [made]


def test_new_recordings_make_a_new_map_and_leave_the_old_one(filled, pipeline, make_talk):
    first = make_projection(filled, "fake", Method.PCA)
    pipeline.analyze(make_talk("new.wav", 900), filled)
    found = corpus(filled, "fake")
    assert maps.projections(filled, found, Method.PCA) == [first]
    second = make_projection(filled, "fake", Method.PCA)
    assert second.key != first.key
    assert maps.projections(filled, found, Method.PCA) == [second, first]
    assert len(stored_maps.points(filled, "projection", first.key)) == 6
    assert len(stored_maps.points(filled, "projection", second.key)) == 7


def test_of_two_equal_maps_at_once_the_first_counts(filled):
    made = make_projection(filled, "fake", Method.PCA)
    points = stored_maps.points(filled, "projection", made.key)
    late = replace(made, parameters=made.parameters | {"reason": "late"})
    stored_maps.write(filled, late, points.assign(x=0.0))
    assert stored_maps.head(filled, "projection", made.key) == made
    pd.testing.assert_frame_equal(stored_maps.points(filled, "projection", made.key), points)


def test_map_and_clustering_each_take_one_commit(filled):
    make_projection(filled, "fake", Method.PCA)
    make_clustering(filled, "fake", 2)
    before = [filled.lake.version(name) for name in ("projections", "clusterings")]
    make_projection(filled, "fake", Method.PCA, seed=1)
    make_clustering(filled, "fake", 3)
    after = [filled.lake.version(name) for name in ("projections", "clusterings")]
    assert after == [version + 1 for version in before]


def test_clusters_of_segments_are_kept_for_each_segment(filled):
    made = make_clustering(filled, "fake", 3)
    points = stored_maps.points(filled, "clustering", made.key)
    assert made.parameters["sizes"] == np.bincount(points["cluster"]).tolist()
    assert sum(made.parameters["sizes"]) == 6
    assert make_clustering(filled, "fake", 3) == made
    assert make_clustering(filled, "fake", 2).key != made.key


def test_sessions_are_grouped_by_the_mean_of_their_segments(filled):
    made = make_clustering(filled, "fake", 2, Unit.SESSION, by=By.EMBEDDING)
    assert made.parameters["sizes"] == [1, 1]
    assert made.parameters["silhouette"] is None
    assert made.parameters["left_out"] == 1
    points = stored_maps.points(filled, "clustering", made.key)
    joined = corpus(filled, "fake").segments.merge(points, on=["recording", "segment"])
    assert joined.groupby("session")["cluster"].unique().map(list).to_dict() == {"a": [0], "b": [1]}


def test_recordings_are_grouped_as_units(filled):
    made = make_clustering(filled, "fake", None, Unit.RECORDING)
    assert sum(made.parameters["sizes"]) == made.parameters["n_units"] == 6


def test_no_session_at_all_is_explained(pipeline, make_talk, store):
    for number in range(3):
        pipeline.analyze(make_talk(f"{number}.wav", 200 + 50 * number), store)
    with pytest.raises(ExploreError, match="No recording in this corpus has a session"):
        make_clustering(store, "fake", 2, Unit.SESSION)


def test_unknown_map_is_explained(filled):
    with pytest.raises(StoreError, match="no projection 'gone' in the store"):
        stored_maps.points(filled, "projection", "gone")


def test_one_segment_makes_no_map(pipeline, make_talk, store):
    pipeline.analyze(make_talk("one.wav"), store)
    with pytest.raises(ExploreError, match="only 1 segment in this corpus"):
        make_projection(store, "fake")
    with pytest.raises(ExploreError, match="only 1 segment in this corpus"):
        make_clustering(store, "fake")
