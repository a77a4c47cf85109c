"""Consent of a recording, and its end: read and set on a page, forgotten after a second look."""

from datetime import date

import streamlit as st

from core.errors import StoreError
from core.store.consent import Consent, Use
from core.store.forget import Forgotten
from dashboard import navigation, privacy, resources, words
from dashboard.session import Keys

_ONE, _SPEAKER = "This recording", "All of its speaker"
_DONE, _RECORDED = "privacy.done", "privacy.recorded"
_HELP = (
    "Analyse: engines run on it and it counts in maps, clusters and trends. Listen: its sound is "
    "played, drawn and cut. Publish: it is in exports, reports, bundles and over HTTP. What is not "
    "chosen is held back. Where nothing was recorded, all is allowed."
)
_STANDS = (
    "Stands for the speaker in everything that leaves; the names of file and session go as well."
)


@st.fragment
def show(recording: str) -> None:
    """Shows the consent of a recording, to be changed, and the way to forget it.

    What is folded away is made when it is opened: it takes longer than the rest of the page.
    """
    given = privacy.consent_of(recording)
    if st.session_state.pop(_RECORDED, False):  # another label makes another box, which is closed
        st.session_state[Keys.PRIVACY] = True
    box = st.expander(
        f"Consent and privacy: {_told(given)}",
        icon=":material/shield_person:",
        key=Keys.PRIVACY,
        on_change="rerun",
    )
    if not box.open:
        return
    with box:
        speaker = resources.recording(recording).speaker
        of = _ONE
        if speaker:
            of = st.segmented_control(
                "For", [_ONE, _SPEAKER], default=_ONE, required=True, key=f"privacy.of.{recording}"
            )
        chosen = privacy.same_speaker(recording) if of == _SPEAKER else [recording]
        if len(chosen) > 1:
            st.caption(f"{len(chosen):,} recordings in which {words.plain(speaker or '')} speaks.")
        _form(recording, chosen, given or Consent("", frozenset(Use)))
        st.divider()
        bar = st.container(horizontal=True, vertical_alignment="center")
        n = len(chosen)
        label = "Forget this recording" if n == 1 else f"Forget {n:,} recordings"
        if bar.button(label, icon=":material/delete_forever:", key=f"privacy.forget.{recording}"):
            confirm(chosen, speaker if of == _SPEAKER else None)
        bar.caption("Removes results, labels, kept sound and what was made from them, for good.")


def _told(given: Consent | None) -> str:
    if given is None:
        return "nothing recorded"
    uses = [privacy.USES[use].lower() for use in Use if use in given.scope]
    said = ", ".join(uses) if uses else "nothing allowed"
    return f"{said}, until {given.retain_until:%Y-%m-%d}" if given.retain_until else said


def _form(recording: str, chosen: list[str], given: Consent) -> None:
    with st.form(f"privacy.{recording}.{hash(given)}", border=False):
        basis = st.text_input(
            "Legal basis", given.basis, max_chars=500, placeholder="consent form of 2026-03-01"
        )
        scope = st.pills(
            "Allowed",
            list(privacy.USES.values()),
            selection_mode="multi",
            default=[privacy.USES[use] for use in Use if use in given.scope],
            help=_HELP,
        )
        bar = st.columns(3)
        until = bar[0].date_input(
            "Keep until",
            given.retain_until,
            min_value=date(2000, 1, 1),
            max_value=date(2200, 1, 1),
            format="YYYY-MM-DD",
            help="The last day. After it nothing is allowed, and Overview asks to forget it.",
        )
        name = bar[1].text_input("Pseudonym", given.pseudonym or "", max_chars=200, help=_STANDS)
        by = bar[2].text_input("Who records it", max_chars=80)
        if st.form_submit_button("Record the consent"):
            uses = frozenset(use for use, label in privacy.USES.items() if label in scope)
            wanted = Consent(basis, uses, until or None, name or None)
            try:
                privacy.record(chosen, wanted, by or "")
            except StoreError as error:
                st.error(words.said(str(error)), icon=":material/error:")
                return
            st.session_state[_RECORDED] = True
            st.rerun()


@st.dialog("Forget for good?", width="medium")
def confirm(recordings: list[str], speaker: str | None = None) -> None:
    """Asks once more, then forgets.

    Args:
        recordings: the SHA-256 of each.
        speaker: whose name goes from every other row as well, or None.
    """
    names = [words.plain(resources.recording(r).name) for r in recordings[:8]]
    more = f" and {len(recordings) - 8:,} more" if len(recordings) > 8 else ""
    st.markdown(f"**{', '.join(names)}**{more}")
    st.markdown(
        "Scores, segments, labels, notes, kept sound, and maps and clusters that hold it are removed "
        "from every table and its log. **This cannot be undone.** Files that were analysed where they "
        "lie, exports and backups stay where they are."
    )
    if privacy.busy():
        st.warning("Files are being analysed; wait until that has ended.", icon=":material/sync:")
    sure = st.checkbox("I am sure", key="privacy.sure")
    bar = st.container(horizontal=True)
    if bar.button("Forget", type="primary", disabled=not sure or privacy.busy()):
        try:
            with st.spinner("Rewriting the store …"):
                done = privacy.forget_all(recordings, speaker)
        except StoreError as error:
            st.error(words.said(str(error)), icon=":material/error:")
            return
        st.session_state[_DONE] = done
        navigation.open_page("overview")
    if bar.button("Keep", key="privacy.keep"):
        st.rerun()


def overdue() -> None:
    """Says what was just forgotten, and which recordings have been kept for too long."""
    done = st.session_state.pop(_DONE, None)
    if done is not None:
        _forgotten(done)
    late = privacy.overdue()
    if not late:
        return
    count = "1 recording was" if len(late) == 1 else f"{len(late):,} recordings were"
    with st.container(border=True):
        st.markdown(f"**{count} to be kept until a day that is over**")
        st.caption(
            "Nothing is done with them any more until they are forgotten, or kept on purpose."
        )
        st.dataframe(
            {"Recording": [one.name for one in late], "Keep until": [one.until for one in late]},
            hide_index=True,
            height=min(38 + 35 * len(late), 240),
        )
        label = "Forget it" if len(late) == 1 else f"Forget all {len(late):,}"
        if st.button(label, icon=":material/delete_forever:"):
            confirm([one.recording for one in late])


def _forgotten(done: Forgotten) -> None:
    n = len(done.recordings)
    said = f"{n:,} recording{'' if n == 1 else 's'} forgotten: {done.rows:,} rows, {done.files:,} files."
    if done.maps:
        said += f" {len(done.maps):,} maps or sets went with it; make them again if you need them."
    st.success(said, icon=":material/delete_forever:")
    left = [f"head {words.plain(name)} may have learned from it" for name in done.heads]
    left += [f"{copy.kind} {words.plain(copy.place)} still holds it" for copy in done.copies]
    if left:
        st.warning(f"Out of reach: {'; '.join(left)}.", icon=":material/warning:")
