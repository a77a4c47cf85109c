"""Speakers of a made-up conversation of real voices, by the project's own networks."""

import numpy as np
import pytest

from benchmarks.mixtures import SPEECH, clips, conversation
from core.audio.speech import SpeechDetector
from core.settings import Conditioning
from core.speakers.diarization import listen, turns_of
from core.speakers.error_rate import error_rate
from core.speakers.model import speaker_model

pytestmark = [
    pytest.mark.external,
    pytest.mark.skipif(
        not SPEECH.is_dir(), reason="the recordings beside the project are not there"
    ),
]


def test_two_voices_are_told_apart():
    pool = [clip for clip in clips() if clip.speaker in ("nemo_EB0", "nemo_MK0")]
    mixture = conversation(pool, 2, 20, np.random.default_rng(4))
    detector = SpeechDetector(Conditioning())
    detector.feed(mixture.samples)
    speech = detector.finish()
    found = turns_of(listen(speaker_model(), [mixture.samples], speech), speech, 2)
    wrong = error_rate(mixture.turns, found)
    assert wrong.confused_s < 0.1 * wrong.total_s
    assert wrong.rate < 0.25
    swapped = [turn for turn in found if turn.speaker == "Speaker 1"]
    assert error_rate(mixture.turns, swapped).rate > wrong.rate + 0.2
