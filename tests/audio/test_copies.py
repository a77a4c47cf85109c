"""Copies for the browser: the same sound at the same times, in a format that every browser plays."""

from dataclasses import replace

import av
import numpy as np
import pytest

from core.audio.decode import open_audio
from core.audio.playable import media_type, write_browser_copy
from core.errors import AudioError
from core.records import AudioInfo
from tests.audio.test_times import chirps, late_s, read
from tests.synthetic import speech_like, tone, write, write_video


@pytest.mark.parametrize(
    ("suffix", "rate"), [(".au", 16_000), (".aiff", 44_100), (".wma", 44_100), (".ac3", 48_000)]
)
def test_copy_sounds_the_same_at_the_same_time(tmp_path, suffix, rate):
    options = {"b": "64k"} if suffix == ".wma" else {}
    path = write(tmp_path / f"a{suffix}", chirps(3.0, rate), rate, **options)
    copy = tmp_path / "copy.webm"
    write_browser_copy(path, copy, "a")
    expected, found = read(path)[0], read(copy)[0]
    assert abs(late_s(found, expected)) <= 0.001
    assert len(found) == pytest.approx(len(expected), abs=330)
    with av.open(str(copy)) as container:
        assert container.streams.audio[0].codec_context.name == "opus"
        assert container.duration / av.time_base == pytest.approx(len(expected) / 16_000, abs=0.05)


def test_copy_of_late_sound_is_as_late_as_the_analysis(tmp_path):
    path = write_video(tmp_path / "a.mkv", chirps(2.0, 16_000), 0.75, "pcm_s16le", 16_000)
    copy = tmp_path / "copy.webm"
    write_browser_copy(path, copy, "a")
    assert abs(late_s(read(copy)[0], read(path)[0])) <= 0.001


def test_copy_of_stereo_keeps_both_channels(tmp_path):
    left, right = tone(1.0, 300), tone(1.0, 900)
    copy = tmp_path / "copy.webm"
    write_browser_copy(write(tmp_path / "a.au", np.stack([left, right])), copy, "a")
    for channel, hz in ((0, 300), (1, 900)):
        with open_audio(copy, channel) as audio:
            found = np.concatenate(list(audio.samples()))
        assert np.argmax(np.abs(np.fft.rfft(found[:16_000]))) == pytest.approx(hz, abs=2)


def test_copy_of_many_channels_is_one(tmp_path):
    path = write(tmp_path / "a.flac", np.stack([speech_like(1.0)] * 6))
    copy = tmp_path / "copy.webm"
    write_browser_copy(path, copy, "a")
    with open_audio(copy) as audio:
        assert audio.info.n_channels == 1


def test_disk_that_does_not_take_a_copy_is_explained(tmp_path):
    path = write(tmp_path / "a.au", tone(1.0))
    with pytest.raises(AudioError, match=r"No copy of 'a' for the browser can be written"):
        write_browser_copy(path, tmp_path / "nowhere" / "copy.webm", "a")


def test_what_no_browser_plays_gets_a_copy():
    wav = AudioInfo("wav", "pcm_s16le", 16_000, 1, 1.0)
    assert media_type(wav) == "audio/wav"
    assert media_type(replace(wav, container="mp3", codec="mp3float")) == "audio/mpeg"
    assert media_type(replace(wav, container="mov", codec="aac")) == "audio/mp4"
    assert media_type(replace(wav, container="mov", codec="alac")) is None
    assert media_type(replace(wav, codec="pcm_f64le")) is None
    assert media_type(replace(wav, n_channels=6)) is None
    for container in ("aiff", "au", "caf", "asf", "w64", "ac3", "avi", "mpegts"):
        assert media_type(replace(wav, container=container)) is None
