"""Session, speaker, date and tags of recordings in a table, with undo; from files and names."""

from datetime import date, datetime
from typing import Any

import pandas as pd
import streamlit as st

from core.errors import StudyError
from core.records import Metadata
from dashboard import sessions, studies, words
from dashboard.components import annotator
from dashboard.session import Keys

_PATTERN = (
    "Such as {speaker}_{session}_{date}: each field ends where the next character stands, {any} stands "
    "for what does not matter. A regular expression with (?P<speaker>…) does as well."
)
_FILE = (
    "A CSV with a column file (or recording) and any of session, speaker, date and tags (split at "
    "semicolons), or a participants.tsv as in BIDS, with participant_id."
)
_ROUND = "sessions.round"


def show() -> None:
    """Shows the table, and under it the ways to fill it."""
    bar = st.container(horizontal=True, vertical_alignment="bottom", gap="small")
    name = annotator.ask(bar, "Who edits")
    _steps(bar, name)
    known = sessions.table()
    _table(known, name)
    _from_names(name)
    _from_file(known, name)
    annotator.keep(name, "sessions")


def _steps(bar: Any, name: str) -> None:
    for title, icon, step in (("Undo", "undo", sessions.undo), ("Redo", "redo", sessions.redo)):
        if bar.button(title, icon=f":material/{icon}:", disabled=not name, key=f"sessions.{icon}"):
            done = step(name)
            if done is None:
                st.toast(f"Nothing of yours to {title.lower()}.")
            else:
                st.rerun()


def _table(known: pd.DataFrame, name: str) -> None:
    shown = pd.DataFrame(
        {
            "Recording": known["name"],
            "Session": known["session"].fillna(""),
            "Speaker": known["speaker"].fillna(""),
            "Date": pd.to_datetime(known["recorded_on"]).dt.date,
            "Tags": ["; ".join(tags) for tags in known["tags"]],
        }
    )
    edited = st.data_editor(
        shown,
        key=f"sessions.table.{studies.version('recordings')}",
        hide_index=True,
        disabled=["Recording"],
        height=min(38 + 35 * max(1, len(shown)), 420),
        column_config={
            "Date": st.column_config.DateColumn(format="YYYY-MM-DD"),
            "Session": st.column_config.TextColumn(help=words.SESSION, max_chars=200),
            "Speaker": st.column_config.TextColumn(
                help="A pseudonym is enough, and better.", max_chars=200
            ),
            "Tags": st.column_config.TextColumn(help="Words of your own, split at semicolons."),
        },
    )
    changes = changed(known, shown, edited)
    bar = st.container(horizontal=True, vertical_alignment="center")
    label = f"Save {words.counted(len(changes), 'change')}" if changes else "Save changes"
    if bar.button(label, type="primary", disabled=not (changes and name)):
        _edit(changes, name)
    bar.caption(
        "Give a name above to edit; every step is kept and can be undone."
        if not name
        else "Edit in the table, then save. Every step is kept and can be undone."
    )


def changed(known: pd.DataFrame, before: pd.DataFrame, after: pd.DataFrame) -> dict[str, Metadata]:
    """Returns what is now said of the recordings whose row differs."""
    found = {}
    for number, row in enumerate(after.to_dict("records")):
        old = before.iloc[number].to_dict()
        if any(_plain(row[column]) != _plain(old[column]) for column in row):
            tags = dict.fromkeys(t.strip() for t in str(row["Tags"] or "").split(";"))
            day = _plain(row["Date"])
            found[known["recording"].iloc[number]] = Metadata(
                session=_plain(row["Session"]) or None,
                speaker=_plain(row["Speaker"]) or None,
                recorded_on=day or None,
                tags=tuple(tag for tag in tags if tag),
            )
    return found


def _plain(value: Any) -> Any:
    """Returns a cell as it is compared; nothing is an empty text."""
    if value is None or value is pd.NaT or (isinstance(value, float) and value != value):
        return ""
    if isinstance(value, datetime):
        return value.date()
    return value if isinstance(value, date) else " ".join(str(value).split())


def _edit(
    changes: dict[str, Metadata], name: str, origin: str | None = None, *, only_given: bool = False
) -> None:
    try:
        sessions.edit(changes, name, origin, only_given=only_given)
    except StudyError as error:
        st.error(words.plain(str(error)), icon=":material/error:")
        return
    st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1
    st.rerun()


def _from_names(name: str) -> None:
    with st.expander("From file names", icon=":material/regular_expression:"):
        pattern = st.text_input(
            "Pattern",
            key=Keys.SESSIONS_PATTERN,
            bind="query-params",
            placeholder="{speaker}_{session}_{date}",
            max_chars=300,
            help=_PATTERN,
        )
        if not (pattern or "").strip():
            return
        try:
            read = sessions.read_names((pattern or "").strip())
        except StudyError as error:
            st.error(words.plain(str(error)), icon=":material/error:")
            return
        fits = {recording: said for recording, _, said in read if said is not None}
        of = words.counted(len(read), "name")
        st.caption(f"It fits {len(fits)} of {of}; others stay as they are.")
        _preview([(file, said) for _, file, said in read])
        if st.button(f"Set {words.counted(len(fits), 'recording')}", disabled=not (fits and name)):
            _edit(fits, name, only_given=True)


def _from_file(known: pd.DataFrame, name: str) -> None:
    with st.expander("From a CSV or participants.tsv", icon=":material/upload_file:"):
        number = st.session_state.get(_ROUND, 0)
        file = st.file_uploader(
            "CSV or TSV", ["csv", "tsv"], key=f"sessions.file.{number}", help=_FILE
        )
        if file is None:
            return
        try:
            found, left = sessions.read_file(file.name, file.getvalue())
        except StudyError as error:
            st.error(words.plain(str(error)), icon=":material/error:")
            return
        names = dict(zip(known["recording"], known["name"], strict=True))
        about = words.counted(len(found), "recording")
        if found:
            st.caption(f"About {about}; what a row leaves empty stays as it is.")
            _preview([(names[recording], said) for recording, said in found.items()])
        if left:
            some = ", ".join(words.plain(row.key[:60]) for row in left[:10])
            more = f" and {len(left) - 10} more" if len(left) > 10 else ""
            st.warning(
                f"{words.counted(len(left), 'row')} about no recording here, or with a name that "
                f"several have: {some}{more}.",
                icon=":material/help:",
            )
        if found and st.button(f"Set {about}", disabled=not name, key="sessions.set"):
            _edit(found, name, file.name, only_given=True)


def _preview(rows: list[tuple[str, Metadata | None]]) -> None:
    """Shows what would be set; nothing is stored yet."""
    blank = Metadata()
    shown = pd.DataFrame(
        [
            {
                "Recording": name,
                "Session": (said or blank).session or "",
                "Speaker": (said or blank).speaker or "",
                "Date": (said or blank).recorded_on,
                "Tags": "; ".join((said or blank).tags),
                "Fits": "yes" if said is not None else "no",
            }
            for name, said in rows[:200]
        ]
    )
    if (shown["Fits"] == "yes").all():
        shown = shown.drop(columns="Fits")
    st.dataframe(shown, hide_index=True, height=min(38 + 35 * max(1, len(rows)), 240))
    if len(rows) > len(shown):
        st.caption(f"The first {len(shown)} are shown.")
