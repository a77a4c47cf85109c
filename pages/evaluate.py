"""Evaluate: how far an engine agrees with reference labels on a user's own recordings."""

import json
from pathlib import Path

import streamlit as st

from core.emotions import EMOTIONS, Emotion
from core.errors import TonescopeError
from core.learn.foreign import suggested
from dashboard import evaluating, palette, words
from dashboard.components import answerers, busy, choose, evaluation, nothing, people_beside
from dashboard.evaluating import Answerer, Reference
from dashboard.session import Keys

_CSV, _HERE = "A CSV", "Labels made here"
_SOURCE = (
    "Labels made here are those of this store: given on Recording or Calibrate, or imported on "
    "Recording from tiers of ELAN, Praat, Audacity, WebVTT or a CSV."
)
_LEAVE = "leave out"


def main() -> None:
    """Shows the page."""
    st.title("Evaluate: the engine against people's labels", anchor=False)
    bar = st.container(horizontal=True, vertical_alignment="bottom", gap="medium")
    source = choose.one_of("Labels", [_CSV, _HERE], Keys.EVALUATE_SOURCE, bar, help=_SOURCE)
    by, against = answerers.show(bar, stored=source == _HERE)
    reference = Reference() if source == _HERE else _csv()
    if reference is None:
        return
    try:
        counts = evaluating.words_of(reference, by.engine) if by else {}
    except TonescopeError as error:
        st.error(words.plain(str(error)), icon=":material/error:")
        return
    if by is None or not counts:
        nothing.instead(
            "**No labels here yet.** Label some segments by keys, or open a *Recording* and label "
            "stretches there, or import tiers of ELAN, Praat or Audacity. A label counts for a segment "
            "if it covers at least half of it.",
            "Label some segments",
            "calibrate",
        )
        return
    _result(reference, _mapping(counts), by, against)


def _csv() -> Reference | None:
    """Asks for a CSV: its path on this computer, or the file itself."""
    left, right = st.columns(2, gap="large")
    path = left.text_input(
        "Path of a CSV on the computer that runs Tonescope",
        key=Keys.EVALUATE_PATH,
        bind="query-params",
        placeholder="/data/interviews/labels.csv",
        help="Columns file and emotion, and if you have them speaker, start_s, end_s and tags. Paths "
        "in it are relative to the CSV. The engine listens to the files; nothing is stored.",
    )
    file = right.file_uploader(
        "Or the CSV itself",
        ["csv"],
        key="evaluate.file",
        help="Its files are found among your recordings by their names.",
    )
    if file is not None:
        return Reference(name=words.plain(file.name), data=file.getvalue())
    if path and path.strip():
        return Reference(path=Path(path.strip()).expanduser())
    with st.container(border=True):
        st.markdown(
            "**Nothing is compared yet.** Give a CSV that says how your recordings sound to people, "
            "and you will see how often the engine hears the same, how sure it may be, and what it "
            "takes for what. The same from the command line: `python -m core evaluate labels.csv`."
        )
    return None


def _mapping(counts: dict[str, int]) -> dict[str, Emotion | None]:
    """Shows what each word of the labels stands for, and lets it be changed."""
    found = suggested(counts) | _in_address(counts)
    foreign = [word for word in counts if word not in tuple(EMOTIONS)]
    if not foreign:
        st.query_params.pop(Keys.EVALUATE_MAP, None)
        return found
    options = [_LEAVE, *(str(emotion) for emotion in EMOTIONS)]
    title = "Words that are none of the nine emotions: what do they stand for?"
    with st.expander(title, expanded=True, icon=":material/translate:"):
        places = st.columns(4)
        for number, word in enumerate(foreign[:60]):
            chosen = places[number % 4].selectbox(
                f"{words.plain(word)[:40] or 'no word'} ({counts[word]:,})",
                options,
                index=options.index(str(found[word])) if found[word] else 0,
                format_func=lambda name: name if name == _LEAVE else palette.signed(name),
                key=f"evaluate.map.{word}",
            )
            found[word] = None if chosen in (None, _LEAVE) else Emotion(chosen)
        left = sum(counts[word] for word in foreign if found[word] is None)
        if left:
            st.caption(
                f"{words.counted(left, 'label')} of words that stand for none of the nine: left out."
            )
    told = {word: None if found[word] is None else str(found[word]) for word in foreign}
    st.query_params[Keys.EVALUATE_MAP] = json.dumps(told, ensure_ascii=False)
    return found


def _in_address(counts: dict[str, int]) -> dict[str, Emotion | None]:
    """Returns what the address says that words stand for; nonsense in it is passed over."""
    try:
        said = json.loads(st.query_params.get(Keys.EVALUATE_MAP, "{}"))
    except ValueError:
        return {}
    if not isinstance(said, dict):
        return {}
    known = tuple(EMOTIONS)
    return {
        word: Emotion(name) if name in known else None
        for word, name in said.items()
        if word in counts and (name is None or name in known)
    }


def _result(
    reference: Reference,
    mapping: dict[str, Emotion | None],
    by: Answerer,
    against: Answerer | None,
) -> None:
    key = evaluating.key(reference, mapping, by)
    task = evaluating.WORK.view(key)
    if task is None:
        if not reference.stored and not st.button("Compare", type="primary"):
            return
        evaluating.start(reference, mapping, by)
        st.rerun()
    task = busy.show(key, evaluating.WORK)
    if task is None or not task.finished or task.error:
        return
    other = None
    if against is not None:
        beside = evaluating.key(reference, mapping, against)
        if evaluating.WORK.view(beside) is None:
            evaluating.start(reference, mapping, against)
            st.rerun()
        second = busy.show(beside, evaluating.WORK)
        other = second.result if second is not None and second.finished else None
    evaluation.show(task.result, other)
    if reference.stored:
        people_beside.show(by.engine)


main()
