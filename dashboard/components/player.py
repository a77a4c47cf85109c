"""A player that starts where a segment or a click on the timeline says, to the hundredth of a second.

`st.audio` floors its start to whole seconds and keeps the whole file in memory; this element asks the
server's audio route for the ranges it needs.
"""

import streamlit as st

from core.records import Span
from dashboard.routes import audio_url

_HTML = '<audio controls preload="metadata" aria-label="Recording"></audio>'
_CSS = """
audio {width: 100%; height: 40px; display: block}
audio:focus-visible {outline: 2px solid var(--st-primary-color); outline-offset: 2px}
"""
_JS = """
const last = new WeakMap();

export default function (component) {
  const { data, parentElement } = component;
  const audio = parentElement.querySelector("audio");
  if (audio.getAttribute("src") !== data.src) {
    audio.setAttribute("src", data.src);
    audio.load();
    last.delete(audio);
  }
  if (last.get(audio) === data.request) return;
  last.set(audio, data.request);
  audio.ontimeupdate = null;
  if (data.start_s === null) return;
  const go = () => {
    audio.currentTime = data.start_s;
    audio.ontimeupdate = () => {
      if (audio.currentTime >= data.end_s) { audio.pause(); audio.ontimeupdate = null; }
    };
    audio.play().catch(() => {});
  };
  if (audio.readyState >= 1) go();
  else audio.addEventListener("loadedmetadata", go, { once: true });
}
"""

_player = st.components.v2.component("tonescope_player", html=_HTML, css=_CSS, js=_JS)


def show(recording: str, cue: Span | None, times: int = 0) -> None:
    """Shows the player of a recording.

    Args:
        recording: its SHA-256.
        cue: the stretch that is played at once, when it is another one than before.
        times: how often the stretch was asked for; once more plays it again.
    """
    _player(
        key=f"player-{recording}",
        data={
            "src": audio_url(recording),
            "start_s": None if cue is None else cue.start_s,
            "end_s": None if cue is None else cue.end_s,
            "request": f"{cue!r} {times}",
        },
        height=44,
    )
