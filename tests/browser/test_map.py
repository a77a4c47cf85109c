"""The map in Chromium: made, clicked, heard, opened, kept over a reload, left while it is made."""

import pytest

from benchmarks.served import audio_state, dashboard, wait_until_up
from core.store import maps
from core.store.store import Store

pytestmark = pytest.mark.browser

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


@pytest.fixture(scope="module")
def address(samples_store):
    with dashboard(samples_store) as found:
        wait_until_up(found)
        yield found


@pytest.fixture(scope="module")
def mapped(browser, address) -> str:
    """Makes the map as a visitor does; returns its address."""
    page = browser.new_context(viewport={"width": 1440, "height": 1000}).new_page()
    page.set_default_timeout(60_000)
    page.goto(f"{address}/map?method=PCA")
    page.get_by_text("There is no PCA map").wait_for()
    page.get_by_role("button", name="Make the map").click()
    page.locator(".js-plotly-plot .scatterlayer .trace").first.wait_for(state="attached")
    url = page.url
    page.context.close()
    return url


def _open(page, url: str) -> None:
    page.goto(url)
    page.locator(".js-plotly-plot .scatterlayer .trace").first.wait_for(state="attached")


def _places(page) -> list:
    return page.evaluate(
        "() => document.querySelector('.js-plotly-plot').calcdata.map(c => c[0].trace)"
        ".map(t => [t.name, Array.from(t.x), Array.from(t.y)])"
    )


def test_every_segment_is_a_point_and_stays_where_it_is(page, mapped, samples_store):
    _open(page, mapped)
    store = Store(samples_store)
    (head,) = [h for h in maps.heads(store, "projection") if h.method == "pca"]
    stored = maps.points(store, "projection", head.key)
    before = _places(page)
    shown = sorted(x for _, xs, _ in before for x in xs)
    assert shown == pytest.approx(sorted(stored["x"].astype(float)), abs=1e-5)
    page.reload()
    page.locator(".js-plotly-plot .scatterlayer .trace").first.wait_for(state="attached")
    assert _places(page) == before


def test_a_clicked_point_is_heard_and_its_recording_opened(page, mapped):
    _open(page, mapped)
    page.wait_for_timeout(1000)
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


def test_clusters_are_coloured_and_the_link_reopens_them(page, mapped):
    _open(page, f"{mapped}&colour=Cluster")
    page.get_by_text("suggested by silhouette").wait_for()
    names = [name for name, _, _ in _places(page)]
    assert names[0].startswith("cluster 1 (")
    page.wait_for_url("**colour=Cluster*")
    again = page.context.new_page()
    _open(again, page.url)
    again.get_by_text("suggested by silhouette").wait_for()
    assert [name for name, _, _ in _places(again)] == names


def test_long_computation_says_what_it_does_and_can_be_left(page, address, mapped, samples_store):
    n = Store(samples_store).table("segments").num_rows
    page.goto(f"{address}/map")
    page.get_by_role("button", name="Make the map").click()
    page.get_by_text("you can leave this page").wait_for()
    page.get_by_text(f"Arranging {n} segments by UMAP").wait_for()
    page.get_by_role("link", name="Overview").click()
    page.get_by_text("Select a row to open its timeline").wait_for(timeout=20_000)
