"""The recording page with a film, and with a recording of three hours."""

import json
import re
import struct
from pathlib import Path

import av
import numpy as np
import pytest

from benchmarks.served import audio_state, dashboard, wait_until_up
from core.api import Tonescope
from core.emotions import EMOTIONS
from core.provenance import sha256_of
from core.records import AudioInfo, Run
from core.store.store import Store, Utterance
from tests.fakes import FakeEngine
from tests.synthetic import make_recording, make_track, speech_like

pytestmark = pytest.mark.browser

HOURS_3_S = 10_800
FILM_S = 4.0
_RED_THEN_BLUE = [(200, 20, 20), (20, 20, 200)]  # the second from 2 s on
# What the video shows after it went to a time, as the mean of its pixels.
_SHOWN = """async (time_s) => {
  const media = document.querySelector(".tsc-media").firstElementChild;
  await new Promise((done) => { media.onseeked = done; media.currentTime = time_s; });
  await new Promise((done) => setTimeout(done, 200));
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 8;
  const pen = canvas.getContext("2d");
  pen.drawImage(media, 0, 0, 8, 8);
  const box = media.getBoundingClientRect();
  const [red, , blue] = pen.getImageData(4, 4, 1, 1).data;
  return {tag: media.tagName, red, blue, high: box.height, width: media.videoWidth};
}"""


def film(path: Path, video: str, sound: str) -> Path:
    """Writes a film of 64 x 48 that turns from red to blue after 2 s, with speech-like sound."""
    rate = 48_000
    samples = speech_like(FILM_S, rate=rate)
    with av.open(str(path), "w") as container:
        pictures = container.add_stream(video, rate=25)
        pictures.width, pictures.height, pictures.pix_fmt = 64, 48, "yuv420p"
        pictures.codec_context.gop_size = 5
        voice = container.add_stream(sound, rate=rate, layout="mono")
        for n in range(round(25 * FILM_S)):
            colour = np.array(_RED_THEN_BLUE[n >= 50], np.uint8)
            picture = av.VideoFrame.from_ndarray(np.tile(colour, (48, 64, 1)), format="rgb24")
            picture.pts = n
            container.mux(pictures.encode(picture))
        container.mux(pictures.encode(None))
        data, kind = samples[np.newaxis].astype(np.float32), voice.codec_context.format.name
        if kind != "fltp":  # Opus takes whole numbers
            data, kind = (data * 32_767).astype(np.int16), "s16"
        frame = av.AudioFrame.from_ndarray(data, format=kind, layout="mono")
        frame.sample_rate, frame.pts = rate, 0
        container.mux(voice.encode(frame))
        container.mux(voice.encode(None))
    return path


def three_hours(path: Path) -> Path:
    """Writes silence of three hours, with a tone in its last minute; the file has holes."""
    rate = 8_000
    tone = (8_000 * np.sin(2 * np.pi * 440 * np.arange(60 * rate) / rate)).astype("<i2")
    n_bytes = 2 * HOURS_3_S * rate
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate, 2 * rate, 2, 16)
    header = struct.pack("<4sI4s", b"RIFF", 36 + n_bytes, b"WAVE") + form
    with path.open("wb") as raw:
        raw.write(header + struct.pack("<4sI", b"data", n_bytes))
        raw.seek(44 + n_bytes - tone.nbytes)
        raw.write(tone.tobytes())
    return path


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """A store with two films and a recording of three hours; and their names."""
    folder = tmp_path_factory.mktemp("long")
    scope = Tonescope(folder / "store")
    scope.registry.add("compact", lambda _: FakeEngine())
    names = {}
    for path in (
        film(folder / "film.mp4", "libx264", "aac"),
        film(folder / "film.webm", "libvpx", "libopus"),
    ):
        outcome = scope.analyze(path)
        assert outcome.status == "done", outcome.error
        names[path.name] = outcome.recording
    names["long.wav"] = _store_long(scope.store, three_hours(folder / "long.wav"))
    return folder / "store", names


def _store_long(store: Store, path: Path) -> str:
    digits = sha256_of(path)
    n_frames = 50 * HOURS_3_S
    speech = np.repeat(np.arange(HOURS_3_S) % 4 < 3, 50)
    windowing = json.dumps({"window_s": 10.0, "overlap_s": 2.0})
    track, _ = make_track(n_frames, speech=speech, recording=digits, windowing=windowing)
    known = make_recording(
        recording=digits,
        name=path.name,
        source=str(path),
        size_bytes=path.stat().st_size,
        duration_s=float(HOURS_3_S),
        info=AudioInfo("wav", "pcm_s16le", 8_000, 1, float(HOURS_3_S)),
    )
    run = Run(digits, track.source.track_key, "5" * 16, "{}", 0.5, ())
    with store.attempt() as attempt:
        said = Utterance(track.logits.mean(axis=0), EMOTIONS[0], None)
        store.write_track(attempt, known, track, said)
        store.write_run(attempt, track, run)
    return digits


@pytest.fixture(scope="module")
def address(stored):
    with dashboard(stored[0]) as found:
        wait_until_up(found)
        yield found


def _open(page, url: str) -> None:
    page.goto(url)
    page.locator('.tsc[data-ready="1"]').wait_for()
    page.locator(".tsc-plot .scatterlayer .trace").nth(8).wait_for(state="attached")


def _until(page, holds, said: str) -> None:
    for _ in range(200):
        state = audio_state(page)
        if state and holds(state):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"{said}: {audio_state(page)}")


@pytest.mark.parametrize("name", ["film.mp4", "film.webm"])
def test_film_is_seen_at_the_time_that_is_heard(page, address, stored, name):
    _open(page, f"{address}/recording?recording={stored[1][name]}")
    _until(page, lambda s: s["duration_s"] and s["duration_s"] > 3.5, "no film came")
    before, after = page.evaluate(_SHOWN, 1.0), page.evaluate(_SHOWN, 3.0)
    assert (before["tag"], before["width"]) == ("VIDEO", 64)
    assert before["high"] >= 40  # it is on the page, not only decoded
    assert before["red"] > 120 > 80 > before["blue"]
    assert after["blue"] > 120 > 80 > after["red"]
    page.locator(".tsc").focus()
    page.keyboard.press("Space")
    _until(page, lambda s: not s["paused"] and s["time_s"] > 3.2, "it did not play")


def test_three_hours_open_seek_and_play_by_ranges(page, address, stored):
    asked: list[str] = []
    sounds = f"/tonescope/audio/{stored[1]['long.wav']}"
    page.on("request", lambda r: asked.append(r.headers.get("range", "")) if sounds in r.url else 0)
    _open(page, f"{address}/recording?recording={stored[1]['long.wav']}&zoom=10700-10800")
    _until(page, lambda s: s["duration_s"] == HOURS_3_S, "no sound came")
    drawn = page.evaluate("() => document.querySelector('.tsc-plot').layout.xaxis.range")
    np.testing.assert_allclose(drawn, [10_700, 10_800], atol=1e-3)
    box = page.locator(".tsc-stack").bounding_box()
    top = page.locator(".tsc-plot").bounding_box()["y"]
    page.mouse.click(box["x"] + 84 + 0.6 * (box["width"] - 94), top + 120)
    _until(page, lambda s: abs(s["time_s"] - 10_760) < 0.2, "the click did not seek")
    page.locator(".tsc").focus()
    page.keyboard.press("Space")
    _until(page, lambda s: not s["paused"] and s["time_s"] > 10_760.5, "it did not play")
    starts = [int(text.removeprefix("bytes=").split("-")[0]) for text in asked if text]
    assert max(starts) > 100_000_000  # not read through from the beginning
    views = f"/tonescope/view/{stored[1]['long.wav']}"
    whole = re.compile(
        re.escape(views) + r"\?(.*&)?start=0\.0000&"
    )  # while it plays, others come too
    with page.expect_response(whole) as waited:
        page.keyboard.press("0")  # all of it
    # Asked for again: while it plays, the page may drop an answer for the one that follows.
    again = page.request.get(waited.value.url)
    answer = again.json()
    assert (answer["start_s"], answer["end_s"]) == (0, HOURS_3_S)
    assert len(again.body()) < 1_500_000
    assert max(answer["curves"]["angry"]["x"]) > HOURS_3_S - 5
