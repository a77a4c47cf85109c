"""A newcomer's path: from an empty store to a timeline, a sound and a file that opens."""

import io
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pandas as pd
import pytest

from benchmarks.served import audio_state
from core.emotions import EMOTIONS
from core.settings import SAMPLES_DIR
from tests.browser.conftest import visit

pytestmark = pytest.mark.browser

TALK = SAMPLES_DIR / "synthetic_diary.mp3"


def _downloaded(page, button: str) -> bytes:
    with page.expect_download() as started:
        page.get_by_role("button", name=button).click()
    path = started.value.path()
    return path.read_bytes()


@pytest.fixture(scope="module")
def seen(visitor, address) -> Iterator[object]:
    """Uploads a recording as a newcomer does; yields the page of its timeline."""
    with visit(visitor) as page:
        page.set_default_timeout(90_000)
        page.goto(address)
        page.get_by_text("Nothing is here yet").wait_for()
        page.get_by_role("button", name="Analyse my own recordings").click()
        page.locator("input[type=file]").first.set_input_files(TALK)
        page.get_by_role("button", name="Analyse 1 file").click()
        page.get_by_role("button", name="Cancel").wait_for()  # progress, while it runs
        page.get_by_text("1 analysed").wait_for()
        page.reload()
        page.get_by_text("1 analysed").wait_for()  # a result survives a reload
        page.get_by_role("link", name="Open").click()
        page.locator(".tsc-plot .scatterlayer .trace").nth(8).wait_for(state="attached")
        page.wait_for_url("**/recording?recording=*")
        yield page


@pytest.fixture(scope="module")
def analysed(seen) -> str:
    """The address of the timeline."""
    return seen.url


@pytest.fixture(scope="module")
def table(seen) -> pd.DataFrame:
    """The segments as they are downloaded."""
    return pd.read_csv(io.BytesIO(_downloaded(seen, "Download data")))


def test_uploaded_recording_shows_nine_traces(seen):
    page = seen
    traces = page.evaluate(
        "() => document.querySelector('.tsc-plot').data.map(t => [t.name, t.x.length])"
    )
    assert [name for name, _ in traces] == [str(emotion) for emotion in EMOTIONS]
    assert all(n_points > 500 for _, n_points in traces)
    assert page.get_by_role("heading", name=TALK.name).is_visible()


def test_downloaded_data_opens_and_holds_the_nine_scores(table, analysed):
    names = [str(emotion) for emotion in EMOTIONS]
    np.testing.assert_allclose(table[names].sum(axis=1), 1, atol=1e-6)
    assert (table["end_s"] > table["start_s"]).all()
    assert table["engine_id"].str.fullmatch(r"compact-[0-9a-f]{12}").all()
    assert table["recording"].unique().tolist() == parse_qs(urlsplit(analysed).query)["recording"]


def test_downloaded_chart_opens_without_a_network(seen, browser, tmp_path):
    file = tmp_path / "chart.html"
    file.write_bytes(_downloaded(seen, "Download chart"))
    context = browser.new_context(offline=True)
    offline = context.new_page()
    offline.goto(file.as_uri())
    offline.locator(".js-plotly-plot .scatterlayer .trace").nth(8).wait_for(state="attached")
    caption = offline.locator(".annotation-text").first.text_content()
    assert caption.startswith(f"{TALK.name}. Smoothing 1 s, speech frames. Engine compact-")
    context.close()


def test_a_segment_of_the_chart_is_played_from_its_start_to_its_end(seen, table):
    page = seen
    start_s, end_s = table.loc[2, ["start_s", "end_s"]].astype(float)
    page.locator(".tsc-lanes").scroll_into_view_if_needed()
    lanes = page.locator(".tsc-lanes").bounding_box()
    inner = lanes["width"] - 94  # the gutter and the margin of the view
    middle = (start_s + end_s) / 2 / 24.71
    page.mouse.click(lanes["x"] + 84 + middle * inner, lanes["y"] + 10)
    state = _playing_from(page, start_s)
    assert state["duration_s"] == pytest.approx(24.7, abs=0.2)
    assert start_s - 0.05 <= state["time_s"] <= end_s + 0.3


def _playing_from(page, start_s: float) -> dict:
    """Waits until the sound plays at `start_s` or later; returns the state of the element."""
    for _ in range(200):
        state = audio_state(page)
        if state and not state["paused"] and state["time_s"] >= start_s:
            return state
        page.wait_for_timeout(50)
    raise AssertionError(f"the sound did not start: {audio_state(page)}")


def test_link_reopens_the_view(page, seen, analysed):
    again, page = page, seen
    page.get_by_role("radio", name="Stacked").click()
    page.wait_for_url("**view=Stacked*")
    again.goto(page.url)
    again.locator(".js-plotly-plot .scatterlayer .trace").nth(8).wait_for(state="attached")
    groups = again.evaluate(
        "() => document.querySelector('.tsc-plot').data.map(t => t.stackgroup ?? null)"
    )
    assert groups == ["curves"] * 9


def test_audio_is_served_in_ranges_and_only_by_its_hash(page, analysed, address):
    recording = parse_qs(urlsplit(analysed).query)["recording"][0]
    answer = page.request.get(
        f"{address}/tonescope/audio/{recording}", headers={"Range": "bytes=100-199"}
    )
    assert answer.status == 206
    assert answer.body() == TALK.read_bytes()[100:200]
    assert page.request.get(f"{address}/tonescope/audio/{'0' * 64}").status == 404
    assert page.request.get(f"{address}/tonescope/audio/..%2f..%2fetc%2fpasswd").status in (
        400,
        404,
    )


def test_overview_counts_what_was_analysed(page, address, analysed):
    page.goto(address)
    metrics = page.get_by_test_id("stMetric")
    metrics.filter(has_text="Duration").filter(has_text="24.7 s").wait_for()
    assert metrics.first.inner_text().split() == ["Recordings", "1"]
    page.get_by_text("Select a row to open its timeline").wait_for()
