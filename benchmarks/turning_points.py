"""Turning points that are there, and such as are not.

    python -m benchmarks.turning_points [--seconds 90] [--corpora emodb,nemo] [--calibrate | --held-out]

False points are counted on recordings of one speaker and one emotion, put together from clips with
pauses of 0.4 s, as the composite has them. Their stretches of speech are then drawn again and again in
random order, an hour for each recording, as more hours of audio would only repeat the clips. Hits are
those on the composite, whose truth is known, within 3 s. `--calibrate` tells what each penalty gives,
from which `PENALTIES` was chosen. `--held-out` chooses penalties anew on the recordings of every other
speaker and tells what they give on the other speakers, both ways: false points on their constant
recordings, and hits on recordings of one speaker whose emotion changes every four clips. Needs the
recordings beside the project. The engine was trained on these corpora, so false points on voices that
it never heard are likely more.
"""

import argparse
import csv
import tempfile
import wave
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np

from benchmarks.figures import Figure
from benchmarks.mixtures import LONG, RATE, Clip, clips
from core.audio.decode import open_audio
from core.engines.registry import Registry
from core.pipeline import Pipeline
from core.records import Floats
from core.timeline.calibration import Doubles
from core.timeline.track import Timeline
from core.timeline.turning_points import (
    PENALTIES,
    REGION_FRAMES,
    change_points,
    evidence,
    points_of,
)

TOLERANCE_S = 3.0
PAUSE_S = 0.4
LEAST_CLIPS = 6
CLIPS_EACH = 4  # of an emotion in a recording that changes
HOUR = 7200  # regions of half a second
TRIED = (10, 14, 17, 20, 22, 24, 26, 28, 30, 33, 36, 40, 44, 48, 56, 80)


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=90.0, help="of each constant recording")
    parser.add_argument("--corpora", default="emodb,nemo")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--calibrate", action="store_true", help="try many penalties")
    which.add_argument("--held-out", action="store_true", help="set on half of the speakers")
    options = parser.parse_args()
    pipeline = Pipeline(Registry().load("compact"))
    wanted = set(options.corpora.split(","))
    made = [(who, _heard(pipeline, sound)) for who, sound in constants(wanted, options.seconds)]
    drawn = [an_hour(timeline, number) for number, (_, timeline) in enumerate(made)]
    if options.held_out:
        held_out([who for who, _ in made], drawn, wanted, pipeline)
        return
    whole = Timeline(pipeline.predict(LONG / "timeline_emodb_composite.mp3").track)
    truth = changes(LONG / "timeline_emodb_composite.csv")
    penalties = {f"penalty_{p}": float(p) for p in TRIED} if options.calibrate else {}
    penalties = penalties or {f"at_{rate:g}": penalty for rate, penalty in PENALTIES.items()}
    for name, penalty in penalties.items():
        false = per_hour(drawn, penalty)
        found = times(whole, penalty)
        Figure(f"false_per_hour_{name}", round(false, 2), "points", limit=len(drawn)).show()
        Figure(f"hits_{name}", hits(found, truth), "points", limit=len(truth)).show()
        Figure(f"others_{name}", len(found) - hits(truth, found), "points", limit=len(found)).show()


def held_out(
    speakers: list[str], drawn: list[Doubles], corpora: set[str], pipeline: Pipeline
) -> None:
    """Prints what penalties that were set on half of the speakers give on the others.

    Args:
        speakers: of each constant recording.
        drawn: an hour of each.
        corpora: of the recordings that change.
        pipeline: hears those.
    """
    names = sorted(set(speakers))
    changing = [(who, _heard(pipeline, sound), truth) for who, sound, truth in changers(corpora)]
    for half in (0, 1):
        setting = set(names[half::2])
        mine = [hour for who, hour in zip(speakers, drawn, strict=True) if who in setting]
        others = [hour for who, hour in zip(speakers, drawn, strict=True) if who not in setting]
        heard = [(timeline, truth) for who, timeline, truth in changing if who not in setting]
        for rate in PENALTIES:
            penalty = chosen(mine, rate)
            name = f"half_{half + 1}_at_{rate:g}"
            Figure(f"penalty_{name}", penalty, "", limit=len(mine)).show()
            Figure(
                f"false_per_hour_{name}", round(per_hour(others, penalty), 2), "points",
                limit=len(others),
            ).show()  # fmt: skip
            found = [(times(timeline, penalty), truth) for timeline, truth in heard]
            n_hits = sum(hits(points, truth) for points, truth in found)
            n_others = sum(len(points) - hits(truth, points) for points, truth in found)
            n_truth = sum(len(truth) for _, truth in found)
            Figure(f"hits_{name}", n_hits, "points", limit=n_truth).show()
            Figure(f"others_{name}", n_others, "points").show()


def chosen(drawn: list[Doubles], rate: float) -> float:
    """Returns the least penalty that gives at most so many false points per hour."""
    fitting = (float(p) for p in TRIED if per_hour(drawn, p) <= rate)
    return next(fitting, float(TRIED[-1]))


def per_hour(drawn: list[Doubles], penalty: float) -> float:
    """Returns the false points per hour at a penalty."""
    return sum(n_points(regions, penalty) for regions in drawn) / max(1, len(drawn))


def constants(corpora: set[str], seconds: float) -> Iterator[tuple[str, Floats]]:
    """Yields speaker and samples of one emotion each, clips drawn again and again."""
    for number, ((speaker, _), mine) in enumerate(sorted(_groups(corpora).items())):
        if len(mine) < LEAST_CLIPS:
            continue
        rng = np.random.default_rng([7, number])
        parts: list[Floats] = []
        while sum(map(len, parts)) < seconds * RATE:
            parts += _with_pause(mine[rng.integers(len(mine))])
        yield speaker, np.concatenate(parts)


def changers(corpora: set[str]) -> Iterator[tuple[str, Floats, list[float]]]:
    """Yields speaker, samples and times of change; each emotion has four clips."""
    voices: dict[str, list[list[Clip]]] = defaultdict(list)
    for (speaker, _), mine in sorted(_groups(corpora).items()):
        if len(mine) >= CLIPS_EACH:
            voices[speaker].append(mine)
    for number, (speaker, groups) in enumerate(sorted(voices.items())):
        if len(groups) < 2:
            continue
        rng = np.random.default_rng([13, number])
        parts: list[Floats] = []
        starts: list[float] = []
        for group in rng.permutation(len(groups)):
            starts.append(sum(map(len, parts)) / RATE)
            for clip in rng.choice(len(groups[group]), CLIPS_EACH, replace=False):
                parts += _with_pause(groups[group][clip])
        yield speaker, np.concatenate(parts), starts[1:]


def _groups(corpora: set[str]) -> dict[tuple[str, str], list[Clip]]:
    groups: dict[tuple[str, str], list[Clip]] = defaultdict(list)
    for clip in clips():
        if clip.corpus in corpora:
            groups[clip.speaker, clip.emotion].append(clip)
    return groups


def _with_pause(clip: Clip) -> list[Floats]:
    with open_audio(clip.path) as audio:
        return [*audio.samples(), np.zeros(round(PAUSE_S * RATE), np.float32)]


def an_hour(timeline: Timeline, seed: int) -> Doubles:
    """Returns an hour of a recording's regions, its stretches of speech in random order."""
    regions, first = evidence(timeline)
    stretches = np.split(regions, np.flatnonzero(np.diff(first) > REGION_FRAMES + 5) + 1)
    rng = np.random.default_rng([11, seed])
    drawn: list[Doubles] = []
    while sum(map(len, drawn)) < HOUR:
        drawn.append(stretches[rng.integers(len(stretches))])
    return np.concatenate(drawn)[:HOUR]


def n_points(regions: Doubles, penalty: float) -> int:
    """Returns how many change points lead to another emotion, as the highest mean log score."""
    stretches = np.split(regions, change_points(regions, penalty))
    labels = [int(part.mean(axis=0).argmax()) for part in stretches]
    return sum(before != after for before, after in pairwise(labels))


def times(timeline: Timeline, penalty: float) -> list[float]:
    """Returns the times of the turning points at a penalty, in seconds."""
    regions, first = evidence(timeline)
    found = points_of(timeline, first, change_points(regions, penalty), ())
    return [point.time_s for point in found]


def changes(path: Path) -> list[float]:
    """Returns when another emotion begins, in seconds."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [
        float(after["start_s"])
        for before, after in pairwise(rows)
        if before["emotion"] != after["emotion"]
    ]


def hits(found: list[float], wanted: list[float]) -> int:
    """Returns how many of the wanted times have a found one within 3 s."""
    return sum(any(abs(time - other) <= TOLERANCE_S for other in found) for time in wanted)


def _heard(pipeline: Pipeline, samples: Floats) -> Timeline:
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        with wave.open(file.name, "wb") as written:
            written.setnchannels(1)
            written.setsampwidth(2)
            written.setframerate(RATE)
            written.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
        return Timeline(pipeline.predict(Path(file.name)).track)


if __name__ == "__main__":
    main()
