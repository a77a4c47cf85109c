"""Data and charts as files: what the command line exports, and pictures for a paper."""

import streamlit as st

from core.plain import file_stem
from dashboard import navigation, resources, takeaway
from dashboard.components import choose, export_chart, export_data
from dashboard.session import Keys

_DATA, _CHARTS = "Data", "Charts"


def main() -> None:
    """Shows the page."""
    st.title("Export", anchor=False)
    rows = resources.catalogue().drop_duplicates("recording")
    if rows.empty:
        _nothing()
        return
    bar = st.container(horizontal=True, gap="medium")
    what = bar.segmented_control(
        "What", [_DATA, _CHARTS], default=_DATA, key=Keys.EXPORT_WHAT, bind="query-params"
    )
    names = {takeaway.ALL: f"All {len(rows):,} recordings"}
    names |= {row["recording"]: row["name"] for row in rows.to_dict("records")}
    recording = choose.show("Of", Keys.EXPORT_OF, names, bar, width=340)
    chosen = rows if recording == takeaway.ALL else rows[rows["recording"] == recording]
    stem = file_stem("tonescope" if recording == takeaway.ALL else names[recording])
    if what == _CHARTS:
        export_chart.show(chosen, recording, stem)
    else:
        kind = export_data.show(recording, stem)
        _command(recording, kind)


def _nothing() -> None:
    with st.container(border=True):
        st.markdown(
            "**Nothing to export yet.** Here you will take scores, segments, frames and embeddings "
            "along as CSV, Parquet, JSON or NPY, labels for ELAN, Praat, Audacity and others, and "
            "charts as interactive pages or pictures."
        )
        if st.button("Analyse a recording", type="primary"):
            navigation.open_page("analyze")


def _command(recording: str, kind: str) -> None:
    of = "" if recording == takeaway.ALL else f" --recording {recording[:16]}"
    with st.expander("The same from the command line"):
        st.code(f"python -m core export --format {kind} --out tables/{of}", language="sh")


main()
