"""What a map or clustering follows: a plain table, what to do, and what does not count as proof."""

from typing import Final

import pandas as pd
import streamlit as st

from core.explore.audits import Audit
from core.explore.confounds import Factor
from core.store.maps import PROJECTION, Head
from dashboard import clusterings, words
from dashboard.background import background
from dashboard.components import busy

UNASKED: Final = 50_000  # segments up to which it is measured without being asked for
_NAMES: Final = {
    Factor.SPEAKER: "Speaker",
    Factor.RECORDING: "Recording",
    Factor.SESSION: "Session",
    Factor.LEVEL: "Level",
    Factor.DURATION: "Duration",
    Factor.EMOTION_PEOPLE: "Emotion that people heard",
    Factor.EMOTION_ENGINE: "Emotion to the engine (circular)",
}


def show(head: Head) -> None:
    """Shows the audit of a map or clustering, measured when it is first looked at."""
    is_map = head.kind == PROJECTION
    title = "What places on this map follow" if is_map else "What these groups follow"
    st.subheader(title, help=words.AUDIT, anchor=False)
    key = clusterings.audit_key(head)
    task = background().view(key)
    if task is None:
        if head.parameters["n"] > UNASKED:
            st.caption("With so many segments it takes a while, so it is measured when asked for.")
            if not st.button("Measure it"):
                return
        clusterings.audit(head)
    task = busy.show(key)
    if task is not None and task.finished and not task.error:
        _table(task.result, is_map)


def _table(found: Audit, is_map: bool) -> None:
    counted = f"{found.unit.capitalize()}s"
    rows = pd.DataFrame(
        {
            "What": [_NAMES[one.factor] for one in found.found],
            "AMI": [one.ami for one in found.found],
            "ARI": [one.ari for one in found.found],
            "Probe": [one.probe_accuracy for one in found.found],
            "Chance": [one.chance for one in found.found],
            counted: [one.n for one in found.found],
            "Values": [one.values for one in found.found],
        }
    )
    if is_map:
        rows = rows.drop(columns=["AMI", "ARI"])
    st.info(found.advice, icon=":material/lightbulb:")
    number = st.column_config.NumberColumn
    st.dataframe(
        rows,
        hide_index=True,
        height="content",
        placeholder="–",
        column_config={
            "What": st.column_config.TextColumn(width="medium"),
            "AMI": number(format="%.2f", help=words.AMI),
            "ARI": number(format="%.2f", help=words.ARI),
            "Probe": number(format="%.2f", help=words.PROBE),
            "Chance": number(format="%.2f", help=words.CHANCE),
            counted: number(format="localized", help="For which it is known."),
            "Values": number(help="Different ones; of level and duration, bins."),
        },
    )
    missing: dict[str, list[str]] = {}
    for one in found.found:
        if one.note is not None and one.note != found.circular:
            missing.setdefault(one.note, []).append(_NAMES[one.factor])
    for note, names in missing.items():
        st.caption(f"{', '.join(names)}: {note[0].lower()}{note[1:]}")
    st.caption(found.circular)
