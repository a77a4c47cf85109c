"""A bundle opened elsewhere gives the very same figures."""

import pytest

from core.explore import groups, maps
from core.explore.projection import Method
from core.export.bundle import Contents, write_bundle
from core.export.opening import open_bundle
from core.labels import history
from core.labels.records import Draft
from core.records import Metadata
from core.settings import SAMPLES_DIR
from core.timeline.track import FrameChoice
from dashboard import corpus, resources, shared, takeaway
from dashboard.timeline_figure import timeline_figure
from tests.fakes import FakeEngine
from tests.pages.conftest import _forget, shared_state  # noqa: F401

ENGINE = "fake-000000000000"


def everything_drawn() -> dict[str, str]:
    """Every figure and caption of the store in use, as JSON."""
    told = {}
    for row in resources.catalogue().sort_values("recording").to_dict("records"):
        choice = resources.choice_of(row)
        timeline, segments = resources.timeline(choice), resources.segments(choice)
        name = row["recording"][:6]
        figure, caption = takeaway.timeline_chart(row, takeaway.TimelineLook(labels=True))
        told |= {f"timeline {name}": figure.to_json(), f"caption {name}": caption}
        stacked = timeline_figure(
            timeline, segments, width_s=0.5, frames=FrameChoice.ALL, stacked=True, dark=True
        )
        told[f"stacked {name}"] = stacked.to_json()
        labels = history.of(shared.scope().store, row["recording"])
        told[f"labels {name}"] = str(labels)
    rows = resources.catalogue().drop_duplicates("recording").sort_values("recording")
    figure, caption = takeaway.share_chart(rows)
    told |= {"share": figure.to_json(), "share caption": caption}
    (head, *_) = corpus.map_heads(ENGINE, Method.PCA)
    view = corpus.map_view(ENGINE, head)
    for colour in ("Emotion", "Speaker"):
        figure, caption = takeaway.map_chart(view, colour)
        told |= {f"map by {colour}": figure.to_json(), f"map caption {colour}": caption}
    clusters = corpus.cluster_view(ENGINE, 2, view.points)
    told["clusters"] = clusters.labels.to_json() + str(clusters.head.parameters)
    return told


@pytest.mark.parametrize("audio", [False, True])
def test_figures_are_identical_where_a_bundle_is_opened(
    shared_state,  # noqa: F811
    tmp_path,
    monkeypatch,
    audio,
):
    scope = shared.scope()
    for number, path in enumerate(sorted(SAMPLES_DIR.glob("*.mp3"))):
        said = Metadata("one", f"P{number}", tags=("t",))
        pipeline = scope.pipeline("compact")
        outcome = pipeline.analyze(path, scope.store, said, keep=True)
        label = {"recording": outcome.recording, "start_s": 1.0, "end_s": 2.0, "annotator": "Cy"}
        history.add(scope.store, Draft(**label, term="wistful"))
    maps.make_projection(scope.store, ENGINE, Method.PCA)
    groups.make_clustering(scope.store, ENGINE, 2)
    before = everything_drawn()
    assert len(before) == 15
    known = tuple(scope.store.table("recordings")["recording"].to_pylist())
    write_bundle(scope.store, tmp_path / "b.zip", Contents(known, audio))
    open_bundle(tmp_path / "b.zip", tmp_path / "elsewhere")
    scope.store.root.rename(tmp_path / "gone")  # nothing may be read from the old place
    monkeypatch.setenv("TONESCOPE_STORE", str(tmp_path / "elsewhere"))
    _forget()
    shared.scope().registry.add("compact", lambda _: FakeEngine())
    after = everything_drawn()
    assert after == before
    heard = [resources.has_audio(recording) is None for recording in known]
    assert heard == [audio, audio]
