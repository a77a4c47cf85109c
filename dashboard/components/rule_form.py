"""A rule as a form: conditions one under the other, and how they come together."""

from typing import Any, Final

import streamlit as st

from core.emotions import EMOTIONS, Emotion
from core.studies.rules import (
    MOST_CONDITIONS,
    MOST_NAME,
    POSTPROCESSING,
    Condition,
    EmotionHolds,
    LevelOver,
    Match,
    PostProcessing,
    Rule,
    TurnsTo,
)
from dashboard import palette, rule_words
from dashboard.session import Keys

FIRST: Final = Rule("New rule", (EmotionHolds(Emotion.ANGRY, 0.6, 1.0),))
_ANYBODY: Final = ""
_KINDS: Final[dict[str, type[Condition]]] = {
    "Emotion": EmotionHolds,
    "Level": LevelOver,
    "Turning points": TurnsTo,
}
_DEFAULTS: Final[dict[str, Condition]] = {
    "Emotion": EmotionHolds(Emotion.ANGRY, 0.6, 1.0),
    "Level": LevelOver(-20.0, 1.0),
    "Turning points": TurnsTo(Emotion.SAD, 2, 30.0),
}
_FOLLOWS_S: Final = 10.0
_MATCHES: Final = {"All together": Match.ALL, "In this order": Match.THEN, "Any of them": Match.ANY}


def show(start: Rule, of: str, speakers: list[str]) -> Rule:
    """Shows the form; returns the rule as it stands.

    Args:
        start: what the form begins with.
        of: names what is edited; another one begins anew.
        speakers: who can be asked for.
    """
    kept: dict[str, Any] = st.session_state.setdefault(
        f"{Keys.RULE_FORM}.{of}", {"rows": dict(enumerate(start.conditions)), "rule": start}
    )
    rows: dict[int, Condition] = kept["rows"]
    before: Rule = kept["rule"]
    for number in list(rows):
        rows[number] = _condition(f"{of}.{number}", rows, number, speakers)
    bar = st.container(horizontal=True, vertical_alignment="bottom", gap="medium")
    full = len(rows) >= MOST_CONDITIONS
    if bar.button("Add a condition", icon=":material/add:", disabled=full):
        used = {row.emotion for row in rows.values() if isinstance(row, EmotionHolds)}
        free = next((emotion for emotion in EMOTIONS if emotion not in used), Emotion.ANGRY)
        rows[max(rows) + 1] = EmotionHolds(free, 0.6, 1.0)
        st.rerun()
    match, within_s = before.match, before.within_s
    if len(rows) > 1:
        match, within_s = _coming_together(bar, of, before)
    post = _settings(of, before.post)
    name = st.text_input(
        "Name of the rule",
        key=_seeded(f"{of}.name", before.name),
        max_chars=MOST_NAME,
        width=420,
    )
    kept["rule"] = Rule(
        (name or "").strip() or FIRST.name, tuple(rows.values()), match, within_s, post
    )
    rule: Rule = kept["rule"]
    return rule


def forget(of: str) -> None:
    """Lets a form begin anew."""
    for key in [k for k in st.session_state if str(k).startswith(f"{Keys.RULE_FORM}.{of}")]:
        del st.session_state[key]


def _condition(of: str, rows: dict[int, Condition], number: int, speakers: list[str]) -> Condition:
    """Shows one condition; returns it as it stands."""
    old = rows[number]
    kind_of = next(name for name, kind in _KINDS.items() if isinstance(old, kind))
    bar = st.container(horizontal=True, vertical_alignment="bottom", gap="small")
    kind = bar.selectbox(
        "Condition",
        list(_KINDS),
        key=_seeded(f"{of}.kind", kind_of),
        help=rule_words.CONDITION,
        width=160,
    )
    start = old if kind == kind_of else _DEFAULTS[kind]
    made: Condition
    if isinstance(start, EmotionHolds):
        emotion = _emotion(bar, "sounds", of, start.emotion)
        at_least = _number(
            bar, "at least", of, "at_least", start.at_least, (0.0, 1.0, 0.05), rule_words.AT_LEAST
        )
        for_s = _number(bar, "for at least, s", of, "for_s", start.for_s, (0.0, 3600.0, 0.5))
        made = EmotionHolds(emotion, at_least, for_s, _speaker(bar, of, start.speaker, speakers))
    elif isinstance(start, LevelOver):
        over_db = _number(bar, "over, dB", of, "over_db", start.over_db, (-120.0, 20.0, 1.0))
        for_s = _number(bar, "for at least, s", of, "for_s", start.for_s, (0.0, 3600.0, 0.5))
        made = LevelOver(over_db, for_s, _speaker(bar, of, start.speaker, speakers))
    else:
        emotion = _emotion(bar, "to", of, start.emotion)
        count = _number(bar, "at least, times", of, "count", float(start.count), (1.0, 100.0, 1.0))
        within_s = _number(bar, "within, s", of, "within_s", start.within_s, (0.0, 86_400.0, 5.0))
        speaker = _speaker(bar, of, start.speaker, speakers)
        made = TurnsTo(emotion, round(count), within_s, speaker)
    key = f"{Keys.RULE_FORM}.{of}.remove"
    alone = len(rows) == 1
    if not alone and bar.button("Remove", key=key, icon=":material/close:", type="tertiary"):
        del rows[number]
        st.rerun()
    return made


def _coming_together(bar: Any, of: str, before: Rule) -> tuple[Match, float]:
    names = {match: name for name, match in _MATCHES.items()}
    chosen = bar.segmented_control(
        "Conditions", list(_MATCHES), key=_seeded(f"{of}.match", names[before.match]), required=True
    )
    match = _MATCHES[chosen or "All together"]
    if match is Match.ANY:
        return match, before.within_s
    bounds = (0.0, 86_400.0, 1.0)
    key, usual_s, told = "together", 0.0, rule_words.TOGETHER
    if match is Match.THEN:
        key, usual_s, told = "following", _FOLLOWS_S, rule_words.FOLLOWING
    start_s = before.within_s if before.match is match else usual_s
    within_s = _number(bar, "within, s", of, key, start_s, bounds, told)
    return match, within_s


def set_post(of: str, name: str) -> None:
    """Chooses named settings in the form; stored frames stay as they are."""
    st.session_state[_key(f"{of}.post")] = name


def _settings(of: str, before: PostProcessing) -> PostProcessing:
    """Asks for the settings between scores and conditions."""
    bar = st.container(horizontal=True, vertical_alignment="bottom", gap="small")
    name = bar.selectbox(
        "Smoothing and the like",
        rule_words.SETTINGS,
        key=_seeded(f"{of}.post", rule_words.settings_of(before)),
        help=rule_words.POST,
        width=220,
    )
    if name in POSTPROCESSING:
        return POSTPROCESSING[name]
    return PostProcessing(
        _number(bar, "smoothing, s", of, "smoothing_s", before.smoothing_s, (0.0, 60.0, 0.5)),
        _number(
            bar,
            "hysteresis",
            of,
            "hysteresis",
            before.hysteresis,
            (0.0, 1.0, 0.05),
            rule_words.HYSTERESIS,
        ),
        _number(bar, "shortest, s", of, "shortest", before.min_duration_s, (0.0, 3600.0, 0.5)),
        _number(bar, "least confidence", of, "sure", before.min_confidence, (0.0, 1.0, 0.05)),
        _number(bar, "close gaps up to, s", of, "merge", before.merge_s, (0.0, 3600.0, 0.1)),
    )


def _emotion(bar: Any, label: str, of: str, value: Emotion) -> Emotion:
    names = [str(emotion) for emotion in EMOTIONS]
    key = _seeded(f"{of}.emotion", str(value))
    found = bar.selectbox(label, names, key=key, format_func=palette.signed, width=160)
    return Emotion(found)


def _speaker(bar: Any, of: str, value: str | None, speakers: list[str]) -> str | None:
    known = [_ANYBODY, *speakers, *([value] if value and value not in speakers else [])]
    if len(known) == 1:
        return None
    found = bar.selectbox(
        "speaker",
        known,
        key=_seeded(f"{of}.speaker", value or _ANYBODY),
        format_func=lambda name: name or "anybody",
        width=160,
    )
    return found or None


def _number(
    bar: Any,
    label: str,
    of: str,
    name: str,
    value: float,
    bounds: tuple[float, float, float],
    help: str | None = None,
) -> float:
    low, high, step = bounds
    found = bar.number_input(
        label,
        low,
        high,
        step=step,
        format="%.2f" if step < 0.5 else "%g",
        key=_seeded(f"{of}.{name}", min(max(value, low), high)),
        help=help,
        width=150,
    )
    return float(found)


def _key(name: str) -> str:
    return f"{Keys.RULE_FORM}.{name}"


def _seeded(name: str, value: Any) -> str:
    """Returns the key of a widget, which begins with a value where it has none."""
    key = _key(name)
    if key not in st.session_state:
        st.session_state[key] = value
    return key
