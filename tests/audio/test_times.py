"""Times against the samples that went in: encoders' delays, late sound, gaps, trailing padding.

The oracle is the place where the cross-correlation with the original is greatest.
"""

from pathlib import Path

import av
import numpy as np
import pytest
import soxr
from scipy.signal import correlate, correlation_lags

from core.audio.decode import open_audio
from tests.synthetic import write, write_video

MOST_OFF_S = 0.010


def chirps(seconds: float, rate: int) -> np.ndarray:
    """Returns sweeps from 200 to 3,000 Hz with pauses of different lengths between them."""
    sound = np.zeros(round(seconds * rate))
    times = np.arange(round(0.15 * rate)) / rate
    sweep = 0.4 * np.sin(2 * np.pi * (200 * times + 2800 / 0.3 * times**2)) * np.hanning(len(times))
    at, step = 0.1, 0
    while at + 0.2 < seconds:
        first = round(at * rate)
        sound[first : first + len(sweep)] += sweep
        at, step = at + 0.25 + 0.017 * (step % 7), step + 1
    return sound.astype(np.float32)


def read(path: Path) -> tuple[np.ndarray, tuple[str, ...]]:
    with open_audio(path) as audio:
        return np.concatenate(list(audio.samples())), audio.warnings


def late_s(found: np.ndarray, expected: np.ndarray) -> float:
    """Returns by how much a sound comes later than another one that it is made of."""
    against = correlate(found, expected, method="fft")
    lags = correlation_lags(len(found), len(expected))
    return float(lags[np.argmax(against)]) / 16_000


def at_16k(sound: np.ndarray, rate: int) -> np.ndarray:
    return sound if rate == 16_000 else soxr.resample(sound, rate, 16_000)


@pytest.mark.parametrize(
    ("suffix", "rate"),
    [
        *[(".mp3", rate) for rate in (16_000, 22_050, 44_100, 48_000)],
        *[(".m4a", rate) for rate in (16_000, 44_100, 48_000)],
        (".ogg", 48_000),
        (".opus", 48_000),
        (".webm", 48_000),
        (".mka", 48_000),
        (".ac3", 48_000),
        (".eac3", 48_000),
        *[(suffix, 44_100) for suffix in (".wv", ".tta", ".aiff", ".au", ".caf", ".w64", ".mov")],
    ],
)
def test_sound_lies_where_it_was_put(tmp_path, suffix, rate):
    sound = chirps(3.0, rate)
    found, _ = read(write(tmp_path / f"a{suffix}", sound, rate))
    assert abs(late_s(found, at_16k(sound, rate))) <= MOST_OFF_S
    assert len(found) / 16_000 == pytest.approx(3.0, abs=0.04)


@pytest.mark.parametrize("suffix", [".mp3", ".m4a", ".opus"])
def test_padding_at_the_end_is_left_out(tmp_path, suffix):
    found, _ = read(write(tmp_path / f"a{suffix}", chirps(2.345, 48_000), 48_000))
    assert len(found) / 16_000 == pytest.approx(2.345, abs=0.022)


@pytest.mark.parametrize(
    ("suffix", "options"), [(".mp3", {"muxer_write_xing": "0"}), (".aac", {})], ids=["mp3", "aac"]
)
def test_delay_that_a_file_does_not_tell_is_warned_of(tmp_path, suffix, options):
    """No program can know it then; FFmpeg and browsers leave the silence in, and so do we."""
    sound = chirps(3.0, 44_100)
    found, warnings = read(write(tmp_path / f"a{suffix}", sound, 44_100, **options))
    assert 0.02 < late_s(found, at_16k(sound, 44_100)) < 0.13
    assert "does not say how much silence its encoder put first" in warnings[0]


def test_wma_is_as_early_as_in_ffmpeg(tmp_path):
    """FFmpeg leaves out the two frames that Windows' encoder puts first; its own puts but one."""
    sound = chirps(3.0, 44_100)
    found, _ = read(write(tmp_path / "a.wma", sound, 44_100, b="64k"))
    assert late_s(found, at_16k(sound, 44_100)) == pytest.approx(-2048 / 44_100, abs=0.001)


def test_file_that_tells_its_delay_is_not_warned_of(tmp_path):
    for suffix in (".mp3", ".m4a"):
        assert read(write(tmp_path / f"a{suffix}", chirps(1.0, 44_100), 44_100))[1] == ()


@pytest.mark.parametrize("late", [0.0, 0.5, 1.25])
@pytest.mark.parametrize(
    ("suffix", "codec", "rate"),
    [
        (".mp4", "aac", 44_100),
        (".mov", "aac", 48_000),
        (".mkv", "libopus", 48_000),
        (".mkv", "pcm_s16le", 16_000),
        (".ts", "mp2", 48_000),
    ],
)
def test_sound_of_a_video_begins_where_a_player_plays_it(tmp_path, suffix, codec, rate, late):
    sound = chirps(2.0, rate)
    path = write_video(tmp_path / f"a{suffix}", sound, late, codec, rate)
    expected = np.pad(at_16k(sound, rate), (round(late * 16_000), 0))
    found, _ = read(path)
    assert abs(late_s(found, expected)) <= MOST_OFF_S
    assert len(found) == pytest.approx(len(expected), abs=0.05 * 16_000)


def remuxed(path: Path, target: Path, lost: range, codec: str) -> Path:
    """Copies a file without some of its packets, which keep their timestamps."""
    with av.open(str(path)) as source, av.open(str(target), "w") as copy:
        stream = copy.add_stream_from_template(source.streams.audio[0])
        for number, packet in enumerate(source.demux(source.streams.audio[0])):
            if packet.dts is not None and number not in lost:
                packet.stream = stream
                copy.mux(packet)
    return target


@pytest.mark.parametrize("n_lost", [4, 40])
def test_gap_in_the_timestamps_becomes_silence(tmp_path, n_lost):
    sound = chirps(4.0, 48_000)
    whole = write(tmp_path / "whole.mka", sound, 48_000)
    path = remuxed(whole, tmp_path / "gap.mka", range(50, 50 + n_lost), "libopus")
    found, warnings = read(path)
    expected = at_16k(sound, 48_000)
    assert len(found) == pytest.approx(len(expected), abs=200)
    tail = slice(2 * 16_000, len(expected))
    assert abs(late_s(found[tail], expected[tail])) <= MOST_OFF_S
    assert f"1 gap(s) in the file, {n_lost * 0.02:.2f} s in all" in warnings[0]


def test_leap_that_a_small_file_cannot_hold_makes_no_hours_of_silence(tmp_path):
    """What one damaged number makes of a file: 5 h of silence were decoded and searched for speech."""
    whole, path = write(tmp_path / "whole.mka", chirps(4.0, 48_000), 48_000), tmp_path / "leap.mka"
    with av.open(str(whole)) as source, av.open(str(path), "w") as copy:
        stream = copy.add_stream_from_template(source.streams.audio[0])
        for number, packet in enumerate(source.demux(source.streams.audio[0])):
            if packet.dts is not None:
                if number >= 50:
                    packet.pts = packet.dts = packet.dts + round(18_000 / packet.time_base)
                packet.stream = stream
                copy.mux(packet)
    with av.open(str(path)) as leaping:
        assert leaping.duration / av.time_base > 18_000
    found, warnings = read(path)
    assert len(found) / 16_000 == pytest.approx(4.0, abs=0.1)
    assert any("further than so small a file can hold" in warning for warning in warnings)


def test_clock_that_is_set_anew_is_no_gap(tmp_path):
    """Two transport streams in a row: the second begins at its own time."""
    path = tmp_path / "two.ts"
    one = write(tmp_path / "one.ts", chirps(1.0, 48_000), 48_000, "mp2").read_bytes()
    path.write_bytes(one + one)
    found, _ = read(path)
    assert len(found) / 16_000 == pytest.approx(2.0, abs=0.1)


def test_cover_picture_is_no_video(tmp_path):
    """A cover stands at time 0, while the sound of an MP3 begins after its encoder's delay."""
    plain = write(tmp_path / "plain.mp3", chirps(2.0, 44_100), 44_100)
    path = tmp_path / "cover.mp3"
    with av.open(str(plain)) as source, av.open(str(path), "w") as copy:
        sound = copy.add_stream_from_template(source.streams.audio[0])
        cover = copy.add_stream("png", rate=1)
        cover.width, cover.height, cover.pix_fmt = 16, 16, "rgb24"
        cover.disposition = av.stream.Disposition.attached_pic
        picture = av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), format="rgb24")
        copy.mux(cover.encode(picture))
        copy.mux(cover.encode(None))
        for packet in source.demux(source.streams.audio[0]):
            if packet.dts is not None:
                packet.stream = sound
                copy.mux(packet)
    np.testing.assert_allclose(read(path)[0][:30_000], read(plain)[0][:30_000], atol=1e-4)
