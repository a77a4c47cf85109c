"""Decoding: generated files of many kinds against the samples that went in."""

import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soxr

from core.audio.decode import open_audio
from core.audio.decoder import open_decoder
from core.errors import AudioError
from tests.synthetic import noise, speech_like, tone, write


def decode(path: Path, channel: int | None = None) -> np.ndarray:
    with open_audio(path, channel) as audio:
        return np.concatenate(list(audio.samples()))


def wav_of(data: bytes, tag: int = 1, rate: int = 16_000, bits: int = 16, n_channels: int = 1):
    block = n_channels * bits // 8
    head = struct.pack("<HHIIHH", tag, n_channels, rate, rate * block, block, bits)
    body = b"WAVEfmt " + struct.pack("<I", len(head)) + head
    body += b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
@pytest.mark.parametrize("n", [1, 319, 320, 4_095, 16_001])
def test_lossless_file_comes_back_sample_by_sample(tmp_path, suffix, n):
    whole = np.random.default_rng(n).integers(-32768, 32768, n)
    path = write(tmp_path / f"a{suffix}", (whole / 32768).astype(np.float32))
    np.testing.assert_array_equal(np.round(decode(path) * 32768), whole)


def test_floats_come_back_exactly(tmp_path):
    samples = noise(0.5)
    path = write(tmp_path / "a.wav", samples, codec="pcm_f32le")
    np.testing.assert_array_equal(decode(path), samples)


@pytest.mark.parametrize(
    ("suffix", "rate"),
    [(".mp3", 16_000), (".mp3", 44_100), (".m4a", 44_100), (".ogg", 48_000), (".opus", 48_000)],
)
def test_lossy_file_comes_back_at_its_place(tmp_path, suffix, rate):
    sound = speech_like(2.0, rate=rate)
    found = decode(write(tmp_path / f"a{suffix}", sound, rate))
    expected = sound if rate == 16_000 else soxr.resample(sound, rate, 16_000)
    assert abs(len(found) - len(expected)) <= 0.03 * 16_000
    n = min(len(found), len(expected))
    assert np.corrcoef(found[:n], expected[:n])[0, 1] > 0.95


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 44_100, 48_000])
def test_other_rates_are_resampled_as_in_one_piece(tmp_path, rate):
    sound = speech_like(1.5, rate=rate)
    path = write(tmp_path / "a.wav", sound, rate)
    expected = soxr.resample(np.round(sound * 32768).astype(np.float32) / 32768, rate, 16_000)
    found = decode(path)
    assert abs(len(found) - len(expected)) <= 1
    n = min(len(found), len(expected))
    np.testing.assert_allclose(found[:n], expected[:n], atol=1e-4)
    with open_audio(path) as audio:
        assert audio.info.sample_rate == rate


def test_channels_are_averaged_or_chosen(tmp_path):
    left, right = tone(0.3, 300), tone(0.3, 700)
    path = write(tmp_path / "a.wav", np.stack([left, right]))
    np.testing.assert_allclose(decode(path), (left + right) / 2, atol=1e-4)
    np.testing.assert_allclose(decode(path, 0), left, atol=1e-4)
    np.testing.assert_allclose(decode(path, 1), right, atol=1e-4)


def test_surround_sound_is_mixed_for_speech(tmp_path):
    """Weights by hand: 1 in front, the centre 3 dB more, the back 3 dB less, no low effects."""
    channels = np.stack([tone(0.2, 200 + 100 * i) for i in range(6)])  # FL FR FC LFE BL BR
    path = write(tmp_path / "a.flac", channels)
    weights = np.array([1, 1, 1.41421, 0, 0.70711, 0.70711])
    np.testing.assert_allclose(decode(path), weights @ channels / 4.82843, atol=1e-4)


@pytest.mark.parametrize("n_channels", [3, 9, 64, 255])
def test_channels_without_names_are_averaged_evenly(tmp_path, n_channels):
    whole = np.random.default_rng(0).integers(-9000, 9000, (800, n_channels)).astype("<i2")
    path = tmp_path / "array.wav"
    path.write_bytes(wav_of(whole.tobytes(), n_channels=n_channels))
    np.testing.assert_allclose(decode(path), whole.mean(axis=1) / 32768, atol=1e-5)
    np.testing.assert_allclose(decode(path, 2), whole[:, 2] / 32768, atol=1e-6)


def test_channel_that_is_not_there_is_explained(tmp_path):
    path = write(tmp_path / "mono.wav", tone(0.1))
    with pytest.raises(AudioError, match=r"'mono.wav' has 1 channel\(s\).*count from 0"):
        decode(path, 1)


def test_samples_that_are_no_numbers_become_silence_and_are_counted(tmp_path):
    samples = tone(0.5)
    samples[100], samples[200], samples[300] = np.nan, np.inf, -np.inf
    path = tmp_path / "odd.wav"
    path.write_bytes(wav_of(samples.tobytes(), tag=3, bits=32))
    with open_audio(path) as audio:
        found = np.concatenate(list(audio.samples()))
        assert "3 sample(s) were not numbers" in audio.warnings[0]
    samples[[100, 200, 300]] = 0
    np.testing.assert_array_equal(found, samples)


def test_container_says_what_it_holds(tmp_path):
    path = write(tmp_path / "a.flac", np.stack([tone(1.0, rate=44_100)] * 2), 44_100)
    with open_audio(path) as audio:
        info = audio.info
    assert (info.container, info.codec, info.sample_rate, info.n_channels) == (
        "flac",
        "flac",
        44_100,
        2,
    )
    assert info.declared_s == pytest.approx(1.0, abs=0.01)


def coded(samples: np.ndarray, kind: str) -> tuple[bytes, int, int]:
    """Returns the bytes of samples, the tag of the WAV format, and the bits of a sample."""
    if kind.startswith("f"):
        return samples.astype(f"<{kind}").tobytes(), 3, 8 * int(kind[1])
    if kind == "u1":
        return np.round(samples * 127 + 128).astype("u1").tobytes(), 1, 8
    if kind == "i3":
        whole = np.round(samples * (2**23 - 1)).astype("<i4")
        return b"".join(w.tobytes()[:3] for w in whole), 1, 24
    bits = 8 * int(kind[1])
    return np.round(samples * (2 ** (bits - 1) - 1)).astype(f"<{kind}").tobytes(), 1, bits


@pytest.mark.parametrize("kind", ["u1", "i2", "i3", "i4", "f4", "f8"])
def test_every_depth_gives_the_same_samples(tmp_path, kind):
    samples = tone(0.2).astype(float)
    data, tag, bits = coded(samples, kind)
    path = tmp_path / "a.wav"
    path.write_bytes(wav_of(data, tag, bits=bits))
    np.testing.assert_allclose(decode(path), samples, atol=0.009 if kind == "u1" else 1e-4)


@pytest.mark.parametrize("rate", [4_000, 12_000, 32_000, 88_200, 96_000, 192_000, 384_000])
def test_any_rate_keeps_the_pitch_and_the_duration(tmp_path, rate):
    data = np.round(tone(1.0, 440, rate=rate) * 32767).astype("<i2").tobytes()
    path = tmp_path / "a.wav"
    path.write_bytes(wav_of(data, rate=rate))
    found = decode(path)
    assert len(found) == pytest.approx(16_000, abs=2)
    assert np.argmax(np.abs(np.fft.rfft(found, 16_000))) == pytest.approx(440, abs=1)


def test_rate_that_no_recording_has_is_explained(tmp_path):
    path = tmp_path / "slow.wav"
    path.write_bytes(wav_of(bytes(4_000), rate=7))
    with pytest.raises(AudioError, match=r"'slow.wav' says it is sampled 7 times a second"):
        decode(path)


def unreadable() -> dict[str, bytes]:
    return {
        "empty.mp3": b"",
        "letter.wav": b"Dear sir or madam,\nthis is no sound at all.\n" * 20,
        "zeros.wav": bytes(10_000),
        "noise.m4a": np.random.default_rng(0).bytes(20_000),
        "header only.wav": wav_of(b""),
        "codec unknown.wav": wav_of(b"\1\2" * 1_000, tag=0x7777),
        "rate 0.wav": wav_of(b"\1\2" * 1_000, rate=0),
        "no channels.wav": wav_of(b"\1\2" * 1_000, n_channels=0),
        "half a header.wav": wav_of(b"\1\2" * 1_000)[:30],
        "<b>.wav": b"\0",
        "面談.wav": b"RIFF",
    }


@pytest.mark.parametrize("name", unreadable())
def test_what_is_no_audio_is_explained_by_name(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(unreadable()[name])
    with pytest.raises(AudioError) as caught:
        decode(path)
    said = str(caught.value)
    assert repr(name) in said
    assert "expected a recording such as WAV" in said
    assert said.endswith(".")


def test_missing_file_is_explained(tmp_path):
    with pytest.raises(AudioError, match=r"'gone.wav' cannot be read .*No such file"):
        decode(tmp_path / "gone.wav")


def test_folder_is_explained(tmp_path):
    with pytest.raises(AudioError, match="cannot be read"):
        decode(tmp_path)


def test_picture_is_no_audio(tmp_path):
    import av

    path = tmp_path / "film.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        for _ in range(3):
            picture = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    with pytest.raises(AudioError, match=r"'film\.mkv' holds no audio"):
        decode(path)


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".mp3", ".ogg"])
def test_truncated_file_gives_what_is_left(tmp_path, suffix):
    sound = speech_like(3.0)
    path = write(tmp_path / f"a{suffix}", sound)
    whole = decode(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    found = decode(path)
    assert 0.6 * 16_000 < len(found) < 2.5 * 16_000
    n = len(found) - 3_000
    np.testing.assert_allclose(found[:n], whole[:n], atol=1e-3)


@pytest.mark.parametrize(("suffix", "rate"), [(".mp3", 16_000), (".m4a", 44_100)])
def test_damage_in_the_middle_is_skipped_and_said(tmp_path, suffix, rate):
    path = write(tmp_path / f"a{suffix}", noise(3.0, rate=rate), rate)
    whole = decode(path)
    damage(path)
    with open_audio(path) as audio:
        found = np.concatenate(list(audio.samples()))
        assert "damaged packet(s) were skipped" in " ".join(audio.warnings)
    assert 2.0 * 16_000 < len(found) < 3.2 * 16_000
    early_s = (len(whole) - len(found)) / 16_000
    if suffix == ".m4a":  # its index tells where each packet belongs
        assert early_s == pytest.approx(0, abs=0.001)
        tail = slice(int(2.2 * 16_000), int(2.8 * 16_000))
        # AAC makes up what is noise by chance, so noise does not come back quite the same.
        assert np.corrcoef(found[tail], whole[tail])[0, 1] > 0.8


def damage(path: Path) -> None:
    """Fills a tenth of a file with zeros, from its middle on."""
    data = bytearray(path.read_bytes())
    middle, length = len(data) // 2, len(data) // 10
    data[middle : middle + length] = bytes(length)
    path.write_bytes(bytes(data))


@pytest.mark.parametrize(
    "name", ["10:30.wav", "file:a.wav", "concat:a.wav", "-.wav", "%d.wav", "a|b.wav", "té\nst.wav"]
)
def test_name_is_only_a_name(tmp_path, monkeypatch, name):
    """FFmpeg takes what stands before a colon for a protocol; a file name has none."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "plain.wav", tone(0.1)).rename(tmp_path / name)
    assert len(decode(Path(name))) == 1_600


@pytest.mark.parametrize("playlist", ["ffconcat version 1.0\nfile b.wav\n", "#EXTM3U\nb.wav\n"])
def test_playlist_does_not_lead_to_other_files(tmp_path, playlist):
    """A file handed in may not make the program read another one that lies on the machine."""
    write(tmp_path / "b.wav", tone(0.1))
    path = tmp_path / "a.wav"
    path.write_text(playlist)
    with pytest.raises(AudioError, match="cannot be read"):
        decode(path)


def test_number_of_channels_may_change_on_the_way(tmp_path):
    stereo = write(tmp_path / "stereo.mp3", np.stack([tone(1.0), tone(1.0, 700)]))
    mono = write(tmp_path / "mono.mp3", tone(1.0))
    for first, second in ((stereo, mono), (mono, stereo)):
        both = tmp_path / "both.mp3"
        both.write_bytes(first.read_bytes() + second.read_bytes())
        assert len(decode(both)) > 1.5 * 16_000


def test_channel_that_ends_on_the_way_is_explained(tmp_path):
    """What a container says of its channels need not hold for each of its frames."""
    path = write(tmp_path / "a.wav", np.stack([tone(1.0), tone(1.0, 700)]))
    mono = write(tmp_path / "b.wav", tone(1.0))
    with open_decoder(path, 1) as audio, open_decoder(mono) as other:
        audio._frames = other._frames
        with pytest.raises(AudioError, match="channel 1"):
            list(audio.samples())


def test_no_more_than_a_little_of_a_long_file_is_held(tmp_path):
    path = write(tmp_path / "long.flac", np.tile(noise(1.0, rate=44_100), 120), 44_100)
    with open_decoder(path) as audio:
        longest = total = 0
        tracemalloc.start()
        for chunk in audio.samples():
            longest, total = max(longest, len(chunk)), total + len(chunk)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert total == pytest.approx(120 * 16_000, abs=2)
    assert longest < 2 * 16_000
    assert peak < 2e6
