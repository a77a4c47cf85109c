"""Speech detection: what is none, how samples arrive, and what it leaves behind."""

import threading

import numpy as np
import pytest

from core.audio import silero
from core.audio.decode import open_audio
from core.audio.silero import CHUNK, SpeechGate, SpeechProbabilities
from core.audio.speech import TOGETHER, SpeechDetector
from core.errors import AudioError
from core.records import Span
from core.settings import SAMPLES_DIR, Conditioning
from tests.synthetic import noise, silence, speech_like, tone

torch = pytest.importorskip("torch")


def detect(samples: np.ndarray, sizes: list[int], **settings: float) -> tuple[Span, ...]:
    detector = SpeechDetector(Conditioning(**settings))
    at, turn = 0, 0
    while at < len(samples):
        size = sizes[turn % len(sizes)]
        detector.feed(samples[at : at + size])
        at, turn = at + size, turn + 1
    return detector.finish()


@pytest.mark.parametrize("sound", [silence(2.0), noise(2.0, level=0.05), tone(2.0)])
def test_what_is_no_speech_is_not_taken_for_it(sound):
    assert detect(sound, [16_000]) == ()


@pytest.mark.parametrize("n", [0, 1, 511, 512, 513])
def test_shortest_inputs_are_no_speech(n):
    assert detect(np.zeros(n, np.float32), [512]) == ()


@pytest.mark.parametrize("sizes", [[511], [513, 1, 7_000], [100_000]])
def test_speech_does_not_depend_on_how_samples_arrive(sizes):
    sound = np.concatenate([silence(1.0), speech_like(3.0), silence(1.0), speech_like(2.0, 1)])
    # So low a threshold that a buzz passes for speech: what matters here is the bookkeeping.
    expected = detect(sound, [512], speech_threshold=0.05, speech_min_s=0.0)
    assert expected
    assert detect(sound, sizes, speech_threshold=0.05, speech_min_s=0.0) == expected
    edges = [edge for span in expected for edge in (span.start_s, span.end_s)]
    assert edges == sorted(edges)
    assert len(set(edges)) == len(edges)
    assert edges[0] >= 0
    assert edges[-1] <= len(sound) / 16_000


class Scripted:
    """Stands in for the gate: says what a test wants heard."""

    def __init__(self, events: dict[int, dict[str, int]]) -> None:
        self.events = events
        self.turn = 0

    def __call__(self, probability: float) -> dict[str, int] | None:
        self.turn += 1
        return self.events.get(self.turn)


def scripted(monkeypatch, events, n, **settings):
    monkeypatch.setattr("core.audio.speech._gate", lambda settings: Scripted(events))
    return detect(np.zeros(n, np.float32), [1_000], **settings)


def test_stretches_that_padding_made_touch_are_one(monkeypatch):
    events = {1: {"start": 0}, 5: {"end": 8_000}, 6: {"start": 7_900}, 9: {"end": 16_000}}
    assert scripted(monkeypatch, events, 32_000) == (Span(0.0, 1.0),)


def test_stretch_too_short_to_be_speech_is_left_out(monkeypatch):
    events = {1: {"start": 0}, 5: {"end": 3_999}, 20: {"start": 10_000}, 30: {"end": 14_000}}
    assert scripted(monkeypatch, events, 32_000) == (Span(0.625, 0.875),)


def test_speech_to_the_very_end_ends_there(monkeypatch):
    found = scripted(monkeypatch, {2: {"start": 600}}, 16_100)
    assert found == (Span(0.0375, 16_100 / 16_000),)


def test_padding_never_reaches_beyond_the_recording(monkeypatch):
    events = {1: {"start": -480}, 31: {"end": 99_999}}
    assert scripted(monkeypatch, events, 16_000) == (Span(0.0, 1.0),)


def test_number_of_threads_stays_as_it_was():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        detect(noise(0.5), [4_000])
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_number_of_threads_stays_as_it_was_when_two_recordings_overlap():
    """One detector that saved the other's single thread would leave the process slow for ever."""
    torch.set_num_threads(2)
    inside, leave = ([threading.Event(), threading.Event()] for _ in range(2))
    seen = {}

    class Slow(SpeechDetector):
        def __init__(self, number: int) -> None:
            super().__init__(Conditioning())
            self.number = number
            self._probabilities = self

        def of(self, samples: np.ndarray) -> list[float]:
            inside[self.number].set()
            leave[self.number].wait(timeout=20)
            return []

    def work(number: int) -> None:
        Slow(number).feed(np.zeros(TOGETHER, np.float32))
        seen[number] = torch.get_num_threads()

    threads = [threading.Thread(target=work, args=(n,)) for n in range(2)]
    for number in range(2):  # the second begins while the first is at work
        threads[number].start()
        assert inside[number].wait(timeout=20)
    for number in range(2):  # and ends after it
        leave[number].set()
        threads[number].join(timeout=20)
    later = threading.Thread(target=lambda: seen.update(later=torch.get_num_threads()))
    later.start()
    later.join()
    torch.set_num_threads(2)
    assert seen == {0: 2, 1: 2, "later": 2}


@pytest.fixture(scope="module")
def silero_model():
    """Silero's own compiled model, which takes a chunk at a time."""
    before = torch.get_num_threads()
    from silero_vad import load_silero_vad

    torch.set_num_threads(before)
    return load_silero_vad()


def call(seconds: float = 40.0) -> np.ndarray:
    """Returns the project's sample of a phone call, in whole chunks."""
    with open_audio(SAMPLES_DIR / "synthetic_phone_call.mp3") as audio:
        sound = np.concatenate(list(audio.samples()))[: round(seconds * 16_000)]
    return sound[: len(sound) // CHUNK * CHUNK]


@pytest.mark.parametrize("level", [1.0, 0.05])
def test_probabilities_are_those_of_sileros_own_model(silero_model, level):
    sound = call() * np.float32(level)
    silero_model.reset_states()
    with torch.inference_mode():
        own = [silero_model(c, 16_000).item() for c in torch.from_numpy(sound).view(-1, CHUNK)]
    stream, found = SpeechProbabilities(), []
    for part in np.split(
        sound, [CHUNK, 9 * CHUNK, 500 * CHUNK]
    ):  # memory goes on from part to part
        found += stream.of(part)
    assert max(own) > 0.9
    assert min(own) < 0.1
    np.testing.assert_allclose(found, own, atol=1e-4)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("settings", [{}, {"speech_threshold": 0.3, "speech_pause_s": 0.5}])
def test_gate_decides_as_sileros_own_iterator(seed, settings):
    from silero_vad import VADIterator

    random = np.random.default_rng(seed)
    likely = np.clip(np.cumsum(random.normal(0, 0.15, 3_000)) % 2 - 0.5, 0, 1)
    turns = iter(likely.tolist())

    class Told:
        def reset_states(self) -> None: ...

        def __call__(self, chunk: object, rate: int) -> object:
            return torch.tensor(next(turns), dtype=torch.float64)

    given = Conditioning(**settings)
    own = VADIterator(
        Told(),
        threshold=given.speech_threshold,
        min_silence_duration_ms=round(given.speech_pause_s * 1000),
        speech_pad_ms=round(given.speech_pad_s * 1000),
    )
    gate, chunk = SpeechGate(given), torch.zeros(CHUNK)
    events = [own(chunk) for _ in likely]
    assert [gate(probability) for probability in likely.tolist()] == events
    assert sum(event is not None for event in events) > 20


def test_network_is_loaded_once():
    assert SpeechProbabilities()._network is SpeechProbabilities()._network


def test_missing_weights_are_explained(monkeypatch):
    monkeypatch.setattr(silero.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(AudioError, match="not installed"):
        silero._weights()
