"""What a rule flags in the corpus: how often, where, and the flags to hear."""

from typing import Final

import numpy as np
import pandas as pd
import streamlit as st

from core.studies.rules import POSTPROCESSING, EmotionHolds, Rule
from dashboard import corpus, palette, rule_words, studies, words
from dashboard.components import busy, choose, rule_form, stretch_table
from dashboard.session import Keys

_SMOOTHED: Final = "smoothed"
_BY: Final = {"Recording": "name", "Speaker": "speaker", "Session": "session"}


def show(rule: Rule, engine: str, of: str) -> None:
    """Shows the flags of a rule, looked for beside the page.

    Args:
        rule: as it stands.
        engine: whose tracks.
        of: names what the form edits.
    """
    st.subheader("What it flags", anchor=False)
    task = studies.look_for(rule, engine)
    if not task.finished or task.error:
        busy.show(studies.search_key(rule, engine), studies.WORK)
        return
    found: pd.DataFrame = task.result
    if found.empty:
        _none(rule, of)
        return
    segments = corpus.corpus(engine).segments
    n_recordings = segments["recording"].nunique()
    lengths = found["end_s"] - found["start_s"]
    n_in = found["recording"].nunique()
    half = f", half of them no longer than {lengths.median():.2f} s" if len(found) > 1 else ""
    st.markdown(
        f"**{words.counted(len(found), 'flag')} in {n_in:,} of {n_recordings:,} recordings**, together "
        f"{palette.duration(float(lengths.sum()))}{half}. Listen to some before you trust the rule."
    )
    by = choose.one_of("Count by", ["Each flag", *_BY], Keys.RULE_BY)
    if by in _BY:
        _counts(found, segments, by, _BY[by])
        return
    rows = found[["recording", "name", "start_s", "end_s"]].assign(**{"Length, s": lengths})
    for label, column in (("Speaker", "speaker"), ("Session", "session")):
        if found[column].notna().any():
            rows[label] = found[column].fillna("")
    stretch_table.table(rows, f"flags.table.{hash(studies.search_key(rule, engine))}")


def _none(rule: Rule, of: str) -> None:
    lasting = any(isinstance(c, EmotionHolds) and c.for_s > 0.2 for c in rule.conditions)
    flickers = lasting and not rule.post.smoothing_s
    hint = "Lower a bound, or ask for a shorter stretch."
    if flickers:
        hint = (
            "Frames of 0.02 s flicker, so few stretches hold a bound for long: smooth the scores, lower "
            "a bound, or ask for a shorter stretch."
        )
    st.info(f"It flags nothing in these recordings. {hint}", icon=":material/flag:")
    if flickers:
        st.button(
            f"Smooth over {POSTPROCESSING[_SMOOTHED].smoothing_s:g} s",
            icon=":material/ssid_chart:",
            on_click=rule_form.set_post,
            args=(of, _SMOOTHED),
            help=rule_words.POST,
        )
    st.caption(f"Looked for: {words.plain(rule_words.sentence(rule))}.")


def _counts(found: pd.DataFrame, segments: pd.DataFrame, label: str, column: str) -> None:
    """Shows how often and how long by recording, speaker or session; those without a flag as well."""
    of = "recording" if column == "name" else column
    sides = {}
    for name, rows in (("Flagged, s", found), ("Speech, s", segments)):
        who = rows[of].fillna("").replace("", "not known")
        sides[name] = (rows["end_s"] - rows["start_s"]).groupby(who).agg(["size", "sum"])
    both = pd.DataFrame({name: side["sum"] for name, side in sides.items()}).fillna(0.0)
    both.insert(0, "Flags", sides["Flagged, s"]["size"].reindex(both.index, fill_value=0))
    hours = (both["Speech, s"] / 3600).replace(0.0, np.nan)
    both["Flags per hour of speech"] = both["Flags"] / hours
    both = both.sort_values(["Flags", "Flagged, s"], ascending=False, kind="stable")
    names = dict(zip(segments["recording"], segments["name"], strict=True))
    both.insert(0, label, [names.get(key, key) for key in both.index])
    two = st.column_config.NumberColumn(format="%.2f")
    st.dataframe(
        both,
        hide_index=True,
        height=min(38 + 35 * len(both), 318),
        column_config={
            "Flagged, s": two,
            "Speech, s": two,
            "Flags per hour of speech": st.column_config.NumberColumn(format="%.1f"),
        },
    )
