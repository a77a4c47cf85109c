"""The first pass: duration, level and remarks."""

import math

import numpy as np
import pytest

from core.audio.decode import open_audio
from core.audio.survey import SILENCE_DB, survey
from core.errors import AudioError, Cancelled
from core.settings import Conditioning
from tests.synthetic import noise, silence, talk, tone, write


@pytest.mark.parametrize("level", [0.001, 0.1, 0.9])
def test_level_is_the_root_mean_square_in_decibels(tmp_path, loud_is_speech, level):
    path = write(tmp_path / "a.wav", tone(1.0, level=level), codec="pcm_f32le")
    expected = 20 * math.log10(level / math.sqrt(2))
    assert survey(path, Conditioning()).level_db == pytest.approx(expected, abs=0.01)


def test_duration_is_what_was_decoded(tmp_path, loud_is_speech):
    path = write(tmp_path / "a.flac", noise(1.25, rate=44_100), 44_100)
    found = survey(path, Conditioning())
    assert found.duration_s == pytest.approx(1.25, abs=1e-4)
    assert found.n_samples == round(found.duration_s * 16_000)


def test_digital_silence_is_remarked(tmp_path, loud_is_speech):
    found = survey(write(tmp_path / "a.wav", silence(1.0)), Conditioning())
    assert found.level_db == SILENCE_DB
    assert found.speech == ()
    assert "digital silence" in found.warnings[0]


def test_no_speech_is_remarked(tmp_path):
    pytest.importorskip("torch")
    found = survey(write(tmp_path / "a.wav", noise(1.0)), Conditioning())
    assert "No speech was found" in found.warnings[0]


def test_silent_channel_of_two_is_found(tmp_path, loud_is_speech):
    path = write(tmp_path / "a.wav", np.stack([tone(1.0), silence(1.0)]))
    assert survey(path, Conditioning(channel=0)).warnings == ()
    assert "digital silence" in survey(path, Conditioning(channel=1)).warnings[0]


def test_progress_rises_to_the_declared_duration(talk_file, loud_is_speech):
    seen = []
    survey(talk_file, Conditioning(), progress=lambda *at: seen.append(at))
    done = [at[0] for at in seen]
    assert done == sorted(done)
    assert done[-1] == pytest.approx(7.0)
    assert {at[1] for at in seen} == {7.0}


def test_progress_may_stop_it(talk_file, loud_is_speech):
    def stop(done_s: float, declared_s: float | None) -> None:
        raise Cancelled("Stopped by the user.")

    with pytest.raises(Cancelled):
        survey(talk_file, Conditioning(), progress=stop)


def test_error_calls_the_file_as_people_do(tmp_path):
    path = tmp_path / "3f2a.part"
    path.write_bytes(b"no sound" * 100)
    with pytest.raises(AudioError, match=r"'interview 3\.mp3'"):
        survey(path, Conditioning(), name="interview 3.mp3")


def test_speech_is_where_it_was_put(tmp_path, loud_is_speech):
    path = write(tmp_path / "a.wav", talk([(0.5, 0), (1.0, 0.3), (0.5, 0), (0.7, 0.3)]))
    spans = survey(path, Conditioning()).speech
    np.testing.assert_allclose(
        [(s.start_s, s.end_s) for s in spans], [(0.5, 1.5), (2.0, 2.7)], atol=0.011
    )


@pytest.mark.parametrize(("suffix", "rate"), [(".flac", 16_000), (".ogg", 48_000)])
def test_lost_part_becomes_silence_so_that_later_times_stay_right(
    tmp_path, loud_is_speech, suffix, rate
):
    """Some demuxers pass over damage without a word, but the timestamps tell."""
    sound = noise(3.0, rate=rate)
    path = write(tmp_path / f"a{suffix}", sound, rate)
    whole = _decoded(path)
    data = bytearray(path.read_bytes())
    middle, length = len(data) // 2, len(data) // 10
    data[middle : middle + length] = bytes(length)
    path.write_bytes(bytes(data))
    found = survey(path, Conditioning())
    assert found.duration_s == pytest.approx(len(whole) / 16_000, abs=0.001)
    assert found.quality.gap_s > 0.2
    assert "silence" in " ".join(found.warnings)
    tail = slice(round(2.8 * 16_000), len(whole))
    assert np.corrcoef(_decoded(path)[tail], whole[tail])[0, 1] > 0.99


def _decoded(path):
    with open_audio(path) as audio:
        return np.concatenate(list(audio.samples()))
