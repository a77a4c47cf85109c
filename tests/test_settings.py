"""Settings: what they refuse, and that their hash names what they say."""

import json
from pathlib import Path

import pytest

from core.errors import SettingsError
from core.settings import (
    Analysis,
    Conditioning,
    Segmentation,
    default_store,
    digest,
    segmentation_json,
)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Conditioning(channel=-1), "channels count from 0"),
        (lambda: Conditioning(speech_threshold=0.0), "between 0 and 1"),
        (lambda: Conditioning(speech_threshold=1.0), "between 0 and 1"),
        (lambda: Conditioning(speech_threshold=float("nan")), "between 0 and 1"),
        (lambda: Segmentation(min_segment_s=0.0), "above 0"),
        (lambda: Segmentation(min_segment_s=7.0), "no more than the greatest"),
        (lambda: Segmentation(max_segment_s=float("nan")), "cannot be cut"),
        (lambda: Segmentation(max_pause_s=float("nan")), "pause"),
        (lambda: Segmentation(max_pause_s=-1.0), "pause"),
    ],
)
def test_impossible_setting_is_explained(make, words):
    with pytest.raises(SettingsError, match=words):
        make()


def test_digest_names_parameters_whatever_their_order():
    assert digest({"a": 1, "b": [1.5, None]}) == digest({"b": [1.5, None], "a": 1})
    assert digest({"a": 1}) != digest({"a": 2})
    assert len(digest({})) == 16
    assert set(digest({})) <= set("0123456789abcdef")


def test_settings_tell_themselves_as_json():
    analysis = Analysis(Conditioning(channel=1), Segmentation(max_segment_s=4.0))
    assert json.loads(analysis.conditioning_json())["channel"] == 1
    assert json.loads(segmentation_json(analysis.segmentation, {}))["max_segment_s"] == 4.0


def test_store_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TONESCOPE_STORE", "~/corpus")
    assert default_store() == Path.home() / "corpus"
    monkeypatch.setenv("TONESCOPE_STORE", "")
    assert default_store().parts[-2:] == ("data", "store")
