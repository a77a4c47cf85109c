"""What is asked of a whole store: places, groups, search, audit; kept, and the same after a restart."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax
from sklearn.metrics import adjusted_mutual_info_score

from core.errors import ExploreError, StoreError
from core.explore import audits, groups, maps, measures, search, selections, spaces
from core.explore import index as indexes
from core.explore.cluster_profiles import profiles_of
from core.explore.clusters import Grouping
from core.explore.confounds import Factor
from core.explore.groups import Unit, make_clustering
from core.explore.maps import make_projection, place_new
from core.explore.projection import Method
from core.explore.space import SpaceKind, SpaceSettings
from core.explore.units import By, in_a_row
from core.labels import history
from core.labels.records import Draft
from core.pipeline import Pipeline
from core.records import Metadata, Span
from core.store import maps as stored_maps
from core.store.corpus import corpus, embeddings, in_order, logits, rows_of
from core.store.store import Store
from tests.fakes import FakeEngine
from tests.synthetic import LevelDetector, talk, write

KEYS = ["recording", "channel", "run_key", "segment"]
PER_SPEAKER = SpaceSettings(SpaceKind.SPEAKER, shrinkage=0, min_segments=2)


@pytest.fixture(scope="module")
def filled_root(tmp_path_factory):
    """Six recordings of three speakers and two sessions, four segments each, of many levels."""
    folder = tmp_path_factory.mktemp("corpus")
    store, pipeline = Store(folder / "store"), Pipeline(FakeEngine())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("core.audio.survey.SpeechDetector", LevelDetector)
        for n in range(6):
            parts = [(0.5, 0.0)]
            for i in range(4):
                parts += [(1.0 + 0.3 * i, 0.05 + 0.05 * n + 0.12 * i), (0.6, 0.0)]
            path = write(folder / f"{n}.wav", talk(parts, hz=200 + 20 * n))
            said = Metadata(session="ab"[n % 2], speaker=f"P{n % 3}")
            assert pipeline.analyze(path, store, said).status == "done"
    return store.root


@pytest.fixture
def filled(filled_root, tmp_path) -> Store:
    import shutil

    shutil.copytree(filled_root, tmp_path / "copy")
    return Store(tmp_path / "copy")


def _add(store: Store, tmp_path, name: str = "new.wav", level: float = 0.33) -> None:
    path = write(tmp_path / name, talk([(0.5, 0.0), (1.7, level), (0.5, 0.0)]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("core.audio.survey.SpeechDetector", LevelDetector)
        assert Pipeline(FakeEngine()).analyze(path, store).status == "done"


def test_new_recording_joins_a_map_and_nothing_moves(filled, tmp_path):
    made = make_projection(filled, "fake", Method.PCA)
    before = stored_maps.points(filled, "projection", made.key)
    assert place_new(filled, made) == 0
    _add(filled, tmp_path)
    assert place_new(filled, made) == 1
    after = stored_maps.points(Store(filled.root), "projection", made.key)
    kept = before.merge(after, on=KEYS)
    np.testing.assert_array_equal(kept[["x_x", "y_x"]], kept[["x_y", "y_y"]])
    assert (len(after), int(after["placed"].sum())) == (25, 1)
    assert place_new(filled, made) == 0
    assert stored_maps.head(filled, "projection", made.key) == made
    new = after[after["placed"]][["x", "y"]].to_numpy()
    assert (before[["x", "y"]].min().to_numpy() <= new).all()
    assert (new <= before[["x", "y"]].max().to_numpy()).all()


def test_map_whose_space_or_points_are_gone_is_explained(filled, tmp_path):
    made = make_projection(filled, "fake", Method.PCA)
    old = {k: v for k, v in made.parameters.items() if k != "space_key"}
    with pytest.raises(ExploreError, match="before spaces were kept"):
        place_new(filled, stored_maps.Head("projection", made.key, "pca", 0, old, made.made_at))
    _add(filled, tmp_path)
    filled.lake.delete("spaces", "part >= -1")
    with pytest.raises(StoreError, match="no longer in the store"):
        place_new(filled, made)
    stored_maps.remove(filled, "projection", made.key)
    assert stored_maps.head(filled, "projection", made.key) is None
    with pytest.raises(StoreError, match="nothing was removed"):
        stored_maps.remove(filled, "projection", made.key)


def test_spaces_are_kept_and_come_back_the_same(filled):
    found = corpus(filled, "fake")
    raw = embeddings(filled, found)
    for settings in (SpaceSettings(SpaceKind.WHITENED), PER_SPEAKER):
        key, vectors = spaces.vectors(filled, found, settings)
        again = spaces.read_space(Store(filled.root), key)
        names = measures.names(found.segments["speaker"])
        np.testing.assert_array_equal(again.apply(raw, names), vectors)
        assert again.settings == settings
    assert spaces.read_space(filled, "none") is None


def test_neutral_reference_comes_from_peoples_labels(filled):
    found = corpus(filled, "fake")
    for row in found.segments[found.segments["segment"] == 0].itertuples():
        history.add(
            filled,
            Draft(
                recording=row.recording,
                start_s=row.start_s,
                end_s=row.end_s,
                term="neutral",
                annotator="A",
            ),
        )
    terms = measures.people_emotions(filled, found)
    assert [t for t, s in zip(terms, found.segments["segment"], strict=True) if s == 0] == [
        "neutral"
    ] * 6
    assert terms.count(None) == 18
    settings = SpaceSettings(SpaceKind.SPEAKER, 0, 2, neutral=True)
    key, _ = spaces.vectors(filled, found, settings)
    assert all(one.neutral for one in spaces.read_space(filled, key).offsets.values())
    assert key != spaces.vectors(filled, found, PER_SPEAKER)[0]


def test_people_who_disagree_leave_a_segment_without_a_label(filled):
    found = corpus(filled, "fake")
    row = found.segments.iloc[0]
    for who, term in (("A", "sad"), ("B", "angry")):
        said = {"recording": row["recording"], "start_s": row["start_s"], "end_s": row["end_s"]}
        history.add(filled, Draft(**said, term=term, annotator=who))
    assert measures.people_emotions(filled, found)[0] is None
    history.add(filled, Draft(**said, term="sad", annotator="C"))
    assert measures.people_emotions(filled, found)[0] == "sad"


def test_calibrated_scores_are_the_softmax_at_the_temperature_of_their_width(filled):
    found = corpus(filled, "fake")
    scores = measures.calibrated_scores(filled, found)
    widths = measures.speech_seconds(filled, found)
    raw = filled.table("segments").to_pandas()
    row = found.segments.iloc[5]
    mine = raw[(raw["start_s"] == row["start_s"]) & (raw["end_s"] == row["end_s"])]
    names = ["angry", "disgusted", "fearful", "happy", "neutral", "other", "sad", "surprised"]
    logits = mine[[*names, "unknown"]].to_numpy(float)
    t = np.exp(np.interp(np.log(widths[5]), np.log([0.5, 10]), np.log([2.0, 1.0])))
    assert any(np.allclose(scores[5], softmax(one / t), atol=1e-6) for one in logits)
    assert scores[5].max() == pytest.approx(found.segments["confidence"].iloc[5], abs=1e-6)


@pytest.mark.parametrize("by", [By.PROFILE, By.TRAJECTORY])
@pytest.mark.parametrize("unit", [Unit.RECORDING, Unit.SESSION])
def test_recordings_and_sessions_are_grouped_by_their_emotions(filled, unit, by):
    made = make_clustering(filled, "fake", 2, unit, by=by)
    assert sum(made.parameters["sizes"]) == {"recording": 6, "session": 2}[unit]
    assert made.parameters["by"] == by
    points = stored_maps.points(filled, "clustering", made.key)
    assert len(points) == 24
    joined = corpus(filled, "fake").segments.merge(points, on=KEYS)
    assert (joined.groupby(str(unit))["cluster"].nunique() == 1).all()


def test_sessions_are_never_compared_centred_per_speaker(filled):
    made = make_clustering(filled, "fake", 2, Unit.SESSION, space=PER_SPEAKER, by=By.EMBEDDING)
    assert made.parameters["space"] == "centred per corpus, length 1"
    of_segments = make_clustering(filled, "fake", 2, space=PER_SPEAKER)
    assert "per speaker" in of_segments.parameters["space"]
    assert "mostly feels" in of_segments.parameters["space_warning"]


def test_recordings_of_a_session_follow_each_other_in_time():
    rows = pd.DataFrame(
        {
            "recording": ["b", "a", "b"],
            "start_s": [0.0, 1.0, 5.0],
            "end_s": [1.0, 2.0, 6.0],
            "duration_s": [10.0, 4.0, 10.0],
            "day": [datetime(2026, 1, day, tzinfo=UTC) for day in (2, 1, 2)],
            "added": [datetime(2026, 1, 3, tzinfo=UTC)] * 3,
        }
    )
    placed = in_a_row(rows)
    assert placed["start_s"].tolist() == [4.0, 1.0, 9.0]
    assert placed["total_s"].tolist() == [14.0] * 3


def test_dense_places_are_a_clustering_too(filled):
    made = make_clustering(filled, "fake", method=Grouping.HDBSCAN, least=3)
    of = made.parameters
    assert sum(of["sizes"]) + of["noise"] == 24
    assert made.method == "hdbscan"
    assert make_clustering(Store(filled.root), "fake", method=Grouping.HDBSCAN, least=3) == made


def test_clusters_are_named_merged_exported_and_the_first_ones_stay(filled):
    made = make_clustering(filled, "fake", 4)
    before = stored_maps.points(filled, "clustering", made.key)
    edited = groups.edit(filled, made.key, " My\nclusters ", {0: "quiet"}, [[2, 0], [1]])
    assert edited.parameters["title"] == "My clusters"
    assert edited.parameters["parent"] == made.key
    after = stored_maps.points(Store(filled.root), "clustering", edited.key)
    joined = before.merge(after, on=KEYS)
    pairs = joined.groupby("cluster_x")["cluster_y"].unique()
    assert all(len(found) == 1 for found in pairs)
    assert pairs[0][0] == pairs[2][0]
    assert pairs[1][0] != pairs[3][0]
    assert edited.parameters["sizes"] == np.bincount(after["cluster"]).tolist()
    assert sum(made.parameters["sizes"]) == sum(edited.parameters["sizes"]) == 24
    table = groups.table(filled, edited.key)
    names = table.set_index("cluster")["cluster_name"].to_dict()
    assert names[int(pairs[0][0]) + 1] == "quiet"
    assert names[int(pairs[1][0]) + 1] == f"cluster {pairs[1][0] + 1}"
    pd.testing.assert_frame_equal(before, stored_maps.points(filled, "clustering", made.key))
    assert maps.latest(filled, "clustering", made.parameters["engine_id"]) == made
    assert groups.saved(filled) == [edited]


@pytest.mark.parametrize(
    ("title", "names", "merge", "said"),
    [
        ("", {}, [], "clustering is empty"),
        ("a", {0: " "}, [], "cluster 1 is empty"),
        ("a", {9: "x"}, [], "there is no cluster 10"),
        ("a", {}, [[0, 1], [1, 2]], "one comes twice"),
    ],
)
def test_edits_that_make_no_sense_are_explained(filled, title, names, merge, said):
    made = make_clustering(filled, "fake", 4)
    with pytest.raises(ExploreError, match=said):
        groups.edit(filled, made.key, title, names, merge)
    with pytest.raises(StoreError, match="no clustering 'gone'"):
        groups.edit(filled, "gone", "a")


def test_what_is_drawn_by_hand_is_a_clustering(filled):
    rows = corpus(filled, "fake").segments
    made = groups.keep_by_hand(filled, "fake", "mine", {"few": rows[:3], "many": rows[2:12]})
    points = stored_maps.points(filled, "clustering", made.key)
    assert made.parameters["sizes"] == [9, 3]
    assert made.parameters["names"] == {"0": "many", "1": "few"}
    assert len(points) == 12
    assert groups.saved(filled) == [made]
    with pytest.raises(ExploreError, match="holds no segment"):
        groups.keep_by_hand(filled, "fake", "mine", {"none": rows[:0]})


def test_profiles_count_every_segment_and_know_the_sound_where_it_was_measured(filled):
    from core.audio.prosody import Prosody

    made = make_clustering(filled, "fake", 3)
    recording = corpus(filled, "fake").segments["recording"].iloc[0]
    n = 2000
    prosody = Prosody(np.full(n, 150, np.float32), np.full(n, -20, np.float32), np.arange(30.0))
    filled.derived(filled.recording(recording), "mix.prosody.npz", prosody.save)
    found = profiles_of(filled, made.key)
    assert [p.size for p in found.profiles.values()] == made.parameters["sizes"]
    assert found.measured["f0_hz"] == pytest.approx(4 / 24)
    assert found.measured["duration_s"] == 1
    for number, one in found.profiles.items():
        assert set(found.segments["cluster"].iloc[list(one.typical)]) == {number}
        assert sum(one.origins["recording"].values()) == one.size
    assert found.name(0) == "cluster 1"


def test_audit_of_a_clustering_and_of_a_map(filled):
    made = make_clustering(filled, "fake", 3)
    projection = make_projection(filled, "fake", Method.PCA)
    one = audits.audit_clustering(filled)
    assert one == audits.audit_clustering(Store(filled.root), made.key[:6], "fake")
    assert {found.factor for found in one.found} == set(Factor)
    by = {found.factor: found for found in one.found}
    assert by[Factor.LEVEL].values > 1  # of whole recordings, as no prosody was measured
    assert by[Factor.EMOTION_PEOPLE].note == "It is not known here."
    assert all(f.ami is None for f in audits.audit_projection(filled, projection.key).found)
    with pytest.raises(StoreError, match="no clustering 'zz'"):
        audits.audit_clustering(filled, "zz")
    with pytest.raises(StoreError, match="no map 'zz'"):
        audits.audit_projection(filled, "zz")


def test_audit_without_a_clustering_says_how_to_make_one(filled):
    with pytest.raises(StoreError, match="make one with `cluster`"):
        audits.audit_clustering(filled)


def test_search_is_brute_force_over_the_space_without_the_query(filled):
    found = search.open_search(filled, "fake")
    query = found.query_of_row(3)
    hits = found.find(query, 5)
    vectors = found.index.vectors
    cosines = vectors @ vectors[3]
    cosines[3] = -2
    assert [hit.row for hit in hits] == np.argsort(-cosines, kind="stable")[:5].tolist()
    assert [hit.rank for hit in hits] == [1, 2, 3, 4, 5]
    np.testing.assert_allclose([h.score for h in hits], np.sort(cosines)[::-1][:5], atol=1e-6)
    assert all(hit.why.startswith("Sounds") for hit in hits)
    others = found.find(query, 24, other_recordings=True)
    assert len(others) == 20
    assert query.recording not in {hit.recording for hit in others}
    speakers = found.find(query, 24, other_speakers=True)
    assert {hit.speaker for hit in speakers} == {"P0", "P1", "P2"} - {query.speaker}
    assert found.rows_of(found.segments.iloc[[4, 2]]).tolist() == [4, 2]


def test_region_of_a_segment_finds_what_the_segment_finds(filled):
    found = search.open_search(filled, "fake")
    row = found.segments.iloc[2]
    span = Span(float(row["start_s"]), float(row["end_s"]))
    query = search.query_of_region(filled, found, row["recording"][:12], span)
    assert query.speaker == row["speaker"]
    np.testing.assert_allclose(query.vector @ found.index.vectors[2], 1, atol=0.05)
    assert 2 not in [hit.row for hit in found.find(query, 24)]
    with pytest.raises(StoreError, match="no segments by fake-000000000000 on this channel"):
        search.query_of_region(filled, found, row["recording"], span, channel=1)


def test_more_like_these_and_less_like_those_moves_the_answer(filled):
    found = search.open_search(filled, "fake")
    vectors = found.index.vectors
    hits = found.find(None, 5, liked=[0, 1], disliked=[7])
    wanted = 0.75 * vectors[:2].mean(axis=0) - 0.15 * vectors[7]
    cosines = vectors @ (wanted / np.linalg.norm(wanted))
    cosines[[0, 1, 7]] = -2
    assert [hit.row for hit in hits] == np.argsort(-cosines, kind="stable")[:5].tolist()
    with pytest.raises(ExploreError, match="Nothing says what to look for"):
        found.find(None)


def test_speaker_who_is_not_known_cannot_be_left_out(filled, tmp_path):
    _add(filled, tmp_path)
    found = search.open_search(filled, "fake")
    row = int(np.flatnonzero(found.segments["speaker"].isna())[0])
    with pytest.raises(ExploreError, match="Who speaks in the query is not known"):
        found.find(found.query_of_row(row), other_speakers=True)
    assert row not in [h.row for h in found.find(found.query_of_row(0), 30, other_speakers=True)]


def test_track_of_another_engine_is_no_query(filled):
    from tests.synthetic import make_track

    with pytest.raises(ExploreError, match="use the same engine"):
        search.open_search(filled, "fake").query_of_track(make_track(engine_id="other-0")[0])


def test_index_of_a_store_grows_with_it_and_forgets_what_is_gone(filled, tmp_path, monkeypatch):
    monkeypatch.setattr(indexes, "EXACT_MOST", 5)
    first = search.open_search(filled, "fake")
    assert not first.index.exact
    files = sorted(path.name for path in (filled.root / "indexes").iterdir())
    assert files == [f"{first.space_key}{end}" for end in (".faiss", ".json", ".npy")]
    _add(filled, tmp_path)
    second = search.open_search(Store(filled.root), "fake")
    assert second.space_key == first.space_key
    assert (second.index.made.n, second.index.made.n_built) == (25, 24)
    pd.testing.assert_frame_equal(second.segments[KEYS][:24], first.segments[KEYS])
    np.testing.assert_array_equal(second.index.vectors[:24], first.index.vectors)
    for n in range(4):
        _add(filled, tmp_path, f"{n}.wav", 0.1 + 0.04 * n)
    third = search.open_search(filled, "fake")
    assert third.space_key != first.space_key  # more than a tenth is new
    assert not (filled.root / "indexes" / f"{first.space_key}.faiss").exists()


def test_hits_are_saved_as_a_selection(filled):
    found = search.open_search(filled, "fake")
    hits = found.find(found.query_of_row(0), 4)
    details = {"engine_id": found.of.engine_id, "space": found.space.settings.sentence}
    made = selections.keep_selection(filled, "same <b>tone", selections.rows_of_hits(hits), details)
    assert selections.selections(Store(filled.root)) == [made]
    again = selections.selection(filled, made.key)
    assert again["rank"].tolist() == [1, 2, 3, 4]
    assert again["recording"].tolist() == [hit.recording for hit in hits]
    np.testing.assert_allclose(again["score"], [hit.score for hit in hits], atol=1e-6)
    with pytest.raises(ExploreError, match="title is empty"):
        selections.keep_selection(filled, "\n", selections.rows_of_hits(hits), details)
    with pytest.raises(ExploreError, match="no segment"):
        selections.keep_selection(filled, "a", selections.rows_of_hits(()), details)


def test_map_and_clusters_are_the_same_after_a_restart(filled, monkeypatch):
    made = make_projection(filled, "fake", Method.TSNE), make_clustering(filled, "fake")
    monkeypatch.setattr("core.explore.projection.project", None)
    monkeypatch.setattr("core.explore.clusters.cluster", None)
    again = Store(filled.root)
    assert made == (make_projection(again, "fake", Method.TSNE), make_clustering(again, "fake"))
    assert made[0].parameters["trustworthiness"] > 0.8


def test_map_clusters_and_search_take_the_same_space_while_the_corpus_grows_little(
    filled, tmp_path
):
    made = make_projection(filled, "fake", Method.PCA)
    _add(filled, tmp_path)
    found = search.open_search(filled, "fake")
    grouped = make_clustering(filled, "fake", 2)
    assert made.parameters["space_key"] == found.space_key == grouped.parameters["space_key"]
    assert make_projection(filled, "fake", Method.PCA).parameters["space_key"] == found.space_key


def _some_keys(rng, n):
    rows = pd.DataFrame(
        {
            "recording": rng.choice(["aa", "b", "ccc", "d"], n),
            "channel": rng.choice([-1, 0, 1], n).astype(np.int32),
            "run_key": rng.choice(["r", "s"], n),
            "segment": rng.integers(0, 40, n).astype(np.int32),
        }
    )
    return rows.drop_duplicates().reset_index(drop=True)


@pytest.mark.parametrize("seed", range(5))
def test_rows_are_found_and_ordered_as_pandas_does(seed):
    rng = np.random.default_rng(seed)
    known, asked = _some_keys(rng, 300), _some_keys(rng, 200).assign(x=1.0)
    asked.loc[0, "recording"] = "stranger"
    joined = asked.merge(known.assign(row=np.arange(len(known))), on=KEYS, how="left")
    assert rows_of(known, asked).tolist() == joined["row"].fillna(-1).tolist()
    assert rows_of(known, known).tolist() == list(range(len(known)))
    assert rows_of(known.iloc[:0], asked).tolist() == [-1] * len(asked)
    expected = asked.sort_values(KEYS).reset_index(drop=True)
    pd.testing.assert_frame_equal(in_order(asked), expected)
    pd.testing.assert_frame_equal(in_order(expected), expected)


def test_columns_come_in_the_order_of_the_corpus_however_they_lie(filled, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "core.store.lake._AT_ONCE", 5
    )  # parts that begin and end within a recording
    found = corpus(filled, "fake")
    lying = filled.lake.read("segments").to_pandas().set_index(["attempt", "segment"])
    order = lying.loc[list(zip(found.attempts, found.segments["segment"], strict=True))]
    assert not lying.index.equals(order.index)
    assert embeddings(filled, found).tolist() == np.stack(order["embedding"]).tolist()
    assert logits(filled, found)[:, 0].tolist() == order["angry"].tolist()
    assert found.segments["end_s"].tolist() == order["end_s"].tolist()
    _add(filled, tmp_path)
    assert len(embeddings(filled, found)) == len(found.segments)  # what it was, is still there
    filled.lake.delete("segments", f"attempt = {found.attempts[0]} AND segment = 0")
    with pytest.raises(StoreError, match="changed meanwhile"):
        embeddings(filled, found)


def _swapped(of):
    first = of.segments["recording"].iloc[0]
    other = of.segments["recording"].replace(first, "f" * 64)
    return replace(of, segments=of.segments.assign(recording=other), version="swapped")


@pytest.mark.parametrize(
    ("settings", "changed"),
    [
        (SpaceSettings(), _swapped),
        (PER_SPEAKER, lambda of: replace(of, segments=of.segments.assign(speaker="P0"))),
    ],
    ids=["recording swapped", "speaker renamed"],
)
def test_space_of_another_corpus_of_equal_size_is_not_taken(filled, settings, changed):
    found = corpus(filled, "fake")
    raw = embeddings(filled, found)
    key, _ = spaces.standing_space(filled, found, settings, raw)
    assert spaces.standing_space(filled, found, settings, raw)[0] == key
    assert spaces.standing_space(filled, changed(found), settings, raw)[0] != key


def test_space_from_neutral_speech_follows_new_labels(filled):
    settings = SpaceSettings(SpaceKind.SPEAKER, 0, 1, neutral=True)
    before = search.open_search(filled, "fake", settings).space_key
    row = corpus(filled, "fake").segments.iloc[0]
    said = {"recording": row["recording"], "start_s": row["start_s"], "end_s": row["end_s"]}
    history.add(filled, Draft(**said, term="neutral", annotator="A"))
    again = search.open_search(filled, "fake", settings)
    assert again.space_key != before
    assert again.space.offsets[row["speaker"]].neutral


@pytest.mark.parametrize("unit", [Unit.RECORDING, Unit.SESSION])
def test_clusters_of_recordings_and_sessions_are_told_in_these_and_not_in_segments(filled, unit):
    made = make_clustering(filled, "fake", 2, unit)
    found = profiles_of(filled, made.key)
    assert found.unit == unit
    assert [p.size for p in found.profiles.values()] == made.parameters["sizes"]
    every = corpus(filled, "fake").segments
    assert found.rows["unit"].tolist() == sorted(every[str(unit)].unique())
    told = measures.calibrated_scores(filled, corpus(filled, "fake"))
    widths = measures.speech_seconds(filled, corpus(filled, "fake"))
    profiles = np.stack(
        [
            np.average(told[mine], axis=0, weights=widths[mine])
            for mine in (every[str(unit)].to_numpy(str) == name for name in found.rows["unit"])
        ]
    )
    for number, one in found.profiles.items():
        inside = (found.rows["cluster"] == number).to_numpy()
        np.testing.assert_allclose(one.emotions, profiles[inside].mean(axis=0), atol=1e-5)
        away = np.linalg.norm(profiles - profiles[inside].mean(axis=0), axis=1)
        assert away[list(one.typical)].max() <= away[inside].max() + 1e-6
        assert {e.n for e in one.effects} == {one.size}
    audit = audits.audit_clustering(filled, made.key)
    assert audit.unit == unit
    by = {one.factor: one for one in audit.found}
    assert Factor.RECORDING not in by
    assert {one.n for one in audit.found if one.n} <= set(range(1, len(found.rows) + 1))
    assert by[Factor.EMOTION_ENGINE].n <= len(found.rows)
    if unit is Unit.RECORDING:
        assert by[Factor.SPEAKER].n == 6
        named = every.drop_duplicates("recording").set_index("recording")["speaker"]
        speakers = named[found.rows["unit"]].to_numpy(str)
        expected = adjusted_mutual_info_score(found.rows["cluster"], speakers)
        assert by[Factor.SPEAKER].ami == pytest.approx(expected)
    else:
        assert by[Factor.SPEAKER].note == "It is not known here."  # each session has several


def test_clusters_by_their_course_tell_the_mean_course_of_each(filled):
    made = make_clustering(filled, "fake", 2, Unit.RECORDING, by=By.TRAJECTORY)
    found, of = profiles_of(filled, made.key), corpus(filled, "fake")
    told = measures.calibrated_scores(filled, of)
    for number, course in found.courses.items():
        inside = found.rows["unit"][found.rows["cluster"] == number]
        each = [_course(of.segments[mine], told[mine]) for mine in _segments_of(of, inside)]
        np.testing.assert_allclose(course, np.mean(each, axis=0), atol=1e-5)
    assert not profiles_of(filled, make_clustering(filled, "fake", 2, Unit.RECORDING).key).courses


def _segments_of(of, recordings):
    return [(of.segments["recording"] == name).to_numpy() for name in recordings]


def _course(segments, scores):
    """The scores at 20 stretches of equal length, each weighed by the time that it shares."""
    step_s = segments["duration_s"].iloc[0] / 20
    found = np.full((20, 9), np.nan)
    for step in range(20):
        from_s, to_s = step * step_s, (step + 1) * step_s
        pairs = zip(segments["start_s"], segments["end_s"], strict=True)
        shared_s = np.array([max(0.0, min(b, to_s) - max(a, from_s)) for a, b in pairs])
        if shared_s.any():
            found[step] = np.average(scores, axis=0, weights=shared_s)
    return pd.DataFrame(found).interpolate(limit_direction="both").to_numpy()


def test_prosody_is_measured_of_all_and_what_cannot_be_read_is_told(filled, filled_root):
    found = corpus(filled, "fake")
    assert np.isnan(measures.sound(filled, found)["level_db"]).all()
    recordings = sorted(found.segments["recording"].unique())
    gone = filled.audio_path(filled.recording(recordings[0]))
    moved = gone.with_suffix(".moved")
    gone.rename(moved)
    said = []
    try:
        failed = measures.measure_prosody(filled, found, said.append)
    finally:
        moved.rename(gone)
    assert len(failed) == 1
    assert said == [f"Recording {n} of 6" for n in range(1, 7)]
    known = measures.sound(filled, found)["level_db"].notna()
    assert set(found.segments.loc[known, "recording"]) == set(recordings[1:])
    assert measures.measure_prosody(filled, found) == ()
    made = make_clustering(filled, "fake", 2)
    assert profiles_of(filled, made.key).measured["level_db"] == 1


def test_numbers_of_a_table_of_clusters_are_those_of_its_names(filled):
    made = make_clustering(filled, "fake", 3)
    rows = groups.table(filled, made.key)
    assert set(rows["cluster"]) == {1, 2, 3}
    assert (rows["cluster_name"] == "cluster " + rows["cluster"].astype(str)).all()
