"""Charts of studies: reliability, forests, trends and courses; no Streamlit in them."""

import re
from typing import Any, Final

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.emotions import EMOTIONS
from dashboard import palette, words

MOST_DASHED: Final = 8  # more lines cannot be told apart by their dashes
_UNNAMED: Final = re.compile(r"^(recording [0-9a-f]{8})[0-9a-f]{56}$")


def reliability_figure(bins: pd.DataFrame, dark: bool) -> go.Figure:
    """Returns accuracy over confidence with the line on which both agree.

    Args:
        bins: of `core.learn.comparing.reliability`.
        dark: for a dark ground.
    """
    figure = go.Figure()
    figure.add_trace(
        go.Scatter(
            x=[0, 1],
            y=[0, 1],
            mode="lines",
            line={"color": palette.SPEECH[dark], "dash": "dot", "width": 1},
            hoverinfo="skip",
        )
    )
    figure.add_trace(
        go.Scatter(
            x=bins["confidence"],
            y=bins["accuracy"],
            mode="lines+markers",
            line={"color": palette.WAVE[dark], "width": 1.6},
            marker={"size": 5 + 13 * np.sqrt(bins["n"] / max(1, bins["n"].max()))},
            text=[words.counted(n, "item") for n in bins["n"]],
            hovertemplate="confidence %{x:.2f}, right %{y:.0%}, %{text}<extra></extra>",
        )
    )
    figure.update_xaxes(range=[0, 1.02], title="calibrated confidence", fixedrange=True)
    figure.update_yaxes(range=[-0.04, 1.04], title="share right", fixedrange=True)
    return dressed(figure, dark, 300)


def forest_figure(
    rows: pd.DataFrame,
    dark: bool,
    title: str,
    value: str = "uar",
    least: float = 0.0,
    whole: float | None = None,
) -> go.Figure:
    """Returns a figure with its interval for each slice.

    Args:
        rows: `slice`, `n`, `n_speakers`, the column `value`, `low`, `high`.
        dark: for a dark ground.
        title: of the axis.
        value: the column of the figure.
        least: where the axis begins; it ends at 1.
        whole: the figure of everything, drawn as a line behind them.
    """
    names = [f"{palette.escaped(str(r['slice']))[:40]} ({r['n']})" for r in rows.to_dict("records")]
    high = (rows["high"] - rows[value]).fillna(0)
    low = (rows[value] - rows["low"]).fillna(0)
    figure = go.Figure(
        go.Scatter(
            x=rows[value],
            y=names,
            mode="markers",
            marker={"size": 9, "color": palette.WAVE[dark]},
            error_x={"array": high, "arrayminus": low, "thickness": 1.4, "width": 4},
            text=[words.counted(n, "speaker") for n in rows["n_speakers"]],
            hovertemplate="%{y}: %{x:.2f}, %{text}<extra></extra>",
        )
    )
    if whole is not None:
        figure.add_vline(x=whole, line={"color": palette.SPEECH[dark], "width": 1, "dash": "dot"})
    figure.update_xaxes(range=[least - 0.02, 1.02], title=title, fixedrange=True)
    figure.update_yaxes(autorange="reversed", fixedrange=True, type="category")
    return dressed(figure, dark, 90 + 26 * max(2, len(rows)))


def time_error_figure(rows: pd.DataFrame, dark: bool) -> go.Figure:
    """Returns the emotion diarization error as bars of missed, false alarm and confused.

    Args:
        rows: `name`, `miss`, `false_alarm` and `confusion` as shares of the reference, `rate`, `low` and
            `high` (NaN without an interval).
        dark: for a dark ground.
    """
    figure = go.Figure()
    names = [palette.escaped(str(name))[:60] for name in rows["name"]]
    parts = (("miss", "missed", 0), ("false_alarm", "false alarm", 1), ("confusion", "confused", 2))
    for column, title, number in parts:
        bar: dict[str, Any] = {}
        if column == "confusion":
            high = (rows["high"] - rows["rate"]).fillna(0)
            low = (rows["rate"] - rows["low"]).fillna(0)
            look = {"color": palette.INK[dark], "thickness": 1.4, "width": 4}
            bar["error_x"] = {"array": high, "arrayminus": low, **look}
        figure.add_trace(
            go.Bar(
                x=rows[column],
                y=names,
                orientation="h",
                name=title,
                marker={
                    "color": palette.speaker(number, dark),
                    "pattern": {"shape": ("", "/", ".")[number], "solidity": 0.25},
                },
                hovertemplate=f"%{{y}}: {title} %{{x:.0%}} of the reference<extra></extra>",
                **bar,
            )
        )
    figure.update_layout(barmode="stack", bargap=0.45)
    figure.update_xaxes(
        title="share of the reference time", tickformat=".0%", rangemode="tozero", fixedrange=True
    )
    figure.update_yaxes(autorange="reversed", fixedrange=True, type="category")
    dressed(figure, dark, 130 + 34 * len(rows))
    legend = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "traceorder": "normal"}
    figure.update_layout(showlegend=True, legend=legend, margin_t=40)
    return figure


def label_curve_figure(points: pd.DataFrame, engine: float | None, dark: bool) -> go.Figure:
    """Returns recall over the number of labels, with its band and the engine's own as a line.

    Args:
        points: `n_labels`, `uar`, and `low` and `high` or NaN.
        engine: UAR of the engine's own head, or None.
        dark: for a dark ground.
    """
    figure = go.Figure()
    if points["low"].notna().all():
        for edge, fill in (("low", None), ("high", "tonexty")):
            figure.add_trace(
                go.Scatter(
                    x=points["n_labels"],
                    y=points[edge],
                    mode="lines",
                    line={"width": 0, "color": palette.WAVE[dark]},
                    fill=fill,
                    fillcolor=_faint(palette.WAVE[dark]),
                    hoverinfo="skip",
                    showlegend=False,
                )
            )
    figure.add_trace(
        go.Scatter(
            x=points["n_labels"],
            y=points["uar"],
            name="your head",
            mode="lines+markers",
            line={"color": palette.WAVE[dark], "width": 1.6},
            marker={"size": 7},
            hovertemplate="after %{x} labels: UAR %{y:.2f}<extra></extra>",
        )
    )
    if engine is not None:
        figure.add_trace(
            go.Scatter(
                x=points["n_labels"],
                y=[engine] * len(points),
                name="the engine's own",
                mode="lines",
                line={"color": palette.INK[dark], "width": 1.2, "dash": "dash"},
                hovertemplate="the engine's own: UAR %{y:.2f}<extra></extra>",
            )
        )
    figure.update_xaxes(title="labels given", type="log", fixedrange=True)
    figure.update_xaxes(tickvals=points["n_labels"], ticktext=points["n_labels"].astype(str))
    figure.update_yaxes(range=[-0.02, 1.02], title="UAR", fixedrange=True)
    dressed(figure, dark, 320)
    return figure.update_layout(showlegend=True, legend={"orientation": "h", "y": 1.12, "x": 0})


def scores_figure(times_s: np.ndarray, scores: dict[str, np.ndarray], dark: bool) -> go.Figure:
    """Returns the scores of a head over time, a line for each class.

    Args:
        times_s: shape `(n,)`.
        scores: by class, each of shape `(n,)`; NaN where the line has a gap.
        dark: for a dark ground.
    """
    figure = go.Figure()
    nine = {str(emotion) for emotion in EMOTIONS}
    for number, (name, values) in enumerate(scores.items()):
        known = name in nine
        colour = palette.colour(name, dark) if known else palette.speaker(number, dark)
        figure.add_trace(
            go.Scatter(
                x=times_s,
                y=values,
                name=palette.escaped(name)[:40],
                mode="lines+markers",
                marker={"size": 3},
                line={
                    "color": colour,
                    "width": 1.4,
                    "dash": palette.DASHES[number % len(palette.DASHES)],
                },
                hovertemplate=f"{palette.escaped(name)[:40]} %{{y:.2f}} at %{{x:.1f}} s<extra></extra>",
            )
        )
    figure.update_xaxes(title="time, s", fixedrange=True)
    figure.update_yaxes(title="score", range=[-0.02, 1.02], fixedrange=True)
    dressed(figure, dark, 300)
    legend = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}
    return figure.update_layout(showlegend=True, legend=legend, margin_t=40)


def _named(speaker: str) -> str:
    """Returns a name for a figure; a recording that stands for its speaker by its first digits."""
    return palette.escaped(_UNNAMED.sub(r"\1", speaker))[:40]


def trend_figure(rows: pd.DataFrame, emotion: str, over: str, dark: bool, title: str) -> go.Figure:
    """Returns lines over sessions, one for each `line`, with intervals where there are any.

    Of more than 8 lines, each is named where it is pointed at, and in no legend.

    Args:
        rows: `line`, the column `over`, `value`, `low` and `high` or NaN, and `single` where the line
            is a speaker in place of a mean: points alone then, outside the legend.
        emotion: whose colour the lines have.
        over: the column of the horizontal axis.
        dark: for a dark ground.
        title: of the vertical axis.
    """
    figure = go.Figure()
    many = rows.loc[~rows["single"], "line"].nunique() > MOST_DASHED
    for number, ((single, line), mine) in enumerate(rows.groupby(["single", "line"], sort=True)):
        low, high = (mine[name].to_numpy(float) for name in ("low", "high"))
        value = mine["value"].to_numpy(float)
        look: dict[str, Any] = {"mode": "lines+markers"}
        told = "%{y:.2f}"
        if many:
            look |= {"opacity": 0.55, "showlegend": False}
        if not np.isnan(low).all():
            look["customdata"] = np.stack([low, high], axis=1)
            told += ", 95% %{customdata[0]:.2f} to %{customdata[1]:.2f}"
            look["error_y"] = {
                "array": np.nan_to_num(high - value),
                "arrayminus": np.nan_to_num(value - low),
                "thickness": 1.2,
            }
        if single:
            look |= {"mode": "markers", "opacity": 0.55, "showlegend": False}
        name = _named(str(line))
        figure.add_trace(
            go.Scatter(
                x=[palette.escaped(str(x)) for x in mine[over]],
                y=value,
                name=name,
                line={
                    "color": palette.colour(emotion, dark),
                    "width": 1.4,
                    "dash": "solid" if many else palette.DASHES[number % len(palette.DASHES)],
                },
                hovertemplate=f"{name}, %{{x}}: {told}<extra></extra>",
                **look,
            )
        )
    every = [palette.escaped(str(x)) for x in dict.fromkeys(rows.sort_values("place")[over])]
    figure.update_xaxes(
        title=over, type="category", categoryorder="array", categoryarray=every, fixedrange=True
    )
    figure.update_yaxes(title=title, rangemode="tozero", fixedrange=True)
    dressed(figure, dark, 340)
    figure.update_layout(showlegend=True, legend={"orientation": "h", "y": 1.14, "x": 0})
    return figure


def courses_figure(
    times: np.ndarray, groups: dict[str, Any], emotion: str, dark: bool, axis: str
) -> go.Figure:
    """Returns the mean course of each group with its band, or its speakers where there is none.

    Args:
        times: shape `(n_times,)`.
        groups: bands of `core.studies.trajectories` by name.
        emotion: which.
        dark: for a dark ground.
        axis: its title.
    """
    column = [str(e) for e in EMOTIONS].index(emotion)
    figure = go.Figure()
    for number, (group, band) in enumerate(groups.items()):
        colour, name = palette.speaker(number, dark), palette.escaped(group)[:40]
        if band.low is None:
            for each, speaker in zip(band.each, band.speakers, strict=True):
                figure.add_trace(
                    go.Scatter(
                        x=times,
                        y=each[:, column],
                        mode="lines",
                        line={"color": colour, "width": 0.7},
                        opacity=0.45,
                        showlegend=False,
                        hovertemplate=f"{_named(speaker)}: %{{y:.2f}}<extra></extra>",
                    )
                )
        else:
            for edge, fill in ((band.low, None), (band.high, "tonexty")):
                figure.add_trace(
                    go.Scatter(
                        x=times,
                        y=edge[:, column],
                        mode="lines",
                        line={"width": 0, "color": colour},
                        fill=fill,
                        fillcolor=_faint(colour),
                        showlegend=False,
                        hoverinfo="skip",
                    )
                )
        figure.add_trace(
            go.Scatter(
                x=times,
                y=band.mean[:, column],
                name=f"{name} ({words.counted(len(band.speakers), 'speaker')})",
                mode="lines",
                line={"color": colour, "width": 2.4, "dash": palette.DASHES[number]},
                hovertemplate=f"{name}: %{{y:.2f}}<extra></extra>",
            )
        )
    figure.update_xaxes(title=axis, fixedrange=True)
    figure.update_yaxes(title=f"score of {emotion}", rangemode="tozero", fixedrange=True)
    dressed(figure, dark, 360)
    legend = {"orientation": "h", "y": 1.14, "x": 0, "traceorder": "normal"}
    figure.update_layout(showlegend=True, legend=legend)
    return figure


def _faint(colour: str) -> str:
    """Returns a colour of six hex digits that lets what is behind it shine through."""
    red, green, blue = (int(colour[n : n + 2], 16) for n in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, 0.16)"


def dressed(figure: go.Figure, dark: bool, height: int) -> go.Figure:
    """Gives a figure the ground and the grid of the others."""
    figure.update_xaxes(gridcolor=palette.GRID[dark], zeroline=False)
    figure.update_yaxes(gridcolor=palette.GRID[dark], zeroline=False)
    return figure.update_layout(
        height=height,
        margin={"l": 0, "r": 12, "t": 10, "b": 40},
        showlegend=False,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": palette.INK[dark]},
    )
