"""A list of stretches to listen through: click one, or go through them by keys.

All of it happens in the browser, so that nothing waits for the server between two stretches.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

import pandas as pd
import streamlit as st

from dashboard.routes import audio_url

MOST: Final = 200  # stretches that are sent
_ROW_PX: Final = 31

_HTML = """
<div class="listen" tabindex="0" role="group" aria-label="Listen through">
  <div class="bar">
    <button class="back" type="button" aria-label="Previous">&#9664;&#9664;</button>
    <button class="play" type="button">Play</button>
    <button class="next" type="button" aria-label="Next">&#9654;&#9654;</button>
    <span class="now" aria-live="polite"></span>
    <span class="keys" title="Space plays and pauses, the arrow keys go back and on">space ← →</span>
  </div>
  <ol class="list"></ol>
  <audio preload="none"></audio>
</div>
"""
_CSS = """
.listen {container-type: inline-size; font-family: var(--st-font); font-size: .9rem;
  color: var(--st-text-color); outline: none}
.listen:focus-visible {outline: 2px solid var(--st-primary-color); outline-offset: 2px}
.bar {display: flex; gap: 6px; align-items: center; min-height: 34px}
button {font: inherit; color: inherit; background: var(--st-secondary-background-color);
  border: 1px solid var(--st-border-color); border-radius: 4px; padding: 3px 10px; cursor: pointer}
.back, .next {font-size: .6rem; padding: 7px 8px}
.play {min-width: 62px}
button:focus-visible {outline: 2px solid var(--st-primary-color); outline-offset: 1px}
.now {flex: 1; display: flex; gap: .3em; overflow: hidden; white-space: nowrap;
  font-variant-numeric: tabular-nums}
.now .what {overflow: hidden; text-overflow: ellipsis}
.keys {opacity: .75; font-size: .8rem; white-space: nowrap}
@container (max-width: 380px) {.keys {display: none}}
.list {list-style: none; margin: 6px 0 0; padding: 0; overflow-y: auto}
.list:empty {display: none}
.list button {display: flex; width: 100%; text-align: left; background: none; border: 0;
  border-radius: 3px; padding: 4px 6px; white-space: nowrap; overflow: hidden; gap: 8px}
.list .what {overflow: hidden; text-overflow: ellipsis}
.list .when {font-variant-numeric: tabular-nums}
.list .more {margin-left: auto; opacity: .8; font-variant-numeric: tabular-nums}
.list button:hover {background: var(--st-secondary-background-color)}
.list [aria-current] button {background: var(--st-secondary-background-color);
  box-shadow: inset 3px 0 0 var(--st-primary-color)}
audio {display: none}
"""
_JS = """
const kept = new WeakMap();
let sounding = null;

const span = (name, text) => {
  const made = document.createElement("span");
  made.className = name;
  made.textContent = text;
  return made;
};

export default function (component) {
  const { data, parentElement } = component;
  const root = parentElement.querySelector(".listen");
  const find = (name) => root.querySelector(name);
  const audio = find("audio"), list = find(".list"), play = find(".play"), now = find(".now");
  const name = JSON.stringify(data.items);
  let state = kept.get(root);
  if (!state || state.name !== name) {
    if (state) audio.pause();
    state = { name, at: data.items.length ? 0 : -1, part: 0 };
    kept.set(root, state);
  }
  root.dataset.count = data.items.length;
  list.style.maxHeight = `${data.list_px}px`;

  const show = () => {
    const item = data.items[state.at];
    play.textContent = audio.paused ? "Play" : "Pause";
    const heard = item && item.parts.length > 1 && !audio.paused
      ? (state.part === 0 ? " · the query" : " · the hit") : "";
    if (item) {
      now.replaceChildren(span("", `${state.at + 1} of ${data.items.length} ·`),
        span("what", item.text), span("", `${item.when}${heard}`));
    } else now.textContent = "nothing to hear";
    root.dataset.at = state.at;
    root.dataset.playing = String(!audio.paused);
    [...list.children].forEach((row, i) => {
      if (i === state.at) row.setAttribute("aria-current", "true");
      else row.removeAttribute("aria-current");
    });
  };
  const stop = () => { audio.ontimeupdate = null; audio.pause(); show(); };
  const sound = () => {
    const item = data.items[state.at];
    if (!item) return;
    if (sounding && sounding !== audio) sounding.pause();
    sounding = audio;
    const part = item.parts[state.part];
    const ended = () => {
      if (state.part + 1 < item.parts.length) { state.part += 1; sound(); }
      else { state.part = 0; stop(); }
    };
    audio.ontimeupdate = null;
    audio.onended = ended;
    const go = () => {
      audio.currentTime = part.start_s;
      audio.ontimeupdate = () => { if (audio.currentTime >= part.end_s) ended(); };
      audio.play().then(show).catch(show);
    };
    audio.onerror = () => { now.textContent = `${item.text} · its file cannot be played`; };
    if (audio.getAttribute("src") !== part.src) {
      audio.preload = "metadata"; // nothing is fetched before a first click
      audio.setAttribute("src", part.src);
      audio.addEventListener("loadedmetadata", go, { once: true });
      audio.load();
    } else if (audio.readyState >= 1) go();
    else audio.addEventListener("loadedmetadata", go, { once: true });
  };
  const choose = (at) => {
    if (!data.items.length) return;
    state.at = Math.max(0, Math.min(data.items.length - 1, at));
    state.part = 0;
    show();
    const row = list.children[state.at];
    if (row) list.scrollTop = Math.max(0, row.offsetTop - list.offsetTop - 40);
    sound();
  };
  const toggle = () => { if (audio.paused) { state.part = 0; sound(); } else stop(); };

  if (list.dataset.name !== name) {
    list.dataset.name = name;
    list.replaceChildren(...(data.list_px ? data.items : []).map((item, i) => {
      const row = document.createElement("li"), button = document.createElement("button");
      const what = span("what", item.text);
      what.title = item.text;
      button.type = "button";
      button.append(what, span("when", item.when), span("more", item.more));
      row.append(button);
      return row;
    }));
  }
  [...list.children].forEach((row, i) => { row.firstChild.onclick = () => choose(i); });
  find(".back").onclick = () => choose(state.at - 1);
  find(".next").onclick = () => choose(state.at + 1);
  play.onclick = toggle;
  audio.onplay = show;
  audio.onpause = show;
  root.onkeydown = (event) => {
    const act = { ArrowRight: () => choose(state.at + 1), ArrowLeft: () => choose(state.at - 1),
      ArrowDown: () => choose(state.at + 1), ArrowUp: () => choose(state.at - 1),
      " ": toggle }[event.key];
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act();
  };
  show();
  return () => { audio.pause(); };
}
"""

_listen = st.components.v2.component("tonescope_listen", html=_HTML, css=_CSS, js=_JS)


@dataclass(frozen=True)
class Part:
    """A stretch of sound: where it is, from when to when."""

    src: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Item:
    """One entry.

    Attributes:
        text: its words, cut off where there is no room.
        more: what stands at the right.
        parts: what is played one after the other.
        when: what stands behind the words and is never cut off.
    """

    text: str
    more: str
    parts: tuple[Part, ...]
    when: str = ""


def items_of(rows: pd.DataFrame) -> list[Item]:
    """Returns segments as entries, at most `MOST`.

    Args:
        rows: of `corpus.segments`.
    """
    return [
        Item(
            str(row["name"]),
            f"sounds {row['emotion']}",
            (Part(audio_url(row["recording"]), row["start_s"], row["end_s"]),),
            f"{row['start_s']:.2f} to {row['end_s']:.2f} s",
        )
        for row in rows.head(MOST).to_dict("records")
    ]


def show(items: Sequence[Item], key: str, *, rows: int = 5) -> None:
    """Shows the list.

    Args:
        items: entries.
        key: of the component.
        rows: how many are seen at once; 0 for no list.
    """
    seen = min(rows, len(items))
    list_px = seen * _ROW_PX
    _listen(
        key=key,
        data={"items": [asdict(item) for item in items], "list_px": list_px},
        height=40 + (list_px + 8 if seen else 0),
    )
