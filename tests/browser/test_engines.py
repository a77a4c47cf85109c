"""Engines in the browser: fetched from a hub with progress, verified, chosen, used."""

from collections.abc import Iterator

import pytest

from benchmarks.served import dashboard, wait_until_up
from core.settings import SAMPLES_DIR
from tests.emotion2vec import SPEC, config, write_directory
from tests.hub import Hub, serve

pytestmark = pytest.mark.browser

NAME = "emotion2vec_plus_seed"


@pytest.fixture(scope="module")
def hub(tmp_path_factory) -> Iterator[Hub]:
    """A hub with a model of few channels: 1 MB, and quick to compare with FunASR on 30 s."""
    pytest.importorskip("funasr", reason="FunASR is not installed")
    small = config()
    audio = small["model_conf"]["modalities"]["audio"]
    audio["feature_encoder_spec"] = SPEC.replace("512", "64")
    folder = write_directory(tmp_path_factory.mktemp("small") / "model", settings=small)
    with serve(folder, pause_s=10.0) as found:
        yield found


@pytest.fixture(scope="module")
def address(hub, tmp_path_factory) -> Iterator[str]:
    """The address of a dashboard that fetches from a hub on this machine."""
    folder = tmp_path_factory.mktemp("engines")
    extra = {"TONESCOPE_MODELS": str(folder / "models"), "MODELSCOPE_DOMAIN": hub.address}
    with dashboard(folder / "store", extra) as found:
        wait_until_up(found)
        yield found


def test_engine_is_fetched_verified_chosen_and_used(page, address, hub):
    page.set_default_timeout(200_000)
    page.goto(f"{address}/engines")
    page.get_by_text("CC BY-NC-SA 4.0").first.wait_for()
    page.get_by_test_id("stBaseButton-secondary").filter(has_text="Fetch").first.click()
    page.get_by_text("Fetching,").first.wait_for()  # MB fetched, of all
    page.reload()
    page.get_by_text("Fetching,").first.wait_for()  # it survives a reload
    hub.pause_s = 0
    page.get_by_text("Verifying").wait_for()
    page.get_by_text("Verified: every file").wait_for()
    page.get_by_role("combobox", name="Default engine").click()
    page.get_by_role("option", name=NAME).click()
    page.get_by_text("is the default now").wait_for()
    asked = len(hub.headers)
    page.get_by_role("link", name="Analyse").click()
    page.get_by_role("heading", name="Analyse recordings").wait_for()
    assert page.get_by_role("combobox", name="Engine").input_value() == NAME
    page.locator("input[type=file]").first.set_input_files(SAMPLES_DIR / "synthetic_diary.mp3")
    page.get_by_role("button", name="Analyse 1 file").click()
    page.get_by_text("1 analysed").wait_for()
    page.get_by_role("link", name="Open").click()
    page.locator(".js-plotly-plot .scatterlayer .trace").nth(8).wait_for(state="attached")
    page.get_by_text(NAME).first.wait_for(state="attached")  # folded away, with how it was made
    assert len(hub.headers) == asked  # offline once it is fetched
