"""Studies in Chromium: a rule made and reviewed by keys; segments labelled, a head fitted, applied."""

import re
import shutil

import pytest

from benchmarks.served import dashboard, wait_until_up
from core.learn import library
from core.pipeline import Pipeline
from core.records import Metadata
from core.store.store import Store
from core.studies import flag_store
from tests.fakes import FakeEngine
from tests.synthetic import LevelDetector, talk, write

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A dashboard over 4 recordings of 8 segments, every other one loud; and its store."""
    folder = tmp_path_factory.mktemp("studies")
    store = Store(folder / "store")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("core.audio.survey.SpeechDetector", LevelDetector)
        for number in range(4):
            parts = [(1.2, 0.0)]
            for k in range(8):
                parts += [(1.0, (0.4 if k % 2 else 0.05) * (1 + number / 10)), (1.2, 0.0)]
            path = write(folder / f"{number}.wav", talk(parts))
            said = Metadata(speaker=f"P{number}")
            assert Pipeline(FakeEngine()).analyze(path, store, said).segments == 8
    with dashboard(folder / "store") as found:
        wait_until_up(found)
        yield found, store
    shutil.rmtree(folder)


def give_name(page) -> None:
    box = page.get_by_label("Who listens", exact=True)
    box.fill("Ann")
    box.press("Enter")
    page.wait_for_function("document.cookie.includes('tonescope_annotator')")
    page.locator("h1").click()  # keys are for the page from here on


def test_make_a_rule_review_ten_and_see_its_precision(page, served):
    address, store = served
    page.goto(f"{address}/flags")
    page.get_by_text(re.compile(r"\d+ flags in \d+ of 4 recordings")).wait_for()
    name = page.get_by_label("Name of the rule", exact=True)
    name.fill("Loud")
    name.press("Enter")
    page.get_by_role("button", name="Save the rule").click()
    page.get_by_text("Saved as Loud, version 1").wait_for()
    page.get_by_role("radio", name="Review").click()
    page.get_by_role("button", name="Draw moments to review").click()
    page.get_by_text("Is this what the rule looks for?").wait_for()
    give_name(page)
    queue = flag_store.queues(store, "Loud")[0]
    for number, moment in enumerate(flag_store.moments(store, queue)[:10], 1):
        page.keyboard.press("y" if moment.flagged else "n")
        page.get_by_text(f"{number} of", exact=False).filter(has_text="moments reviewed").wait_for()
    found = flag_store.quality(store, queue)
    assert found.n_reviewed == 10
    assert found.precision.value == 1.0
    shown = page.locator("[data-testid=stMetric]").filter(has_text="Precision")
    shown.get_by_text("1.00").wait_for()
    page.get_by_text(f"95% interval {found.precision.low:.2f} to 1.00").first.wait_for()


def test_label_twenty_fit_and_apply(page, served):
    address, store = served
    page.goto(f"{address}/calibrate")
    page.get_by_role("button", name="Draw 20 segments").click()
    page.get_by_text("How does this sound?").wait_for()
    give_name(page)
    drawn = library.samples(store)[0]
    for number, row in enumerate(drawn.segments.to_dict("records"), 1):
        page.keyboard.press("1" if row["segment"] % 2 else "7")
        page.get_by_text(f"{number} of 20 labelled").wait_for()
    page.get_by_role("radio", name="Fit").click()
    name = page.get_by_label("Name of the head", exact=True)
    name.fill("Mine")
    name.press("Enter")
    page.get_by_role("button", name="Fit the head").and_(page.locator(":enabled")).click()
    page.get_by_text("Saved as Mine").wait_for()
    shown = page.locator("[data-testid=stMetric]").filter(has_text="UAR of your head")
    shown.get_by_text("1.00").wait_for()
    page.get_by_role("radio", name="Heads").click()
    page.get_by_text("Apply it to all stored segments").click()
    page.get_by_text("32 of 32 segments get a class").wait_for()
    assert library.head(store, "Mine").classes == ("angry", "sad")
