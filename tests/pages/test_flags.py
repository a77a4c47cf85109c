"""Rules without code: empty, written, previewed, saved, reviewed, measured; hostile addresses."""

import json

import pytest

from core.emotions import Emotion
from core.store.corpus import corpus
from core.studies import flag_store
from core.studies.rules import (
    POSTPROCESSING,
    EmotionHolds,
    LevelOver,
    Match,
    PostProcessing,
    Rule,
    TurnsTo,
    from_json,
    to_json,
)
from dashboard import rule_words, shared, studies
from tests.pages.corpus_pages import done
from tests.pages.test_map import text_of

LOUD = Rule("Loud", (EmotionHolds(Emotion.SAD, 0.1, 0.1),))


def store():
    return shared.scope().store


def button(app, label):
    return next(b for b in app.button if b.label == label)


def field(widgets, part):
    return next(w for w in widgets if w.key and w.key.endswith(part))


def test_empty_store_teaches_and_tells_the_law(open_page):
    app = open_page("flags")
    assert not app.exception
    said = text_of(app)
    assert "Nothing to flag yet" in said
    assert "information, not legal advice" in said
    assert "banned" in said
    assert "No diagnosis" in said


def test_scores_are_smoothed_by_a_button_where_frames_flicker(open_page, diary):
    app = open_page("flags")
    assert field(app.selectbox, ".post").value == "off"
    app = button(app, "Smooth over 1 s").click().run()
    assert not app.exception
    assert field(app.selectbox, ".post").value == "smoothed"
    draft = from_json(app.query_params["draft"])
    assert draft.post == POSTPROCESSING["smoothed"]
    assert "Smooth over 1 s" not in [one.label for one in app.button]


def test_rule_is_previewed_saved_and_in_the_address(open_page, diary):
    app = open_page("flags")
    assert not app.exception
    assert "flags nothing" in text_of(app)
    field(app.selectbox, "0.emotion").set_value("sad")
    field(app.number_input, "0.at_least").set_value(0.1)
    field(app.number_input, "0.for_s").set_value(0.0)
    app.run()
    assert not app.exception
    rule = Rule("New rule", (EmotionHolds(Emotion.SAD, 0.1, 0.0),))
    expected = flag_store.find(store(), rule, "fake")
    assert len(expected)
    assert f"**{len(expected)} flag" in text_of(app)
    assert len(app.dataframe[0].value) == len(expected)
    assert app.query_params["draft"] == to_json(rule)
    by = next(w for w in app.segmented_control if w.label == "Count by")
    app = by.set_value("Recording").run()
    assert not app.exception
    counts = app.dataframe[0].value
    assert counts["Flags"].tolist() == [len(expected)]
    segments = corpus(store(), "fake").segments
    speech_s = (segments["end_s"] - segments["start_s"]).sum()
    rate = counts["Flags per hour of speech"].tolist()
    assert rate == [pytest.approx(3600 * len(expected) / speech_s)]
    field(app.text_input, ".name").set_value("Low").run()
    app = button(app, "Save the rule").click().run()
    assert not app.exception
    kept = flag_store.rule(store(), "Low")
    assert (kept.version, kept.rule.conditions) == (1, rule.conditions)
    assert app.query_params["rule"] == "Low"
    assert "draft" not in app.query_params
    assert "Saved as Low, version 1" in text_of(app)
    field(app.number_input, "0.at_least").set_value(0.9).run()
    button(app, "Save the rule").click().run()
    assert flag_store.rule(store(), "Low").version == 2


def test_conditions_are_added_combined_and_removed(open_page, diary):
    app = button(open_page("flags"), "Add a condition").click().run()
    field(app.selectbox, "1.kind").set_value("Turning points").run()
    assert not app.exception
    draft = json.loads(app.query_params["draft"])
    assert [c["kind"] for c in draft["conditions"]] == ["emotion", "turning_points"]
    field(app.segmented_control, ".match").set_value("In this order").run()
    draft = json.loads(app.query_params["draft"])
    assert (draft["match"], draft["within_s"]) == ("then", 10.0)
    field(app.number_input, ".following").set_value(20.0).run()
    said = ", then 2 turning points to disgusted within 30 s, each beginning at most 20 s after the one"
    assert said in text_of(app)
    field(app.segmented_control, ".match").set_value("Any of them").run()
    field(app.selectbox, ".post").set_value("steady").run()
    draft = json.loads(app.query_params["draft"])
    assert (draft["match"], draft["postprocessing"]["smoothing_s"]) == ("any", 2.0)
    field(app.selectbox, "1.kind").set_value("Level").run()
    assert not app.exception
    assert "or level over \\-20 dB" in text_of(app)
    field(app.selectbox, ".post").set_value("own settings").run()
    field(app.number_input, ".merge").set_value(1.5).run()
    draft = json.loads(app.query_params["draft"])
    assert draft["postprocessing"]["merge_s"] == 1.5
    field(app.button, "0.remove").click().run()
    draft = json.loads(app.query_params["draft"])
    assert [c["kind"] for c in draft["conditions"]] == ["level"]


def test_address_opens_the_draft_and_survives_nonsense(open_page, diary):
    rule = Rule("Mine", (TurnsTo(Emotion.SAD, 3, 20.0),), post=POSTPROCESSING["smoothed"])
    app = open_page("flags", draft=to_json(rule))
    assert not app.exception
    assert app.query_params["draft"] == to_json(rule)
    app = open_page("flags", draft='{"name": "<b>"}', rule="gone", step="?", queue="x")
    assert not app.exception
    assert "cannot be read" in app.warning[0].value


def test_review_measures_the_rule_blind(open_page, diary):
    kept = flag_store.save_rule(store(), LOUD)
    app = open_page("flags", rule="Loud", step="Review")
    assert "No queue yet" in text_of(app)
    for number in ("Flagged moments", "Random unflagged ones"):
        next(box for box in app.selectbox if box.label == number).set_value(5)
    app = done(button(app, "Draw moments to review").click().run(), studies.WORK)
    assert not app.exception
    (queue,) = flag_store.queues(store(), "Loud")
    app.text_input(key="labels.annotator").set_value("").run()
    assert "Give a name above first" in text_of(app)
    assert "synthetic_diary" not in text_of(app)
    app.text_input(key="labels.annotator").set_value("Ann").run()
    moments = flag_store.moments(store(), queue)
    answers = ["yes", "no", "skip", *["yes"] * (len(moments) - 3)]
    for answer in answers:
        app = field(app.button, f"flags.{answer}").click().run()
        assert not app.exception
    said = [m.verdict for m in flag_store.moments(store(), queue)]
    for moment, answer, verdict in zip(moments, answers, said, strict=True):
        if answer == "skip":
            assert verdict == "skip"
        else:
            assert verdict == ("right" if (answer == "yes") == moment.flagged else "wrong")
    app = field(app.button, "flags.undo").click().run()
    assert [m.verdict for m in flag_store.moments(store(), queue)] == [*said[:-1], None]
    app.text_input(key="labels.annotator").set_value("Bob").run()
    app = field(app.button, "flags.undo").click().run()
    assert "None of the verdicts of this queue is yours" in text_of(app)
    app.text_input(key="labels.annotator").set_value("Ann").run()
    app = field(app.button, "flags.yes").click().run()
    quality = flag_store.quality(store(), queue)
    shown = {m.label: m.value for m in app.metric}
    assert shown["Precision"] == f"{quality.precision.value:.2f}"
    assert shown["Reviewed"] == str(quality.n_reviewed)
    assert "All moments of this queue are reviewed" in app.success[0].value
    assert kept.version == 1


def test_unsaved_rule_cannot_be_reviewed(open_page, diary):
    app = open_page("flags", step="Review")
    assert "save this one first" in text_of(app)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (LOUD, "sad at least 0.10 for at least 0.1 s"),
        (
            Rule("x", (LevelOver(-30, 0, "P1"), TurnsTo(Emotion.SAD, 1, 9)), Match.ALL, 5.0),
            "level over -30 dB while P1 speaks and 1 turning point to sad, within 5 s",
        ),
        (
            Rule("x", (TurnsTo(Emotion.SAD, 2, 30), LevelOver(-30, 2)), Match.ALL),
            "2 turning points to sad within 30 s and level over -30 dB for at least 2 s, at the same "
            "time",
        ),
        (
            Rule("x", (LevelOver(-30, 2), TurnsTo(Emotion.SAD, 1, 9)), Match.THEN, 5.0),
            "level over -30 dB for at least 2 s, then 1 turning point to sad, each beginning at most 5 "
            "s after the one before it ends",
        ),
        (
            Rule("x", LOUD.conditions, post=PostProcessing(1.0, 0.1, 0.5, 0.6, 0.3)),
            "sad at least 0.10 for at least 0.1 s; scores smoothed over 1 s, confidence at least 0.60, "
            "goes on until 0.10 below the bound, gaps up to 0.3 s closed, shorter than 0.5 s left out",
        ),
    ],
)
def test_rules_are_told_in_words(rule, words):
    assert rule_words.sentence(rule) == words
