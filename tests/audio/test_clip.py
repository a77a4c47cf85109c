"""A clip is, sample by sample, what the file holds."""

import numpy as np
import pytest
import soundfile

from core.audio.decode import open_audio
from core.errors import AudioError
from core.records import Span
from tests.synthetic import noise, write


def _clip(path, tmp_path, start_s, end_s):
    with open_audio(path) as audio:
        audio.clip_to(tmp_path / "clip.wav", Span(start_s, end_s))
    return soundfile.read(tmp_path / "clip.wav", dtype="float32", always_2d=True)


@pytest.mark.parametrize(("suffix", "rate"), [(".wav", 44_100), (".flac", 22_050)])
def test_clip_is_the_very_samples(tmp_path, suffix, rate):
    samples = np.stack([noise(3.0, 1, rate=rate), noise(3.0, 2, rate=rate)])
    path = write(tmp_path / f"talk{suffix}", samples, rate)
    whole, _ = soundfile.read(path, dtype="float32")
    clip, found = _clip(path, tmp_path, 1.2345, 2.5)
    assert found == rate
    np.testing.assert_array_equal(clip, whole[round(1.2345 * rate) : round(2.5 * rate)])
    kind = soundfile.info(tmp_path / "clip.wav").subtype
    assert kind == ("PCM_16" if suffix == ".wav" else "FLOAT")


def test_clip_of_an_mp3_is_a_part_of_what_is_decoded(tmp_path):
    path = write(tmp_path / "talk.mp3", noise(3.0), 16_000)
    whole, _ = _clip(path, tmp_path, 0.0, 10.0)
    part, _ = _clip(path, tmp_path, 0.5, 1.5)
    np.testing.assert_array_equal(part, whole[8000:24_000])


def test_a_clip_past_the_end_is_explained(tmp_path):
    path = write(tmp_path / "talk.wav", noise(1.0))
    with pytest.raises(AudioError, match=r"holds no sound between 5.00 and 6.00 s"):
        _clip(path, tmp_path, 5.0, 6.0)


def test_a_disk_that_takes_nothing_is_explained(tmp_path):
    path = write(tmp_path / "talk.wav", noise(1.0))
    with open_audio(path) as audio, pytest.raises(AudioError, match="free space"):
        audio.clip_to(tmp_path / "none" / "clip.wav", Span(0.0, 0.5))
