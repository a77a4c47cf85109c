"""The timeline as a chart for files: curves, a second track with its difference, lanes under them."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from core.emotions import EMOTIONS
from core.records import Segment, Span
from core.timeline import compare
from core.timeline.track import FrameChoice, Timeline
from dashboard import palette
from dashboard.figures import ground
from dashboard.lanes import SEGMENTS, Item, Lane, sentence, thinned
from dashboard.scope_view import curves

MAX_POINTS: Final = 2_000  # for each line; more than a wide screen has pixels to show
HEIGHT: Final = 560
_LONG_S: Final = 120.0
_CURVES, _SECOND, _DIFFERENCE, _LANE = (
    0.84,
    0.64,
    0.42,
    0.08,
)  # parts of the height of the first two
_NAME_LETTERS: Final = 18  # of a lane's name; the rest is cut off


def timeline_figure(
    timeline: Timeline,
    segments: Sequence[Segment],
    *,
    width_s: float,
    frames: FrameChoice,
    stacked: bool,
    dark: bool,
    region: Span | None = None,
    second: Timeline | None = None,
    labels: Sequence[Lane] = (),
) -> go.Figure:
    """Returns the nine emotions over time, with lanes for segments, speech and labels under them.

    Args:
        timeline: the track; `A` where there is a second.
        segments: of the track.
        width_s: width of the region that each point reads out, in seconds.
        frames: which frames of it are read out; where there is none, the curves have a gap.
        stacked: areas that add up to 1 instead of lines.
        dark: for a dark ground.
        region: the only stretch to draw; None draws the whole recording.
        second: another track of the recording, `B`, drawn under the first; and B minus A.
        labels: further lanes, of stretches with a text each.
    """
    shown = region or Span(0.0, timeline.track.duration_s)
    axis = _TimeAxis(timeline.track.duration_s)
    lanes = [_segments(segments, dark), _speech(timeline, dark), *labels]
    heights = [_CURVES, *([] if second is None else [_SECOND, _DIFFERENCE]), _LANE * len(lanes)]
    figure = make_subplots(
        rows=len(heights), cols=1, shared_xaxes=True, row_heights=heights, vertical_spacing=0.03
    )
    scores = timeline.curve(width_s, frames)
    areas = {"stackgroup": "A"} if stacked else None
    _add_curves(figure, 1, timeline, scores, shown, axis, dark, areas)
    if second is not None:
        theirs = second.curve(width_s, frames if second.track.speech.any() else FrameChoice.ALL)
        less = compare.difference(timeline, second, (scores, theirs))
        areas = {"stackgroup": "B"} if stacked else None
        _add_curves(figure, 2, second, theirs, shown, axis, dark, areas)
        _add_curves(figure, 3, timeline, less, shown, axis, dark, None)
    for lane in lanes:
        _add_lane(figure, len(heights), thinned(lane, shown, MAX_POINTS), axis, dark)
    _dress(figure, axis, shown, dark, tall=sum(heights), two=second is not None)
    names = [lane["name"] for lane in lanes]
    figure.update_yaxes(
        fixedrange=True,
        showgrid=False,
        range=[len(names) - 0.5, -0.5],
        categoryarray=names,
        tickvals=list(range(len(names))),
        ticktext=[palette.escaped(_short(name)) for name in names],
        row=len(heights),
        col=1,
    )
    return figure


def on_axis(seconds: np.ndarray, duration_s: float) -> np.ndarray:
    """Returns times of a recording as its timeline's axis has them, shape as given."""
    return _TimeAxis(duration_s).at(seconds)


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

    def edges(self, span: Span) -> list[Any]:
        """Returns the ends of what is shown."""
        ends = self.at(np.array([span.start_s, span.end_s]))
        return [str(end) for end in ends] if self.long else list(ends)

    def settings(self) -> dict[str, Any]:
        """Returns the layout of the axis."""
        if not self.long:
            return {"title": "time, s", "hoverformat": ".2f"}
        clock = "%H:%M:%S" if self.duration_s >= 3600 else "%M:%S"
        return {
            "type": "date",
            "title": "time, h:min:s" if self.duration_s >= 3600 else "time, min:s",
            "tickformat": clock,
            "hoverformat": f"{clock}.%2f",
        }


def _add_curves(
    figure: go.Figure,
    row: int,
    timeline: Timeline,
    scores: np.ndarray,
    shown: Span,
    axis: _TimeAxis,
    dark: bool,
    areas: dict[str, str] | None,
) -> None:
    lines = curves(timeline, scores, shown, MAX_POINTS // 2, every=areas is not None)
    for number, emotion in enumerate(EMOTIONS):
        colour = palette.colour(emotion, dark)
        if areas is None:
            look = {"line": {"color": colour, "width": 1.6, "dash": palette.dash(emotion)}}
        else:
            look = areas | {"line": {"width": 0}, "fillcolor": colour}
        figure.add_trace(
            go.Scatter(
                x=axis.at(np.array(lines[emotion]["x"])),
                y=np.array(lines[emotion]["y"], np.float64),
                name=str(emotion),
                mode="lines",
                hovertemplate="%{y:.2f}",
                legendrank=number + 1,
                legendgroup=str(emotion),
                showlegend=row == 1,
                **look,
            ),
            row=row,
            col=1,
        )


def _segments(segments: Sequence[Segment], dark: bool) -> Lane:
    items = [
        Item(
            start_s=s.start_s,
            end_s=s.end_s,
            text=sentence(s),
            short=str(s.emotion),
            colour=palette.colour(s.emotion, dark),
        )
        for s in segments
    ]
    return Lane(name=SEGMENTS, kind="interval", items=items)


def _speech(timeline: Timeline, dark: bool) -> Lane:
    grey = palette.SPEECH[dark]
    spans = timeline.speech_spans()
    items = [
        Item(start_s=s.start_s, end_s=s.end_s, text="speech", short="", colour=grey) for s in spans
    ]
    return Lane(name="speech", kind="interval", items=items)


def _add_lane(figure: go.Figure, row: int, lane: Lane, axis: _TimeAxis, dark: bool) -> None:
    items = lane["items"]
    if not items:
        return
    starts, ends = np.array([(item["start_s"], item["end_s"]) for item in items]).T
    texts = [palette.escaped(item.get("short", item["text"])) for item in items]
    figure.add_trace(
        go.Bar(
            y=[lane["name"]] * len(items),
            base=axis.at(starts),
            x=axis.lengths(ends - starts).tolist(),
            orientation="h",
            marker={
                "color": [item.get("colour", palette.speaker(0, dark)) for item in items],
                "line": {"width": 0},
            },
            name=palette.escaped(lane["name"]),
            showlegend=False,
            width=0.72,
            text=texts if any(texts) else None,
            textposition="inside",
            insidetextanchor="middle",
            textangle=0,
            hovertext=[
                f"{palette.escaped(item['text'])}, {item['start_s']:.2f} to {item['end_s']:.2f} s"
                for item in items
            ],
            hovertemplate="%{hovertext}<extra></extra>",
        ),
        row=row,
        col=1,
    )


def _short(name: str) -> str:
    return name if len(name) <= _NAME_LETTERS else name[: _NAME_LETTERS - 1] + "…"


def _dress(
    figure: go.Figure, axis: _TimeAxis, shown: Span, dark: bool, *, tall: float, two: bool
) -> None:
    figure.update_xaxes(
        **axis.settings() | {"title": None, "range": axis.edges(shown)},
        gridcolor=palette.GRID[dark],
        zeroline=False,
        spikethickness=1,
        spikedash="solid",
        spikecolor=palette.SPEECH[dark],
    )
    figure.update_xaxes(title_text=axis.settings()["title"], row=4 if two else 2, col=1)
    for row, name in enumerate(("A: score", "B: score") if two else ("score",), 1):
        figure.update_yaxes(
            range=[0, 1.005],
            title=name,
            tickvals=[0, 0.25, 0.5, 0.75, 1],
            fixedrange=True,
            gridcolor=palette.GRID[dark],
            row=row,
            col=1,
        )
    if two:
        figure.update_yaxes(
            range=[-1, 1],
            title="B minus A",
            tickvals=[-1, 0, 1],
            fixedrange=True,
            gridcolor=palette.GRID[dark],
            zeroline=True,
            zerolinecolor=palette.SPEECH[dark],
            row=3,
            col=1,
        )
    figure.update_layout(
        height=round(HEIGHT * tall),
        meta={"tall": tall},
        margin={"l": 0, "r": 0, "t": 34, "b": 112},
        modebar={
            "bgcolor": "rgba(0,0,0,0)",
            "color": palette.INK[dark],
            "activecolor": palette.INK[dark],
        },
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
    figure.update_layout(ground(dark))
