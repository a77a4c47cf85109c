"""Any accepted format plays in the browser: as it is, or as a copy made once."""

import json

import pytest

from benchmarks.served import dashboard, wait_until_up
from core.api import Tonescope
from tests.fakes import FakeEngine
from tests.synthetic import speech_like, write, write_video

pytestmark = pytest.mark.browser

RATE = 48_000
SECONDS = 2.0
OPTIONS = {".wma": {"b": "64k"}}
SUFFIXES = [
    *[".wav", ".mp3", ".m4a", ".flac", ".ogg", ".webm", ".mka"],  # as they are
    *[
        ".aac",
        ".au",
        ".aiff",
        ".wma",
        ".ac3",
        ".eac3",
        ".caf",
        ".w64",
        ".wv",
        ".tta",
        ".mp2",
        ".ts",
    ],
]
_PLAY = """async (src) => {
  const audio = new Audio(src);
  audio.preload = "auto";
  await new Promise((done, fail) => {
    audio.oncanplaythrough = done;
    audio.onerror = () => fail(new Error(src + ": " + audio.error.message));
  });
  const bytes = await (await fetch(src)).arrayBuffer();
  audio.currentTime = 1.0;
  await audio.play();
  const end = performance.now() + 5000;
  while (audio.currentTime <= 1.05 && performance.now() < end)
    await new Promise((done) => setTimeout(done, 10));
  audio.pause();
  return {duration_s: audio.duration, time_s: audio.currentTime, bytes: bytes.byteLength};
}"""


@pytest.fixture(scope="module")
def recordings(tmp_path_factory) -> tuple[object, dict[str, str]]:
    """A store with a recording of each format; returns its folder and their names."""
    folder = tmp_path_factory.mktemp("formats")
    scope = Tonescope(folder / "store")
    scope.registry.add("compact", lambda _: FakeEngine())
    paths = [
        write(
            folder / f"a{suffix}", speech_like(SECONDS, rate=RATE), RATE, **OPTIONS.get(suffix, {})
        )
        for suffix in SUFFIXES
    ]
    paths.append(write(folder / "double.wav", speech_like(SECONDS), codec="pcm_f64le"))
    paths.append(write(folder / "lossless.m4a", speech_like(SECONDS), codec="alac"))
    paths.append(write_video(folder / "late.mov", speech_like(1.5), 0.5, "pcm_s16le", 16_000))
    found = {}
    for path in paths:
        outcome = scope.analyze(path)
        assert outcome.status == "done", outcome.error
        found[path.name] = outcome.recording
    return folder / "store", found


@pytest.fixture(scope="module")
def playing(visitor, recordings):
    """A page of the dashboard over that store, from which sounds are asked for."""
    with dashboard(recordings[0]) as address:
        wait_until_up(address)
        page = visitor.new_page()
        page.goto(f"{address}/_stcore/health")
        yield page
        page.close()


@pytest.mark.parametrize(
    "name", [f"a{s}" for s in SUFFIXES] + ["double.wav", "lossless.m4a", "late.mov"]
)
def test_format_plays(playing, recordings, name):
    state = playing.evaluate(_PLAY, f"/tonescope/audio/{recordings[1][name]}")
    assert state["duration_s"] == pytest.approx(SECONDS, abs=0.1), json.dumps(state)
    assert state["time_s"] > 1.0


def test_copies_are_made_once_and_only_where_needed(playing, recordings):
    store, names = recordings
    address = playing.url.removesuffix("/_stcore/health")
    for name in names:
        assert playing.request.get(f"{address}/tonescope/audio/{names[name]}").ok
    copies = {p.name.split(".")[0] for p in (store / "audio").glob("*/*.play.webm")}
    assert {names["a.wav"], names["a.mp3"], names["a.webm"]}.isdisjoint(copies)
    assert {names["a.au"], names["a.wma"], names["double.wav"]} <= copies
