"""The corpus pages in Chromium: the map, a lasso, a part, a query, clusters, all of it kept.

One server and one visitor serve all tests of this file; a second server over the same store shows
what is there after a restart.
"""

import re
import shutil

import pytest

from benchmarks.served import audio_state, dashboard, launched, wait_until_up
from core.audio.decode import open_audio
from core.explore import groups
from core.records import Span
from core.settings import SAMPLES_DIR
from core.store import maps
from core.store.store import Store
from tests.browser.conftest import VISITOR, visit

pytestmark = pytest.mark.browser

_STATE = """listen => {
  const audio = listen.querySelector('audio');
  return {at: Number(listen.dataset.at), time_s: audio.currentTime, src: audio.src};
}"""
_PLACES = """() => document.querySelector('.js-plotly-plot').calcdata.map(c => c[0].trace)
  .map(t => [t.name, Array.from(t.x), Array.from(t.y)])"""
_POINT = """() => {
  const plot = document.querySelector('.js-plotly-plot');
  const trace = plot.calcdata.reduce((a, b) => (b.length > a.length ? b : a))[0].trace;
  const box = plot.getBoundingClientRect();
  const {xaxis, yaxis} = plot._fullLayout;
  return {
    row: trace.customdata[0],
    x: box.left + xaxis._offset + xaxis.d2p(trace.x[0]),
    y: box.top + yaxis._offset + yaxis.d2p(trace.y[0]),
    text: trace.text[0],
  };
}"""
_INSIDE = """([left, top, right, bottom]) => {
  const plot = document.querySelector('.js-plotly-plot');
  const {xaxis, yaxis} = plot._fullLayout;
  return plot.calcdata.flatMap(c => Array.from(c[0].trace.x, (x, i) => [x, c[0].trace.y[i]]))
    .filter(([x, y]) => {
      const fx = xaxis.d2p(x) / xaxis._length, fy = yaxis.d2p(y) / yaxis._length;
      return fx >= left && fx <= right && fy >= top && fy <= bottom;
    });
}"""
_DRAGGING = """mode => {
  const plot = document.querySelector('.js-plotly-plot');
  return plot && plot._fullLayout && plot._fullLayout.dragmode === mode;
}"""
_PART = (0.02, 0.02, 0.6, 0.98)  # of the map: left, top, right, bottom


@pytest.fixture(scope="module")
def own_store(samples_store, tmp_path_factory):
    """A copy of the store with the samples, as these tests write to it."""
    return shutil.copytree(samples_store, tmp_path_factory.mktemp("corpus") / "store")


@pytest.fixture(scope="module")
def address(own_store):
    with dashboard(own_store) as found:
        wait_until_up(found)
        yield found


@pytest.fixture(scope="module")
def mapped(visitor, address) -> str:
    """Makes the map as a visitor does; returns its address."""
    with visit(visitor) as page:
        page.goto(f"{address}/map?method=PCA")
        page.get_by_text("There is no PCA map").wait_for()
        page.get_by_role("button", name="Make the map").click()
        _drawn(page)
        page.wait_for_function("() => location.search.includes('map=')")
        return page.url


@pytest.fixture(scope="module")
def saved(visitor, address) -> str:
    """Finds three clusters, names one and keeps them; returns their address."""
    with visit(visitor) as page:
        page.goto(f"{address}/clusters?k=3")
        page.get_by_role("button", name="Find clusters").click()
        page.get_by_text("Name, merge and save").click()
        page.get_by_label("Title").fill("Tones")
        page.get_by_label("Name of cluster 1").fill("Calm one")
        page.get_by_role("button", name="Save").click()
        page.wait_for_url("**clustering=*")
        return page.url


@pytest.fixture(scope="module")
def restarted(mapped, saved, own_store):
    """A server that was started after all was made, and knows of it by the store alone."""
    with dashboard(own_store) as found:
        wait_until_up(found)
        yield found


def _drawn(page) -> None:
    """Waits until the map is drawn and no script runs that could draw it again."""
    page.locator(".js-plotly-plot .scatterlayer .trace").first.wait_for(state="attached")
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()


def _open(page, url: str) -> None:
    page.goto(url)
    _drawn(page)


def _taking(page, way: str, mode: str):
    """Chooses what the mouse does on the map; returns where points are drawn."""
    page.get_by_text(way, exact=True).click()
    page.wait_for_function(_DRAGGING, arg=mode)
    _drawn(page)
    area = page.locator(".js-plotly-plot .nsewdrag").first
    area.hover()
    return area


def _drag(page, area, corners: list[tuple[float, float]]) -> None:
    """Drags the mouse through parts of an area."""
    box = area.bounding_box()
    points = [(box["x"] + fx * box["width"], box["y"] + fy * box["height"]) for fx, fy in corners]
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point, steps=8)
    page.mouse.up()


def _marked(page) -> int:
    title = page.get_by_role("heading", name="marked")
    title.wait_for()
    return int(title.inner_text().split()[0])


def _heard(page, at: int) -> dict:
    """Waits until an entry is played; returns what is heard."""
    playing = page.locator(f'.listen[data-playing="true"][data-at="{at}"]')
    playing.wait_for()
    return playing.evaluate(_STATE)


def test_every_segment_is_a_point_and_stays_where_it_is(page, mapped, own_store):
    _open(page, mapped)
    store = Store(own_store)
    (head,) = [h for h in maps.heads(store, "projection") if h.method == "pca"]
    stored = maps.points(store, "projection", head.key)
    before = page.evaluate(_PLACES)
    shown = sorted(x for _, xs, _ in before for x in xs)
    assert shown == pytest.approx(sorted(stored["x"].astype(float)), abs=1e-5)
    page.reload()
    _drawn(page)
    assert page.evaluate(_PLACES) == before


def test_a_clicked_point_is_heard_and_its_recording_opened(page, mapped):
    _open(page, mapped)
    point = page.evaluate(_POINT)
    page.mouse.click(point["x"], point["y"])
    page.get_by_role("link", name="Open").wait_for()
    name, _, rest = point["text"].partition(", ")
    start_s = float(rest.split(" to ")[0])
    for _ in range(200):
        state = audio_state(page)
        if state and not state["paused"] and state["time_s"] >= start_s:
            break
        page.wait_for_timeout(50)
    assert state["time_s"] >= start_s - 0.05
    page.get_by_role("link", name="Open").click()
    page.get_by_role("heading", name=name).wait_for()
    assert "recording=" in page.url


def test_the_like_of_a_point_is_looked_for(page, mapped):
    _open(page, mapped)
    point = page.evaluate(_POINT)
    page.mouse.click(point["x"], point["y"])
    page.get_by_test_id("stMain").get_by_role("link", name="Same tone").click()
    page.get_by_text("Listen through").wait_for()
    name, _, times = point["text"].partition(", ")
    start_s, end_s = re.findall(r"[\d.]+", times)[:2]
    assert page.get_by_label("Start, s").input_value() == start_s
    assert page.get_by_label("End, s").input_value() == end_s
    page.locator(".listen").get_by_role("button", name="Play").click()
    first = _heard(page, 0)
    assert float(start_s) - 0.05 <= first["time_s"] <= float(end_s) + 0.1
    assert page.get_by_test_id("stMain").get_by_text(name).count()


def test_clusters_are_coloured_and_the_link_reopens_them(page, mapped):
    _open(page, f"{mapped}&colour=Cluster")
    page.get_by_text("suggested by silhouette").wait_for()
    names = [name for name, _, _ in page.evaluate(_PLACES)]
    assert names[0].startswith("cluster 1 (")
    page.wait_for_url("**colour=Cluster*")
    again = page.context.new_page()
    _open(again, page.url)
    again.get_by_text("suggested by silhouette").wait_for()
    assert [name for name, _, _ in again.evaluate(_PLACES)] == names
    again.close()


def test_lasso_marks_points_and_lists_them(page, mapped):
    _open(page, mapped)
    area = _taking(page, "Mark several", "lasso")
    inside = page.evaluate(_INSIDE, _PART)
    left, top, right, bottom = _PART
    _drag(page, area, [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)])
    assert _marked(page) == len(inside) > 1
    page.locator(f'.listen[data-count="{len(inside)}"]').wait_for()


def test_box_marks_points_that_become_a_cluster(page, mapped, address, own_store):
    _open(page, mapped)
    area = _taking(page, "Mark several", "lasso")
    page.locator('.modebar-btn[data-title="Box Select"]').first.click()
    _drag(page, area, [_PART[:2], _PART[2:]])
    n_marked = _marked(page)
    assert n_marked > 1
    page.get_by_role("button", name="Make it a cluster").click()
    page.get_by_label("Name", exact=True).fill("Left side")
    page.get_by_role("button", name=f"Keep {n_marked} segments").click()
    page.get_by_text("found again on the page Clusters").wait_for()
    kept = next(h for h in groups.saved(Store(own_store)) if h.parameters["title"] == "Left side")
    rows = groups.table(Store(own_store), kept.key)
    assert (rows["cluster_name"] == "Left side").sum() == n_marked
    page.goto(f"{address}/clusters?clustering={kept.key}")
    page.get_by_role("heading", name="Left side").wait_for()


def test_a_part_is_looked_at_closely_and_its_link_reopens_it(page, mapped):
    _open(page, mapped)
    area = _taking(page, "Look closer", "select")
    inside = sorted(page.evaluate(_INSIDE, _PART))
    n_all = sum(len(xs) for _, xs, _ in page.evaluate(_PLACES))
    assert 1 < len(inside) < n_all
    _drag(page, area, [_PART[:2], _PART[2:]])
    page.wait_for_url("**part=*")
    said = f"All {len(inside)} points of this part of the map, which has {n_all} in all, are drawn."
    page.get_by_text(said).wait_for()
    _drawn(page)
    assert sorted(page.evaluate(_INSIDE, (0, 0, 1, 1))) == inside
    _open(page, page.url)
    page.get_by_text(said).wait_for()
    assert sorted(page.evaluate(_INSIDE, (0, 0, 1, 1))) == inside
    page.get_by_role("button", name="Whole map").click()
    page.get_by_text(said).wait_for(state="detached")
    _drawn(page)
    assert sum(len(xs) for _, xs, _ in page.evaluate(_PLACES)) == n_all


def test_region_is_queried_and_its_hits_are_heard_by_keys(page, address, own_store):
    recording = Store(own_store).table("recordings").to_pylist()[0]["recording"]
    page.goto(f"{address}/similar?recording={recording}&region=2.000-4.000")
    page.get_by_text("Listen through").wait_for()
    page.locator(".listen").get_by_role("button", name="Play").click()
    first = _heard(page, 0)
    assert recording in first["src"]
    assert 2.0 <= first["time_s"] <= 4.1
    page.keyboard.press("ArrowRight")
    _heard(page, 1)
    page.keyboard.press(" ")
    page.locator('.listen[data-playing="false"]').wait_for()


def test_a_take_of_the_microphone_is_looked_for(browser, address, tmp_path):
    take = tmp_path / "take.wav"
    with open_audio(SAMPLES_DIR / "synthetic_diary.mp3") as audio:
        audio.clip_to(take, Span(2.0, 5.0))
    speaking = launched(
        browser.browser_type,
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-audio-capture={take}",
    )
    with visit(speaking.new_context(**VISITOR)) as page:
        page.goto(f"{address}/similar?query=microphone")
        page.get_by_role("button", name="Record", exact=True).click()
        page.wait_for_timeout(2500)
        page.get_by_role("button", name="Stop recording").click()
        page.get_by_text("Listen through").wait_for(timeout=150_000)  # the engine is loaded
        page.locator(".listen").get_by_role("button", name="Play").click()
        assert _heard(page, 0)["src"].startswith("data:audio/wav;base64,")
    speaking.close()


def test_map_is_the_same_after_a_restart_of_the_server(page, mapped, restarted):
    _open(page, mapped)
    before = page.evaluate(_PLACES)
    _open(page, f"{restarted}/map?{mapped.partition('?')[2]}")
    assert page.evaluate(_PLACES) == before


def test_saved_clustering_is_reopened_after_a_restart(page, saved, restarted, own_store):
    kept = next(h for h in groups.saved(Store(own_store)) if h.parameters["title"] == "Tones")
    page.goto(f"{restarted}/clusters?{saved.partition('?')[2]}")
    page.get_by_role("heading", name="Calm one").wait_for()
    page.get_by_text(f"{kept.parameters['sizes'][0]} segments").first.wait_for()


def test_long_computation_says_what_it_does_and_can_be_left(page, address, own_store):
    n = Store(own_store).table("segments").num_rows
    page.goto(f"{address}/map")
    page.get_by_role("button", name="Make the map").click()
    page.get_by_text("you can leave this page").wait_for()
    page.get_by_text(f"Arranging {n} segments by UMAP").wait_for()
    page.get_by_role("link", name="Overview").click()
    page.get_by_text("Select a row to open its timeline").wait_for(timeout=20_000)
