"""What is asked of a region of a recording: its frames as data, a clip, the check without a stretch."""

import io
import json
import tempfile
import zipfile
from collections.abc import Hashable
from pathlib import Path

import numpy as np
import pandas as pd

from core.audio.condition import open_heard
from core.audio.decode import open_audio
from core.emotions import EMOTIONS, Emotion
from core.export import codebook, tables
from core.occlusion import LEAST_S, Occlusion, heard_round, occlusion
from core.records import Segment, Span
from core.settings import Conditioning
from core.store import consent
from core.store.consent import Use
from core.timeline.attribution import Attribution
from core.timeline.calibration import scores_of
from core.timeline.track import ReadOut, Timeline
from dashboard import resources
from dashboard.background import Report, background
from dashboard.resources import Choice
from dashboard.shared import scope

CHECKED = 6  # stretches taken out, those that carried most


def frames_table(timeline: Timeline, region: Span) -> pd.DataFrame:
    """Returns a row for each frame of a region: times, speech, nine raw logits, nine raw scores."""
    rows = slice(timeline.frame_at(region.start_s), timeline.frame_at(region.end_s))
    logits = timeline.track.logits[rows]
    starts = timeline.times()[rows]
    table = pd.DataFrame(
        {
            "start_s": starts.round(6),
            "end_s": (starts + timeline.track.hop_s).round(6),
            "speech": timeline.track.speech[rows],
        }
    )
    scores = scores_of(logits, timeline.track.source.class_mask)
    for number, emotion in enumerate(EMOTIONS):
        table[f"logit_{emotion}"] = logits[:, number]
        table[str(emotion)] = scores[:, number]
    return table


def data_file(timeline: Timeline, read: ReadOut, kind: str) -> bytes:
    """Returns the frames of a region, `csv`, `parquet` or `json`, with a codebook in a ZIP."""
    table = frames_table(timeline, read.span)
    source = timeline.track.source
    about = {
        "recording": source.recording,
        "engine_id": source.engine_id,
        "track_key": source.track_key,
        "start_s": read.span.start_s,
        "end_s": read.span.end_s,
        "emotion": str(read.emotion),
        "confidence": read.confidence,
        "scores": dict(zip(EMOTIONS, read.scores.tolist(), strict=True)),
    }
    made = pd.DataFrame([vars(source)])
    book = codebook.content(made, columns=_meanings(table), region=about)
    named = table.assign(recording=source.recording, engine_id=source.engine_id)
    if kind == "json":
        text = json.dumps(about | {"frames": table.to_dict("records")}, allow_nan=False)
        rows = text.encode()
    else:
        rows = (
            named.to_parquet(index=False)
            if kind == "parquet"
            else named.to_csv(index=False).encode()
        )
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as pack:
        pack.writestr(f"frames.{kind}", rows)
        pack.writestr("codebook.json", json.dumps(book, indent=2, ensure_ascii=False))
    return file.getvalue()


def _meanings(table: pd.DataFrame) -> dict[str, str]:
    """Returns what each column means: logits as in the table of frames, scores as in the others."""
    frames = {f"logit_{emotion}": str(emotion) for emotion in EMOTIONS}
    found = tables.meanings("segments", [c for c in table if c not in frames])
    told = tables.meanings("frames", frames.values())
    return found | {column: told[emotion] for column, emotion in frames.items()}


def clip(choice: Choice, region: Span) -> bytes:
    """Returns a region of the recording's file as WAV, sample by sample.

    Raises:
        TonescopeError: the file is not there, or cannot be decoded.
    """
    store = scope().store
    known = store.recording(choice.recording)
    path = consent.sound_path(store, known, Use.LISTEN)
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "clip.wav"
        with open_audio(path, None, known.name) as audio:
            audio.clip_to(target, region)
        return target.read_bytes()


def inside(segments: tuple[Segment, ...], region: Span) -> tuple[Segment, ...]:
    """Returns the segments whose middle lies in a region."""
    return tuple(s for s in segments if region.start_s <= (s.start_s + s.end_s) / 2 < region.end_s)


def most_telling(found: Attribution, emotion: Emotion) -> list[Span]:
    """Returns the stretches that carried most of an emotion, in the order of time."""
    parts = np.where(found.n_frames > 0, np.abs(found.of(emotion)), -1.0)
    rows = sorted(np.argsort(-parts, kind="stable")[:CHECKED])
    return [found.spans[row] for row in rows if found.spans[row].duration_s >= LEAST_S - 1e-9]


def occlusion_key(choice: Choice, region: Span, emotion: Emotion) -> Hashable:
    """Returns the name under which a region is checked without its stretches."""
    return (str(scope().store.root), "occlusion", choice, region, str(emotion))


def check_by_occlusion(
    choice: Choice, timeline: Timeline, region: Span, emotion: Emotion, spans: list[Span]
) -> None:
    """Starts to run the model again on a region, once without each of some stretches."""
    source = timeline.track.source
    conditioning = Conditioning(**json.loads(source.conditioning))
    quality = source.quality
    heard = quality.heard if quality else Span(0.0, timeline.track.duration_s)

    def action(report: Report) -> Occlusion:
        around = heard_round(region, heard.end_s)
        around = Span(max(around.start_s, heard.start_s), around.end_s)
        report("Loading the engine")
        engine = resources.engine_of(source)
        report("Reading the sound")
        store = scope().store
        known = store.recording(choice.recording)
        path = consent.sound_path(store, known, Use.ANALYSE)
        with open_heard(path, conditioning, around, known.name) as chunks:
            samples = np.concatenate([np.zeros(0, np.float32), *chunks])

        def progress(share: float) -> None:
            report(f"Running the model without one stretch at a time, {share:.0%}")

        return occlusion(engine, samples, around.start_s, timeline, region, spans, progress)

    background().start(
        occlusion_key(choice, region, emotion), "Checking without each stretch", action
    )
