"""Reports and bundles of a recording, a session or everything, as one file."""

from typing import Final

import streamlit as st

from core.export.whole import SUFFIXES, Whole
from dashboard import takeaway, words
from dashboard.background import background
from dashboard.components import busy, choose
from dashboard.session import Keys

SESSION: Final = "session:"  # begins the key of a session among those of recordings
_KINDS: Final = {"Report": Whole.REPORT, "Bundle": Whole.BUNDLE}
_ABOUT: Final = {
    Whole.REPORT: "One page of HTML that needs nothing else: summary, figures, tables, methods, "
    "licences, limits and how to cite it. For a supplement, or to print.",
    Whole.BUNDLE: "Everything that is known of the recordings: tracks, labels, maps, clusterings and "
    "settings. It opens elsewhere with the same figures: `python -m core bundle open FILE --store NEW`.",
}
_MIMES: Final = {Whole.REPORT: "text/html", Whole.BUNDLE: "application/zip"}


def show(chosen: str) -> None:
    """Shows what can be written, and the file when it is.

    Args:
        chosen: the SHA-256 of a recording, `SESSION` with a name, or `takeaway.ALL`.
    """
    bar = st.container(horizontal=True, gap="medium", vertical_alignment="bottom")
    name = choose.one_of("As", list(_KINDS), Keys.EXPORT_WHOLE, bar)
    kind = _KINDS[name]
    pseudonyms = bar.toggle("Pseudonyms", key=Keys.EXPORT_PSEUDONYMS, help=words.PSEUDONYMS)
    audio = kind is Whole.BUNDLE and bar.toggle(
        "With the sound", key=Keys.EXPORT_AUDIO, help="Of recordings that may be heard."
    )
    session = chosen.removeprefix(SESSION) if chosen.startswith(SESSION) else None
    recording = chosen if session is None and chosen != takeaway.ALL else None
    asked = takeaway.Asked(kind, recording, session, audio, pseudonyms)
    key = takeaway.whole_key(asked)
    task = background().view(key)
    done = task is not None and task.finished and not task.error
    running = task is not None and not task.finished
    if not done and bar.button(f"Write the {kind}", type="primary", disabled=running):
        takeaway.write_one(asked)
    st.caption(_ABOUT[kind])
    task = busy.show(key)
    if task is None or not task.finished or task.error:
        return
    written: takeaway.OneFile = task.result
    with st.container(border=True):
        left, right = st.columns([5, 2], vertical_alignment="center")
        n = written.done.n_recordings
        size_mb = written.path.stat().st_size / 1e6
        left.markdown(f"**{n:,} recording{'' if n == 1 else 's'}**, {size_mb:,.2f} MB.")
        if written.done.n_maps:
            left.caption(
                f"{written.done.n_maps:,} maps or sets hold other recordings and stay here."
            )
        right.download_button(
            f"Download {kind}",
            written.path.read_bytes,
            file_name=f"tonescope.{SUFFIXES[kind]}",
            mime=_MIMES[kind],
            on_click="ignore",
            type="primary",
            width="stretch",
        )
