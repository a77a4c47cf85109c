"""The heads of the store: what each is, what it says of the corpus, and the way to other stores."""

import numpy as np
import pandas as pd
import streamlit as st

from core.errors import TonescopeError
from core.learn.heads import Head
from core.plain import file_stem
from dashboard import calibrating, study_figures, words
from dashboard.components import choose, stretch_table
from dashboard.session import Keys, is_dark

_ROUND = "calibrate.round"


def show(engine: str) -> None:
    """Shows the heads of an engine."""
    known = calibrating.heads(engine)
    if known:
        labels = {
            head.key: f"{head.name} ({', '.join(head.classes[:4])}{' …' * (len(head.classes) > 4)})"
            for head in known
        }
        key = choose.show("Head", Keys.CALIBRATE_HEAD, labels, width=420)
        head = next(head for head in known if head.key == key)
        _card(head)
        _applied(head)
    else:
        st.info("No head yet: fit one, or take one over from a file.", icon=":material/tune:")
    _import()


def _card(head: Head) -> None:
    card = head.card
    told = {
        "UAR": _number(card.get("uar")),
        "UAR of the engine's own": _number(card.get("uar_engine")),
        "Calibration error (ECE)": _number(card.get("ece")),
        "Labels": str(card.get("n_labels", "not told"))[:40],
        "Random sample": str(card.get("n_sample", "not told"))[:40],
        "Speakers": str(card.get("n_speakers", "not told"))[:40],
        "Made": str(card.get("made_at", "not told"))[:16].replace("T", " "),
        "Engine": head.engine_id,
        "Classes": ", ".join(head.classes),
        "Abstains": "never" if head.threshold is None else f"below {head.threshold:.2f}",
    }
    with st.expander("Card of this head", icon=":material/badge:"):
        st.dataframe(
            pd.DataFrame({"What": list(told), "Value": list(told.values())}), hide_index=True
        )
    st.download_button(
        "Export the head",
        lambda: calibrating.exported(head),
        f"{file_stem(head.name, 'head')}.zip",
        "application/zip",
        help="A card in JSON and numbers in safetensors; neither holds code.",
        on_click="ignore",
    )


def _applied(head: Head) -> None:
    applied = st.toggle(
        "Apply it to all stored segments",
        key=Keys.CALIBRATE_APPLY,
        bind="query-params",
        help="Reads the stored embeddings; no model runs, and nothing stored is changed.",
    )
    if not applied:
        return
    try:
        rows = calibrating.apply(head)
    except TonescopeError as error:
        st.error(words.said(str(error)), icon=":material/error:")
        return
    silent = int(rows["head_abstains"].sum())
    said = rows[~rows["head_abstains"]]
    changed = int((said["head_class"] != said["emotion"]).sum())
    st.markdown(
        f"**{len(said):,} of {len(rows):,} segments get a class**"
        + (f", {silent:,} do not, as the head abstains" if silent else "")
        + f"; {changed:,} differ from the engine's own answer."
    )
    counts = said["head_class"].value_counts()
    st.dataframe(
        pd.DataFrame({"Sounds to the head": counts.index, "Segments": counts.to_numpy()}),
        hide_index=True,
    )
    shown = rows[["recording", "name", "start_s", "end_s"]].copy()
    shown["Head"] = rows["head_class"].mask(rows["head_abstains"], "abstains")
    shown["Confidence"] = rows["head_confidence"]
    shown["Engine"] = rows["emotion"]
    stretch_table.table(shown, f"calibrate.applied.{head.key}")
    _course(head, rows)
    st.download_button(
        "Download as CSV",
        lambda: calibrating.csv(rows),
        f"{file_stem(head.name, 'head')}.csv",
        "text/csv",
        on_click="ignore",
    )


def _course(head: Head, rows: pd.DataFrame) -> None:
    """Shows what a head says of one recording over time."""
    names = dict(zip(rows["recording"], rows["name"], strict=True))
    bar = st.container(horizontal=True, vertical_alignment="bottom", gap="medium")
    recording = bar.selectbox(
        "Over time, recording",
        list(names),
        format_func=lambda one: names[one],
        key=f"calibrate.course.{head.key}",
        help="Read from the stored blocks of half a second, five together; no model runs.",
        width=420,
    )
    if recording is None:
        return
    try:
        course = calibrating.course(head, recording)
    except TonescopeError as error:
        st.error(words.said(str(error)), icon=":material/error:")
        return
    course = course[course["channel"] == course["channel"].iloc[0]]
    pause = course["speech"].to_numpy() < 0.5
    scores = {name: np.where(pause, np.nan, course[f"score_{name}"]) for name in head.classes}
    middles = (course["start_s"] + course["end_s"]).to_numpy() / 2
    st.plotly_chart(
        study_figures.scores_figure(middles, scores, is_dark()),
        config={"displayModeBar": False},
        key="calibrate.course.chart",
        alt=f"Scores of the head {head.name} over time",
    )


def _import() -> None:
    with st.expander("Take over a head from a file", icon=":material/upload_file:"):
        number = st.session_state.setdefault(_ROUND, 0)
        files = st.file_uploader(
            "ZIP of a head, or head.json and head.safetensors",
            ["zip", "json", "safetensors"],
            accept_multiple_files=True,
            key=f"calibrate.files.{number}",
            help="Everything in it is checked before it is believed. It can be used on results of the "
            "engine that it was made for.",
        )
        if files and st.button("Take it over"):
            try:
                head = calibrating.import_head({file.name: file.getvalue() for file in files})
            except TonescopeError as error:
                st.error(words.said(str(error)), icon=":material/error:")
                return
            st.session_state[_ROUND] = number + 1
            st.query_params[Keys.CALIBRATE_HEAD] = head.key
            st.rerun()


def _number(value: object) -> str:
    return f"{value:.2f}" if isinstance(value, int | float) else "none"
