"""Charts to take along: a preview, the format, the file when it is drawn."""

from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from core.audio.peaks import Peaks
from core.explore.projection import NAMES, Method
from core.records import Span
from dashboard import (
    corpus,
    labelling,
    map_figure,
    navigation,
    pictures,
    printing,
    resources,
    sound,
    spans,
    takeaway,
    words,
)
from dashboard.background import background
from dashboard.components import busy, choose
from dashboard.pictures import MIMES, Picture
from dashboard.printing import Sheet
from dashboard.session import STACKED, Keys

_TIMELINE, _SHARE, _MAP = "Timeline", "Share of speech time", "Map"
_PICTURES = {kind.name: kind for kind in Picture}
Chart = tuple[go.Figure, str]


def show(rows: pd.DataFrame, recording: str, stem: str) -> None:
    """Shows the charts and their formats.

    Args:
        rows: of the catalogue, one for each recording.
        recording: its SHA-256, or `takeaway.ALL`.
        stem: begins the name of the file.
    """
    bar = st.container(horizontal=True, gap="medium")
    name = choose.one_of("Chart", [_TIMELINE, _SHARE, _MAP], Keys.EXPORT_CHART, bar)
    found = _chart(bar, name, rows, recording)
    if found is None:
        return
    (figure, caption), look = found
    grey = _file(name, figure, caption, recording, look, stem)
    page = printing.printed(figure, caption)
    st.plotly_chart(
        printing.in_grey(page) if grey else page,
        theme=None,
        config=_camera(stem) if pictures.browser() is None else {"displayModeBar": False},
        alt=caption,
        key="export.preview",
    )


def _chart(bar: Any, name: str, rows: pd.DataFrame, recording: str) -> tuple[Chart, str] | None:
    """Returns a chart and what was chosen for it, or says what is missing."""
    if name == _MAP:
        return _map(bar)
    if name == _SHARE:
        return takeaway.share_chart(rows), ""
    if recording == takeaway.ALL:
        st.info(
            "A timeline is of one recording: choose which one above.", icon=":material/timeline:"
        )
        return None
    row, second = _tracks(recording)
    bar = st.container(horizontal=True, gap="medium")
    width_s, view = choose.curves(bar)
    region = _part(bar, float(row["duration_s"]))
    bar = st.container(horizontal=True, gap="medium")
    wave = _waveform(row) if bar.toggle("Waveform", key="export.waveform") else None
    labelled = bool(labelling.of(recording).labels)
    labels = labelled and bar.toggle("Labels", key="export.labels", help=words.LABEL_LANES)
    look = takeaway.TimelineLook(
        float(width_s), stacked=view == STACKED, region=region, second=second, labels=labels
    )
    drawn = takeaway.timeline_chart(row, look, wave)
    return drawn, f"{row['run_key']} {look} {wave is not None}"


def _tracks(recording: str) -> tuple[pd.Series, resources.Choice | None]:
    """Asks which of a recording's tracks, and which beside it, where it has several."""
    rows = resources.catalogue()
    mine = rows[rows["recording"] == recording].set_index("run_key", drop=False)
    if len(mine) == 1:
        return mine.iloc[0], None
    names = choose.track_names(mine)
    bar = st.container(horizontal=True, gap="medium")
    first = choose.show("Track", Keys.TRACK, names, bar, width=430)
    others = {"": "nothing"} | {key: name for key, name in names.items() if key != first}
    beside = choose.show("Beside it", Keys.SECOND, others, bar, help=words.SECOND, width=430)
    return mine.loc[first], resources.choice_of(mine.loc[beside]) if beside else None


def _part(bar: Any, duration_s: float) -> Span | None:
    """Asks which stretch of the recording, or None for all of it."""
    text = bar.text_input(
        "Part, s",
        value=st.query_params.get(Keys.REGION, ""),
        key="export.part",
        placeholder="all, or such as 12.5-40",
        width=190,
    )
    region = spans.parse(text, duration_s)
    if text and region is None:
        st.error(
            f"{text!r} is no part of this recording; give start and end in seconds, from 0 to "
            f"{duration_s:.2f}, with a hyphen between.".replace("$", r"\$"),
            icon=":material/error:",
        )
    return region


def _waveform(row: pd.Series) -> Peaks | None:
    """Returns the waveform when it has been read; says meanwhile what is done."""
    choice = resources.choice_of(row)
    found = sound.peaks(choice.recording, choice.channel)
    if isinstance(found, Peaks):
        return found
    if busy.show(sound.peaks_key(choice.recording, choice.channel), sound.waveforms) is None:
        st.error(words.said(found), icon=":material/error:")
    return None


def _map(bar: Any) -> tuple[Chart, str] | None:
    engine = corpus.engines()[0]
    heads = {method: corpus.map_heads(engine, method) for method in Method}
    newest = {NAMES[m]: h[0] for m, h in heads.items() if h and h[0].method == m}
    there = {name: corpus.map_view(engine, head) for name, head in newest.items()}
    if not there:
        st.info("There is no map yet; make one on its page first.", icon=":material/scatter_plot:")
        navigation.link("map", "Open the map", ":material/arrow_forward:")
        return None
    method = bar.segmented_control("Method", list(there), default=next(iter(there)), required=True)
    choices = list(map_figure.PRINTED)
    colour = bar.segmented_control("Colour by", choices, default=choices[0], required=True)
    return takeaway.map_chart(there[method], colour), f"{method}{colour}"


def _file(name: str, figure: go.Figure, caption: str, recording: str, look: str, stem: str) -> bool:
    """Shows the formats and the file; returns whether it is to be grey."""
    bar = st.container(horizontal=True, gap="medium", vertical_alignment="bottom")
    drawable = pictures.browser() is not None
    kinds = list(_PICTURES) if drawable else ["HTML"]
    chosen = bar.segmented_control(
        "As", kinds, default="HTML", key=Keys.EXPORT_PICTURE, required=True
    )
    kind = _PICTURES[chosen]
    sheet = _sheet(bar, kind)
    file_name = f"{stem}_{name.split()[0].lower()}.{kind}"
    if not drawable:
        st.info(pictures.HOW_TO_GET_A_BROWSER, icon=":material/image:")
    key = takeaway.chart_key(name, recording, kind, sheet, look)
    task = background().view(key)
    if task is not None and task.finished and not task.error:
        bar.download_button(
            f"Download {chosen or 'HTML'}",
            task.result,
            file_name=file_name,
            mime=MIMES[kind],
            on_click="ignore",
            type="primary",
        )
        return sheet.grey
    running = task is not None and not task.finished
    if bar.button("Make the chart", type="primary", disabled=running):
        takeaway.make_chart(key, figure, caption, kind, sheet)
    busy.show(key)
    return sheet.grey


def _sheet(bar: Any, kind: Picture) -> Sheet:
    """Asks how it is to be printed."""
    width_mm, font_pt = Sheet().width_mm, Sheet().font_pt
    if kind is not Picture.HTML:
        width_mm = bar.number_input(
            "Width, mm",
            *printing.WIDTH_MM,
            value=width_mm,
            step=5.0,
            format="%.0f",
            key=Keys.EXPORT_WIDTH,
            help=words.WIDTH_MM,
            width=140,
        )
        font_pt = bar.number_input(
            "Type, pt",
            *printing.FONT_PT,
            value=font_pt,
            step=0.5,
            format="%.1f",
            key=Keys.EXPORT_FONT,
            width=130,
        )
    grey = bar.toggle("Grey", key=Keys.EXPORT_GREY, help=words.GREY)
    return Sheet(float(width_mm), float(font_pt), grey)


def _camera(stem: str) -> dict[str, Any]:
    """Has the visitor's own browser save the chart as SVG."""
    return {
        "displayModeBar": True,
        "displaylogo": False,
        "modeBarButtons": [["toImage"]],
        "toImageButtonOptions": {"format": "svg", "filename": stem},
    }
