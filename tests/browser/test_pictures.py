"""Charts for paper, measured by readers that are not ours: size in millimetres, type, names."""

import struct
import xml.etree.ElementTree as ET
import zlib

import numpy as np
import pypdf
import pytest

from core.records import Span
from core.timeline.track import FrameChoice
from dashboard import pictures, printing
from dashboard.pictures import Picture
from dashboard.printing import Sheet
from dashboard.timeline_figure import timeline_figure

pytestmark = pytest.mark.browser
CAPTION = "Engine fake-000000000000, fp32; windows of 4 s with 1 s overlap; tonescope 0.1.0."


@pytest.fixture(scope="module")
def chart(browser, tmp_path_factory):
    """A timeline under the fake engine, with a made-up waveform."""
    from core.pipeline import Pipeline
    from core.timeline.track import Timeline
    from tests.fakes import FakeEngine
    from tests.synthetic import LevelDetector, talk, write

    path = write(
        tmp_path_factory.mktemp("chart") / "t.wav", talk([(1, 0), (2, 0.05), (1, 0), (2.5, 0.6)])
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("core.audio.survey.SpeechDetector", LevelDetector)
        found = Pipeline(FakeEngine()).predict(path)
    timeline = Timeline(found.track)
    figure = timeline_figure(
        timeline, found.segments, width_s=0.5, frames=FrameChoice.ALL, stacked=False, dark=False
    )
    pairs = np.array([[-0.5, 0.5], [-0.1, 0.9]] * 50)
    duration_s = timeline.track.duration_s
    return printing.with_waveform(figure, pairs, Span(0.0, duration_s), duration_s)


def test_pdf_is_one_page_of_the_asked_size_with_its_fonts(chart, tmp_path):
    (tmp_path / "a.pdf").write_bytes(
        pictures.draw(chart, CAPTION, Picture.PDF, Sheet(85.0, 7.0, grey=True))
    )
    (page,) = pypdf.PdfReader(tmp_path / "a.pdf").pages
    assert float(page.mediabox.width) / 72 * 25.4 == pytest.approx(85, abs=0.3)
    sizes, fonts = {}, set()

    def visit(text, outer, inner, font, size):
        if text.strip():
            sizes[text.strip()] = abs(float(size) * float(inner[0]) * float(outer[0]))
            fonts.add(str(font["/BaseFont"]))

    text = " ".join(page.extract_text(visitor_text=visit).split())
    for part in ("windows of 4 s", "angry", "segments", "time, s"):
        assert part in text
    assert sizes["0.5"] == pytest.approx(7.0, abs=0.15)
    assert all("+" in font for font in fonts), "a font is not embedded"


def test_png_has_dots_for_its_millimetres_and_says_so(chart):
    data = pictures.draw(chart, CAPTION, Picture.PNG, Sheet(120.0, 9.0))
    width, height = struct.unpack(">II", data[16:24])
    assert width == pytest.approx(120 / 25.4 * 300, abs=2)
    assert height > width / 3
    at = data.index(b"pHYs")
    per_metre, other, unit = struct.unpack(">IIB", data[at + 4 : at + 13])
    assert (per_metre, other, unit) == (11811, 11811, 1)
    assert struct.unpack(">I", data[at + 13 : at + 17])[0] == zlib.crc32(data[at : at + 13])
    assert at < data.index(b"IDAT")


def test_svg_is_in_millimetres_with_names_and_caption(chart):
    root = ET.fromstring(pictures.draw(chart, CAPTION, Picture.SVG, Sheet(170.0, 8.0)))  # noqa: S314
    assert root.attrib["width"] == "170mm"
    assert root.attrib["height"].endswith("mm")
    words = [text.strip() for text in root.itertext() if text.strip()]
    assert {"angry", "unknown", "sound"} <= set(words)
    assert words.count("sad") == 2  # in the legend, and on its segment
    assert "windows of 4 s" in " ".join(words)
    styles = " ".join(e.attrib.get("style", "") for e in root.iter())
    assert "Arial" in styles
    assert "font-size: 10.6" in styles
