"""The recording page in Chromium: what one sees is what one hears, and what the library says."""

import re
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest

from benchmarks.served import audio_state, dashboard, wait_until_up
from core.records import Span
from core.store.store import Store
from core.timeline.track import Timeline

pytestmark = pytest.mark.browser

DURATION_S = 24.71
# Time at the playhead's pixel, and the clock of the audio element, over 40 frames of the screen.
_CLOCKS = """async () => {
  const head = document.querySelector(".tsc-playhead"), stack = document.querySelector(".tsc-stack");
  const media = document.querySelector(".tsc-media").firstElementChild;
  const [from, to] = document.querySelector(".tsc-plot").layout.xaxis.range;
  const found = [];
  for (let i = 0; i < 40; i += 1) {
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0)));
    const x = new DOMMatrix(getComputedStyle(head).transform).m41;
    const shown = from + ((x - 84) / (stack.clientWidth - 94)) * (to - from);
    found.push([shown, media.currentTime]);
  }
  return {found, paused: media.paused, decoded: media.readyState >= 2 && media.duration > 0};
}"""


@pytest.fixture(scope="module")
def address(samples_store):
    with dashboard(samples_store) as found:
        wait_until_up(found)
        yield found


@pytest.fixture(scope="module")
def diary(samples_store):
    """The SHA-256 of the diary, and its timeline as the library reads it."""
    store = Store(samples_store)
    tracks = store.lake.read("tracks").to_pylist()
    names = {r["recording"]: r["name"] for r in store.lake.read("recordings").to_pylist()}
    row = next(r for r in tracks if names[r["recording"]] == "synthetic_diary.mp3")
    track = store.track(row["recording"], None, row["track_key"])
    return row["recording"], Timeline(track)


@pytest.fixture
def opened(page, address, diary):
    _open(page, f"{address}/recording?recording={diary[0]}")
    return page


def _open(page, url: str) -> None:
    page.goto(url)
    page.locator('.tsc[data-ready="1"]').wait_for()
    page.locator(".tsc-plot .scatterlayer .trace").nth(8).wait_for(state="attached")


def _x(page, seconds: float) -> float:
    box = page.locator(".tsc-stack").bounding_box()
    return box["x"] + 84 + seconds / DURATION_S * (box["width"] - 94)


def _y(page) -> float:
    return page.locator(".tsc-plot").bounding_box()["y"] + 120


def _drag(page, start_s: float, end_s: float) -> Span:
    """Marks a region as a person does; returns what the address then says."""
    page.mouse.move(_x(page, start_s), _y(page))
    page.mouse.down()
    page.mouse.move(_x(page, end_s), _y(page), steps=4)
    page.mouse.up()
    page.wait_for_url("**region=*")
    return _span(page.url, "region")


def _span(url: str, key: str) -> Span:
    start, end = parse_qs(urlsplit(url).query)[key][0].split("-")
    return Span(float(start), float(end))


def _until(page, holds, said: str) -> dict:
    for _ in range(200):
        state = audio_state(page)
        if state and holds(state):
            return state
        page.wait_for_timeout(50)
    raise AssertionError(f"{said}: {audio_state(page)}")


def test_playhead_keeps_to_the_clock_of_the_sound(opened):
    page = opened
    _until(page, lambda s: s["duration_s"] and s["duration_s"] > 20, "no sound came")
    page.mouse.click(_x(page, 7.3), _y(page))  # a click seeks
    _until(page, lambda s: abs(s["time_s"] - 7.3) < 0.03, "the click did not seek")
    clocks = page.evaluate(_CLOCKS)
    assert clocks["paused"]
    assert clocks["decoded"]
    np.testing.assert_allclose(*np.array(clocks["found"]).T, atol=0.05)
    page.keyboard.press("Space")
    _until(page, lambda s: not s["paused"] and s["time_s"] > 7.4, "it did not play")
    shown, heard = np.array(page.evaluate(_CLOCKS)["found"]).T
    assert heard[-1] > heard[0] + 0.1  # it was really decoded and went on
    # The middle one of 40: a busy machine may hold back a frame of the screen, not the clock.
    assert np.median(np.abs(shown - heard)) < 0.05
    page.keyboard.press("Space")
    _until(page, lambda s: s["paused"], "it did not stop")


def test_a_dragged_region_has_the_scores_of_the_library_and_the_link_reopens_it(opened, diary):
    page = opened
    region = _drag(page, 5.9, 9.4)
    assert region.start_s == pytest.approx(5.9, abs=0.05)
    assert region.end_s == pytest.approx(9.4, abs=0.05)
    chart = ".st-key-recording-region-scores .js-plotly-plot"
    page.locator(chart).wait_for()
    shown = page.evaluate(f"() => Array.from(document.querySelector('{chart}').data[0].x)")
    read = diary[1].read_out(region)
    np.testing.assert_allclose(shown, read.scores, atol=1e-6)
    page.get_by_text(f"{read.confidence:.2f}", exact=True).first.wait_for()
    page.keyboard.press("Enter")  # zoom to it
    page.wait_for_url("**zoom=*")
    page.wait_for_timeout(400)
    url, zoom = page.url, _span(page.url, "zoom")
    again = page.context.new_page()
    _open(again, url)
    again.locator(chart).wait_for(timeout=60_000)
    drawn = again.evaluate("() => document.querySelector('.tsc-plot').layout.xaxis.range")
    np.testing.assert_allclose(drawn, [zoom.start_s, zoom.end_s], atol=1e-3)
    assert "(3.5" in again.locator(".tsc-said").inner_text()
    assert (_span(again.url, "region"), _span(again.url, "zoom")) == (region, zoom)


def test_keys_play_step_mark_loop_and_explain(opened, diary):
    page = opened
    _until(page, lambda s: s["duration_s"] and s["duration_s"] > 20, "no sound came")
    page.locator(".tsc").focus()
    for key, time_s in (("Shift+ArrowRight", 1.0), ("ArrowRight", 1.02), ("ArrowLeft", 1.0)):
        page.keyboard.press(key)
        _until(page, lambda s, t=time_s: abs(s["time_s"] - t) < 0.002, key)
    borders = [0.68, 4.66]
    page.keyboard.press("n")
    _until(page, lambda s: abs(s["time_s"] - borders[1]) < 0.02, "n")
    page.keyboard.press("p")
    _until(page, lambda s: abs(s["time_s"] - borders[0]) < 0.02, "p")
    page.keyboard.press("[")
    page.keyboard.press("n")
    _until(page, lambda s: abs(s["time_s"] - borders[1]) < 0.02, "n")
    page.keyboard.press("]")
    page.wait_for_url("**region=0.680-4.660*")
    page.keyboard.press("l")
    assert page.locator('[data-do="loop"]').get_attribute("aria-pressed") == "true"
    page.keyboard.press("Space")  # it plays on from the end of the region, and so from its start
    _until(page, lambda s: not s["paused"] and 0.6 < s["time_s"] < 3.0, "the loop")
    page.keyboard.press("Space")
    page.keyboard.press("+")
    page.wait_for_url("**zoom=*")
    page.keyboard.press("?")
    assert page.get_by_role("dialog", name="Keys").is_visible()
    told = page.locator(".tsc-help").inner_text()
    assert re.search("next and previous (turning point|border of a segment)", told)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="sad").click(modifiers=["Shift"])
    visible = page.evaluate(
        "() => document.querySelector('.tsc-plot').data.filter(t => t.visible).map(t => t.name)"
    )
    assert visible == ["sad"]
    page.get_by_role("button", name="sad").dblclick()  # alone already: the others come back
    page.wait_for_function(
        "() => document.querySelectorAll('.tsc-legend [aria-pressed=true]').length === 9"
    )
    page.get_by_role("button", name="angry").click()
    page.wait_for_function(
        "() => document.querySelectorAll('.tsc-legend [aria-pressed=true]').length === 8"
    )
    page.get_by_role("button", name="happy").dblclick()
    page.wait_for_function(
        "() => document.querySelectorAll('.tsc-legend [aria-pressed=true]').length === 1"
    )
    assert page.get_by_role("button", name="happy").get_attribute("aria-pressed") == "true"
