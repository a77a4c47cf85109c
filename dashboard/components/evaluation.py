"""How far an engine agrees with reference labels: figures, confusion, reliability, slices."""

import re
from typing import Any, Final

import numpy as np
import pandas as pd
import streamlit as st

from core.learn.comparing import WIDTHS_S, binned, error_by_width, reliability, slices
from core.statistics.proportions import Estimate
from core.statistics.resampling import MIN_SPEAKERS
from dashboard import study_figures, words
from dashboard.components import confusion, emotion_time, engine_pair
from dashboard.evaluating import Result
from dashboard.session import Keys, is_dark

_UAR: Final = (
    "Unweighted average recall: of each emotion the share that is recognised, averaged over the "
    "emotions among the labels. All nine may be answered."
)
_PRESENT: Final = "The same where only the emotions among the labels may be answered."
_WA: Final = "Weighted accuracy: the share of right answers. Frequent emotions count more."
_F1: Final = "For each emotion among the labels the mean of precision and recall, then averaged."
_ECE: Final = (
    "Expected calibration error: how far confidence and the share right lie apart, over 15 bins. 0 is "
    "best. Only items with a confidence count."
)
_SLICES: Final = ("Speaker", "Tag", "Length", "Speech over noise")
_ALL: Final = "all widths"


def show(found: Result, other: Result | None = None) -> None:
    """Shows everything that is known of it.

    Args:
        found: of the engine or head that was asked.
        other: of the one it is compared with.
    """
    _fitted(found)
    _training(found)
    if other is not None:
        _fitted(other)
        if other.engine_id != found.engine_id:
            _training(other)
    _figures(found)
    if other is not None:
        engine_pair.show(found, other)
    confusion.show(found)
    emotion_time.show(found, other)
    left, right = st.columns(2, gap="medium")
    with left:
        _reliability(found)
    with right:
        _slices(found)
    if found.failed:
        with st.expander(f"Left out: {len(found.failed)}", icon=":material/error:"):
            for where, reason in found.failed[:100]:
                st.text(f"{where}: {reason}")


def _fitted(found: Result) -> None:
    """Says whether a head may have learnt from these labels."""
    name = words.plain(found.title)
    if found.has_head and found.fitted_on is None:
        st.info(
            f"Whether {name} was fitted on these recordings is not known; if it was, its figures are "
            "too good. Those under *Calibrate* are of speakers it had not heard.",
            icon=":material/info:",
        )
    elif found.fitted_on:
        st.warning(
            f"{found.fitted_on} of {len(found.items)} labels were there when {name} was fitted, so it "
            "may have learnt from them and its figures are too good. Those under *Calibrate* are of "
            "speakers it had not heard.",
            icon=":material/warning:",
        )


def _training(found: Result) -> None:
    """Says what the engine was trained on."""
    n = len(found.items)
    if found.in_training is None:
        st.info(
            f"Whether {found.engine_id} was trained on these recordings is not known; if it was, the "
            "figures are too good.",
            icon=":material/info:",
        )
    elif found.in_training:
        st.warning(
            f"{found.in_training} of {n} items were in the training data of {found.engine_id}. The "
            "figures are too good; take recordings that it has not heard.",
            icon=":material/warning:",
        )
    else:
        st.caption(
            f"None of the files of these {n} items was in the training data of {found.engine_id}; cuts "
            "and copies in another format are not recognised."
        )


def _figures(found: Result) -> None:
    figures = found.figures
    names = [
        ("uar", "UAR", _UAR),
        ("uar_present", "UAR, present", _PRESENT),
        ("wa", "Accuracy", _WA),
        ("f1", "F1", _F1),
    ]
    places = st.columns(5)
    for (name, label, told), place in zip(names, places, strict=False):
        with place:
            st.metric(label, f"{getattr(figures, name):.3f}", help=told)
            st.caption(_between(found.intervals[name]))
    with places[4]:
        st.metric("ECE", "none" if figures.ece is None else f"{figures.ece:.3f}", help=_ECE)
        st.caption(f"of {figures.n_confident} with a confidence")
    n_speakers = found.intervals["uar"].n
    told = f"{words.counted(figures.n, 'item')} of {words.counted(n_speakers, 'speaker')}"
    told += f" · {found.engine_id}"
    if n_speakers < MIN_SPEAKERS:
        told += f" · no intervals, as they need at least {MIN_SPEAKERS} speakers"
    st.caption(told, help=words.INTERVAL)
    with st.expander("Recall of each emotion"):
        st.dataframe(
            pd.DataFrame(
                {
                    "Emotion": list(figures.per_class),
                    "Labels": [sum(figures.confusion[e].values()) for e in figures.per_class],
                    "Recall": list(figures.per_class.values()),
                }
            ),
            hide_index=True,
            column_config={"Recall": st.column_config.NumberColumn(format="%.2f")},
        )


def _between(found: Estimate) -> str:
    if found.low is None or found.high is None:
        return "no interval"
    return f"{found.low:.2f} to {found.high:.2f}"


@st.fragment
def _reliability(found: Result) -> None:
    st.subheader("Confidence and truth", help=_ECE, anchor=False)
    given = found.items[found.items["confidence"].notna()]
    if given.empty:
        st.info("No item has a confidence: it is told for regions of 0.5 to 10 s only.")
        return
    sure = given["confidence"].to_numpy(dtype=np.float64)
    right = (given["label"] == given["answer"]).to_numpy()
    widths = given["width_s"].to_numpy(dtype=np.float64)
    table = error_by_width(sure, right, widths)
    if len(table) > 1:
        chosen = st.selectbox(
            "Width of the regions",
            [_ALL, *table["width"]],
            key=f"{Keys.EVALUATE_WIDTH}.{len(table)}",
            width=190,
        )
        if chosen in set(table["width"]):
            mine = np.array(binned(widths.tolist(), WIDTHS_S, "s")) == chosen
            sure, right = sure[mine], right[mine]
    st.plotly_chart(
        study_figures.reliability_figure(reliability(sure, right), is_dark()),
        config={"displayModeBar": False},
        key="evaluate.reliability",
        alt="Share of right answers over calibrated confidence",
    )
    two, narrow = st.column_config.NumberColumn, 50
    st.dataframe(
        table.set_axis(["Width", "Items", "ECE", "Sure", "Right"], axis=1),
        hide_index=True,
        column_config={
            "Items": two(width=narrow),
            "ECE": two(format="%.2f", width=narrow),
            "Sure": two(format="%.2f", width=narrow, help="Mean calibrated confidence."),
            "Right": two(format="%.2f", width=narrow, help="Share of right answers."),
        },
    )


@st.fragment
def _slices(found: Result) -> None:
    bar = st.container(horizontal=True, vertical_alignment="bottom")
    bar.subheader("UAR of parts", anchor=False)
    by = bar.selectbox("By", _SLICES, key=Keys.EVALUATE_BY, bind="query-params", width=190)
    groups: list[Any] = list(found.items["speaker"])
    if by == "Tag":
        groups = [tuple(tags) or ("no tag",) for tags in found.items["tags"]]
    elif by == "Length":
        groups = binned(found.items["width_s"].tolist(), (1.0, 2.0, 5.0, 10.0), "s")
    elif by == "Speech over noise":
        snr = [None if pd.isna(v) else float(v) for v in found.items["snr_db"]]
        groups = binned(snr, (10.0, 20.0, 30.0), "dB")
    rows = slices(
        found.items["label"].to_numpy(dtype=str),
        found.items["answer"].to_numpy(dtype=str),
        found.items["speaker"].to_numpy(dtype=str),
        groups,
    )
    rows = rows.iloc[np.argsort([_least(name) for name in rows["slice"]], kind="stable")]
    st.plotly_chart(
        study_figures.forest_figure(rows.head(40), is_dark(), "UAR", whole=found.figures.uar),
        config={"displayModeBar": False},
        key="evaluate.slices",
        alt=f"UAR by {by}",
    )
    if by == "Tag" and rows["slice"].tolist() == ["no tag"]:
        st.caption(
            "No recording has a tag; give some under *Sessions*, or in a column `tags` of the CSV."
        )
    more = f"The first 40 of {len(rows)}. " if len(rows) > 40 else ""
    st.caption(
        f"{more}Numbers in brackets: items. Dotted: all of them. UAR of a part averages the emotions in "
        "it, so parts with few emotions are not like the whole."
    )


def _least(name: str) -> float:
    """Returns where a bin such as `2 to 5 s` begins; other names keep their place."""
    found = re.fullmatch(r"(?:from )?([\d.]+) (?:to [\d.]+ )?(?:s|dB)", name)
    return float(found[1]) if found else 0.0
