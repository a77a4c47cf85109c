"""Sessions: who, when and what for; how emotions change over sessions and between groups."""

import streamlit as st

from core.errors import TonescopeError
from core.studies.trends import CODEBOOK
from dashboard import corpus, sessions, words
from dashboard.components import (
    choose,
    courses_view,
    estimates_view,
    metadata_table,
    nothing,
    shape_view,
    transitions_view,
    trend_view,
)
from dashboard.session import Keys

_TABLE, _TIDY = "Recordings", "Table for R"
_VIEWS = {
    "Trend": trend_view.show,
    "Courses": courses_view.show,
    "Like this": shape_view.show,
    "Transitions": transitions_view.show,
    "Engine's error": estimates_view.show,
}
_SHOWN = 200


def main() -> None:
    """Shows the page."""
    engines = corpus.engines()
    if not engines:
        nothing.show(
            "Sessions",
            "**No recordings yet.** Here you will group recordings by session, speaker, date and tags, "
            "see how each emotion changes over sessions, and compare groups of speakers.",
        )
        return
    known = sessions.table()
    counts = [(len(known), "recording"), (known["session"].nunique(), "session")]
    counts += [(known["speaker"].nunique(), "speaker")]
    told = [words.counted(n, word) for n, word in counts if n]
    st.title(f"Sessions: {', '.join(told)}", anchor=False)
    bar = st.container(horizontal=True, vertical_alignment="bottom", gap="medium")
    step = choose.one_of("Show", [_TABLE, *_VIEWS, _TIDY], Keys.STEP, bar)
    engine = engines[0]
    if len(engines) > 1 and step != _TABLE:
        engine = choose.show("Engine", Keys.MAP_ENGINE, {e: e for e in engines}, bar, width=260)
    try:
        if step in _VIEWS:
            _VIEWS[step](engine)
        elif step == _TIDY:
            _tidy(engine)
        else:
            metadata_table.show()
    except TonescopeError as error:
        st.error(words.plain(str(error)), icon=":material/error:")


def _tidy(engine: str) -> None:
    """Shows the tidy table and hands it out with its codebook."""
    unit = choose.one_of(
        "A row is a",
        ["segment", "turn"],
        Keys.SESSIONS_UNIT,
        help="A turn is what one speaker says in neighbouring segments.",
    )
    rows = sessions.tidy(engine, unit)
    st.markdown(
        f"**{words.counted(len(rows), 'row')} with all that is known of each**, ready for R's "
        "lme4, pandas or SPSS. Let speaker and recording be random effects: rows of one speaker "
        "are not independent."
    )
    two = st.column_config.NumberColumn(format="%.2f")
    floats = rows.select_dtypes("float").columns
    st.dataframe(
        rows.head(_SHOWN),
        hide_index=True,
        height=320,
        column_config={"recording": st.column_config.Column(width="small")}
        | dict.fromkeys(floats, two),
    )
    if len(rows) > _SHOWN:
        st.caption(f"The first {_SHOWN} are shown.")
    st.download_button(
        "Download CSV with codebook",
        lambda: sessions.tidy_zip(engine, unit or "segment"),
        "tonescope_tidy.zip",
        "application/zip",
        help=words.CODEBOOK,
        on_click="ignore",
        type="primary",
    )
    with st.expander("Codebook", icon=":material/menu_book:"):
        st.dataframe(
            {"Column": list(CODEBOOK), "What it means": list(CODEBOOK.values())}, hide_index=True
        )


main()
