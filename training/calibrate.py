"""One temperature for each region width, and how far scores then are from accuracy."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from core.engines.base import Floats
from training.data import Clip, balancing_weights
from training.features import CELL_S, Cells

WIDTHS_S = (0.5, 1.0, 2.0, 5.0, 10.0)
LONGER_THAN_A_CLIP_S = 3.0
QUIET_DB = 30.0
N_BINS = 15
MIN_REGIONS = 20


@dataclass(frozen=True)
class Regions:
    """Regions of one width: logits `(n, n_classes)`, the truth's column, weight and fold, `(n,)`."""

    logits: Floats
    truth: NDArray[np.int64]
    weights: NDArray[np.float64]
    folds: NDArray[np.int64]


def speech_cells(cells: Cells, clips: Sequence[Clip]) -> NDArray[np.bool_]:
    """Returns which cells are whole and within 30 dB of their clip's loudest cell."""
    n_samples = round(CELL_S * 16_000)
    whole = cells.n_frames == cells.n_frames.max()
    power = np.zeros(len(cells.clip))
    order = np.arange(len(cells.clip)) - np.searchsorted(cells.clip, cells.clip)
    for i, (clip, position) in enumerate(zip(cells.clip, order, strict=True)):
        part = clips[clip].waveform[position * n_samples : (position + 1) * n_samples]
        power[i] = float(np.square(part).mean()) if len(part) else 0.0
    loudest = np.zeros(int(cells.clip.max()) + 1)
    np.maximum.at(loudest, cells.clip, power)
    return np.asarray(whole & (power > loudest[cells.clip] * 10.0 ** (-QUIET_DB / 10)))


def regions(
    logits: Floats, cells: Cells, clips: Sequence[Clip], folds: NDArray[np.int64],
    classes: Sequence[str], width_s: float,
) -> Regions:  # fmt: skip
    """Returns the regions of one width that hold speech of one emotion by one speaker.

    Args:
        logits: shape `(n_cells, n_classes)`, of a head that has not heard the clip's speaker.
        cells: what the logits were read from.
        clips: the clips that the cells point at; generated sounds are left out.
        folds: shape `(n_clips,)`.
        classes: names of the logits' columns.
        width_s: multiple of 0.5 s; up to 3 s a region lies in one clip, a longer one runs over
            several clips of the same speaker and emotion.
    """
    n_cells = round(width_s / CELL_S)
    streams: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for i in np.flatnonzero(speech_cells(cells, clips)):
        clip = clips[cells.clip[i]]
        if clip.sha256 and str(clip.emotion) in classes:
            key: tuple[str, ...] = (clip.corpus, clip.speaker, str(clip.emotion))
            streams[key if width_s > LONGER_THAN_A_CLIP_S else (*key, clip.file)].append(int(i))
    members = [
        stream[start : start + n_cells]
        for stream in streams.values()
        for start in range(0, len(stream) - n_cells + 1, n_cells)
    ]
    owners = [clips[cells.clip[cell[0]]] for cell in members]
    emotions = [str(clip.emotion) for clip in owners]
    return Regions(
        logits=logits[np.array(members, int).reshape(-1, n_cells)].mean(axis=1),
        truth=np.array([list(classes).index(emotion) for emotion in emotions], int),
        weights=balancing_weights([clip.corpus for clip in owners], emotions)
        if owners
        else np.zeros(0),
        folds=folds[[cells.clip[cell[0]] for cell in members]],
    )


def fit_temperature(
    logits: Floats, truth: NDArray[np.int64], weights: NDArray[np.float64]
) -> float:
    """Returns the temperature of least weighted cross-entropy, between 0.05 and 20.

    Source: Guo et al., 2017, https://arxiv.org/abs/1706.04599.
    """

    def entropy(log_temperature: float) -> float:
        scores = log_softmax(logits / np.exp(log_temperature), axis=1)
        return -float(np.average(scores[np.arange(len(truth)), truth], weights=weights))

    found = minimize_scalar(entropy, bounds=(np.log(0.05), np.log(20.0)), method="bounded")
    return float(np.exp(found.x))


def calibration_error(
    scores: Floats, truth: NDArray[np.int64], weights: NDArray[np.float64]
) -> float:
    """Returns the expected calibration error over 15 equal bins of the highest score."""
    highest = scores.max(axis=1)
    right = scores.argmax(axis=1) == truth
    bins = np.minimum((highest * N_BINS).astype(int), N_BINS - 1)
    gap = np.bincount(bins, weights * (right - highest), N_BINS)
    return float(np.abs(gap).sum() / weights.sum())


def measure(found: Regions) -> dict[str, float]:
    """Returns temperature, accuracy, and calibration error before and after, for one width.

    The error after is that of speakers whom the temperature was not fitted on.
    """
    after = np.zeros_like(found.logits)
    for fold in np.unique(found.folds):
        held = found.folds == fold
        rest = ~held
        t = fit_temperature(found.logits[rest], found.truth[rest], found.weights[rest])
        after[held] = softmax(found.logits[held] / t, axis=1)
    raw = softmax(found.logits, axis=1)
    right = raw.argmax(axis=1) == found.truth
    return {
        "n_regions": len(found.truth),
        "temperature": round(fit_temperature(found.logits, found.truth, found.weights), 4),
        "accuracy": round(float(np.average(right, weights=found.weights)), 3),
        "raw_score": round(float(np.average(raw.max(axis=1), weights=found.weights)), 3),
        "ece_raw": round(calibration_error(raw, found.truth, found.weights), 3),
        "ece_calibrated": round(calibration_error(after, found.truth, found.weights), 3),
    }


def used_temperatures(by_width: dict[str, dict[str, float]]) -> dict[str, float]:
    """Returns the temperature that each width, from the narrowest on, is to be used with.

    It is 1, the raw score, where the fitted one did not lower the error of speakers whom it was
    not fitted on; and it never rises with the width, as more frames leave less doubt.
    """
    used: dict[str, float] = {}
    highest = np.inf
    for width in sorted(by_width, key=float):
        row = by_width[width]
        helped = row["ece_calibrated"] < row["ece_raw"]
        highest = min(highest, row["temperature"] if helped else 1.0)
        used[width] = highest
    return used


def calibration_table(by_width: dict[str, dict[str, float]], window_s: float) -> dict[str, Any]:
    """Returns what calibration.json holds."""
    return {
        "widths_s": used_temperatures(by_width),
        "measured": "out-of-fold logits of held-out speakers' speech, in windows of "
        f"{window_s:g} s, every emotion of every corpus weighing the same; 1 where the fitted "
        "temperature did not lower the error",
        "by_width": by_width,
    }
