"""The quality report against signals whose level, clipping, noise and bandwidth are known."""

import json
import math
from dataclasses import asdict

import numpy as np
import pytest
from scipy.signal import butter, sosfilt

from core.audio.decode import open_audio
from core.audio.levels import LevelMeter, mix_weights
from core.audio.quality import QualityMeter, remarks
from core.audio.survey import survey
from core.records import Quality, Span
from core.settings import Conditioning
from core.store.rows import source_from, track_row
from tests.synthetic import make_track, noise, silence, speech_like, talk, tone, write

LEVELS = {
    "peak_db": -6.0,
    "clipped_share": 0.0,
    "channel_levels_db": [-20.0],
    "cancelled_share": 0.0,
}


def wide(seconds: float, seed: int = 0) -> np.ndarray:
    """Returns speech with breath in it, so that it is not taken for telephone sound."""
    return speech_like(seconds, seed) + noise(seconds, seed + 50, level=0.01)


def measure(samples: np.ndarray, speech=(), chunk: int = 3_333) -> Quality:
    meter = QualityMeter()
    for start in range(0, len(samples), chunk):
        meter.feed(samples[start : start + chunk])
    return meter.finish(speech, Span(0, len(samples) / 16_000), LEVELS, 0.0)


def quality_of(path, **settings) -> Quality:
    return survey(path, Conditioning(**settings)).quality


@pytest.mark.parametrize("snr_db", [0, 5, 15, 30, 50])
def test_ratio_of_speech_and_noise_is_what_was_mixed(snr_db):
    rng = np.random.default_rng(0)
    voice = talk([(2, 0), (4, 0.3), (2, 0), (3, 0.3), (1, 0)])
    level = 0.3 / math.sqrt(2) * 10 ** (-snr_db / 20)
    mixed = voice + level * rng.standard_normal(len(voice))
    found = measure(mixed.astype(np.float32), (Span(2, 6), Span(8, 11)))
    assert found.snr_db == pytest.approx(snr_db, abs=0.6)


def test_ratio_is_not_made_up_where_there_is_no_pause():
    samples = speech_like(3.0)
    assert measure(samples, (Span(0, 3),)).snr_db is None
    assert measure(samples, ()).snr_db is None
    assert measure(talk([(1, 0), (2, 0.3)]), (Span(1, 3),)).snr_db > 80


@pytest.mark.parametrize("cutoff_hz", [2_000, 3_400, 5_500])
def test_bandwidth_is_where_the_spectrum_ends(cutoff_hz):
    filtered = sosfilt(butter(20, cutoff_hz, fs=16_000, output="sos"), noise(5.0))
    # 20 poles fall by 65 dB within a factor of 10^(65/400) of the cutoff.
    bandwidth_hz = measure(filtered.astype(np.float32)).bandwidth_hz
    assert cutoff_hz * 0.95 <= bandwidth_hz <= cutoff_hz * 10 ** (65 / 400)


def test_bandwidth_of_all_and_of_nothing():
    assert measure(noise(2.0)).bandwidth_hz > 7_800
    assert measure(silence(2.0)).bandwidth_hz is None


def test_telephone_sound_is_found_through_resampling(tmp_path, loud_is_speech):
    path = write(tmp_path / "phone.wav", noise(3.0, rate=8_000), 8_000)
    found = survey(path, Conditioning())
    assert found.quality.bandwidth_hz == pytest.approx(4_000, abs=200)
    assert "as on a telephone" in " ".join(found.warnings)


@pytest.mark.parametrize("chunk", [1, 319, 1_024, 100_000])
def test_chunks_make_no_difference(chunk):
    samples = speech_like(1.3) + 0.05
    speech = (Span(0.5, 0.9),)
    one, other = measure(samples, speech, 16_000 * 9), measure(samples, speech, chunk)
    for key, value in asdict(one).items():
        assert asdict(other)[key] == pytest.approx(value, rel=1e-4), key


def test_clipping_is_counted_in_runs_at_the_files_own_rate(tmp_path, loud_is_speech):
    rate = 44_100
    loud = 2.0 * np.sin(2 * np.pi * 200 * np.arange(rate) / rate)
    path = write(tmp_path / "loud.wav", np.clip(loud, -1, 1).astype(np.float32), rate)
    found = survey(path, Conditioning())
    expected = np.mean(np.abs(loud) >= 0.99)  # every half-wave stays at full scale for long
    assert found.quality.clipped_share == pytest.approx(expected, abs=0.002)
    assert "are clipped" in " ".join(found.warnings)
    peaks = write(tmp_path / "peaks.wav", 0.999 * tone(1.0, 4_000, 1.0), 16_000)
    assert quality_of(peaks).clipped_share == 0


def test_channels_that_cancel_out_are_warned_of_and_can_be_chosen(tmp_path, loud_is_speech):
    voice = wide(3.0)
    path = write(tmp_path / "a.wav", np.stack([voice, -voice]))
    found = survey(path, Conditioning())
    assert found.quality.cancelled_share > 0.99
    assert found.level_db < -80
    assert "--channel 0" in found.warnings[0]
    alone = survey(path, Conditioning(channel=0))
    assert alone.warnings == ()
    assert alone.quality.channel_levels_db == pytest.approx([alone.level_db] * 2, abs=0.05)


@pytest.mark.parametrize("kind", ["same", "unrelated", "one silent", "late"])
def test_ordinary_stereo_is_not_warned_of(tmp_path, loud_is_speech, kind):
    voice = wide(3.0)
    other = {
        "same": voice,
        "unrelated": wide(3.0, seed=5),
        "one silent": silence(3.0),
        "late": np.roll(voice, 300),
    }[kind]
    found = survey(write(tmp_path / "a.wav", np.stack([voice, other])), Conditioning())
    assert found.warnings == ()


def test_part_that_cancels_out_is_warned_of(tmp_path, loud_is_speech):
    voice = speech_like(6.0)
    other = np.where(np.arange(len(voice)) < 48_000, voice, -voice)
    path = write(tmp_path / "a.wav", np.stack([voice, other]))
    found = survey(path, Conditioning())
    assert 0.3 < found.quality.cancelled_share < 0.7
    assert "cancel each other out" in found.warnings[0]


def test_mix_adds_up_to_one():
    assert mix_weights(["NONE"] * 5) == pytest.approx(np.full(5, 0.2))
    assert mix_weights(["FL", "FR"]) == pytest.approx([0.5, 0.5])
    assert mix_weights(["LFE"]) == pytest.approx([1.0])
    assert mix_weights(["FL", "FR", "FC", "LFE"]).sum() == pytest.approx(1)


def test_meter_takes_channels_that_change():
    meter = LevelMeter()
    for n_channels in (1, 2, 1):
        samples = np.stack([tone(1.0)] * n_channels)
        weights = mix_weights(["X"] * n_channels)
        meter.feed(samples, weights @ samples, weights, 16_000)
    assert len(meter.result()["channel_levels_db"]) == 2
    assert meter.warnings() == ()


@pytest.mark.parametrize(
    ("changes", "said", "cure"),
    [
        ({"clipped_share": 0.01}, "1.0% of the samples are clipped", "lower level"),
        ({"level_db": -60.0}, "very quiet (-60 dB)", "raise its level"),
        ({"snr_db": 4.0}, "by only about 4 dB", "--noise-reduction"),
        ({"bandwidth_hz": 3_400.0}, "nothing above 3.4 kHz", "use a wider one"),
        ({"dc_offset": 0.5}, "offset 0.50", "remove the offset"),
        ({"peak_db": 90.0}, "90 dB above full scale", "export it again"),
    ],
)
def test_every_remark_says_what_to_do(changes, said, cure):
    good = asdict(measure(wide(3.0)))
    assert remarks(Quality(**good)) == ()
    (remark,) = remarks(Quality(**good | changes))
    assert said in remark
    assert cure in remark
    assert remark.endswith(".")


def test_quality_comes_back_from_the_store():
    quality = measure(speech_like(2.0), (Span(0.5, 1.0),))
    track, _ = make_track(quality=quality)
    row = track_row(track, 1, np.zeros(9), "sad", None).to_pylist()[0]
    assert source_from(row).quality == quality
    assert json.loads(row["quality"])["speech_share"] == pytest.approx(0.25)
    assert source_from(row | {"quality": None}).quality is None


def test_gap_stands_in_the_report(tmp_path):
    with open_audio(write(tmp_path / "a.wav", tone(1.0))) as audio:
        list(audio.samples())
        assert audio.gap_s == 0
        assert audio.levels["peak_db"] == pytest.approx(20 * math.log10(0.3), abs=0.01)


def chords(seconds: float) -> np.ndarray:
    """Returns three notes at a time with overtones, changing each half second."""
    t = np.arange(round(seconds * 16_000)) / 16_000
    root = 220 * 2 ** (np.floor(t * 2) % 5 / 12)
    phase = 2 * np.pi * np.cumsum(root) / 16_000
    notes = [np.sin(phase * ratio * k) / k for ratio in (1, 1.26, 1.5) for k in range(1, 6)]
    return (0.05 * np.sum(notes, axis=0)).astype(np.float32)


def test_music_outside_speech_is_told_and_noise_of_any_colour_is_not():
    found = measure(chords(6.0))
    assert found.tonal_share > 0.8
    assert any("music" in remark for remark in remarks(found))
    white = noise(6.0)
    brown = np.cumsum(white)
    brown = (0.1 * brown / np.abs(brown).max()).astype(np.float32)
    for sound in (white, brown, silence(6.0)):
        found = measure(sound)
        assert found.tonal_share == 0
        assert not any("music" in remark for remark in remarks(found))


def test_only_the_time_outside_speech_counts_for_music():
    sound = np.concatenate([chords(4.0), noise(4.0)])
    assert measure(sound, (Span(0, 4),)).tonal_share == pytest.approx(0, abs=0.03)
    assert measure(sound, (Span(4, 8),)).tonal_share > 0.8
    assert measure(sound, (Span(0, 8),)).tonal_share is None
