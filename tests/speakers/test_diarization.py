"""Turns from voices, with networks whose answers are known; and the clustering of directions."""

import itertools

import numpy as np
import pytest

from core.audio.decode import open_audio
from core.audio.speech import SpeechDetector
from core.records import Span, Turn
from core.settings import SAMPLES_DIR, Conditioning
from core.speakers import clustering
from core.speakers.clustering import cluster
from core.speakers.diarization import CHUNK_S, diarize
from core.speakers.error_rate import error_rate
from core.speakers.model import speaker_model
from core.speakers.turns import overlaps
from tests.synthetic import RATE

HZ = {"A": 300.0, "B": 900.0, "C": 2100.0}
CENTRES = np.eye(8, dtype=np.float32)


class KnownVoices:
    """Hears sines as voices; which local voice is which changes from window to window."""

    model_id = "speaker-000000000000"

    def __init__(self) -> None:
        self.window = 0

    def local_speakers(self, chunks):
        found = []
        for chunk in chunks:
            order = np.roll(np.arange(3), self.window)
            self.window += 1
            scores = np.zeros((589, 7), np.float32)
            for i in range(589):
                part = chunk[270 * i + 360 : 270 * i + 630]
                here = sorted(int(order[v]) for v in self._voices(part))
                scores[i, [(), (0,), (1,), (2,), (0, 1), (0, 2), (1, 2)].index(tuple(here))] = 1
            found.append(scores)
        return found

    def embed(self, samples):
        voice = self._voices(samples[:2000])
        return CENTRES[voice[0]] if voice else CENTRES[7]

    def _voices(self, part):
        if len(part) < 100:
            return []
        times = np.arange(len(part)) / RATE
        power = [abs(part @ np.exp(-2j * np.pi * hz * times)) / len(part) for hz in HZ.values()]
        return [v for v, p in enumerate(power) if p > 0.03][:2]


def recording(turns, seconds):
    samples = np.zeros(round(seconds * RATE), np.float32)
    for turn in turns:
        first, last = round(turn.start_s * RATE), round(turn.end_s * RATE)
        times = np.arange(first, last) / RATE
        samples[first:last] += (0.2 * np.sin(2 * np.pi * HZ[turn.speaker] * times)).astype("f4")
    return samples


def speech_of(turns):
    spans = []
    for turn in sorted(turns, key=lambda turn: turn.start_s):
        if spans and turn.start_s <= spans[-1].end_s:
            spans[-1] = Span(spans[-1].start_s, max(spans[-1].end_s, turn.end_s))
        else:
            spans.append(Span(turn.start_s, turn.end_s))
    return spans


TRUTH = [
    Turn("A", 0.5, 3.0),
    Turn("B", 3.4, 6.0),
    Turn("A", 6.2, 9.5),
    Turn("C", 9.5, 12.4),
    Turn("B", 12.0, 17.0),
    Turn("A", 17.5, 24.0),
    Turn("C", 24.3, 28.0),
    Turn("B", 28.0, 33.1),
]


@pytest.mark.parametrize("chunk", [RATE, 7 * RATE + 13, 40 * RATE])
def test_turns_are_found_whatever_the_chunks(chunk):
    samples = recording(TRUTH, 34)
    chunks = [samples[i : i + chunk] for i in range(0, len(samples), chunk)]
    told = []
    found = diarize(KnownVoices(), chunks, speech_of(TRUTH), progress=told.append)
    assert error_rate(TRUTH, found).rate < 0.02
    assert {turn.speaker for turn in found} == {"Speaker 1", "Speaker 2", "Speaker 3"}
    assert found[0].speaker == "Speaker 1"
    assert told == sorted(told)
    both = [span for span in overlaps(found) if span.duration_s > 0.1]
    assert [(span.start_s, span.end_s) for span in both] == [pytest.approx((12.0, 12.4), abs=0.05)]


def test_as_many_speakers_as_were_asked_for():
    samples = recording(TRUTH, 34)
    for n in (1, 2, 3):
        found = diarize(KnownVoices(), [samples], speech_of(TRUTH), n)
        assert len({turn.speaker for turn in found}) == n


def test_no_speech_has_no_turns_and_a_short_word_has_a_speaker():
    assert diarize(KnownVoices(), [np.zeros(RATE, np.float32)], []) == ()
    word = [Turn("A", 0.3, 0.65)]
    found = diarize(KnownVoices(), [recording(word, 1)], speech_of(word))
    assert [turn.speaker for turn in found] == ["Speaker 1"]
    assert found[0].end_s <= 1 <= CHUNK_S


def test_what_no_network_hears_goes_to_the_nearest():
    talk = [Turn("A", 0.0, 3.0), Turn("B", 4.0, 7.0)]
    speech = [Span(0.0, 3.0), Span(3.2, 7.0)]  # 3.2 to 4.0 s is speech that has no voice
    found = diarize(KnownVoices(), [recording(talk, 7)], speech)
    assert [turn.speaker for turn in found] == ["Speaker 1", "Speaker 2"]
    assert sum(turn.end_s - turn.start_s for turn in found) == pytest.approx(6.9, abs=0.15)


def directions(rng, n, centre, spread=0.25):
    made = CENTRES[centre] + spread * rng.standard_normal((n, 8)).astype(np.float32)
    return made / np.linalg.norm(made, axis=1, keepdims=True)


def test_clustering_finds_groups_and_leaves_strays_to_them():
    rng = np.random.default_rng(0)
    voices = np.concatenate([directions(rng, 20, 0), directions(rng, 12, 1), directions(rng, 1, 5)])
    seconds = np.full(33, 2.0, np.float32)
    for n in (None, 2):
        labels = cluster(voices, seconds, n)
        assert len(set(labels[:20])) == len(set(labels[20:32])) == 1
        assert labels[0] != labels[20]
        assert labels.max() == 1  # the stray founds no speaker
    assert set(cluster(voices, seconds, 1)) == {0}
    assert cluster(voices[:1], seconds[:1]).tolist() == [0]
    assert len(cluster(voices[:0], seconds[:0])) == 0


def test_more_speakers_than_voices_gives_what_there_is(monkeypatch):
    rng = np.random.default_rng(0)
    voices, seconds = directions(rng, 3, 0), np.full(3, 2.0, np.float32)
    assert cluster(voices, seconds, 9).max() <= 2
    monkeypatch.setattr(clustering, "MOST_CLUSTERED", 10)
    many = np.concatenate([directions(rng, 30, 0), directions(rng, 30, 1)])
    labels = cluster(many, np.full(60, 2.0, np.float32))
    assert (labels[:30] == labels[0]).all()
    assert (labels[30:] == 1 - labels[0]).all()


def test_the_two_voices_of_the_sample_call_are_told_apart_without_being_counted():
    with open_audio(SAMPLES_DIR / "synthetic_phone_call.mp3") as audio:
        sound = np.concatenate(list(audio.samples()))
    detector = SpeechDetector(Conditioning())
    detector.feed(sound)
    found = diarize(speaker_model(), [sound], detector.finish())
    # The desk begins, then each answers the other; the caller says two lines at the start.
    who = [name for name, _ in itertools.groupby(turn.speaker for turn in found)]
    assert who == ["Speaker 1", "Speaker 2"] * 4
