"""A report: one HTML file that needs nothing else, fit for the supplement of a paper.

A summary, a picture of each recording's segments over time, tables, how it was made (engine, hash of
the weights, windows, versions), limits, and how to cite it. Texts of people are escaped; no script runs.
"""

import html
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pandas as pd

from core.emotions import EMOTIONS, SIGNS, Emotion
from core.engines.published import licence_of
from core.errors import StoreError
from core.export.law import MEANT_FOR, NOTICE, POINTS
from core.store import consent, copies
from core.store.consent import Use
from core.store.corpus import newest_runs
from core.store.query import seconds_by_emotion
from core.store.rows import MIX
from core.store.store import Store
from core.version import VERSION

_MOST_PICTURES: Final = 200
_STYLE: Final = """body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;
padding:0 1rem;color:#222}table{border-collapse:collapse;width:100%;font-size:.85rem}
th,td{text-align:left;padding:.2rem
.5rem;border-bottom:1px solid #ddd}svg{width:100%;height:2.4rem;background:#f4f4f4}h2{margin-top:2.5rem}
pre{background:#f4f4f4;padding:1rem;overflow:auto}.key span{display:inline-block;margin-right:1rem}
.key i{display:inline-block;width:.8em;height:.8em;margin-right:.3em}"""
_POLICY: Final = (
    '<meta http-equiv="Content-Security-Policy" '
    "content=\"default-src 'none'; style-src 'unsafe-inline'\">"
)
_LIMITS: Final = (
    "Each label says how a stretch sounds to the engine, not what anybody felt. A score is not a "
    "confidence; confidence was calibrated on held-out speakers of acted speech, and there is none "
    "for stretches under 0.5 s or over 10 s. A long stretch has no single emotion, so shares of "
    "speech time are given. Segments of one speaker are not independent: test over speakers."
)
_BIBTEX: Final = """@software{{tonescope,
  title   = {{Tonescope: speech emotion over time}},
  version = {{{version}}},
  year    = {{{year}}},
  note    = {{Engines: {engines}}}
}}"""


def write_report(
    store: Store, path: Path, recordings: Sequence[str], *, pseudonyms: bool = False
) -> int:
    """Writes a report of recordings; returns how many are in it.

    Args:
        store: where the results are.
        path: of the file.
        recordings: the SHA-256 of each; those that may not be published are left out.
        pseudonyms: whether recordings are numbered in place of their names.

    Raises:
        StoreError: there is nothing to report, or the file cannot be written.
    """
    held = consent.withheld(store, Use.PUBLISH)
    runs = newest_runs(store)
    wanted = set(recordings) - held
    runs = runs[runs["recording"].isin(wanted)].sort_values(["name", "recording", "channel"])
    if runs.empty:
        raise StoreError(
            "There is nothing to report; analyse a recording first, or record a consent that allows "
            "to publish."
        )
    runs = _with_names(store, runs, pseudonyms)
    text = _page(store, runs)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(text, "utf-8")
        draft.replace(path)
    except OSError as error:
        raise StoreError(
            f"{str(path)!r} cannot be written ({error.strerror}); check permissions and free space."
        ) from error
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
    shown = set(runs["recording"])
    copies.note(store, "report", path, shown)
    return len(shown)


def _with_names(store: Store, runs: pd.DataFrame, pseudonyms: bool) -> pd.DataFrame:
    if not pseudonyms:
        return runs
    given = consent.pseudonyms(store)
    numbers = {digits: n for n, digits in enumerate(runs["recording"].unique(), 1)}
    people = {name: f"person {n}" for n, name in enumerate(runs["speaker"].dropna().unique(), 1)}
    speakers = [
        given.get(digits) or people.get(name)
        for digits, name in zip(runs["recording"], runs["speaker"], strict=True)
    ]
    names = [f"recording {numbers[digits]}" for digits in runs["recording"]]
    return runs.assign(name=names, speaker=pd.Series(speakers, runs.index), session=None)


def _page(store: Store, runs: pd.DataFrame) -> str:
    seconds = seconds_by_emotion(store, [int(a) for a in runs["attempt"]])
    made = _made(store, runs)
    total_s, speech_s = runs["duration_s"].sum(), seconds.to_numpy().sum()
    shares = seconds.sum() / speech_s if speech_s else seconds.sum() * 0
    engines = ", ".join(sorted(set(runs["engine_id"])))
    title = f"{runs['recording'].nunique()} recordings under {engines}"
    citing = _BIBTEX.format(version=VERSION, year=datetime.now(UTC).year, engines=engines)
    parts = [
        f"<h1>Tonescope: {_safe(title)}</h1>",
        f"<p>{total_s / 60:.1f} minutes of sound, {speech_s / 60:.1f} of them in segments of speech. "
        f"Written {datetime.now(UTC):%Y-%m-%d %H:%M} UTC.</p>",
        "<h2>Share of speech time</h2>",
        _table(["sounds to the engine", "share"], [[e, f"{shares[str(e)]:.1%}"] for e in EMOTIONS]),
        "<h2>Recordings over time</h2>",
        _key(),
        *_pictures(store, runs),
        "<h2>Table</h2>",
        _recordings(runs, seconds),
        "<h2>Methods</h2>",
        *(f"<p>{_safe(text)}</p>" for text in made),
        f"<h2>Limits</h2><p>{_safe(_LIMITS)}</p>",
        f"<h2>Law and ethics</h2><p>{_safe(NOTICE)}</p><ul>{_law()}</ul><p>{_safe(MEANT_FOR)}</p>",
        f"<h2>How to cite</h2><pre>{_safe(citing)}</pre>",
    ]
    head = f'<meta charset="utf-8"><title>{_safe(title)}</title><style>{_STYLE}</style>'
    body = "".join(parts)
    return (
        f'<!doctype html><html lang="en"><head>{_POLICY}{head}</head><body>{body}</body></html>\n'
    )


def _pictures(store: Store, runs: pd.DataFrame) -> list[str]:
    told = []
    for row in runs.head(_MOST_PICTURES).to_dict("records"):
        channel = None if row["channel"] == MIX else int(row["channel"])
        found = store.segments(row["recording"], channel, row["run_key"], embeddings=False) or ()
        length_s = max(float(row["duration_s"]), 1e-9)
        bars = []
        for segment in found:
            at, wide = segment.start_s / length_s, (segment.end_s - segment.start_s) / length_s
            colour = SIGNS[Emotion(segment.emotion)].colour
            said = f"{segment.start_s:.1f}–{segment.end_s:.1f} s: {segment.emotion}"
            bars.append(
                f'<rect x="{1000 * at:.2f}" width="{1000 * wide:.2f}" height="40" fill="{colour}">'
                f"<title>{_safe(said)}</title></rect>"
            )
        name = row["name"] if channel is None else f"{row['name']}, channel {channel}"
        told.append(
            f"<p>{_safe(name)}, {length_s:.1f} s</p>"
            f'<svg viewBox="0 0 1000 40" preserveAspectRatio="none" role="img">{"".join(bars)}</svg>'
        )
    if len(runs) > _MOST_PICTURES:
        told.append(f"<p>The first {_MOST_PICTURES} of {len(runs)} are drawn.</p>")
    return told


def _law() -> str:
    return "".join(f"<li><strong>{_safe(head)}</strong>{_safe(text)}</li>" for head, text in POINTS)


def _key() -> str:
    items = [
        f'<span><i style="background:{SIGNS[emotion].colour}"></i>{_safe(emotion)}</span>'
        for emotion in EMOTIONS
    ]
    return f'<p class="key">{"".join(items)}</p>'


def _recordings(runs: pd.DataFrame, seconds: pd.DataFrame) -> str:
    heads = ["recording", "speaker", "session", "s", "segments", *map(str, EMOTIONS), "SHA-256"]
    rows = []
    for (_, row), times in zip(runs.iterrows(), seconds.to_numpy(), strict=True):
        share = times / times.sum() if times.sum() else times
        said = [row["name"], row["speaker"], row["session"], f"{row['duration_s']:.1f}"]
        cells = [*said, row["n_segments"], *(f"{s:.2f}" for s in share), row["recording"][:12]]
        rows.append(["" if cell is None or cell != cell else cell for cell in cells])
    return _table(heads, rows)


def _made(store: Store, runs: pd.DataFrame) -> list[str]:
    """Returns the methods in sentences, one for each way in which tracks were made."""
    tracks = store.lake.read(
        "tracks", ["track_key", "engine_id", "precision", "windowing", "conditioning", "versions"]
    ).to_pylist()
    mine = {t["track_key"]: t for t in tracks if t["track_key"] in set(runs["track_key"])}
    cut = store.lake.read("runs", ["run_key", "segmentation"]).to_pylist()
    cuts = sorted({r["segmentation"] for r in cut if r["run_key"] in set(runs["run_key"])})
    told = []
    for track in mine.values():
        windows = json.loads(track["windowing"])
        versions = ", ".join(f"{k} {v}" for k, v in json.loads(track["versions"]).items())
        told.append(
            f"Speech emotion was read out by Tonescope {VERSION} with the engine {track['engine_id']} "
            f"(name and first 12 hex digits of the SHA-256 of its weights; {track['precision']}), over "
            f"windows {_said(windows)}, after conditioning to 16 kHz mono ({track['conditioning']}). "
            f"The read-out of a stretch is the softmax of the mean of its raw logits. Made with "
            f"{versions}."
        )
    told += [f"Speech by Silero VAD was cut into segments with {text}." for text in cuts]
    for engine in sorted(set(runs["engine_id"])):
        told.append(f"Licence of the weights of {engine}: {licence_of(engine)}.")
    return told


def _said(values: Any) -> str:
    if isinstance(values, dict):
        return ", ".join(f"{key} {value}" for key, value in values.items())
    return str(values)


def _table(heads: Sequence[object], rows: Sequence[Sequence[object]]) -> str:
    top = "".join(f"<th>{_safe(head)}</th>" for head in heads)
    body = "".join("<tr>" + "".join(f"<td>{_safe(c)}</td>" for c in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def _safe(text: object) -> str:
    return html.escape(str(text))
