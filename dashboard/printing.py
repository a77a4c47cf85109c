"""Charts for paper: a size in millimetres, a size of type, a waveform, grey instead of colour."""

import html
import math
import re
import struct
import textwrap
import zlib
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import plotly.graph_objects as go

from core.emotions import EMOTIONS
from core.records import Span
from dashboard import palette
from dashboard.map_figure import SYMBOLS
from dashboard.timeline_figure import HEIGHT, on_axis

WIDTH_MM: Final = (30.0, 400.0)
FONT_PT: Final = (5.0, 20.0)
PNG_DPI: Final = 300
_CSS_DPI: Final = 96  # what a pixel of SVG and CSS is
_INCH_MM: Final = 25.4
_TOP_PX: Final = 8
_FEWEST_LETTERS: Final = 5
_WAVE_SHARE: Final = 0.16  # of the height, for the waveform
_WAVE_GAP: Final = 0.19  # of that, under it
# Shade and hatching of each emotion in grey print, in the order of the emotions.
_SHADES: Final = (0x40, 0x70, 0xA0, 0xD8, 0xC0, 0x90, 0x58, 0xE8, 0xFF)
_INKS: Final = ("#000", "#555", "#000", "#777", "#999", "#555", "#000", "#777", "#999")
_POINTS: Final = ("#202020", "#A0A0A0", "#606060", "#D8D8D8")
_MISSING: Final = "#B8B8B8"
_HATCHES: Final = ("", "/", "x", "", "-", "\\", "", ".", "|")


@dataclass(frozen=True)
class Sheet:
    """How a chart is printed.

    Attributes:
        width_mm: of the picture.
        font_pt: size of its type.
        grey: without colours.
    """

    width_mm: float = 170.0
    font_pt: float = 8.0
    grey: bool = False

    @property
    def width_px(self) -> float:
        """The width in pixels of CSS."""
        return self.width_mm / _INCH_MM * _CSS_DPI

    @property
    def font_px(self) -> float:
        """The size of type in pixels of CSS."""
        return self.font_pt / 72 * _CSS_DPI


def printed(figure: go.Figure, caption: str, width: float = 1000, font_px: float = 12) -> go.Figure:
    """Returns a figure on white ground with its legend and its caption under it.

    Args:
        figure: is left as it is.
        caption: one or more sentences, wrapped to the width.
        width: of the figure in pixels.
        font_px: size of its type in pixels; margins and legend grow with it.
    """
    copy = go.Figure(figure.to_dict())  # a copy of a figure may share its traces
    scale = font_px / 12
    low = (copy.layout.height or HEIGHT) < 300  # one bar, not a chart
    tall = (copy.layout.meta or {}).get("tall", 1.0)  # a timeline with more under it
    inner = 90 * scale if low else max(0.47 * width, 200) * tall
    ticks = [len(text) for axis in copy.select_yaxes() for text in axis.ticktext or ()]
    left = max(60, 6.4 * max(ticks, default=0) + 12) * scale
    letter = 5.6 * scale  # px: at the size of the caption, the mean
    lines = textwrap.wrap(caption, max(20, int((width - left - 20 * scale) / letter)))
    names = [trace.name or "" for trace in copy.data if trace.showlegend is not False]
    entries = sum((46 + 7 * len(name)) * scale for name in names)
    legend = 24 * scale * math.ceil(entries / (width - left - 20 * scale))
    under = 50 * scale + 18 + legend  # px: ticks, title and legend; some of it does not grow
    bottom = under + (16 * len(lines) + 12) * scale
    copy.update_layout(
        template="plotly_white",
        paper_bgcolor="white",
        plot_bgcolor="white",
        font={"size": font_px, "family": "Arial, Helvetica, sans-serif"},
        margin={"l": left, "r": 20 * scale, "t": 40 * scale, "b": bottom},
        height=round(40 * scale + inner + bottom),
        legend={"y": -56 * scale / inner},
        uniformtext={"minsize": 0.5 * font_px, "mode": "hide"},
    )
    _cut_texts(copy, (width - left - 20 * scale) / (0.4 * font_px))
    copy.add_annotation(
        text="<br>".join(palette.escaped(line) for line in lines),
        xref="paper",
        yref="paper",
        x=0,
        y=0,
        yshift=-under,
        yanchor="top",
        showarrow=False,
        align="left",
        font={"size": 11 * scale},
    )
    return copy


def _cut_texts(figure: go.Figure, n_letters: float) -> None:
    """Cuts what stands on the stretches of lanes to what they hold; hovering tells all of it.

    Args:
        figure: is changed.
        n_letters: as many as the axis is wide.
    """
    for trace in figure.data:
        if trace.type != "bar" or trace.base is None or trace.text is None:
            continue
        start, end = figure.layout[trace.xaxis.replace("x", "xaxis")].range
        if isinstance(start, str):  # a date, whose lengths are milliseconds
            start, end = (
                np.datetime64(edge).astype("datetime64[ms]").astype(int) for edge in (start, end)
            )
        rooms = np.asarray(trace.x, float) / (end - start) * n_letters
        trace.text = [_cut(text, room) for text, room in zip(trace.text, rooms, strict=True)]


def _cut(text: str, room: float) -> str:
    plain = html.unescape(text)
    if len(plain) <= room or room < _FEWEST_LETTERS:
        return text
    return palette.escaped(plain[: int(room) - 1] + "…")


def standalone_html(figure: go.Figure, caption: str) -> bytes:
    """Returns a figure as one HTML page that opens offline, with its caption under it."""
    page = printed(figure, caption).to_html(include_plotlyjs=True, full_html=True)
    return str(page).encode()


def laid_out(figure: go.Figure, caption: str, sheet: Sheet) -> go.Figure:
    """Returns a chart as it is printed; the given one stays as it is."""
    page = printed(figure, caption, sheet.width_px, sheet.font_px)
    spare = page.layout.margin.t - _TOP_PX  # a page has tools there, paper has none
    page.update_layout(margin_t=_TOP_PX, height=round(page.layout.height - spare))
    return in_grey(page) if sheet.grey else page


def with_waveform(
    figure: go.Figure, pairs: np.ndarray, covered: Span, duration_s: float
) -> go.Figure:
    """Returns a timeline with the waveform above it; the given one stays as it is.

    Args:
        figure: of `timeline_figure`.
        pairs: least and greatest sample of equal parts of a stretch, shape `(n_parts, 2)`.
        covered: the stretch.
        duration_s: of the recording.
    """
    copy = go.Figure(figure.to_dict())
    edges = np.linspace(covered.start_s, covered.end_s, len(pairs) + 1)
    there = (edges[:-1] + edges[1:]) / 2
    times = on_axis(np.concatenate([there, there[::-1]]), duration_s)
    share = _WAVE_SHARE / (copy.layout.meta or {}).get("tall", 1.0)
    for axis in copy.select_yaxes():
        axis.domain = [edge * (1 - share) for edge in axis.domain or (0, 1)]
    copy.update_layout(
        yaxis9={
            "domain": [1 - share * (1 - _WAVE_GAP), 1],
            "range": [-1, 1],
            "title": "sound",
            "showticklabels": False,
            "showgrid": False,
            "zeroline": False,
            "anchor": "x",
        }
    )
    copy.add_trace(
        go.Scatter(
            x=times,
            y=np.concatenate([pairs[:, 1], pairs[::-1, 0]]),
            yaxis="y9",
            mode="lines",
            line={"width": 0.4, "color": palette.SPEECH[True]},
            fill="toself",
            fillcolor=palette.SPEECH[False],
            name="waveform",
            showlegend=False,
            hoverinfo="skip",
        )
    )
    return copy


def in_grey(figure: go.Figure) -> go.Figure:
    """Returns a chart in shades of grey: lines keep their dashes, areas and bars get hatching."""
    copy = go.Figure(figure.to_dict())
    for trace in copy.data:
        if trace.type == "scatter" and trace.name in list(EMOTIONS):
            shade, hatch = _look(trace.name)
            if trace.stackgroup:
                trace.fillcolor = shade
                trace.fillpattern = {
                    "shape": hatch,
                    "fgcolor": "black",
                    "bgcolor": shade,
                    "size": 5,
                }
                trace.line = {"width": 0.5, "color": "black"}
            else:
                trace.line.color = _INKS[list(EMOTIONS).index(trace.name)]
                trace.line.width = 1.1
        elif trace.type == "bar":
            _grey_bars(trace)
    points = [t for t in copy.data if t.name and t.customdata is not None and t.mode == "markers"]
    for number, trace in enumerate(points):
        _grey_points(trace, number, same=len({t.marker.symbol for t in points}) < len(points))
    return copy


def _grey_points(trace: Any, number: int, *, same: bool) -> None:
    """Makes a group of a map grey; shades and symbols, 4 and 9, give 36 looks."""
    if trace.marker.colorscale is not None:
        trace.marker.colorscale = "Greys"
        return
    is_open = str(trace.marker.symbol).endswith("open")
    trace.marker.color = _MISSING if is_open else _POINTS[number % len(_POINTS)]
    trace.marker.line.color = None if is_open else "black"
    if same and not is_open:
        trace.marker.symbol = SYMBOLS[number % len(SYMBOLS)]


def _grey_bars(trace: Any) -> None:
    names = [trace.name] * len(trace.y)  # a lane's stretches are known by their own texts
    if trace.name not in list(EMOTIONS) and trace.text is not None:
        names = list(trace.text)
    looks = [_look(name) for name in names]
    trace.marker.color = [shade for shade, _ in looks]
    trace.marker.line = {"width": 0.5, "color": "black"}
    trace.marker.pattern = {"shape": [hatch for _, hatch in looks], "fgcolor": "black", "size": 5}
    trace.insidetextfont = {"color": [_ink(shade) for shade, _ in looks]}


def _look(emotion: str) -> tuple[str, str]:
    if emotion not in list(EMOTIONS):
        return "#B0B0B0", ""
    number = list(EMOTIONS).index(emotion)
    return "#" + f"{_SHADES[number]:02X}" * 3, _HATCHES[number]


def _ink(shade: str) -> str:
    return "white" if int(shade[1:3], 16) < 0x80 else "black"


def for_pdf(sheet: Sheet) -> Sheet:
    """Returns the sheet to draw on for a PDF, so that its type has the asked size.

    Kaleido prints with margins of 0.1 inch and makes the chart as much smaller.
    """
    kept = 1 - 2 * 0.1 * _INCH_MM / sheet.width_mm
    return replace(sheet, font_pt=sheet.font_pt / kept)


def svg_in_mm(data: bytes, sheet: Sheet) -> bytes:
    """Returns an SVG whose size is declared in millimetres."""
    text = data.decode("utf-8")
    head, rest = text[: text.index(">") + 1], text[text.index(">") + 1 :]
    width, height = (
        float(re.search(rf'\b{side}="([\d.]+)', head)[1])  # type: ignore[index]
        for side in ("width", "height")
    )
    head = re.sub(r'\bwidth="[^"]+"', f'width="{sheet.width_mm:g}mm"', head, count=1)
    height_mm = height / width * sheet.width_mm
    head = re.sub(r'\bheight="[^"]+"', f'height="{height_mm:.2f}mm"', head, count=1)
    return (head + rest).encode("utf-8")


def png_in_mm(data: bytes) -> bytes:
    """Returns a PNG that declares its resolution, so that programs know its size.

    Source: W3C, PNG Specification, section 11.3.5.3 (pHYs).
    """
    end = 8 + 25  # the signature, then IHDR, which every PNG begins with
    body = b"pHYs" + struct.pack(">IIB", *[round(PNG_DPI / _INCH_MM * 1000)] * 2, 1)
    chunk = struct.pack(">I", 9) + body + struct.pack(">I", zlib.crc32(body))
    return data[:end] + chunk + data[end:]
