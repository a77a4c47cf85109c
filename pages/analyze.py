"""Hand in recordings, watch them being analysed, open them."""

from pathlib import Path

import streamlit as st

from core.errors import TonescopeError
from core.records import Metadata
from core.settings import Conditioning
from dashboard import engines, jobs, navigation, words
from dashboard.components import job_status
from dashboard.session import Keys

_CHANNELS = [None, *range(8)]
_SPEAKERS = {
    "none": "not told apart",
    "auto": "found automatically",
    **{str(n): str(n) for n in range(2, 11)},
    "channel": "a speaker for each channel",
}


def main() -> None:
    """Shows the page."""
    st.title("Analyse recordings")
    _job()
    engine = _engine()
    files, microphone, folder = st.tabs(["Files", "Microphone", "Folder"])
    with files:
        _files(engine)
    with microphone:
        _microphone(engine)
    with folder:
        _folder(engine)


def _job() -> None:
    name = st.query_params.get(Keys.JOB)
    view = job_status.show(name) if name else None
    if name and view is None:
        st.info(
            "That job is no longer known, as Tonescope was restarted since. What it had finished is "
            "in the store.",
            icon=":material/info:",
        )
        navigation.link("overview", "See what is in the store", icon=":material/home:")
    if view is not None and not view.finished:
        st.caption("You may leave this page; the work goes on.")
    elif view is None and (running := next(jobs.running_jobs(), None)):
        job_status.show(running.job)


def _engine() -> str:
    """Asks for the engine among those that are ready, where there is a choice."""
    default = engines.default()
    names = [info.name for info in engines.known() if info.ready]
    if default not in names and Path(default).is_absolute():
        names.append(default)
    if len(names) < 2:
        return names[0] if names else "compact"
    place = st.columns(3)[0]
    first = names.index(default) if default in names else 0
    return str(place.selectbox("Engine", names, index=first, key=Keys.ENGINE, help=words.ENGINE))


def _metadata(where: str) -> Metadata:
    """Asks what is said of the recordings; what was entered stays for the next ones."""
    with st.expander("Session, speaker and tags (optional)"):
        left, middle, right = st.columns(3)
        session = left.text_input(
            "Session",
            key=f"{Keys.SESSION}.{where}",
            persist_state="session",
            help=words.SESSION,
            max_chars=200,
        )
        speaker = middle.text_input(
            "Speaker",
            key=f"{Keys.SPEAKER}.{where}",
            persist_state="session",
            help="Who speaks, if it is one person. A pseudonym is enough, and better.",
            max_chars=200,
        )
        tags = right.text_input(
            "Tags",
            key=f"{Keys.TAGS}.{where}",
            persist_state="session",
            help="Words of your own, separated by commas.",
            max_chars=500,
        )
    return Metadata(
        session=(session or "").strip() or None,
        speaker=(speaker or "").strip() or None,
        tags=tuple(tag.strip() for tag in (tags or "").split(",") if tag.strip()),
    )


def _sound(where: str) -> Conditioning:
    """Asks what is done to the sound first; by default nothing is."""
    with st.expander("Settings"):
        channel = st.selectbox(
            "Channel",
            _CHANNELS,
            format_func=lambda n: "mix of all" if n is None else f"channel {n}",
            key=f"{Keys.CHANNEL}.{where}",
            help=words.CHANNEL,
        )
        noise_reduction = st.checkbox(
            "Noise reduction", key=f"{Keys.NOISE_REDUCTION}.{where}", help=words.NOISE_REDUCTION
        )
        trim_silence = st.checkbox(
            "Trim silence", key=f"{Keys.TRIM_SILENCE}.{where}", help=words.TRIM_SILENCE
        )
    return Conditioning(channel=channel, noise_reduction=noise_reduction, trim_silence=trim_silence)


def _speakers(where: str) -> str:
    """Asks how speakers are told apart; by default they are not."""
    chosen = st.columns(3)[0].selectbox(
        "Speakers",
        list(_SPEAKERS),
        format_func=lambda name: _SPEAKERS[name],
        key=f"{Keys.SPEAKERS}.{where}",
        help=words.SPEAKERS_OPTION,
    )
    return chosen or "none"


def _setup(where: str, engine: str) -> jobs.Setup:
    speakers = _speakers(where)
    return jobs.Setup(_metadata(where), engine, _sound(where), speakers)


def _files(engine: str) -> None:
    uploads = st.file_uploader(
        "Drop recordings here",
        type=jobs.media_types(),
        accept_multiple_files=True,
        key=f"{Keys.UPLOADS}.{_round()}",
        help="Sound or video of any usual kind. Tonescope keeps a copy in its store.",
    )
    setup = _setup("files", engine)
    n_files = len(uploads or ())
    label = "Analyse" if not n_files else f"Analyse {n_files} file{'s' if n_files > 1 else ''}"
    if st.button(label, type="primary", disabled=not n_files, key="analyze.start"):
        files = [(f.name, f) for f in uploads or ()]
        _start(lambda: jobs.submit_uploads(files, setup))


def _microphone(engine: str) -> None:
    take = st.audio_input("Record with the microphone", key=f"{Keys.MICROPHONE}.{_round()}")
    setup = _setup("microphone", engine)
    if st.button("Analyse the take", disabled=take is None, key="analyze.take") and take:
        _start(lambda: jobs.submit_take(take, setup))


def _folder(engine: str) -> None:
    folder = st.text_input(
        "Folder on the computer that runs Tonescope",
        key=Keys.FOLDER,
        persist_state="session",
        placeholder="/data/interviews",
        help="All recordings in it and below. They stay where they are, and are not copied.",
    )
    setup = _setup("folder", engine)
    if st.button("Analyse the folder", disabled=not folder, key="analyze.folder.start"):
        path = Path((folder or "").strip()).expanduser()
        _start(lambda: jobs.submit_folder(path, setup))


def _round() -> int:
    """Returns how many jobs this visitor has started: a new one begins with an empty form."""
    return int(st.session_state.get(Keys.ROUND, 0))


def _start(submit: jobs.Submit) -> None:
    """Starts a job and shows it; its name goes into the address, so a reload shows it again."""
    try:
        st.query_params[Keys.JOB] = submit()
        st.session_state[Keys.ROUND] = _round() + 1
    except TonescopeError as error:
        st.error(words.said(str(error)), icon=":material/error:")
        return
    st.rerun()


main()
