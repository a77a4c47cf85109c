"""The charts: Plotly figures from plain arrays, with no Streamlit in them."""

import math
import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from core.emotions import EMOTIONS, Emotion
from core.occlusion import Occlusion
from core.records import Segment, Span
from core.timeline.attribution import Attribution
from core.timeline.track import FrameChoice, Timeline
from dashboard import palette

MAX_POINTS = 2_000  # for each line; more than a wide screen has pixels to show
SEGMENT_LANE = "segments"
_LONG_S = 120.0
_GRID = palette.GRID
_INK = palette.INK


def timeline_figure(
    timeline: Timeline,
    segments: Sequence[Segment],
    *,
    width_s: float,
    frames: FrameChoice,
    stacked: bool,
    dark: bool,
    marked: Span | None = None,
    region: Span | None = None,
) -> go.Figure:
    """Returns the nine emotions over time, with lanes for segments and speech under them.

    Args:
        timeline: the track.
        segments: of the track.
        width_s: width of the region that each point reads out, in seconds.
        frames: which frames of it are read out; where there is none, the curves have a gap.
        stacked: areas that add up to 1 instead of lines.
        dark: for a dark ground.
        marked: a stretch to set off.
        region: the only stretch to draw; None draws the whole recording.
    """
    if region is not None:
        segments = [s for s in segments if s.end_s > region.start_s and s.start_s < region.end_s]
    axis = _TimeAxis(timeline.track.duration_s)
    figure = make_subplots(
        rows=2, cols=1, shared_xaxes=True, row_heights=[0.84, 0.16], vertical_spacing=0.03
    )
    scores = timeline.curve(width_s, frames)
    times = timeline.times() + timeline.track.hop_s / 2
    if region is not None:
        rows = slice(timeline.frame_at(region.start_s), timeline.frame_at(region.end_s))
        scores, times = scores[rows], times[rows]
    for number, emotion in enumerate(EMOTIONS):
        chosen = _chosen(times, scores[:, number], every=stacked)
        line: dict[str, Any] = {"color": palette.colour(emotion, dark), "width": 1.6}
        look: dict[str, Any] = {
            "stackgroup": "all",
            "line": {"width": 0},
            "fillcolor": palette.colour(emotion, dark),
        }
        if not stacked:
            look = {"line": line | {"dash": palette.dash(emotion)}}
        figure.add_trace(
            go.Scatter(
                x=axis.at(times[chosen]),
                y=np.round(scores[chosen, number], 4),
                name=str(emotion),
                mode="lines",
                hovertemplate="%{y:.2f}",
                legendrank=number + 1,
                **look,
            ),
            row=1,
            col=1,
        )
    _add_lanes(figure, timeline, segments, axis, dark)
    if marked is not None:
        edges = axis.at(np.array([marked.start_s, marked.end_s]))
        figure.add_vrect(
            x0=edges[0], x1=edges[1], fillcolor=_INK[dark], opacity=0.09, line_width=0, row="all"
        )
    _dress(figure, axis, dark)
    if region is not None:
        edges = axis.at(np.array([region.start_s, region.end_s]))
        figure.update_xaxes(range=[str(edge) if axis.long else edge for edge in edges])
    return figure


def attribution_figure(
    found: Attribution, emotion: Emotion, dark: bool, checked: Occlusion | None = None
) -> go.Figure:
    """Returns what each stretch of a region adds to the margin of an emotion, as bars over time.

    Args:
        found: the parts of the stretches.
        emotion: whose margin.
        dark: for a dark ground.
        checked: what the engine says without some of them, drawn beside as diamonds.
    """
    parts = found.of(emotion)
    texts = [
        f"{s.start_s:.2f} to {s.end_s:.2f} s adds {part:+.3f} to {emotion}"
        + ("" if n_frames else " (nothing is read out here)")
        for s, part, n_frames in zip(found.spans, parts, found.n_frames, strict=True)
    ]
    figure = go.Figure(
        go.Bar(
            x=[(s.start_s + s.end_s) / 2 for s in found.spans],
            y=parts,
            width=[s.duration_s * 0.92 for s in found.spans],
            marker={"color": palette.colour(emotion, dark), "line": {"width": 0}},
            name="part in the read-out",
            hovertext=texts,
            hovertemplate="%{hovertext}<extra></extra>",
        )
    )
    if checked is not None:
        effects = checked.effects[:, EMOTIONS.index(emotion)]
        figure.add_trace(
            go.Scatter(
                x=[(s.start_s + s.end_s) / 2 for s in checked.spans],
                y=effects,
                mode="markers",
                marker={"symbol": "diamond-open", "size": 11, "color": _INK[dark]},
                name="falls by, without it",
                hovertemplate="the margin falls by %{y:+.3f} without this stretch<extra></extra>",
            )
        )
    figure.update_layout(
        height=270,
        margin={"l": 0, "r": 8, "t": 6, "b": 36},
        xaxis={"title": "time, s", "fixedrange": True, "showgrid": False},
        yaxis={
            "title": "part of the margin",
            "fixedrange": True,
            "gridcolor": _GRID[dark],
            "zerolinecolor": palette.SPEECH[dark],
        },
        showlegend=checked is not None,
        legend={"orientation": "h", "y": 1.12, "x": 0},
    )
    return figure.update_layout(_ground(dark))


def score_figure(values: Sequence[float], dark: bool, title: str) -> go.Figure:
    """Returns nine values from 0 to 1 as bars, in the order of the emotions."""
    names = [str(emotion) for emotion in EMOTIONS]
    return go.Figure(
        go.Bar(
            x=values,
            y=names,
            orientation="h",
            marker={"color": [palette.colour(name, dark) for name in names]},
            text=[f"{value:.2f}" for value in values],
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{y}: %{x:.3f}<extra></extra>",
        ),
        layout=_ground(dark)
        | {
            "height": 270,
            "margin": {"l": 0, "r": 36, "t": 6, "b": 36},
            "xaxis": {
                "range": [0, 1],
                "title": {"text": title},
                "gridcolor": _GRID[dark],
                "fixedrange": True,
            },
            "yaxis": {"autorange": "reversed", "fixedrange": True, "ticklabelstandoff": 6},
            "showlegend": False,
        },
    )


def share_figure(seconds: dict[str, float], dark: bool) -> go.Figure:
    """Returns speech time by emotion as one bar of parts, in the order of the emotions."""
    total = sum(seconds.values()) or 1.0
    figure = go.Figure()
    for emotion in EMOTIONS:
        share = seconds.get(str(emotion), 0.0) / total
        figure.add_trace(
            go.Bar(
                x=[share],
                y=["speech"],
                orientation="h",
                name=str(emotion),
                marker={"color": palette.colour(emotion, dark), "line": {"width": 0}},
                text=f"{share:.0%}" if share >= 0.05 else "",
                textposition="inside",
                insidetextanchor="middle",
                textangle=0,
                hovertemplate=f"{emotion}: {share:.0%} of the speech time<extra></extra>",
            )
        )
    figure.update_layout(
        barmode="stack",
        height=162,
        margin={"l": 0, "r": 0, "t": 4, "b": 78},
        xaxis={
            "range": [0, 1],
            "tickformat": ".0%",
            "title": {"text": "share of speech time", "standoff": 2},
        },
        yaxis={"visible": False},
        legend={"orientation": "h", "y": -0.72, "yanchor": "top", "x": 0, "traceorder": "normal"},
    )
    figure.update_xaxes(fixedrange=True, gridcolor=_GRID[dark])
    figure.update_yaxes(fixedrange=True)
    return figure.update_layout(_ground(dark))


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
    low = (copy.layout.height or 560) < 300  # one bar, not a chart
    inner = 90 * scale if low else max(0.47 * width, 200)
    letter = 5.6 * scale  # px: at the size of the caption, the mean
    lines = textwrap.wrap(caption, max(20, int((width - 80 * scale) / letter)))
    names = [trace.name or "" for trace in copy.data if trace.showlegend is not False]
    entries = sum((46 + 7 * len(name)) * scale for name in names)
    legend = 24 * scale * math.ceil(entries / (width - 80 * scale))
    under = 50 * scale + 18 + legend  # px: ticks, title and legend; some of it does not grow
    bottom = under + (16 * len(lines) + 12) * scale
    copy.update_layout(
        template="plotly_white",
        paper_bgcolor="white",
        plot_bgcolor="white",
        font={"size": font_px, "family": "Arial, Helvetica, sans-serif"},
        margin={"l": 60 * scale, "r": 20 * scale, "t": 40 * scale, "b": bottom},
        height=round(40 * scale + inner + bottom),
        legend={"y": -56 * scale / inner},
        uniformtext={"minsize": 0.5 * font_px, "mode": "hide"},
    )
    copy.update_traces(
        textposition="inside", insidetextanchor="middle", selector={"name": SEGMENT_LANE}
    )
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


def on_axis(seconds: np.ndarray, duration_s: float) -> np.ndarray:
    """Returns times of a recording as its timeline's axis has them, shape as given."""
    return _TimeAxis(duration_s).at(seconds)


def standalone_html(figure: go.Figure, caption: str) -> bytes:
    """Returns a figure as one HTML page that opens offline, with its caption under it."""
    page = printed(figure, caption).to_html(include_plotlyjs=True, full_html=True)
    return str(page).encode()


class _TimeAxis:
    """Seconds on a short recording; minutes and hours, as Plotly dates, on a long one."""

    def __init__(self, duration_s: float) -> None:
        self.duration_s = duration_s
        self.long = duration_s > _LONG_S

    def at(self, seconds: np.ndarray) -> np.ndarray:
        """Returns times of the axis, shape as given."""
        if not self.long:
            return np.round(seconds, 3)
        return np.datetime64(0, "ms") + np.round(seconds * 1000).astype("timedelta64[ms]")

    def lengths(self, seconds: np.ndarray) -> np.ndarray:
        """Returns lengths of bars on the axis: seconds, or milliseconds of dates."""
        return np.round(seconds * 1000 if self.long else seconds, 3)

    def settings(self) -> dict[str, Any]:
        """Returns the layout of the axis."""
        ends = self.at(np.array([0.0, self.duration_s]))
        if not self.long:
            return {"range": list(ends), "title": "time, s", "hoverformat": ".2f"}
        clock = "%H:%M:%S" if self.duration_s >= 3600 else "%M:%S"
        return {
            "type": "date",
            "range": [str(end) for end in ends],
            "title": "time, h:min:s" if self.duration_s >= 3600 else "time, min:s",
            "tickformat": clock,
            "hoverformat": f"{clock}.%2f",
        }


def _chosen(times: np.ndarray, values: np.ndarray, *, every: bool) -> np.ndarray:
    """Returns which points to draw: all, or so many that no peak of a line is lost."""
    if len(times) <= MAX_POINTS:
        return np.arange(len(times))
    gap = np.isnan(values)
    if every:  # areas must share their points to add up
        return np.linspace(0, len(times) - 1, MAX_POINTS).round().astype(int)
    from tsdownsample import MinMaxDownsampler

    known = np.flatnonzero(~gap)
    drawn = MinMaxDownsampler().downsample(values[known], n_out=MAX_POINTS)
    breaks = np.flatnonzero(gap[1:] & ~gap[:-1]) + 1  # one point of each gap breaks the line
    return np.union1d(known[drawn], breaks)


def _add_lanes(
    figure: go.Figure,
    timeline: Timeline,
    segments: Sequence[Segment],
    axis: _TimeAxis,
    dark: bool,
) -> None:
    speech = timeline.speech_spans()
    if segments:
        figure.add_trace(
            _lane(
                SEGMENT_LANE,
                [(s.start_s, s.end_s) for s in segments],
                axis,
                [palette.colour(s.emotion, dark) for s in segments],
                [_sentence(s) for s in segments],
                [str(s.emotion) for s in segments],
            ),
            row=2,
            col=1,
        )
    if speech:
        grey = palette.SPEECH[dark]
        texts = [f"speech, {s.start_s:.2f} to {s.end_s:.2f} s" for s in speech]
        figure.add_trace(
            _lane("speech", [(s.start_s, s.end_s) for s in speech], axis, grey, texts),
            row=2,
            col=1,
        )


def _lane(
    name: str,
    spans: list[tuple[float, float]],
    axis: _TimeAxis,
    colour: str | list[str],
    texts: list[str],
    names: list[str] | None = None,
) -> go.Bar:
    starts, ends = np.array(spans).T
    return go.Bar(
        y=[name] * len(spans),
        base=axis.at(starts),
        x=axis.lengths(ends - starts),
        orientation="h",
        marker={"color": colour, "line": {"width": 0}},
        name=name,
        showlegend=False,
        width=0.72,
        hovertext=texts,
        text=names,
        textposition="none",
        textangle=0,
        hovertemplate="%{hovertext}<extra></extra>",
    )


def _sentence(segment: Segment) -> str:
    sure = ""
    if segment.confidence is not None:
        sure = f", calibrated confidence {segment.confidence:.2f}"
    return (
        f"segment {segment.segment + 1}, {segment.start_s:.2f} to {segment.end_s:.2f} s, "
        f"sounds {segment.emotion} to the engine{sure}"
    )


def _dress(figure: go.Figure, axis: _TimeAxis, dark: bool) -> None:
    figure.update_xaxes(
        **axis.settings() | {"title": None},
        gridcolor=_GRID[dark],
        zeroline=False,
        spikethickness=1,
        spikedash="solid",
        spikecolor=palette.SPEECH[dark],
    )
    figure.update_xaxes(title_text=axis.settings()["title"], row=2, col=1)
    figure.update_yaxes(
        range=[0, 1.005],
        title="score",
        tickvals=[0, 0.25, 0.5, 0.75, 1],
        fixedrange=True,
        gridcolor=_GRID[dark],
        row=1,
        col=1,
    )
    figure.update_yaxes(
        fixedrange=True, categoryarray=["speech", SEGMENT_LANE], showgrid=False, row=2, col=1
    )
    figure.update_layout(
        height=560,
        margin={"l": 0, "r": 0, "t": 34, "b": 112},
        modebar={"bgcolor": "rgba(0,0,0,0)", "color": _INK[dark], "activecolor": _INK[dark]},
        hovermode="x unified",
        legend={
            "orientation": "h",
            "y": -0.17,
            "yanchor": "top",
            "x": 0,
            "traceorder": "normal",
            "itemclick": "toggle",
            "itemdoubleclick": "toggleothers",
        },
        barmode="overlay",
        dragmode="zoom",
        uirevision="keep",
    )
    figure.update_layout(_ground(dark))


def _ground(dark: bool) -> dict[str, Any]:
    """Returns the layout that all figures share."""
    return {
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": _INK[dark]},
    }
