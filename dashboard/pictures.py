"""Charts as files: an interactive page, or a picture drawn by the server's own browser."""

import threading
from enum import StrEnum
from typing import Any, Final

import plotly.graph_objects as go

from core.errors import TonescopeError
from dashboard import printing
from dashboard.printing import Sheet

HOW_TO_GET_A_BROWSER: Final = (
    "PNG, SVG and PDF are drawn by a Chromium or Chrome on the computer that runs Tonescope, and none "
    "was found there. Install one (on Debian or Ubuntu: `sudo apt-get install chromium`), then reload "
    "this page. HTML needs none, and the camera above the chart below has your own browser save it "
    "as SVG."
)
_TIMEOUT_S: Final = 120.0
_lock = threading.Lock()


class Picture(StrEnum):
    """The formats of a chart."""

    HTML = "html"
    PNG = "png"
    SVG = "svg"
    PDF = "pdf"


MIMES: Final = {
    Picture.HTML: "text/html",
    Picture.PNG: "image/png",
    Picture.SVG: "image/svg+xml",
    Picture.PDF: "application/pdf",
}


def browser() -> str | None:
    """Returns the path of the browser that draws pictures, or None if there is none."""
    from choreographer.browsers.chromium import Chromium

    found: str | None = Chromium.find_browser(skip_local=False)
    return found


def draw(figure: go.Figure, caption: str, kind: Picture, sheet: Sheet) -> bytes:
    """Returns a chart as the bytes of a file, on white ground with its caption under it.

    Args:
        figure: the chart.
        caption: what made it.
        kind: of file.
        sheet: size and type of a picture; a page is as wide as its window.

    Raises:
        TonescopeError: there is no browser to draw a picture, or it did not answer.
    """
    if kind is Picture.HTML:
        return printing.standalone_html(printing.in_grey(figure) if sheet.grey else figure, caption)
    if browser() is None:
        raise TonescopeError(HOW_TO_GET_A_BROWSER)
    drawn = printing.for_pdf(sheet) if kind is Picture.PDF else sheet
    page = printing.laid_out(figure, caption, drawn).to_dict()
    size = {"format": str(kind), "width": sheet.width_px, "height": page["layout"]["height"]}
    if kind is Picture.PNG:
        return printing.png_in_mm(_drawn(page, size | {"scale": printing.PNG_DPI / 96}))
    data = _drawn(page, size | {"scale": 1})
    return printing.svg_in_mm(data, sheet) if kind is Picture.SVG else data


def _drawn(sheet: dict[str, Any], size: dict[str, Any]) -> bytes:
    import kaleido

    try:
        with _lock:  # without MathJax, which it would fetch from the net
            options = {"mathjax": False, "timeout": _TIMEOUT_S}
            found: bytes = kaleido.calc_fig_sync(sheet, opts=size, kopts=options)
    except (RuntimeError, OSError, ValueError, TimeoutError) as error:
        raise TonescopeError(
            f"The browser that draws pictures failed ({type(error).__name__}); try again, or take "
            "the chart as HTML and save a picture with the camera above it."
        ) from error
    return found
