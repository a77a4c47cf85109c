"""A report: one HTML file that needs nothing else, fit for the supplement of a paper.

Of a recording, a session or everything: a summary, figures, tables, how it was made (engine, hash of
the weights, windows, versions, licences), limits, law and ethics, and how to cite it.
"""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from core.emotions import EMOTIONS
from core.engines.published import licence_of
from core.errors import StoreError
from core.export import report_page as html
from core.export.pseudonyms import NOTE, Pseudonyms
from core.law import ADVICE, ASK, MEANT, POINTS
from core.store import consent, copies
from core.store.consent import Use
from core.store.corpus import newest_runs
from core.store.query import seconds_by_emotion
from core.store.rows import MIX
from core.store.store import Store
from core.timeline.calibration import MAX_WIDTH_S
from core.timeline.track import FrameChoice, Timeline
from core.version import VERSION

_MOST_PICTURES: Final = 200
_STEPS: Final = 400  # points of a curve; a page of paper shows no more
_SMOOTHING_S: Final = 1.0
_NAMES: Final = tuple(str(emotion) for emotion in EMOTIONS)
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
_SOURCES: Final = {
    "compact": """@inproceedings{radford2023whisper,
  title     = {Robust Speech Recognition via Large-Scale Weak Supervision},
  author    = {Radford, Alec and Kim, Jong Wook and Xu, Tao and Brockman, Greg and McLeavey, Christine
               and Sutskever, Ilya},
  booktitle = {International Conference on Machine Learning},
  year      = {2023},
  note      = {The encoder that the engine compact starts from}
}""",
    "emotion2vec": """@article{ma2023emotion2vec,
  title   = {emotion2vec: Self-Supervised Pre-Training for Speech Emotion Representation},
  author  = {Ma, Ziyang and Zheng, Zhisheng and Ye, Jiaxin and Li, Jinchao and Gao, Zhifu and
             Zhang, Shiliang and Chen, Xie},
  journal = {arXiv preprint arXiv:2312.15185},
  year    = {2023}
}""",
    "silero": """@misc{silerovad,
  title  = {Silero VAD: pre-trained enterprise-grade Voice Activity Detector},
  author = {{Silero Team}},
  howpublished = {https://github.com/snakers4/silero-vad}
}""",
}


def write_report(
    store: Store,
    path: Path,
    recordings: Sequence[str],
    *,
    session: str | None = None,
    pseudonyms: bool = False,
    noted_as: str | None = None,
) -> int:
    """Writes a report of recordings; returns how many are in it.

    Args:
        store: where the results are.
        path: of the file.
        recordings: the SHA-256 of each; those that may not be published are left out.
        session: the session that they are, where they are one.
        pseudonyms: whether all go under pseudonyms; those whose consent names one always do.
        noted_as: where the file goes, if not to `path`.

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
    names = Pseudonyms(store, everybody=pseudonyms)
    hidden = bool(runs["recording"].isin(names.hidden).any())
    if session is not None and hidden:
        session = names.session(session)
    text = _page(store, names.frame(runs), session, len(set(recordings) & held), hidden)
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
    copies.note(store, "report", noted_as or path, shown)
    return len(shown)


def _page(store: Store, runs: pd.DataFrame, session: str | None, n_held: int, hidden: bool) -> str:
    seconds = seconds_by_emotion(store, [int(a) for a in runs["attempt"]])
    total = seconds.sum()
    shares = {name: float(total[name] / max(total.sum(), 1e-9)) for name in _NAMES}
    engines = sorted(set(runs["engine_id"]))
    n_recordings = runs["recording"].nunique()
    one = n_recordings == 1
    title = str(runs["name"].iloc[0]) if one and session is None else "All recordings"
    title = f"Session {session}" if session is not None else title
    parts = [
        f"<h1>{html.safe(title)}</h1>",
        f'<p class="under">How it sounds to {html.safe(", ".join(engines))}. Report of Tonescope '
        f"{VERSION}, written {datetime.now(UTC):%Y-%m-%d %H:%M} UTC.</p>",
        html.facts(_facts(runs, seconds)),
        "<h2>Share of speech time</h2>",
        html.shares(shares),
        f"<p>{html.safe(_summary(runs, shares))}</p>",
        *(_note(text) for text in _left_out(n_held, hidden)),
        *_figures(store, runs, seconds),
        "<h2>Table</h2>",
        _recordings(runs, seconds),
        "<h2>Methods</h2>",
        *(f"<p>{html.safe(text)}</p>" for text in _methods(store, runs)),
        f"<h2>Limits</h2><p>{html.safe(_LIMITS)}</p>",
        "<h2>Law and ethics</h2>",
        _law(),
        f"<h2>How to cite</h2><pre>{html.escape(_citing(engines))}</pre>",
    ]
    return html.page(f"{title} – Tonescope", parts)


def _facts(runs: pd.DataFrame, seconds: pd.DataFrame) -> dict[str, str]:
    unique = runs.drop_duplicates("recording")
    speech_s = float(seconds.to_numpy().sum())
    n_speakers, n_sessions = unique["speaker"].nunique(), unique["session"].nunique()
    told = {"recordings": f"{len(unique):,}"} if len(unique) > 1 else {}
    told |= {
        "of sound": html.clock(float(unique["duration_s"].sum())),
        "of speech in segments": html.clock(speech_s),
        "segments": f"{int(runs['n_segments'].sum()):,}",
    }
    if len(unique) > 1:
        for n, word in ((n_speakers, "speaker"), (n_sessions, "session")):
            told |= {f"{word}{'' if n == 1 else 's'}": f"{n:,}"} if n else {}
    else:
        for name in ("speaker", "session"):
            value = unique[name].iloc[0]
            told |= {name: value} if isinstance(value, str) and value else {}
    return told


def _summary(runs: pd.DataFrame, shares: dict[str, float]) -> str:
    if not any(shares.values()):
        return "No speech was found, so there are no shares."
    first, second = sorted(shares, key=lambda name: -shares[name])[:2]
    said = f"Most of the speech sounds {first} to the engine ({shares[first]:.0%} of the time)"
    said += f", then {second} ({shares[second]:.0%})." if shares[second] else "."
    if len(runs) == 1:
        row = runs.iloc[0]
        over = row["duration_s"] > MAX_WIDTH_S
        said += f" The engine's one answer for the whole, pauses included, is {row['emotion']}"
        said += ", which says little of a stretch this long." if over else "."
    return said


def _left_out(n_held: int, hidden: bool) -> Iterator[str]:
    if n_held:
        yield f"{n_held} recording(s) are left out, as their consent does not allow to publish."
    if hidden:
        yield NOTE[0].upper() + NOTE[1:] + "."


def _note(text: str) -> str:
    return f'<p class="note">{html.safe(text)}</p>'


def _figures(store: Store, runs: pd.DataFrame, seconds: pd.DataFrame) -> Iterator[str]:
    if len(runs) > 1:
        yield f"<h2>Recording by recording</h2>{html.key()}"
        rows = zip(runs.to_dict("records"), seconds.to_numpy(), strict=True)
        told = [(_name(row), _share(times), f"{times.sum():,.0f} s") for row, times in rows]
        yield html.mixes(told[:_MOST_PICTURES])
        yield _note("Share of speech time; behind each bar the seconds of speech in segments.")
    else:
        yield f"<h2>Scores over time</h2>{html.key()}"
        yield from _course(store, runs.iloc[0].to_dict())
    yield "<h2>Segments over time</h2>"
    for row in runs.head(_MOST_PICTURES).to_dict("records"):
        channel = None if row["channel"] == MIX else int(row["channel"])
        found = store.segments(row["recording"], channel, row["run_key"], embeddings=False) or ()
        yield html.strip(_name(row), found, max(float(row["duration_s"]), 1e-9))
    if len(runs) > _MOST_PICTURES:
        yield _note(f"The first {_MOST_PICTURES} of {len(runs):,} are drawn.")


def _course(store: Store, row: dict[Any, Any]) -> Iterator[str]:
    channel = None if row["channel"] == MIX else int(row["channel"])
    track = store.track(row["recording"], channel, row["track_key"], blocks=False)
    if track is None or not track.speech.any():
        return
    width_s = max(_SMOOTHING_S, 2 * track.duration_s / _STEPS)
    curve = Timeline(track).curve(width_s, FrameChoice.SPEECH, np.float32)
    steps = np.linspace(0, len(curve), min(_STEPS, len(curve)), endpoint=False).astype(int)
    about = f"Raw scores of speech over {width_s:.1f} s round each point, stacked to 1"
    yield html.course(curve[steps], track.duration_s, about)
    yield _note(f"{about}; gaps are pauses. A score is not a confidence.")


def _name(row: dict[Any, Any]) -> str:
    return row["name"] if row["channel"] == MIX else f"{row['name']}, channel {row['channel']}"


def _share(times: np.ndarray) -> np.ndarray:
    found: np.ndarray = times / times.sum() if times.sum() else times
    return found


def _recordings(runs: pd.DataFrame, seconds: pd.DataFrame) -> str:
    texts = ("recording", "speaker", "session", "SHA-256")
    heads = [*texts[:3], "sound, s", "segments", *_NAMES, texts[3]]
    rows = []
    for row, times in zip(runs.to_dict("records"), seconds.to_numpy(), strict=True):
        said = [_name(row), row["speaker"], row["session"], f"{row['duration_s']:.1f}"]
        share = [f"{part:.2f}" for part in _share(times)]
        cells = [*said, row["n_segments"], *share, row["recording"][:12]]
        rows.append(["" if cell is None or cell != cell else cell for cell in cells])
    used = [n for n, head in enumerate(heads) if head not in texts or any(r[n] for r in rows)]
    chosen = [[row[n] for n in used] for row in rows]
    note = _note("Emotions: share of speech time. SHA-256 of the file: its first 12 digits.")
    return html.table([heads[n] for n in used], chosen, texts) + note


def _methods(store: Store, runs: pd.DataFrame) -> Iterator[str]:
    """Yields the methods in sentences, one paragraph for each way in which tracks were made."""
    columns = ["track_key", "engine_id", "precision", "windowing", "conditioning", "versions"]
    mine = store.lake.read("tracks", columns).to_pandas().drop_duplicates("track_key")
    for track in mine[mine["track_key"].isin(runs["track_key"])].to_dict("records"):
        windows = json.loads(track["windowing"])
        versions = ", ".join(f"{k} {v}" for k, v in json.loads(track["versions"]).items())
        yield (
            f"Speech emotion was read out by Tonescope {VERSION} with the engine {track['engine_id']} "
            f"(name and first 12 hex digits of the SHA-256 of its weights; {track['precision']}), in "
            f"windows with {_said(windows)}. Before it, sound was brought to 16 kHz mono with "
            f"{_said(json.loads(track['conditioning']))}. The engine gives nine logits for every 20 ms; "
            "the read-out of a stretch is the softmax of the mean of its raw logits. Made with "
            f"{versions}."
        )
    cut = store.lake.read("runs", ["run_key", "segmentation"]).to_pylist()
    wanted = set(runs["run_key"])
    for text in sorted({row["segmentation"] for row in cut if row["run_key"] in wanted}):
        yield f"Speech, found by Silero VAD, was cut into segments with {_said(json.loads(text))}."
    for engine in sorted(set(runs["engine_id"])):
        yield f"Licence of the weights of {engine}: {licence_of(engine)}. Tonescope: MIT."


def _said(values: dict[str, Any]) -> str:
    """Returns settings in words: `window 30 s, overlap 5 s`."""
    told = []
    for name, value in values.items():
        if isinstance(value, dict):
            told.append(f"{name.replace('_', ' ')} ({_said(value)})")
            continue
        unit = " s" if name.endswith("_s") else ""
        plain = "mean of all" if value is None else value
        plain = ("off", "on")[value] if isinstance(value, bool) else plain
        told.append(f"{name.removesuffix('_s').replace('_', ' ')} {plain}{unit}")
    return ", ".join(told)


def _law() -> str:
    points = "".join(
        f"<li><strong>{html.safe(head)}</strong>{html.escape(text)}</li>" for head, text in POINTS
    )
    return f"<p><strong>{ADVICE}</strong> {ASK}</p><ul>{points}</ul><p>{html.safe(MEANT)}</p>"


def _citing(engines: Sequence[str]) -> str:
    year, named = datetime.now(UTC).year, ", ".join(engines)
    told = [_BIBTEX.format(version=VERSION, year=year, engines=named)]
    told += [
        text
        for name, text in _SOURCES.items()
        if name == "silero" or any(e.startswith(name) for e in engines)
    ]
    return "\n\n".join(told)
