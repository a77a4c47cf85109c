"""Who speaks when in one channel: voices told apart within 10 s, then joined by their sound.

Source: the scheme of Bredin, 2023 (pyannote.audio 2.1), https://doi.org/10.21437/Interspeech.2023-105:
local speakers, an embedding of each, agglomerative clustering, and the local answers under the
clusters' names. Voices may overlap in pairs.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, permutations
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.records import Flags, Floats, Span, Turn
from core.speakers.clustering import cluster
from core.speakers.model import CHUNK_S, SAMPLE_RATE, SpeakerModel

GRID_S: Final = 0.02
BATCH: Final = 4
BRIDGED_S: Final = 0.3  # pauses of one speaker shorter than this do not end a turn
LEAST_TURN_S: Final = 0.25
UNIT_S: Final = 0.4  # a shorter stretch says too little of a voice
MOST_UNIT_S: Final = 3.0
_SOLO: Final = (1, 2, 3)  # classes of one voice alone
_ACTIVE: Final = np.array(
    [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [1, 0, 1], [0, 1, 1]], dtype=bool
)
_N_CHUNK: Final = round(CHUNK_S * SAMPLE_RATE)
_N_GRID: Final = round(GRID_S * SAMPLE_RATE)
_N_WINDOW: Final = _N_CHUNK // _N_GRID
_N_STEP: Final = 270  # samples from one frame of the network to the next
_N_FIRST: Final = 360  # samples before the stretch that the first one stands for

Classes = NDArray[np.int64]


@dataclass(frozen=True)
class Heard:
    """What was heard of a recording, before it is known whose voices they are.

    Attributes:
        classes: shape `(n_grid,)`, which local voices speak in each step of 20 ms, as a class of
            `networks.LocalSpeakers`; a voice is followed from window to window where it can be.
        units: shape `(n_units, 2)`, first and last step of stretches of one local voice.
        voices: shape `(n_units, n_dims)`, the direction of each.
    """

    classes: NDArray[np.int64]
    units: NDArray[np.int64]
    voices: Floats

    @property
    def seconds(self) -> Floats:
        """How long each unit is, shape `(n_units,)`."""
        found: Floats = (np.diff(self.units, axis=1)[:, 0] * GRID_S).astype(np.float32)
        return found


def diarize(
    model: SpeakerModel,
    chunks: Iterable[Floats],
    speech: Sequence[Span],
    n_speakers: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> tuple[Turn, ...]:
    """Returns who speaks when, in order of time; speakers are numbered as they first speak.

    Args:
        model: the networks.
        chunks: mono samples at 16 kHz, each of shape `(n_samples,)`, from the start.
        speech: stretches of speech, in order; turns lie within them, but for short pauses.
        n_speakers: how many there are, or None to find out.
        progress: called with the seconds done; may raise to stop.
    """
    if not speech:
        return ()
    heard = listen(model, chunks, speech, progress)
    return turns_of(heard, speech, n_speakers)


def listen(
    model: SpeakerModel,
    chunks: Iterable[Floats],
    speech: Sequence[Span],
    progress: Callable[[float], None] | None = None,
) -> Heard:
    """Returns the local voices of a recording; arguments as of `diarize`."""
    n_grid = int(np.ceil(speech[-1].end_s / GRID_S))
    talking = _mask(speech, n_grid)
    classes = np.zeros(n_grid, np.int64)
    units: list[tuple[int, int]] = []
    voices: list[Floats] = []
    before: tuple[int, Classes] | None = None
    for number, samples, answered in _answers(model, chunks, talking):
        first = number * _N_WINDOW // 2
        steps = np.arange(first, min(n_grid, first + _N_WINDOW))
        heard = _on_grid(answered)[: len(steps)] * talking[steps]
        if before is not None and before[0] == number - 1:
            heard = _followed(before[1][_N_WINDOW // 2 :], heard)
        before = number, heard
        # Each window decides over its middle half, as both neighbours cover the rest.
        skipped = 0 if number == 0 else _N_WINDOW // 4
        classes[steps[skipped:]] = heard[skipped:]
        ends = min(len(heard), 3 * _N_WINDOW // 4) if _more(talking, first) else len(heard)
        for start, end in _runs(heard[:ends], skipped):
            units.append((first + start, first + end))
            voices.append(model.embed(samples[start * _N_GRID : end * _N_GRID]))
        if progress:
            progress((first + _N_WINDOW) * GRID_S)
    found = np.stack(voices) if voices else np.zeros((0, 1), np.float32)
    return Heard(classes, np.array(units, np.int64).reshape(-1, 2), found)


def turns_of(
    heard: Heard, speech: Sequence[Span], n_speakers: int | None = None
) -> tuple[Turn, ...]:
    """Returns the turns once the voices are grouped; arguments as of `diarize`."""
    labels = cluster(heard.voices, heard.seconds, n_speakers)
    n_grid, n_found = len(heard.classes), int(labels.max(initial=0)) + 1
    who = np.full(n_grid, -1, np.int64)
    for (start, end), label in zip(heard.units, labels, strict=True):
        who[start:end] = label
    talking = _mask(speech, n_grid)
    active = np.zeros((n_grid, n_found), bool)
    known = np.flatnonzero(who >= 0)
    active[known, who[known]] = True
    for voice in range(3):  # what was too short to be heard, and overlaps, by their local voices
        voiced = _ACTIVE[heard.classes, voice]
        source = known[_ACTIVE[heard.classes[known], voice]]
        at = np.flatnonzero(voiced & (who < 0))
        near = _nearest(source, at)
        close = np.abs(near - at) * GRID_S <= CHUNK_S if len(source) else np.zeros(len(at), bool)
        active[at[close], who[near[close]]] = True
    active = _filled(active & talking[:, np.newaxis], talking)
    begins = [int(np.argmax(a)) if a.any() else len(a) for a in active.T]
    order = np.argsort(np.array(begins), kind="stable")
    found = [
        Turn(f"Speaker {number + 1}", span.start_s, span.end_s)
        for number, label in enumerate(order)
        for span in _spans(active[:, label], active)
    ]
    return tuple(sorted(found, key=lambda turn: (turn.start_s, turn.end_s)))


def _on_grid(answered: Classes) -> Classes:
    """Returns the classes of a window in steps of 20 ms, shape `(500,)`."""
    middles = (np.arange(_N_WINDOW) + 0.5) * _N_GRID
    frames = np.floor((middles - _N_FIRST) / _N_STEP).astype(int)
    found: Classes = answered[np.clip(frames, 0, len(answered) - 1)]
    return found


def _followed(before: Classes, heard: Classes) -> Classes:
    """Returns a window's classes under the names that its voices had in the window before."""
    shared = heard[: len(before)]
    best = max(
        permutations(range(3)),
        key=lambda names: int((_ACTIVE[shared][:, names] & _ACTIVE[before][: len(shared)]).sum()),
    )
    renamed = [
        next(c for c, row in enumerate(_ACTIVE) if (row == _ACTIVE[code][list(best)]).all())
        for code in range(len(_ACTIVE))
    ]
    return np.array(renamed)[heard]


def _more(talking: Flags, first: int) -> bool:
    """Whether the next window, which decides over the end of this one, is looked at."""
    after = first + _N_WINDOW // 2
    return bool(talking[after : after + _N_WINDOW].any()) and len(talking) > first + _N_WINDOW


def _runs(heard: Classes, skipped: int) -> Iterator[tuple[int, int]]:
    """Yields first and last step of stretches of one voice alone, split where they are long."""
    edges = np.flatnonzero(np.diff(heard[skipped:])) + 1 + skipped
    for start, end in pairwise([skipped, *edges.tolist(), len(heard)]):
        if heard[start] in _SOLO and (end - start) * GRID_S >= UNIT_S:
            n_parts = math.ceil((end - start) * GRID_S / MOST_UNIT_S)
            cuts = np.linspace(start, end, n_parts + 1).round().astype(int)
            yield from pairwise(cuts.tolist())


def _nearest(known: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.int64]:
    """Returns for each wanted step the nearest known one; both ascend."""
    if not len(known):
        return wanted
    after = np.clip(np.searchsorted(known, wanted), 0, len(known) - 1)
    before = np.maximum(after - 1, 0)
    nearer = np.abs(known[before] - wanted) <= np.abs(known[after] - wanted)
    return known[np.where(nearer, before, after)]


def _answers(
    model: SpeakerModel, chunks: Iterable[Floats], talking: Flags
) -> Iterator[tuple[int, Floats, NDArray[np.int64]]]:
    """Yields number, samples and most likely class of each frame of the windows with speech."""
    pending: list[tuple[int, Floats]] = []

    def answered() -> Iterator[tuple[int, Floats, NDArray[np.int64]]]:
        found = model.local_speakers([samples for _, samples in pending])
        for (number, samples), scores in zip(pending, found, strict=True):
            yield number, samples, np.argmax(scores, axis=1)
        pending.clear()

    steps = round(CHUNK_S / GRID_S)
    for number, samples in enumerate(_windows(chunks)):
        first = number * steps // 2
        if talking[first : first + steps].any():
            pending.append((number, samples))
        if len(pending) == BATCH:
            yield from answered()
    if pending:
        yield from answered()


def _windows(chunks: Iterable[Floats]) -> Iterator[Floats]:
    """Yields stretches of 10 s that begin 5 s apart, the last one filled up with silence."""
    held, n_step = np.zeros(0, np.float32), _N_CHUNK // 2
    started = False
    for chunk in chunks:
        held = np.concatenate([held, chunk])
        while len(held) >= _N_CHUNK:
            yield held[:_N_CHUNK]
            held, started = held[n_step:], True
    if len(held) > n_step or not started:
        yield np.pad(held, (0, _N_CHUNK - len(held)))


def _mask(speech: Sequence[Span], n_grid: int) -> Flags:
    """Returns which steps of 20 ms have their middle in speech, shape `(n_grid,)`."""
    middles = (np.arange(n_grid) + 0.5) * GRID_S
    edges = np.array([[span.start_s, span.end_s] for span in speech]).reshape(-1)
    inside: Flags = np.searchsorted(edges, middles, side="right") % 2 == 1
    return inside


def _filled(active: Flags, talking: Flags) -> Flags:
    """Gives speech that no voice was found in to whoever speaks nearest."""
    known = np.flatnonzero(active.any(axis=1))
    empty = np.flatnonzero(talking & ~active.any(axis=1))
    if not len(known):
        active[empty, 0] = True
        return active
    source = _nearest(known, empty)
    active[empty, np.argmax(active[source], axis=1)] = True
    return active


def _spans(mine: Flags, everyone: Flags) -> Iterator[Span]:
    """Yields the stretches of a speaker; a short pause in which nobody speaks ends none."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mine, [False]]).astype(np.int8)))
    joined: list[list[int]] = []
    for start, end in edges.reshape(-1, 2).tolist():
        pause = everyone[joined[-1][1] : start] if joined else everyone
        if joined and len(pause) * GRID_S < BRIDGED_S and not pause.any():
            joined[-1][1] = end
        else:
            joined.append([start, end])
    for start, end in joined:
        if (end - start) * GRID_S >= LEAST_TURN_S:
            yield Span(round(start * GRID_S, 6), round(end * GRID_S, 6))
