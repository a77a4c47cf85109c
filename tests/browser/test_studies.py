"""Studies in Chromium: a rule reviewed by keys; a head fitted; sessions from the table to the file."""

import io
import re
import zipfile
from urllib.parse import parse_qs, urlparse

import pandas as pd
import pytest

from benchmarks.served import dashboard, wait_until_up
from core.emotions import Emotion
from core.labels import history
from core.labels.records import Draft
from core.learn import library
from core.store.corpus import corpus
from core.store.store import Store
from core.studies import corrected, flag_store, metadata, transitions, trends
from tests import stores

pytestmark = pytest.mark.browser
HEARD = """([recording, start, end]) => {
  const find = (root) => [...root.querySelectorAll("*")].flatMap(
    (e) => e.tagName === "AUDIO" ? [e] : e.shadowRoot ? find(e.shadowRoot) : []);
  return find(document).some((a) => a.src.includes(recording)
    && a.currentTime > start && a.currentTime <= end + 0.3);
}"""


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A dashboard over 4 recordings of 8 segments, every other one loud; and its store."""
    folder = stores.loud_and_soft(tmp_path_factory.mktemp("studies"))
    with dashboard(folder) as found:
        wait_until_up(found)
        yield found, Store(folder)


def give_name(page, label="Who listens") -> None:
    box = page.get_by_label(label, exact=True)
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


def tab(page, name: str) -> None:
    page.get_by_role("radio", name=name, exact=True).click()


def choose(page, label: str, option: str) -> None:
    """Chooses in a box by the keyboard."""
    box = page.locator("[data-testid=stSelectbox]").filter(has=page.get_by_text(label, exact=True))
    box.locator("input").fill(option)
    page.keyboard.press("Enter")


def cell(page, table: int, x: int, row: int) -> None:
    """Clicks a cell of a table, which is a canvas; a negative place is from the right."""
    place = page.locator("[data-testid=stDataFrame]").nth(table)
    x = x if x > 0 else place.bounding_box()["width"] + x
    place.click(position={"x": x, "y": 35 * (row + 1) + 17}, delay=100)  # less is no click to it


def names_of_lines(page, chart: str) -> list[str]:
    figure = page.locator(f"[aria-label='{chart}'] .js-plotly-plot, .js-plotly-plot").first
    figure.wait_for()
    return figure.evaluate("figure => figure.data.map(line => line.name)")


def test_session_is_edited_in_the_table_and_taken_back(page, served):
    address, store = served
    before = metadata.table(store).iloc[0]
    page.goto(f"{address}/sessions")
    give_name(page, "Who edits")
    page.get_by_text("Edit in the table, then save").wait_for()
    editor = page.locator("#portal textarea, #portal input")
    for _ in range(10):  # a click on a table that is just drawn anew goes astray
        cell(page, 0, 300, 0)
        page.keyboard.press("Enter")
        page.wait_for_timeout(300)
        if editor.count():
            break
    editor.fill("spring")
    editor.press("Enter")
    page.get_by_role("button", name="Save 1 change", exact=True).click()
    page.get_by_role("heading", name="4 recordings, 3 sessions").wait_for()
    assert metadata.table(store).iloc[0]["session"] == "spring"
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("heading", name="4 recordings, 2 sessions").wait_for()
    assert metadata.table(store).iloc[0]["session"] == before["session"]


def test_sessions_from_the_trend_to_the_table_for_r(page, served):
    address, store = served
    found = corpus(store, "fake").segments
    for _, mine in found.groupby("recording"):
        row = mine.iloc[3]
        place = {key: row[key] for key in ("recording", "start_s", "end_s")}
        history.add(store, Draft(term="surprised", annotator="Bea", **place))

    page.goto(f"{address}/sessions?step=Trend")
    page.get_by_text("with fewer than 8 speakers there is no mean and no interval").wait_for()
    assert set(names_of_lines(page, "Share")) == {"P0", "P1", "P2", "P3"}

    tab(page, "Courses")
    page.get_by_text("2 and 2 speakers, all 6 permutations").wait_for()
    tab(page, "Round an event")
    choose(page, "Event", "Label by people")
    choose(page, "Which", "surprised")
    page.get_by_text("Events: s0: 2, s1: 2").wait_for()
    page.get_by_text("thin lines are the speakers").wait_for()

    tab(page, "Like this")
    page.get_by_text("most like it").wait_for()
    cell(page, 0, 17, 0)
    hit = page.get_by_role("link", name="Open")
    hit.wait_for()
    asked = parse_qs(urlparse(hit.get_attribute("href")).query)
    page.wait_for_function(
        HEARD, arg=[*asked["recording"], *map(float, asked["region"][0].split("-"))]
    )

    tab(page, "Transitions")
    changes = transitions.over_speakers(found)
    page.get_by_text(f"of {int(changes.counts.sum())} changes").wait_for()
    cell(page, 0, -60, 0)
    n = len(transitions.places(found, Emotion.ANGRY, Emotion.SAD))
    page.get_by_text(f"1.00 of what follows (no interval under 8 speakers), {n} times").wait_for()

    tab(page, "Engine's error")
    page.get_by_role("button", name="Draw the sample").click()
    page.get_by_text("0 of 32 labelled").wait_for()
    give_name(page)
    page.keyboard.press("7")
    page.get_by_text("1 of 32 labelled").wait_for()
    (drawn,) = corrected.draws(store, "fake-000000000000")
    labels = history.of(store, drawn.segments["recording"][0])
    assert ("sad", "Ann") in [(label.term, label.annotator) for label in labels]

    tab(page, "Table for R")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download CSV with codebook").click()
    archive = zipfile.ZipFile(io.BytesIO(download.value.path().read_bytes()))
    rows = pd.read_csv(archive.open("tidy.csv"))
    expected = trends.tidy(store, "fake")
    assert rows["emotion"].tolist() == expected["emotion"].tolist()
    assert rows["session"].tolist() == expected["session"].tolist()
