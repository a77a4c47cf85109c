"""The corpus pages in Chromium: a region is queried, a lasso drawn, clusters kept over a restart."""

import shutil

import pytest

from benchmarks.served import dashboard, wait_until_up
from core.explore import groups
from core.store.store import Store

pytestmark = pytest.mark.browser
_STATE = """listen => {
  const audio = listen.querySelector('audio');
  return {at: Number(listen.dataset.at), time_s: audio.currentTime, src: audio.src};
}"""


@pytest.fixture(scope="module")
def own_store(samples_store, tmp_path_factory):
    """A copy of the store with the samples, as these tests write to it."""
    return shutil.copytree(samples_store, tmp_path_factory.mktemp("corpus") / "store")


@pytest.fixture(scope="module")
def address(own_store):
    with dashboard(own_store) as found:
        wait_until_up(found)
        yield found


def _recording(store) -> str:
    return Store(store).table("recordings").to_pylist()[0]["recording"]


def _heard(page, at: int) -> dict:
    """Waits until an entry is played; returns what is heard."""
    playing = page.locator(f'.listen[data-playing="true"][data-at="{at}"]')
    playing.wait_for()
    return playing.evaluate(_STATE)


def test_region_is_queried_and_its_hits_are_heard_by_keys(page, address, own_store):
    recording = _recording(own_store)
    page.goto(f"{address}/similar?recording={recording}&region=2.000-4.000")
    page.get_by_text("Listen through").wait_for()
    page.get_by_role("button", name="Play").first.click()
    first = _heard(page, 0)
    assert recording in first["src"]
    assert 2.0 <= first["time_s"] <= 4.1
    page.keyboard.press("ArrowRight")
    _heard(page, 1)
    page.keyboard.press(" ")
    page.locator('.listen[data-playing="false"]').wait_for()


def _marking(page, address: str):
    """Opens the map, made if need be, in the mode for marking; returns where points are drawn."""
    page.goto(f"{address}/map?method=PCA")
    make = page.get_by_role("button", name="Make the map")
    drawn = page.locator(".js-plotly-plot .scatterlayer .trace").first
    make.or_(drawn).first.wait_for(state="attached")
    if make.count():
        make.click()
    drawn.wait_for(state="attached")
    page.wait_for_timeout(1000)
    area = page.locator(".js-plotly-plot .nsewdrag").first
    area.hover()
    page.get_by_text("Mark several").click()
    page.wait_for_timeout(2000)
    return area


def _drag(page, area, corners: list[tuple[float, float]]) -> None:
    """Drags the mouse through parts of an area; what is drawn round is marked."""
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


def test_lasso_marks_points_and_lists_them(page, address):
    area = _marking(page, address)
    page.locator('.modebar-btn[data-title="Lasso Select"]').first.click()
    _drag(page, area, [(0.02, 0.02), (0.6, 0.02), (0.6, 0.98), (0.02, 0.98), (0.02, 0.02)])
    n_marked = _marked(page)
    assert n_marked > 1
    page.locator(f'.listen[data-count="{n_marked}"]').wait_for()


def test_box_marks_points_that_become_a_cluster(page, address, own_store):
    area = _marking(page, address)
    page.locator('.modebar-btn[data-title="Box Select"]').first.click()
    _drag(page, area, [(0.02, 0.02), (0.6, 0.98)])
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


_PLACES = """() => document.querySelector('.js-plotly-plot').data
  .map(t => [t.name, Array.from(t.x), Array.from(t.y)])"""


def test_map_is_the_same_after_a_restart_of_the_server(browser, own_store):
    page = browser.new_context(viewport={"width": 1440, "height": 1000}).new_page()
    page.set_default_timeout(90_000)
    with dashboard(own_store) as address:
        wait_until_up(address)
        _marking(page, address)
        page.wait_for_url("**map=*")
        query, before = page.url.partition("?")[2], page.evaluate(_PLACES)
    with dashboard(own_store) as address:
        wait_until_up(address)
        page.goto(f"{address}/map?{query}")
        page.locator(".js-plotly-plot .scatterlayer .trace").first.wait_for(state="attached")
        assert page.evaluate(_PLACES) == before
    page.context.close()


def test_saved_clustering_is_reopened_after_a_restart(browser, own_store):
    page = browser.new_context(viewport={"width": 1440, "height": 1000}).new_page()
    page.set_default_timeout(90_000)
    with dashboard(own_store) as address:
        wait_until_up(address)
        page.goto(f"{address}/clusters?k=3")
        page.get_by_role("button", name="Find clusters").click()
        page.get_by_text("Name, merge and save").click()
        page.get_by_label("Title").fill("Tones")
        page.get_by_label("Name of cluster 1").fill("Calm one")
        page.get_by_role("button", name="Save").click()
        page.wait_for_url("**clustering=*")
        query = page.url.partition("?")[2]
    kept = groups.saved(Store(own_store))[0]
    with dashboard(own_store) as address:
        wait_until_up(address)
        page.goto(f"{address}/clusters?{query}")
        page.get_by_role("heading", name="Calm one").wait_for()
        size = f"{kept.parameters['sizes'][0]} segments"
        page.get_by_text(size).first.wait_for()
    page.context.close()
