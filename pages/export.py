"""Data and charts as files: what the command line exports, and pictures for a paper."""

import streamlit as st

from core.plain import file_stem
from dashboard import navigation, resources, takeaway
from dashboard.components import choose, export_chart, export_data, export_whole
from dashboard.session import Keys

_DATA, _CHARTS, _WHOLE = "Data", "Charts", "Report and bundle"


def main() -> None:
    """Shows the page."""
    st.title("Export", anchor=False)
    every = resources.catalogue().drop_duplicates("recording")
    if every.empty:
        _nothing()
        return
    rows, n_held = takeaway.may_leave(every)
    if n_held:
        st.info(
            f"{n_held:,} of {len(every):,} recordings are held back: their consent does not allow to "
            "publish, or not any more.",
            icon=":material/lock:",
        )
    if rows.empty:
        return
    bar = st.container(horizontal=True, gap="medium")
    what = choose.one_of("What", [_DATA, _CHARTS, _WHOLE], Keys.EXPORT_WHAT, bar)
    names = {takeaway.ALL: f"All {len(rows):,} recording{'' if len(rows) == 1 else 's'}"}
    if what == _WHOLE:
        sessions = rows["session"].dropna().drop_duplicates()
        names |= {export_whole.SESSION + s: f"Session {s}" for s in sessions if s}
    names |= {row["recording"]: row["name"] for row in rows.to_dict("records")}
    recording = choose.show("Of", Keys.EXPORT_OF, names, bar, width=340)
    if what == _WHOLE:
        export_whole.show(recording)
        return
    chosen = rows if recording == takeaway.ALL else rows[rows["recording"] == recording]
    stem = file_stem("tonescope" if recording == takeaway.ALL else names[recording])
    if what == _CHARTS:
        export_chart.show(chosen, recording, stem)
    else:
        kind, pseudonyms = export_data.show(recording, stem)
        _command(recording, kind, pseudonyms)


def _nothing() -> None:
    with st.container(border=True):
        st.markdown(
            "**Nothing to export yet.** Here you will take scores, segments, frames and embeddings "
            "along as CSV, Parquet, JSON or NPY, labels for ELAN, Praat, Audacity and others, and "
            "charts as interactive pages or pictures."
        )
        if st.button("Analyse a recording", type="primary"):
            navigation.open_page("analyze")


def _command(recording: str, kind: str, pseudonyms: bool) -> None:
    of = "" if recording == takeaway.ALL else f" --recording {recording[:16]}"
    of += " --pseudonyms" if pseudonyms else ""
    with st.expander("The same from the command line"):
        st.code(f"python -m core export --format {kind} --out tables/{of}", language="sh")


main()
