"""Flags: rules without code, what they find in the corpus, and how good they are."""

import streamlit as st

from core.errors import RuleError
from core.studies.flag_store import StoredRule
from core.studies.rules import Rule, from_json, to_json
from dashboard import corpus, rule_words, studies, words
from dashboard.components import choose, law, nothing, rule_form, rule_preview, rule_review
from dashboard.session import Keys

_WRITE, _REVIEW = "Rule", "Review"
_NEW = "new"


def main() -> None:
    """Shows the page."""
    engines = corpus.engines()
    if not engines:
        nothing.show(
            "Flags",
            "**Nothing to flag yet.** Here you will say what to look for, such as angry for at least "
            "3 s, hear every stretch that fits, and measure how often the rule is right.",
        )
        law.show()
        return
    heading = st.container()
    stored = {found.rule.name: found for found in studies.rules()}
    bar = st.container(horizontal=True, vertical_alignment="bottom", gap="medium")
    labels = {_NEW: "A new rule"} | {
        name: f"{name}, version {found.version}" for name, found in stored.items()
    }
    name = choose.show("Rule", Keys.RULE, labels, bar, width=320)
    step = choose.one_of("Step", [_WRITE, _REVIEW], Keys.STEP, bar)
    engine = engines[0]
    if len(engines) > 1:
        engine = choose.show("Engine", Keys.MAP_ENGINE, {e: e for e in engines}, bar, width=260)
    chosen = stored.get(name)
    heading.title(
        f"Flags: {words.plain(labels[name])}" if chosen else "Flags: a new rule", anchor=False
    )
    if step != _REVIEW:
        _write(chosen, engine)
    elif chosen is None:
        st.info("Choose a rule that is saved, or save this one first.", icon=":material/flag:")
    else:
        rule_review.show(chosen, engine)
    law.show()


def _write(chosen: StoredRule | None, engine: str) -> None:
    """Shows the form, what the rule flags, and its versions."""
    of = _NEW if chosen is None else f"{chosen.rule.name}.{chosen.version}"
    stored = rule_form.FIRST if chosen is None else chosen.rule
    with st.container(border=True):
        place = st.container()
        rule = rule_form.show(_start(stored, of), of, studies.speakers(engine))
        place.markdown(f"**Flags {words.plain(rule_words.sentence(rule))}**")
        _save(rule, stored, of)
    if rule == stored:
        st.query_params.pop(Keys.RULE_DRAFT, None)
    else:
        st.query_params[Keys.RULE_DRAFT] = to_json(rule)
    rule_preview.show(rule, engine, of)
    if chosen is not None:
        _versions(chosen)


def _start(stored: Rule, of: str) -> Rule:
    """Returns what the form begins with: the rule in the address, if it is about this one."""
    last = st.session_state.get(f"{Keys.RULE_FORM}:of")
    st.session_state[f"{Keys.RULE_FORM}:of"] = of
    draft = st.query_params.get(Keys.RULE_DRAFT)
    if not draft or last not in (None, of):
        return stored
    try:
        return from_json(draft)
    except RuleError:
        st.warning(
            "The rule in this address cannot be read; the stored one is shown instead.",
            icon=":material/search_off:",
        )
        return stored


def _save(rule: Rule, stored: Rule, of: str) -> None:
    if st.button("Save the rule", type="primary", disabled=rule == stored and of != _NEW):
        try:
            kept = studies.save_rule(rule)
        except RuleError as error:
            st.error(words.said(str(error)), icon=":material/error:")
            return
        rule_form.forget(of)
        st.query_params[Keys.RULE] = kept.rule.name
        st.query_params.pop(Keys.RULE_DRAFT, None)
        st.session_state[f"{Keys.RULE_FORM}:said"] = f"{kept.rule.name}, version {kept.version}"
        st.rerun()
    said = st.session_state.pop(f"{Keys.RULE_FORM}:said", None)
    if said:
        st.caption(f"Saved as {words.plain(said)}. Now review some of what it flags.")


def _versions(chosen: StoredRule) -> None:
    known = studies.versions(chosen.rule.name)
    with st.expander(f"Versions: {len(known)}", icon=":material/history:"):
        for found in reversed(known):
            st.text(
                f"{found.version} · {found.made_at:%Y-%m-%d %H:%M} · {rule_words.sentence(found.rule)}"
            )


main()
