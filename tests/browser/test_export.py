"""Export in Chromium: files that open elsewhere, and pictures of the asked width."""

import io
import struct
import xml.etree.ElementTree as ET
import zipfile

import numpy as np
import pandas as pd
import pytest

from core.emotions import EMOTIONS

pytestmark = pytest.mark.browser


def _downloaded(page, button: str) -> bytes:
    with page.expect_download() as started:
        page.get_by_role("button", name=button).click()
    return started.value.path().read_bytes()


def _chart(page, kind: str) -> bytes:
    page.get_by_role("radio", name=kind).click()
    page.get_by_text("Width, mm").wait_for()
    page.get_by_role("button", name="Make the chart").click()
    return _downloaded(page, f"Download {kind}")


def test_archive_holds_the_tables_of_both_recordings(page, samples_address):
    page.goto(f"{samples_address}/export")
    page.get_by_role("button", name="Write the files").click()
    pack = zipfile.ZipFile(io.BytesIO(_downloaded(page, "Download all as ZIP")))
    assert set(pack.namelist()) == {
        "recordings.csv",
        "segments.csv",
        "frames.csv",
        "labels.csv",
        "codebook.json",
    }
    table = pd.read_csv(pack.open("segments.csv"))
    assert table["recording"].nunique() == 2
    np.testing.assert_allclose(table[[str(e) for e in EMOTIONS]].sum(axis=1), 1, atol=1e-6)


def test_pictures_have_the_asked_width_and_their_caption(page, samples_address):
    page.goto(f"{samples_address}/export?what=Charts&chart=Share+of+speech+time")
    page.locator(".js-plotly-plot").first.wait_for()
    picture = _chart(page, "PNG")
    assert picture.startswith(b"\x89PNG")
    assert struct.unpack(">I", picture[16:20])[0] == pytest.approx(170 / 25.4 * 300, abs=2)
    root = ET.fromstring(_chart(page, "SVG"))  # noqa: S314 - our own
    assert root.attrib["width"] == "170mm"
    text = " ".join(" ".join(root.itertext()).split())
    for part in ("2 recordings", "Engine compact-", "windows of 10 s with 2 s overlap"):
        assert part in text
