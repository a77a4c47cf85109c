"""The recording page in Chromium: what one sees is what one hears, and what the library says."""

from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest

from benchmarks.served import audio_state
from core.records import Span
from core.store.store import Store
from core.timeline.track import Timeline
from core.timeline.turning_points import turning_points
from tests.browser.conftest import visit

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
    found.push([shown, media.currentTime, performance.now() / 1000]);
  }
  return {found, rate: media.playbackRate, pitch: media.preservesPitch, paused: media.paused,
    decoded: media.readyState >= 2 && media.duration > 0};
}"""


@pytest.fixture(scope="module")
def diary(samples_store):
    """The SHA-256 of the diary, and its timeline as the library reads it."""
    store = Store(samples_store)
    tracks = store.lake.read("tracks").to_pylist()
    names = {r["recording"]: r["name"] for r in store.lake.read("recordings").to_pylist()}
    row = next(r for r in tracks if names[r["recording"]] == "synthetic_diary.mp3")
    track = store.track(row["recording"], None, row["track_key"])
    return row["recording"], Timeline(track)


@pytest.fixture(scope="module")
def seen(visitor, samples_address, diary):
    """The page of the diary, which stays open."""
    with visit(visitor) as page:
        _open(page, f"{samples_address}/recording?recording={diary[0]}")
        _until(page, lambda s: s["duration_s"] and s["duration_s"] > 20, "no sound came")
        yield page


@pytest.fixture
def opened(seen):
    """The page at its beginning: nothing plays, nothing is marked, all of it is shown."""
    seen.evaluate(
        "() => { const m = document.querySelector('.tsc-media > *'); m.pause(); m.currentTime = 0; }"
    )
    seen.locator(".tsc").focus()
    seen.keyboard.press("Escape")
    seen.keyboard.press("0")
    seen.wait_for_url(lambda url: "region=" not in url and "zoom=" not in url)
    return seen


@pytest.fixture
def another(visitor):
    """A page of somebody else."""
    with visit(visitor) as page:
        yield page


def _open(page, url: str) -> None:
    page.goto(url)
    _drawn(page)


def _drawn(page, n_curves: int = 9) -> None:
    page.locator('.tsc[data-ready="1"]').wait_for()
    page.locator(".tsc-plot .scatterlayer .trace").nth(n_curves - 1).wait_for(state="attached")


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


def _middle(span: Span) -> float:
    return (span.start_s + span.end_s) / 2


def _until(page, holds, said: str) -> dict:
    for _ in range(200):
        state = audio_state(page)
        if state and holds(state):
            return state
        page.wait_for_timeout(50)
    raise AssertionError(f"{said}: {audio_state(page)}")


def test_playhead_keeps_to_the_clock_of_the_sound(opened):
    page = opened
    page.mouse.click(_x(page, 7.3), _y(page))  # a click seeks
    _until(page, lambda s: abs(s["time_s"] - 7.3) < 0.03, "the click did not seek")
    clocks = page.evaluate(_CLOCKS)
    assert clocks["paused"]
    assert clocks["decoded"]
    shown, heard, _ = np.array(clocks["found"]).T
    np.testing.assert_allclose(shown, heard, atol=0.05)
    page.keyboard.press("Space")
    _until(page, lambda s: not s["paused"] and s["time_s"] > 7.4, "it did not play")
    shown, heard, _ = np.array(page.evaluate(_CLOCKS)["found"]).T
    assert heard[-1] > heard[0] + 0.1  # it was really decoded and went on
    # The middle one of 40: a busy machine may hold back a frame of the screen, not the clock.
    assert np.median(np.abs(shown - heard)) < 0.05
    page.keyboard.press("Space")
    _until(page, lambda s: s["paused"], "it did not stop")


@pytest.mark.parametrize("speed", [2, 0.5])
def test_sound_runs_at_the_asked_speed_with_its_pitch_and_the_playhead_with_it(opened, speed):
    page = opened
    page.get_by_label("Speed", exact=True).select_option(str(speed))
    page.mouse.click(_x(page, 2.0), _y(page))
    _until(page, lambda s: abs(s["time_s"] - 2.0) < 0.05, "the click did not seek")
    page.keyboard.press("Space")
    _until(page, lambda s: not s["paused"] and s["time_s"] > 2.2, "it did not play")
    told = page.evaluate(_CLOCKS)
    page.keyboard.press("Space")
    _until(page, lambda s: s["paused"], "it did not stop")
    assert (told["rate"], told["pitch"]) == (speed, True)
    shown, heard, wall = np.array(told["found"]).T
    assert heard[-1] - heard[0] == pytest.approx(speed * (wall[-1] - wall[0]), rel=0.15, abs=0.1)
    assert np.median(np.abs(shown - heard)) < 0.05
    page.get_by_label("Speed", exact=True).select_option("1")


def test_a_dragged_region_has_the_scores_of_the_library_and_the_link_reopens_it(
    opened, another, diary
):
    page, again = opened, another
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
    _open(again, url)
    again.locator(chart).wait_for(timeout=60_000)
    drawn = again.evaluate("() => document.querySelector('.tsc-plot').layout.xaxis.range")
    np.testing.assert_allclose(drawn, [zoom.start_s, zoom.end_s], atol=1e-3)
    assert "(3.5" in again.locator(".tsc-said").inner_text()
    assert (_span(again.url, "region"), _span(again.url, "zoom")) == (region, zoom)


def test_keys_play_step_mark_loop_and_explain(opened, diary):
    page = opened
    for key, time_s in (("Shift+ArrowRight", 1.0), ("ArrowRight", 1.02), ("ArrowLeft", 1.0)):
        page.keyboard.press(key)
        _until(page, lambda s, t=time_s: abs(s["time_s"] - t) < 0.002, key)
    first_s, *_ = [point.time_s for point in turning_points(diary[1])]
    page.keyboard.press("n")
    _until(page, lambda s: abs(s["time_s"] - first_s) < 0.02, "n")
    page.keyboard.press("[")
    for _ in range(4):
        page.keyboard.press("Shift+ArrowRight")
    _until(page, lambda s: abs(s["time_s"] - first_s - 4.0) < 0.02, "four seconds on")
    page.keyboard.press("]")
    page.wait_for_url(f"**region={first_s:.3f}-{first_s + 4:.3f}*")
    page.keyboard.press("p")
    _until(page, lambda s: abs(s["time_s"] - first_s) < 0.02, "p")
    page.keyboard.press("l")
    assert page.locator('[data-do="loop"]').get_attribute("aria-pressed") == "true"
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Space")  # it plays on from the end of the region, and so from its start
    _until(page, lambda s: not s["paused"] and -0.1 < s["time_s"] - first_s < 2.3, "the loop")
    page.keyboard.press("Space")
    page.keyboard.press("+")
    page.wait_for_url("**zoom=*")
    before = _span(page.url, "zoom")
    page.mouse.move(_x(page, 12.0), _y(page))
    page.mouse.wheel(-240, 0)  # along, backwards
    page.wait_for_url(lambda url: _span(url, "zoom").start_s < before.start_s - 1)
    assert _span(page.url, "zoom").duration_s == pytest.approx(before.duration_s, abs=0.002)
    box = page.locator(".tsc-overview").bounding_box()
    page.mouse.click(_x(page, 18.0), box["y"] + box["height"] / 2)
    page.wait_for_url(lambda url: abs(_middle(_span(url, "zoom")) - 18.0) < 0.1)
    assert _span(page.url, "zoom").duration_s == pytest.approx(before.duration_s, abs=0.002)
    page.locator(".tsc").focus()
    page.keyboard.press("?")
    assert page.get_by_role("dialog", name="Keys").is_visible()
    told = page.locator(".tsc-help").inner_text()
    assert "next and previous turning point" in told
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


def test_a_choice_that_is_clicked_again_stays(opened):
    for name in ("Stacked", "Stacked", "Lines", "Lines"):
        choice = opened.get_by_test_id("stMain").get_by_role("radio", name=name)
        choice.click()
        opened.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
        opened.wait_for_timeout(300)
        assert choice.get_attribute("aria-checked") == "true"


def test_what_one_set_is_there_after_a_reload_and_by_the_link(opened, another):
    page, again = opened, another
    if _hidden(page):
        page.get_by_role("button", name="happy").dblclick()  # alone by now: the others come back
    page.get_by_role("button", name="sad").click()
    page.get_by_role("button", name="unknown").click()
    page.get_by_role("button", name="Spectrogram").click()
    page.get_by_role("button", name="Prosody").click()
    page.get_by_label("Speed", exact=True).select_option("1.5")
    if "loop" not in _pressed(page):
        page.get_by_role("button", name="Loop").click()
    page.wait_for_url("**hide=sad-unknown*")
    assert parse_qs(urlsplit(page.url).query)["spectrogram"] == ["1"]
    assert parse_qs(urlsplit(page.url).query)["prosody"] == ["0"]
    page.reload()
    _drawn(page, 7)
    assert (_hidden(page), _pressed(page)) == (["sad", "unknown"], ["loop", "spectrogram"])
    assert page.get_by_label("Speed", exact=True).input_value() == "1.5"
    assert page.evaluate("() => document.querySelector('.tsc-media > *').playbackRate") == 1.5
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy link").click()
    page.get_by_text("The address of this view is copied.").wait_for()
    copied = page.evaluate("() => navigator.clipboard.readText()")
    assert copied == page.url
    again.goto(copied)  # the view is in the link; how one listens is not
    _drawn(again, 7)
    assert (_hidden(again), _pressed(again)) == (["sad", "unknown"], ["spectrogram"])
    assert again.get_by_label("Speed", exact=True).input_value() == "1"


def _hidden(page) -> list[str]:
    drawn = (
        "() => document.querySelector('.tsc-plot').data.filter(t => !t.visible).map(t => t.name)"
    )
    off = page.locator('.tsc-legend [aria-pressed="false"]').all_inner_texts()
    assert page.evaluate(drawn) == off
    return off


def _pressed(page) -> list[str]:
    return page.evaluate(
        "() => [...document.querySelectorAll('.tsc-bar [aria-pressed=true]')].map(b => b.dataset.do)"
    )
