// One time axis for everything: `view` is what is shown, in seconds; every layer maps it to pixels.
const GUTTER = 84, RIGHT = 10, LEAST_S = 0.2, FRAME_S = 0.02, LANE_PX = 20;
const KEPT = "tonescope.player"; // how one listens, for as long as the tab is open
const scopes = new WeakMap();
let plotlyLoading = null;

export default function (component) {
  const root = component.parentElement.querySelector(".tsc");
  let scope = scopes.get(root);
  if (!scope) {
    scope = new Scope(root, component);
    scopes.set(root, scope);
  }
  scope.update(component);
  return () => setTimeout(() => root.isConnected || scope.close(), 0);
}

const clamp = (value, least, most) => Math.min(most, Math.max(least, value));

function clock(seconds, digits = 2) {
  const unit = 10 ** digits, whole = Math.round(Math.max(0, seconds) * unit) / unit;
  const h = Math.floor(whole / 3600), m = Math.floor((whole % 3600) / 60);
  const s = (whole % 60).toFixed(digits).padStart(digits ? 3 + digits : 2, "0");
  return h ? `${h}:${String(m).padStart(2, "0")}:${s}` : `${m}:${s}`;
}

function loadPlotly(url) {
  if (window.TonescopePlotly) return Promise.resolve(window.TonescopePlotly);
  plotlyLoading ??= new Promise((done, fail) => {
    const script = document.createElement("script");
    script.src = url;
    script.onload = () => done((window.TonescopePlotly = window.Plotly));
    script.onerror = () => { plotlyLoading = null; fail(new Error("plotly.js did not come")); };
    document.head.appendChild(script);
  });
  return plotlyLoading;
}

function kept() {
  try { return JSON.parse(sessionStorage.getItem(KEPT)) ?? {}; } catch { return {}; }
}

// Canvas in CSS pixels whatever the screen's density.
function pen(canvas) {
  const box = canvas.getBoundingClientRect(), ratio = window.devicePixelRatio || 1;
  const width = Math.round(box.width * ratio), height = Math.round(box.height * ratio);
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  const draw = canvas.getContext("2d");
  draw.setTransform(ratio, 0, 0, ratio, 0, 0);
  draw.clearRect(0, 0, box.width, box.height);
  draw.font = "12px " + getComputedStyle(canvas).fontFamily;
  return { draw, width: box.width, height: box.height };
}

class Scope {
  constructor(root, component) {
    const { data } = component;
    this.root = root;
    this.data = data;
    this.part = (name) => root.querySelector(".tsc-" + name);
    this.view = data.zoom ?? { start_s: 0, end_s: data.duration_s };
    this.region = data.region;
    const asked = new URL(window.location.href).searchParams, { speed, loop } = kept();
    this.hidden = new Set((asked.get("hide") ?? "").split("-").filter((name) => data.labels.includes(name)));
    this.loop = loop === true;
    this.atOnce = data.duration_s <= data.prosody_at_once_s;
    this.shows = { spectrogram: asked.get("spectrogram") === "1" && Boolean(data.src),
      prosody: asked.has("prosody") ? asked.get("prosody") === "1" : this.atOnce };
    this.answer = null;
    this.whole = null; // waveform of the whole recording, for the overview
    this.stopAt = null;
    this.cue = data.cue?.id ?? null;
    this.closing = new AbortController();
    this.makeMedia();
    this.setSpeed(speed);
    this.listen();
    this.resize = new ResizeObserver(() => { this.measure(); this.drawAll(); if (this.width !== this.plotWidth) { this.plot(); this.ask(); } });
    this.resize.observe(this.part("stack"));
  }

  close() {
    this.closing.abort();
    this.resize.disconnect();
    this.media.pause();
    this.media.removeAttribute("src");
    cancelAnimationFrame(this.ticking);
    clearTimeout(this.polling);
    clearTimeout(this.addressing);
    clearTimeout(this.asking);
    if (window.TonescopePlotly && this.plotted) window.TonescopePlotly.purge(this.part("plot"));
  }

  update(component) {
    const { data } = component;
    const before = JSON.stringify(this.asked ?? null);
    this.component = component;
    this.data = data;
    const { style, classList } = this.root;
    for (const [name, value] of Object.entries(data.colours)) style.setProperty("--tsc-" + name, value);
    classList.toggle("tsc-dark", data.dark);
    this.root.setAttribute("aria-label", `Recording ${data.name}`);
    if (this.media.getAttribute("src") !== data.src && data.src) this.media.src = data.src;
    this.part("of").textContent = "/ " + clock(data.duration_s);
    this.paintLegend();
    if (data.cue && data.cue.id !== this.cue) {
      this.cue = data.cue.id;
      this.select(data.cue.start_s, data.cue.end_s, true);
    }
    this.measure();
    this.paintButtons();
    this.paintRegion();
    if (before !== JSON.stringify(this.wants())) this.ask(0);
    else if (this.answer) this.drawAll();
    this.address();
  }

  // --- what is played -------------------------------------------------------------------------
  makeMedia() {
    const media = document.createElement(this.data.maybe_video ? "video" : "audio");
    media.preload = "metadata";
    media.playsInline = true;
    media.hidden = true;
    this.part("media").appendChild(media);
    this.media = media;
    media.addEventListener("loadedmetadata", () => {
      media.hidden = !(media.videoWidth > 0);
      if (media.hidden === false) this.measure();
      if (this.waitingSeek != null) { media.currentTime = this.waitingSeek; this.waitingSeek = null; }
    });
    for (const name of ["play", "pause", "ended", "seeked", "timeupdate", "ratechange"])
      media.addEventListener(name, () => this.tick());
    media.addEventListener("error", () => {
      if (media.getAttribute("src")) this.say("The browser cannot play this recording.");
    });
  }

  get time() {
    return this.waitingSeek ?? this.media.currentTime;
  }

  setSpeed(value) {
    const choice = this.part("speed"), { media } = this;
    if ([...choice.options].some((option) => option.value === String(value))) choice.value = value;
    media.preservesPitch = true;
    media.playbackRate = media.defaultPlaybackRate = Number(choice.value);
  }

  keep() {
    try { sessionStorage.setItem(KEPT, JSON.stringify({ speed: this.part("speed").value, loop: this.loop })); } catch { /* a browser that keeps nothing */ }
  }

  seek(time) {
    const to = clamp(time, 0, this.data.duration_s);
    if (this.media.readyState >= 1) this.media.currentTime = to;
    else this.waitingSeek = to;
    this.stopAt = null;
    if (to < this.view.start_s || to > this.view.end_s) this.follow(to);
    this.paintPlayhead();
  }

  play() {
    if (!this.data.src) return this.say("The sound of this recording is not there.");
    if (!this.media.paused) return this.media.pause();
    if (this.time >= this.data.duration_s - 0.02) this.seek(0);
    this.media.play().catch(() => this.say("The browser did not let the sound start; press Play."));
  }

  playRegion() {
    if (!this.region) return this.play();
    this.seek(this.region.start_s);
    this.stopAt = this.region.end_s;
    this.media.play().catch(() => {});
  }

  // Runs with the screen while it plays; once for each event otherwise.
  tick() {
    cancelAnimationFrame(this.ticking);
    const { media, region } = this;
    const on = !media.paused && !media.ended;
    if (on) {
      const now = media.currentTime;
      if (this.loop && region && now >= region.end_s - 0.005) media.currentTime = region.start_s;
      else if (this.loop && !region && now >= this.data.duration_s - 0.03) media.currentTime = 0;
      else if (!this.loop && this.stopAt != null && now >= this.stopAt) { this.stopAt = null; media.pause(); }
      if (now > this.view.end_s && now < this.data.duration_s) this.follow(now);
      this.ticking = requestAnimationFrame(() => this.tick());
    }
    this.paintPlayhead();
    const button = this.part("play");
    if (button.classList.toggle("tsc-on", on) !== this.wasOn) {
      this.wasOn = on;
      button.setAttribute("aria-label", on ? "Pause" : "Play");
    }
  }

  paintPlayhead() {
    const time = this.time, head = this.part("playhead");
    const x = this.x(time), inside = x >= GUTTER - 1 && x <= this.width - RIGHT + 1;
    head.style.visibility = inside ? "visible" : "hidden";
    head.style.transform = `translateX(${x.toFixed(2)}px)`;
    head.dataset.time = time;
    const text = clock(time);
    if (this.said !== text) this.part("now").textContent = this.said = text;
    this.paintOverviewHead();
  }

  // --- one axis -------------------------------------------------------------------------------
  measure() {
    this.width = this.part("stack").getBoundingClientRect().width || 800;
    this.inner = Math.max(50, this.width - GUTTER - RIGHT);
  }

  x(time) {
    return GUTTER + ((time - this.view.start_s) / (this.view.end_s - this.view.start_s)) * this.inner;
  }

  t(x) {
    const share = (x - GUTTER) / this.inner;
    return clamp(this.view.start_s + share * (this.view.end_s - this.view.start_s), 0, this.data.duration_s);
  }

  show(start, end) {
    const most = this.data.duration_s, length = clamp(end - start, Math.min(LEAST_S, most), most);
    const from = clamp(start, 0, most - length);
    this.view = { start_s: from, end_s: from + length };
    this.drawAll();
    this.ask();
    clearTimeout(this.addressing);
    this.addressing = setTimeout(() => this.address(), 250);
  }

  zoom(factor, round) {
    const { start_s, end_s } = this.view;
    const inside = this.time >= start_s && this.time <= end_s;
    const at = round ?? (inside ? this.time : (start_s + end_s) / 2);
    const length = clamp((end_s - start_s) * factor, Math.min(LEAST_S, this.data.duration_s), this.data.duration_s);
    const start = at - ((at - start_s) / (end_s - start_s)) * length;
    this.show(start, start + length);
  }

  pan(seconds) {
    this.show(this.view.start_s + seconds, this.view.end_s + seconds);
  }

  follow(time) {
    const length = this.view.end_s - this.view.start_s;
    if (length < this.data.duration_s) this.show(time - length * 0.05, time + length * 0.95);
  }

  // --- the address and the server -------------------------------------------------------------
  address() {
    if (!this.root.isConnected) return;
    const url = new URL(window.location.href), { region, view } = this;
    const put = (key, text) => text ? url.searchParams.set(key, text) : url.searchParams.delete(key);
    const times = (span) => span && `${span.start_s.toFixed(3)}-${span.end_s.toFixed(3)}`;
    const all = view.start_s <= 0 && view.end_s >= this.data.duration_s - 1e-6;
    put("region", times(region));
    put("zoom", all ? null : times(view));
    put("hide", this.data.labels.filter((name) => this.hidden.has(name)).join("-"));
    put("spectrogram", this.shows.spectrogram ? "1" : "");
    put("prosody", this.shows.prosody === this.atOnce ? "" : this.shows.prosody ? "1" : "0");
    if (url.href !== window.location.href) window.history.replaceState(window.history.state, "", url);
  }

  wants() {
    const { data, shows } = this;
    return { view: data.view, smoothing: data.smoothing, frames: data.frames, stacked: data.stacked,
      dark: data.dark, track: data.track, second: data.second, prosody: shows.prosody };
  }

  ask(wait = 70) {
    clearTimeout(this.asking);
    this.asking = setTimeout(() => this.fetch(), wait);
  }

  // A quarter of a view more on both sides, so that there is something to see while one pans.
  async fetch() {
    const { data, view } = this, length = view.end_s - view.start_s;
    const start = Math.max(0, view.start_s - length / 4), end = Math.min(data.duration_s, view.end_s + length / 4);
    const width = Math.round(Math.min(2400, (this.inner * (end - start)) / length));
    const wants = (this.asked = this.wants());
    const query = new URLSearchParams({ ...data.track, start: start.toFixed(4), end: end.toFixed(4), width,
      smoothing: data.smoothing, frames: data.frames, stacked: data.stacked ? "1" : "0", dark: data.dark ? "1" : "0",
      parts: ["lanes", "wave", this.shows.prosody ? "prosody" : ""].join(",") });
    if (data.second) for (const [key, value] of Object.entries(data.second)) query.set("second." + key, value);
    this.underWay?.abort();
    const mine = (this.underWay = new AbortController());
    clearTimeout(this.polling);
    try {
      const answer = await fetch(`${data.view}?${query}`, { signal: mine.signal });
      if (!answer.ok) throw new Error(await answer.text());
      const found = await answer.json();
      if (this.closing.signal.aborted) return;
      this.take(found, wants);
    } catch (error) {
      if (error.name === "AbortError") return;
      this.say(error.message.endsWith(".") ? error.message : "The server does not answer; reload the page.");
    }
  }

  take(found, wants) {
    const first = !this.answer, had = Boolean(this.answer?.prosody);
    // The layout may not jump while prosody is measured, so its place is kept from the start.
    this.answer = found;
    this.took = wants;
    if (found.wave && found.start_s <= 0 && found.end_s >= this.data.duration_s - 0.05) this.whole = found.wave;
    this.paintDoing();
    if (Object.keys(found.waiting).length) this.polling = setTimeout(() => this.fetch(), 600);
    if (!this.whole && !found.waiting.peaks && !found.failed.peaks) this.fetchWhole();
    if (!first && !had && found.prosody && this.region) this.component.setTriggerValue("measured", true);
    this.layout();
    this.drawAll();
    this.plot();
    this.fetchSpectrogram();
    this.root.dataset.ready = "1";
  }

  async fetchWhole() {
    const { data } = this;
    const query = new URLSearchParams({ ...data.track, start: 0, end: data.duration_s, width: 1200,
      smoothing: 5, frames: "all", parts: "wave" });
    this.whole = { least: [], greatest: [], start_s: 0, end_s: data.duration_s };
    const answer = await fetch(`${data.view}?${query}`, { signal: this.closing.signal }).catch(() => null);
    if (!answer?.ok) return;
    this.whole = (await answer.json()).wave ?? this.whole;
    this.drawOverview();
  }

  fetchSpectrogram() {
    if (!this.shows.spectrogram) return;
    const { start_s, end_s } = this.view, width = Math.round(Math.min(1600, this.inner));
    const query = new URLSearchParams({ start: start_s.toFixed(4), end: end_s.toFixed(4), width });
    if (this.data.track.channel) query.set("channel", this.data.track.channel);
    const address = `${this.data.spectrogram}?${query}`;
    if (this.sono?.address === address) return;
    const note = this.part("note");
    if (!this.sono?.done) note.textContent = "Drawing the spectrogram; the first one reads the whole sound …";
    const picture = new Image();
    this.sono = { address, view: { ...this.view }, done: this.sono?.done };
    picture.onload = () => {
      if (this.sono.address !== address) return;
      this.sono.done = true;
      this.sono.shown = { start_s, end_s };
      note.textContent = "";
      this.root.querySelector(".tsc-sono img").src = picture.src;
      this.placeSpectrogram();
    };
    picture.onerror = () => { if (this.sono.address === address) note.textContent = "There is no spectrogram: the sound cannot be read."; };
    picture.src = address;
  }

  placeSpectrogram() {
    const shown = this.sono?.shown, image = this.root.querySelector(".tsc-sono img");
    image.style.visibility = shown ? "visible" : "hidden";
    if (!shown) return;
    const left = this.x(shown.start_s), right = this.x(shown.end_s), edge = this.width - RIGHT;
    image.style.left = left + "px";
    image.style.width = Math.max(1, right - left) + "px";
    image.style.clipPath = `inset(0 ${Math.max(0, right - edge)}px 0 ${Math.max(0, GUTTER - left)}px)`;
  }

  // --- events for Python ----------------------------------------------------------------------
  select(start, end, listen = false) {
    const region = start == null || Math.abs(end - start) < 0.001 ? null
      : { start_s: +Math.max(0, Math.min(start, end)).toFixed(3), end_s: +Math.min(this.data.duration_s, Math.max(start, end)).toFixed(3) };
    if (JSON.stringify(region) !== JSON.stringify(this.region)) {
      this.region = region;
      this.address();
      this.component.setStateValue("region", region ?? {});
    }
    this.paintRegion();
    this.paintButtons();
    if (region && (region.start_s >= this.view.end_s || region.end_s <= this.view.start_s)) this.follow(region.start_s);
    if (listen && region) this.playRegion();
  }

  label(number) {
    const label = this.data.labels[number - 1];
    if (!label) return;
    if (!this.region) return this.say("Mark a region first: drag over the curves.");
    this.send("label", { ...this.region, label });
    this.say(`Labelled ${label}.`);
  }

  send(name, value) {
    this.component.setTriggerValue(name, { ...value, at: Date.now() });
  }

  say(text) {
    this.note = text;
    this.paintFoot();
    clearTimeout(this.forgetting);
    this.forgetting = setTimeout(() => { this.note = null; this.paintFoot(); }, 5000);
  }

  // --- buttons, keys, pointer -----------------------------------------------------------------
  do(name) {
    const { region, data } = this;
    const actions = {
      play: () => this.play(),
      loop: () => { this.loop = !this.loop; this.keep(); this.paintButtons(); if (this.loop && region && !this.media.paused) this.seek(region.start_s); },
      spectrogram: () => { this.shows.spectrogram = !this.shows.spectrogram; this.address(); this.layout(); this.drawAll(); this.fetchSpectrogram(); },
      prosody: () => { this.shows.prosody = !this.shows.prosody; this.address(); this.layout(); this.drawAll(); if (this.shows.prosody) this.ask(0); },
      in: () => this.zoom(0.5),
      out: () => this.zoom(2),
      fit: () => this.show(0, data.duration_s),
      to: () => { if (region) { const more = (region.end_s - region.start_s) * 0.08; this.show(region.start_s - more, region.end_s + more); } },
      link: () => { this.address(); navigator.clipboard.writeText(window.location.href).then(() => this.say("The address of this view is copied."), () => this.say("The browser does not let the address be copied; take it from the address bar.")); },
      help: () => { const help = this.part("help"); if (help.open) help.close(); else { this.makeHelp(); help.showModal(); } },
    };
    actions[name]?.();
    this.paintButtons();
  }

  paintButtons() {
    const pressed = { loop: this.loop, spectrogram: this.shows.spectrogram, prosody: this.shows.prosody };
    for (const [name, on] of Object.entries(pressed))
      this.root.querySelector(`[data-do="${name}"]`).setAttribute("aria-pressed", String(on));
    this.root.querySelector('[data-do="to"]').disabled = !this.region;
    for (const name of ["play", "loop", "spectrogram"]) this.root.querySelector(`[data-do="${name}"]`).disabled = !this.data.src;
    this.paintFoot();
  }

  step(forward) {
    const stops = this.answer?.stops ?? [], now = this.time;
    const next = forward ? stops.find((t) => t > now + 0.01) : stops.findLast((t) => t < now - 0.01);
    if (next != null) this.seek(next);
    else this.say(stops.length ? "There is none further on." : "There is nothing to step to.");
  }

  key(event) {
    if (event.defaultPrevented || event.altKey || event.metaKey) return;
    const from = event.composedPath()[0], mine = this.root.contains(from);
    if (this.part("help").open || document.querySelector('[role="dialog"]')) return;
    if (from.closest?.("input, textarea, select, [contenteditable=true], [role=combobox], [role=listbox], [role=radio], [role=slider], [role=grid], [role=tab], dialog")) return;
    if (!mine && from.closest?.("canvas, [data-testid=stDataFrame], [data-testid=stDataFrameGlideDataEditor]")) return;
    const onButton = from.closest?.("button, a, summary");
    const { key } = event, long = event.shiftKey || event.ctrlKey;
    if (event.ctrlKey && !key.startsWith("Arrow")) return;
    const { time, region } = this, end = this.data.duration_s;
    const keys = {
      " ": () => (onButton ? false : event.shiftKey ? this.playRegion() : this.play()),
      Enter: () => (onButton ? false : this.do("to")),
      ArrowLeft: () => this.seek(time - (long ? 1 : FRAME_S)),
      ArrowRight: () => this.seek(time + (long ? 1 : FRAME_S)),
      n: () => this.step(true),
      p: () => this.step(false),
      "[": () => this.select(time, region && region.end_s > time ? region.end_s : end),
      "]": () => this.select(region && region.start_s < time ? region.start_s : 0, time),
      l: () => this.do("loop"),
      "+": () => this.zoom(0.5), "=": () => this.zoom(0.5),
      "-": () => this.zoom(2),
      0: () => this.do("fit"),
      z: () => (this.data.labels.length ? this.send("undo", {}) : false),
      "?": () => this.do("help"),
      Escape: () => (this.region ? this.select(null) : false),
    };
    const action = keys[key] ?? (/^[1-9]$/.test(key) && this.data.labels.length ? () => this.label(+key) : null);
    if (action && action() !== false) { event.preventDefault(); event.stopPropagation(); }
  }

  listen() {
    const { signal } = this.closing, stack = this.part("stack"), overview = this.part("overview");
    document.addEventListener("keydown", (event) => this.root.isConnected && this.key(event), { signal });
    this.root.addEventListener("click", (event) => {
      const button = event.target.closest("[data-do]");
      if (button) this.do(button.dataset.do);
    });
    this.part("speed").addEventListener("change", (event) => {
      this.setSpeed(event.target.value);
      this.keep();
      this.root.focus({ preventScroll: true });
    });
    stack.addEventListener("pointerdown", (event) => this.grab(event));
    stack.addEventListener("pointermove", (event) => this.hover(event));
    stack.addEventListener("pointerleave", () => this.leave());
    stack.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    overview.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    overview.addEventListener("pointerdown", (event) => {
      overview.setPointerCapture(event.pointerId);
      const move = (e) => {
        const box = overview.getBoundingClientRect(), length = this.view.end_s - this.view.start_s;
        const at = ((e.clientX - box.left - GUTTER) / this.inner) * this.data.duration_s;
        if (length >= this.data.duration_s - 1e-6) this.seek(at);
        else this.show(at - length / 2, at + length / 2);
      };
      const end = () => { overview.removeEventListener("pointermove", move); overview.style.cursor = ""; };
      overview.style.cursor = "grabbing";
      overview.addEventListener("pointermove", move);
      overview.addEventListener("pointerup", end, { once: true });
      overview.addEventListener("pointercancel", end, { once: true });
      move(event);
    });
  }

  wheel(event) {
    const along = Math.abs(event.deltaX) > Math.abs(event.deltaY) || event.shiftKey;
    const used = this.root.contains(document.activeElement);
    if (!along && !event.ctrlKey && !used) return; // the page scrolls until the view is clicked
    event.preventDefault();
    const length = this.view.end_s - this.view.start_s;
    if (along) return this.pan(((event.deltaX || event.deltaY) / this.inner) * length);
    const x = event.clientX - this.part("stack").getBoundingClientRect().left;
    this.zoom(Math.exp(clamp(event.deltaY, -120, 120) * 0.003), this.t(x));
  }

  place(event) {
    const box = this.part("stack").getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  // A click seeks, a drag marks a region, a drag at its edge moves the edge.
  grab(event) {
    if (event.button !== 0) return;
    const stack = this.part("stack"), { x, y } = this.place(event);
    if (x < GUTTER - 4) return;
    this.root.focus({ preventScroll: true });
    event.preventDefault();
    stack.setPointerCapture(event.pointerId);
    const edge = this.edgeAt(x), { region } = this;
    const anchor = edge === "start_s" ? region.end_s : edge === "end_s" ? region.start_s : this.t(x);
    let moved = Boolean(edge);
    const move = (e) => {
      const to = this.place(e).x;
      moved ||= Math.abs(to - x) > 3;
      if (!moved) return;
      const at = this.t(to);
      this.drag = { start_s: Math.min(anchor, at), end_s: Math.max(anchor, at) };
      this.paintRegion();
    };
    const end = (e) => {
      stack.removeEventListener("pointermove", move);
      stack.removeEventListener("pointercancel", end);
      stack.removeEventListener("pointerup", end);
      const { drag } = this;
      this.drag = null;
      if (e.type === "pointercancel") return this.paintRegion();
      if (moved && drag) return this.select(drag.start_s, drag.end_s);
      if (edge) return this.paintRegion();
      const item = this.itemAt(x, y);
      if (item && item.end_s > item.start_s) return this.select(item.start_s, item.end_s, true);
      this.seek(item ? item.start_s : this.t(x));
    };
    stack.addEventListener("pointermove", move);
    stack.addEventListener("pointerup", end);
    stack.addEventListener("pointercancel", end);
  }

  edgeAt(x) {
    if (!this.region) return null;
    return ["start_s", "end_s"].find((name) => Math.abs(this.x(this.region[name]) - x) <= 4) ?? null;
  }

  itemAt(x, y) {
    const top = this.part("lanes").offsetTop, lane = (this.answer?.lanes ?? [])[Math.floor((y - top) / LANE_PX)];
    if (!lane || y < top) return null;
    const at = this.t(x), near = ((this.view.end_s - this.view.start_s) / this.inner) * 4;
    const item = lane.items.findLast((i) => lane.kind === "point" ? Math.abs(i.start_s - at) <= near : i.start_s <= at && at < i.end_s);
    return item ? { ...item, lane: lane.name } : null;
  }

  hover(event) {
    const { x, y } = this.place(event), tip = this.part("tip"), line = this.part("cursor");
    this.part("stack").style.cursor = this.edgeAt(x) ? "ew-resize" : this.itemAt(x, y) ? "pointer" : "";
    if (x < GUTTER || x > this.width - RIGHT || !this.answer) return this.leave();
    const at = this.t(x), item = this.itemAt(x, y);
    line.hidden = tip.hidden = false;
    line.style.transform = `translateX(${x}px)`;
    tip.replaceChildren(...(item ? this.sentence(item) : this.scores(at)));
    const wide = tip.offsetWidth, high = tip.offsetHeight, box = this.part("stack");
    tip.style.left = (x + 16 + wide > this.width ? x - wide - 14 : x + 14) + "px";
    tip.style.top = clamp(y - high / 2, 0, box.offsetHeight - high - 30) + "px";
  }

  leave() {
    this.part("tip").hidden = this.part("cursor").hidden = true;
  }

  sentence(item) {
    const time = document.createElement("div"), text = document.createElement("div");
    const span = item.end_s > item.start_s ? `${clock(item.start_s)} to ${clock(item.end_s)}` : clock(item.start_s);
    time.textContent = item.lane === item.text ? span : `${span} · ${item.lane}`; // the gutter may cut a lane's name off
    text.textContent = item.text;
    return [time, text];
  }

  scores(at) {
    const time = document.createElement("div"), table = document.createElement("table");
    const nearest = (line) => {
      if (!line?.x.length) return null;
      let low = 0, high = line.x.length - 1;
      while (low < high) { const middle = (low + high) >> 1; if (line.x[middle] < at) low = middle + 1; else high = middle; }
      if (low > 0 && at - line.x[low - 1] < line.x[low] - at) low -= 1;
      return line.y[low];
    };
    const { curves, second, prosody } = this.answer;
    time.textContent = clock(at);
    const top = second ? table.insertRow() : null;
    for (const letter of top ? ["", "A", "B"] : []) top.insertCell().textContent = letter;
    for (const { name, colour } of this.data.emotions) {
      if (this.hidden.has(name)) continue;
      const row = table.insertRow(), cell = row.insertCell(), mark = document.createElement("i");
      mark.style.background = colour;
      cell.append(mark, name);
      for (const found of [curves, second]) {
        if (!found) continue;
        const value = nearest(found[name]);
        row.insertCell().textContent = value == null ? "–" : value.toFixed(2);
      }
    }
    const said = [];
    if (prosody && this.shows.prosody) {
      const f0 = nearest(prosody.f0), level = nearest(prosody.level), rate = nearest(prosody.rate);
      said.push(f0 == null ? "not voiced" : `${Math.round(f0)} Hz`);
      if (level != null) said.push(`${Math.round(level)} dB`);
      if (rate != null) said.push(`${rate.toFixed(1)} syllables/s`);
    }
    const last = document.createElement("div");
    last.textContent = said.join(" · ");
    return [time, table, last];
  }

  // --- legend, help, foot ---------------------------------------------------------------------
  makeLegend() {
    const legend = this.part("legend"), { signal } = this.closing;
    legend.replaceChildren();
    for (const { name } of this.data.emotions) {
      const button = document.createElement("button");
      button.type = "button";
      button.dataset.emotion = name;
      button.title = "Click hides or shows it; Shift with a click, or a double click, shows it alone";
      button.addEventListener("click", (event) => {
        if (event.detail < 2) this.before = this.hidden;  // a double click undoes what its first click did
        else this.hidden = this.before;
        this.toggle(name, event.shiftKey || event.detail === 2);
      }, { signal });
      legend.appendChild(button);
    }
  }

  toggle(name, alone) {
    const all = this.data.emotions.map((e) => e.name);
    if (alone) {
      const isAlone = this.hidden.size === all.length - 1 && !this.hidden.has(name);
      this.hidden = isAlone ? new Set() : new Set(all.filter((other) => other !== name));
    } else this.hidden = new Set(all.filter((other) => this.hidden.has(other) !== (other === name)));
    this.address();
    this.paintLegend();
    this.plot();
  }

  paintLegend() {
    if (this.part("legend").childElementCount !== this.data.emotions.length) this.makeLegend(); // none while one labels blind
    for (const { name, colour, dash } of this.data.emotions) {
      const button = this.part("legend").querySelector(`[data-emotion="${name}"]`);
      const svg = `<svg width="22" height="10" aria-hidden="true"><line x1="0" x2="22" y1="5" y2="5"></line></svg>`;
      if (!button.firstElementChild) { button.innerHTML = svg; button.append(name); }
      const line = button.querySelector("line");
      line.setAttribute("stroke", colour);
      line.setAttribute("stroke-width", this.data.stacked ? 9 : 2.4);
      const patterns = { solid: "", dash: "6,4", dot: "2,3", dashdot: "7,3,2,3", longdash: "10,4", longdashdot: "10,3,2,3" };
      line.setAttribute("stroke-dasharray", this.data.stacked ? "" : patterns[dash] ?? dash.replaceAll("px", ""));
      button.setAttribute("aria-pressed", String(!this.hidden.has(name)));
    }
  }

  makeHelp() {
    const labels = this.data.labels.length;
    const keys = [
      ["Space", "play or pause"], ["Shift Space", "play the region"], ["← →", "one frame back or on (0.02 s)"],
      ["Shift ← →", "one second back or on"], ["n  p", `next and previous ${this.answer?.stops_name ?? "turning point"}`],
      ["[  ]", "start and end of the region at the playhead"], ["l", "loop the region"],
      ["+  -", "zoom in and out"], ["0", "show the whole recording"], ["Enter", "zoom to the region"], ["Esc", "no region"],
      ...(labels ? [["1 … " + labels, "label the region: " + this.data.labels.map((l, i) => `${i + 1} ${l}`).join(", ")], ["z", "take back the last label"]] : []),
      ["Click", "go there; on a segment or a turn: mark and hear it"], ["Drag", "mark a region; drag its edges to change it"],
      ["Wheel", "zoom, after a click into the view or with Ctrl; with Shift move along"], ["?", "these keys"],
    ];
    const list = this.root.querySelector(".tsc-help dl");
    list.replaceChildren();
    for (const [key, text] of keys) {
      const dt = document.createElement("dt"), dd = document.createElement("dd");
      [dt.textContent, dd.textContent] = [key, text];
      list.append(dt, dd);
    }
  }

  paintFoot() {
    const { region } = this;
    const marked = region ? `Region ${clock(region.start_s)} to ${clock(region.end_s)} (${(region.end_s - region.start_s).toFixed(2)} s)`
      : "Drag to mark a region, click to go there, ? for keys";
    const text = this.note ?? marked;
    if (this.footText !== text) this.part("said").textContent = this.footText = text;
  }

  paintDoing() {
    const { waiting, failed } = this.answer ?? { waiting: {}, failed: {} };
    const told = [...new Set([...Object.values(failed), ...Object.values(waiting).map((t) => t + " …")])];
    this.part("doing").textContent = told.join(" · ");
  }

  paintRegion() {
    const span = this.drag ?? this.region, box = this.part("region");
    const left = span ? Math.max(GUTTER, this.x(span.start_s)) : 0;
    const right = span ? Math.min(this.width - RIGHT, this.x(span.end_s)) : 0;
    box.hidden = !span || right <= left;
    box.style.left = left + "px";
    box.style.width = Math.max(1, right - left) + "px";
    if (this.drag) this.part("said").textContent = this.footText = `${clock(span.start_s)} to ${clock(span.end_s)} (${(span.end_s - span.start_s).toFixed(2)} s)`;
    this.drawOverview();
  }

  // --- drawing --------------------------------------------------------------------------------
  layout() {
    this.root.querySelector(".tsc-sono").hidden = !this.shows.spectrogram;
    this.part("prosody").hidden = !this.shows.prosody;
    this.part("lanes").style.height = LANE_PX * (this.answer?.lanes?.length ?? 3) + "px";
    const { second, emotions } = this.data;
    this.part("plot").style.height = (second ? 250 + 190 + 150 : emotions.length ? 250 : 130) + "px";
  }

  drawAll() {
    if (!this.root.isConnected) return;
    this.layout();
    this.drawOverview();
    this.drawWave();
    this.placeSpectrogram();
    this.drawProsody();
    this.drawLanes();
    this.drawAxis();
    this.paintRegion();
    this.paintPlayhead();
    if (this.plotted) this.movePlot();
  }

  name(draw, text, y) {
    draw.fillStyle = this.data.colours.soft;
    draw.textAlign = "right";
    draw.textBaseline = "middle";
    draw.fillText(text, GUTTER - 8, y);
  }

  drawBars(draw, wave, x, middle, half, colour) {
    const n = wave.least.length, length = wave.end_s - wave.start_s;
    const loudest = Math.max(8, ...(this.whole ?? wave).greatest.map(Math.abs), ...(this.whole ?? wave).least.map(Math.abs));
    draw.fillStyle = colour;
    for (let i = 0; i < n; i += 1) {
      const left = x(wave.start_s + (i / n) * length), right = x(wave.start_s + ((i + 1) / n) * length);
      if (right < GUTTER || left > this.width - RIGHT) continue;
      const top = middle - (wave.greatest[i] / loudest) * half, bottom = middle - (wave.least[i] / loudest) * half;
      draw.fillRect(Math.max(GUTTER, left), top, Math.max(0.7, Math.min(right, this.width - RIGHT) - left), Math.max(1, bottom - top));
    }
  }

  drawOverview() {
    const { draw, height } = pen(this.part("overview")), all = this.data.duration_s;
    const x = (time) => GUTTER + (time / all) * this.inner;
    this.name(draw, "overview", height / 2);
    draw.fillStyle = this.data.colours.grid;
    draw.globalAlpha = 0.45;
    draw.fillRect(GUTTER, 0, this.inner, height);
    draw.globalAlpha = 1;
    if (this.whole) this.drawBars(draw, this.whole, x, height / 2, height / 2 - 2, this.data.colours.soft);
    const { region, view } = this;
    if (region) {
      draw.fillStyle = this.data.colours.blue;
      draw.globalAlpha = 0.35;
      draw.fillRect(x(region.start_s), 0, Math.max(2, x(region.end_s) - x(region.start_s)), height);
      draw.globalAlpha = 1;
    }
    if (view.end_s - view.start_s < all - 1e-6) {
      draw.strokeStyle = this.data.colours.blue;
      draw.lineWidth = 2;
      draw.strokeRect(x(view.start_s), 1, Math.max(3, x(view.end_s) - x(view.start_s)), height - 2);
    }
    this.paintOverviewHead();
  }

  paintOverviewHead() {
    const x = GUTTER + (this.time / this.data.duration_s) * this.inner;
    this.part("overhead").style.transform = `translateX(${x.toFixed(1)}px)`;
  }

  drawWave() {
    const { draw, height } = pen(this.part("wave")), wave = this.answer?.wave;
    this.name(draw, "sound", height / 2);
    draw.fillStyle = this.data.colours.grid;
    draw.fillRect(GUTTER, height / 2, this.inner, 1);
    if (wave) this.drawBars(draw, wave, (t) => this.x(t), height / 2, height / 2 - 2, this.data.colours.wave);
  }

  drawProsody() {
    const canvas = this.part("prosody");
    if (canvas.hidden) return;
    const { draw, height } = pen(canvas), lines = this.answer?.prosody, { colours } = this.data;
    const third = height / 3;
    const lanes = [["f0", "pitch, Hz", colours.blue, true], ["level", "level, dB", colours.wave, false], ["rate", "syllables/s", colours.soft, false]];
    lanes.forEach(([key, name, colour, dots], number) => {
      const top = third * number + 5, bottom = third * (number + 1) - 5;
      draw.fillStyle = colours.grid;
      draw.fillRect(GUTTER, bottom + 4.5, this.inner, 1);
      this.name(draw, name, (top + bottom) / 2 - 8);
      const line = lines?.[key];
      if (!line) return;
      const known = line.y.filter((y) => y != null);
      if (!known.length) return this.name(draw, "none", (top + bottom) / 2 + 8);
      const sorted = Float64Array.from(known).sort();
      const low = key === "rate" ? 0 : key === "level" ? Math.max(sorted[0], sorted.at(-1) - 60) : Math.floor(sorted[0] / 10) * 10;
      const high = key === "rate" ? Math.max(6, sorted.at(-1)) : key === "f0" ? Math.max(low + 40, Math.ceil(sorted.at(-1) / 10) * 10) : Math.max(low + 6, sorted.at(-1));
      this.name(draw, `${Math.round(low)} to ${Math.round(high)}`.replaceAll("-", "−"), (top + bottom) / 2 + 8);
      const y = (value) => bottom - clamp((value - low) / (high - low), 0, 1) * (bottom - top);
      draw.save();
      draw.beginPath();
      draw.rect(GUTTER, top - 4, this.inner, bottom - top + 8);
      draw.clip();
      draw.strokeStyle = draw.fillStyle = colour;
      draw.lineWidth = 1.4;
      draw.lineJoin = "round";
      draw.beginPath();
      let open = false, lastX = 0;
      const gap = dots ? Math.max(0.05, ((this.view.end_s - this.view.start_s) / this.inner) * 2) : Infinity;
      line.x.forEach((time, i) => {
        const value = line.y[i];
        if (value == null) { open = false; return; }
        if (open && time - lastX <= gap) draw.lineTo(this.x(time), y(value));
        else draw.moveTo(this.x(time), y(value));
        if (dots) draw.fillRect(this.x(time) - 0.8, y(value) - 0.8, 1.6, 1.6);
        [open, lastX] = [true, time];
      });
      draw.stroke();
      draw.restore();
    });
  }

  drawLanes() {
    const { draw } = pen(this.part("lanes")), { colours } = this.data;
    const right = this.width - RIGHT;
    (this.answer?.lanes ?? []).forEach((lane, number) => {
      const top = number * LANE_PX;
      this.name(draw, lane.name.length > 14 ? lane.name.slice(0, 13) + "…" : lane.name, top + LANE_PX / 2);
      for (const item of lane.items) {
        const from = Math.max(GUTTER, this.x(item.start_s)), to = Math.min(right, this.x(item.end_s));
        if (to < GUTTER || from > right) continue;
        draw.fillStyle = item.colour ?? colours.blue;
        if (lane.kind === "point") {
          drawMark(draw, item.mark, from, top + LANE_PX / 2);
          continue;
        }
        const wide = to - from;
        draw.fillRect(from, top + 3, Math.max(1, wide - (wide > 4 ? 1 : 0)), LANE_PX - 6);
        if ((!item.colour || lane.name === "speakers") && wide > 30) {
          draw.save();
          draw.beginPath(); draw.rect(from, top, wide - 4, LANE_PX); draw.clip();
          draw.fillStyle = item.colour ? inkOn(item.colour) : colours.onblue; draw.textAlign = "left"; draw.fillText(item.text, from + 4, top + LANE_PX / 2 + 0.5);
          draw.restore();
        }
      }
    });
  }

  drawAxis() {
    const { draw } = pen(this.part("axis")), { colours } = this.data, length = this.view.end_s - this.view.start_s;
    const steps = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200];
    const step = steps.find((s) => (s / length) * this.inner >= 72) ?? 14400;
    const long = this.data.duration_s > 120, digits = step < 0.1 ? 2 : step < 1 ? 1 : 0;
    draw.fillStyle = colours.grid;
    draw.fillRect(GUTTER, 0, this.inner, 1);
    draw.textBaseline = "top";
    draw.textAlign = "center";
    for (let n = Math.ceil(this.view.start_s / step - 1e-9); n * step <= this.view.end_s + 1e-9; n += 1) {
      const x = this.x(n * step), text = long ? clock(n * step, digits) : (n * step).toFixed(digits);
      draw.fillStyle = colours.soft;
      draw.fillRect(x - 0.5, 0, 1, 5);
      draw.fillText(text, clamp(x, GUTTER + 4, this.width - RIGHT - 14), 8);
    }
    draw.fillStyle = colours.soft;
    draw.textAlign = "right";
    draw.fillText(!long ? "time, s" : this.data.duration_s >= 3600 ? "h:min:s" : "min:s", GUTTER - 20, 8);
  }

  // The curves are Plotly's; the axis is ours, so that everything else can stand on it.
  panels() {
    const { second, track_label, second_label } = this.data;
    if (!second || !this.answer.second) return [{ key: "curves", title: track_label }];
    return [{ key: "curves", title: `A: ${track_label}` }, { key: "second", title: `B: ${second_label}` }, { key: "difference", title: "B minus A" }];
  }

  async plot() {
    if (!this.answer) return;
    const Plotly = await loadPlotly(this.data.plotly).catch(() => null);
    if (!Plotly) return this.say("The curves cannot be drawn, as plotly.js did not come; reload the page.");
    if (this.closing.signal.aborted) return;
    const panels = this.panels(), { stacked, emotions, colours } = this.data;
    const traces = [], several = panels.length > 1, inner = this.part("plot").clientHeight - 14;
    const title = several ? 20 / inner : 0, gap = several ? 8 / inner : 0; // a panel's name stands above it
    const heights = (several ? [0.42, 0.32, 0.26] : [1]).map((h) => h * (1 - panels.length * title - (panels.length - 1) * gap));
    this.plotWidth = this.width;
    const layout = { width: this.width, height: this.part("plot").clientHeight, margin: { l: GUTTER, r: RIGHT, t: 6, b: 8 }, showlegend: false, hovermode: false, dragmode: false,
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { color: colours.soft, size: 12 },
      xaxis: { range: [this.view.start_s, this.view.end_s], showticklabels: false, zeroline: false, showgrid: false, fixedrange: true, anchor: several ? "y3" : "y" },
      annotations: [], uirevision: "keep" };
    let top = 1;
    panels.forEach(({ key, title: name }, number) => {
      top -= title;
      const id = number ? number + 1 : "", bottom = top - heights[number];
      const minus = key === "difference";
      layout["yaxis" + id] = { domain: [Math.max(0, bottom), top], range: minus ? [-1, 1] : [0, 1.01], tickvals: minus ? [-1, 0, 1] : [0, 0.25, 0.5, 0.75, 1],
        gridcolor: colours.grid, zeroline: minus, zerolinecolor: colours.soft, fixedrange: true,
        title: { text: minus ? "difference" : "score", standoff: 6, font: { size: 12 } } };
      if (several) layout.annotations.push({ text: escapeText(name), xref: "paper", yref: "paper", x: 0, xanchor: "left", y: top, yanchor: "bottom", showarrow: false, font: { size: 12, color: colours.ink } });
      top = bottom - gap;
      const { band } = this.answer;
      if (key === "curves" && band && !stacked) emotions.forEach(({ name, colour }, i) => traces.push({
        type: "scatter", mode: "lines", name: `${name}, band`, ...outlines(band.x, band.low[i], band.high[i]), yaxis: "y" + id,
        hoverinfo: "skip", visible: !this.hidden.has(name), line: { width: 0 }, fill: "toself", fillcolor: colour, opacity: 0.28 }));
      for (const { name, colour, dash } of emotions) {
        const { x, y } = this.answer[key][name], areas = stacked && !minus;
        traces.push({ type: "scatter", mode: "lines", name, x, y, yaxis: "y" + id, hoverinfo: "skip", connectgaps: false,
          visible: !this.hidden.has(name), line: areas ? { width: 0 } : { color: colour, width: 1.6, dash },
          ...(areas ? { stackgroup: key, fillcolor: colour } : {}) });
      }
    });
    if (!emotions.length) {
      layout.yaxis = { visible: false, fixedrange: true };
      layout.annotations.push({ text: "The engine's curves are hidden until you reveal them", xref: "paper", yref: "paper", x: 0.5, y: 0.5, showarrow: false, font: { size: 14, color: colours.soft } });
    }
    const place = this.part("plot");
    await Plotly.react(place, traces, layout, { displayModeBar: false, staticPlot: true });
    this.plotted = true;
    this.movePlot();
  }

  movePlot() {
    const place = this.part("plot"), { start_s, end_s } = this.view, shown = place.layout?.xaxis?.range;
    if (!shown || (shown[0] === start_s && shown[1] === end_s)) return;
    if (this.moving) { this.moveAgain = true; return; }
    this.moving = true;
    const done = () => { this.moving = false; if (this.moveAgain) { this.moveAgain = false; this.movePlot(); } };
    requestAnimationFrame(() => window.TonescopePlotly.relayout(place, { "xaxis.range": [this.view.start_s, this.view.end_s] }).then(done, done));
  }
}

// A diamond, or another shape where a point says something else.
function drawMark(draw, mark, x, y) {
  draw.beginPath();
  if (mark === "box") {
    draw.lineWidth = 2;
    draw.strokeStyle = draw.fillStyle;
    draw.strokeRect(x - 4, y - 4, 8, 8);
    return;
  }
  if (mark === "triangle") { draw.moveTo(x, y - 6); draw.lineTo(x + 5.5, y + 5); draw.lineTo(x - 5.5, y + 5); }
  else { draw.moveTo(x, y - 7); draw.lineTo(x + 4, y); draw.lineTo(x, y + 7); draw.lineTo(x - 4, y); }
  draw.fill();
}

// Dark or white, whichever stands out more (relative luminance of WCAG 2).
function inkOn(hex) {
  const [r, g, b] = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.18 ? "#14171C" : "#FFFFFF";
}

// Closed outlines of a band, one for each stretch without a gap.
function outlines(x, low, high) {
  const found = { x: [], y: [] };
  for (let i = 0; i < x.length; i += 1) {
    if (low[i] == null) continue;
    let end = i;
    while (end + 1 < x.length && low[end + 1] != null) end += 1;
    for (let k = i; k <= end; k += 1) { found.x.push(x[k]); found.y.push(high[k]); }
    for (let k = end; k >= i; k -= 1) { found.x.push(x[k]); found.y.push(low[k]); }
    found.x.push(x[i], null);
    found.y.push(high[i], null);
    i = end;
  }
  return found;
}

function escapeText(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
