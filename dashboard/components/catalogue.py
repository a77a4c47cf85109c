"""What is in the store: totals, every recording, and what could not be analysed."""

import pandas as pd
import streamlit as st

from dashboard import figures, jobs, navigation, palette, resources, words
from dashboard.components import job_status, privacy, welcome
from dashboard.session import Keys, is_dark


def show() -> None:
    """Shows the recordings, or the first screen while there are none."""
    running = next(jobs.running_jobs(), None)
    if running:
        job_status.show(running.job)
    privacy.overdue()
    rows = resources.catalogue()
    if rows.empty:
        if not running:
            welcome.show()
    else:
        _summary(rows)
        _table(rows)
    _failures()


def _summary(rows: pd.DataFrame) -> None:
    unique = rows.drop_duplicates("recording")
    hours = unique["duration_s"].sum()
    columns = st.columns(4)
    columns[0].metric("Recordings", f"{len(unique):,}")
    columns[1].metric("Duration", palette.duration(hours))
    columns[2].metric("Speech", palette.duration(unique["speech_s"].sum()), help=words.SPEECH)
    columns[3].metric("Segments", f"{unique['n_segments'].sum():,}", help=words.SEGMENT)
    seconds = resources.seconds_by_emotion(tuple(unique["attempt"].tolist()))
    if seconds.to_numpy().sum() > 0:
        st.subheader("How the speech sounds to the engine", help=words.SHARES)
        st.plotly_chart(
            figures.share_figure(seconds.sum().to_dict(), is_dark()),
            config={"displayModeBar": False},
            alt="Share of speech time by emotion over all recordings",
        )


def _table(rows: pd.DataFrame) -> None:
    unique = rows.drop_duplicates("recording").reset_index(drop=True)
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    left.subheader("Recordings")
    wanted = right.text_input(
        "Filter by name, session or speaker",
        key="find",
        bind="query-params",
        placeholder="Name, session or speaker",
        label_visibility="collapsed",
        icon=":material/search:",
    )
    shown = _matching(unique, wanted or "")
    if shown.empty:
        st.info(f"No recording matches {words.plain(repr(wanted))}.", icon=":material/search_off:")
        return
    seconds = resources.seconds_by_emotion(tuple(shown["attempt"].tolist()))
    table = pd.DataFrame(
        {
            "Recording": shown["name"],
            "Session": shown["session"].fillna(""),
            "Speaker": shown["speaker"].fillna(""),
            "Duration": [palette.duration(s) for s in shown["duration_s"]],
            "Speech mostly sounds": _mostly(seconds),
            "Segments": shown["n_segments"],
            "Engine": shown["engine_id"],
            "Analysed": shown["created_at"],
        }
    )
    event = st.dataframe(
        table,
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        column_config={
            "Analysed": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm"),
            "Speech mostly sounds": st.column_config.TextColumn(
                help="The emotion with the largest share of speech time, by the engine."
            ),
            "Engine": st.column_config.TextColumn(
                help="The engine, and the first digits of its weights' hash."
            ),
        },
    )
    if event.selection.rows:
        chosen = shown.iloc[event.selection.rows[0]]["recording"]
        navigation.open_page("recording", **{Keys.RECORDING: chosen})
    st.caption("Select a row to open its timeline.")


def _matching(rows: pd.DataFrame, wanted: str) -> pd.DataFrame:
    text = rows[["name", "session", "speaker"]].fillna("").agg(" ".join, axis=1).str.lower()
    return rows[text.str.contains(wanted.strip().lower(), regex=False)]


def _mostly(seconds: pd.DataFrame) -> list[str]:
    total = seconds.sum(axis=1).to_numpy()
    best = seconds.idxmax(axis=1).tolist()
    share = seconds.max(axis=1).to_numpy()
    return [
        f"{palette.signed(best[i])} {share[i] / total[i]:.0%}" if total[i] else "no speech found"
        for i in range(len(seconds))
    ]


def _failures() -> None:
    failed = resources.failures()
    if failed.empty:
        return
    with st.expander(f"{len(failed)} file(s) could not be analysed"):
        st.caption("They are in no chart, table or export.")
        st.dataframe(
            failed[["name", "reason", "failed_at"]].rename(
                columns={"name": "File", "reason": "Why", "failed_at": "When"}
            ),
            hide_index=True,
            column_config={"When": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm")},
        )
