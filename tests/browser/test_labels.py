"""Labels in Chromium: made by the form, undone, and still right after a reload."""

import pytest

from core.emotions import EMOTIONS
from core.labels import history
from core.store.store import Store

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def served(samples_address, samples_store):
    """The address of a dashboard over the samples, and its store; no other test looks at labels."""
    return samples_address, Store(samples_store)


def standing(store) -> list[tuple]:
    return sorted(
        (x.annotator, x.start_s, x.end_s, x.term)
        for known in history.every(store).values()
        for x in known.labels
    )


def label(page, start_s: str, end_s: str, term: str) -> None:
    for box, value in (("Start, s", start_s), ("End, s", end_s)):
        page.get_by_label(box).fill(value)
        page.keyboard.press("Tab")
    box = page.get_by_role("combobox", name="Emotion or own term")
    box.click()
    box.fill(term)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Add label").click()


def test_label_undo_and_reload(page, served):
    address, store = served
    page.goto(f"{address}/recording?label=true")
    name = page.get_by_label("Annotator", exact=True)
    name.fill("Anna Ö.")
    name.press("Enter")
    page.wait_for_function("document.cookie.includes('tonescope_annotator')")
    label(page, "1.25", "2.5", "sad")
    page.get_by_role("button", name="Undo").and_(page.locator(":enabled")).wait_for()
    label(page, "3", "4", "wistful <b>")
    _until(page, lambda: len(standing(store)) == 2)
    assert standing(store) == [
        ("Anna Ö.", 1.25, 2.5, "sad"),
        ("Anna Ö.", 3.0, 4.0, "wistful <b>"),
    ]
    page.get_by_role("button", name="Undo").click()
    _until(page, lambda: len(standing(store)) == 1)
    page.reload()
    redo = page.get_by_role("button", name="Redo").and_(page.locator(":enabled"))
    redo.wait_for()
    assert page.get_by_label("Annotator", exact=True).input_value() == "Anna Ö."
    redo.click()
    _until(page, lambda: len(standing(store)) == 2)
    page.get_by_role("button", name="Undo").click()
    _until(page, lambda: standing(store) == [("Anna Ö.", 1.25, 2.5, "sad")])


def test_a_dragged_region_is_what_a_label_is_about(page, served):
    """By the form and by a key of the keyboard; undone by one as well."""
    address, store = served
    page.goto(f"{address}/recording?label=true")
    name = page.get_by_label("Annotator", exact=True)
    name.fill("Cleo")
    name.press("Enter")
    page.locator('.tsc[data-ready="1"]').wait_for()
    box = page.locator(".tsc-plot").bounding_box()
    page.mouse.move(box["x"] + 400, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 600, box["y"] + 100, steps=4)
    page.mouse.up()
    page.wait_for_url("**region=*")
    start_s, end_s = page.url.split("region=")[1].split("&")[0].split("-")
    for box_name, time_s in (("Start, s", start_s), ("End, s", end_s)):
        page.wait_for_function(
            "([name, s]) => +document.querySelector(`[aria-label='${name}']`)?.value === +s",
            arg=[box_name, time_s],
        )
    term = page.get_by_role("combobox", name="Emotion or own term")
    term.click()
    term.fill("wry")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Add label").click()
    mine = [("Cleo", float(start_s), float(end_s), "wry")]
    _until(page, lambda: [x for x in standing(store) if x[0] == "Cleo"] == mine)
    page.get_by_role("button", name="Undo").and_(page.locator(":enabled")).wait_for()
    page.locator(".tsc").focus()
    page.keyboard.press("3")
    third = ("Cleo", float(start_s), float(end_s), str(EMOTIONS[2]))
    _until(page, lambda: third in standing(store))
    page.keyboard.press("z")
    _until(page, lambda: [x for x in standing(store) if x[0] == "Cleo"] == mine)


def test_what_the_engine_says_comes_when_it_is_asked_for(page, served):
    page.goto(f"{served[0]}/recording?label=true&hide=sad")
    page.locator('.tsc[data-ready="1"]').wait_for()
    assert page.locator(".tsc-legend button").count() == 0
    assert page.locator(".tsc-plot .scatterlayer .trace").count() == 0
    page.get_by_role("button", name="Reveal the engine's results").click()
    page.locator(".tsc-plot .scatterlayer .trace").nth(7).wait_for(state="attached")
    off = page.locator('.tsc-legend [aria-pressed="false"]').all_inner_texts()
    assert (page.locator(".tsc-legend button").count(), off) == (9, ["sad"])


def _until(page, true) -> None:
    for _ in range(200):
        if true():
            return
        page.wait_for_timeout(50)
    pytest.fail("it did not happen within 10 s")
