"""Who speaks when in one channel: voices told apart within 10 s, then joined by their sound.

Source: the scheme of Bredin, 2023 (pyannote.audio 2.1), https://doi.org/10.21437/Interspeech.2023-105:
local speakers, an embedding of each, agglomerative clustering, and the local answers under the
clusters' names. Voices may overlap in pairs.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.records import Flags, Floats, Span, Turn
from core.speakers.clustering import cluster
from core.speakers.model import CHUNK_S, SAMPLE_RATE, STEP_S, SpeakerModel

GRID_S: Final = 0.02
BATCH: Final = 4
BRIDGED_S: Final = 0.3  # pauses of one speaker shorter than this do not end a turn
LEAST_TURN_S: Final = 0.25
_SOLO: Final = (1, 2, 3)  # classes of one voice alone
_ACTIVE: Final = np.array(
    [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [1, 0, 1], [0, 1, 1]], dtype=bool
)
_N_CHUNK: Final = round(CHUNK_S * SAMPLE_RATE)
_N_STEP: Final = 270
_N_FIRST: Final = 360  # samples before the stretch that the first frame stands for


@dataclass(frozen=True)
class Heard:
    """What was heard of a recording, before it is known whose voices they are.

    Attributes:
        local: shape `(n_grid, 3)`, which local voices speak in each step of 20 ms.
        window: shape `(n_grid,)`, the window whose voices these are.
        voices: shape `(n_voices, n_dims)`.
        owners: shape `(n_voices, 2)`, window and local voice of each.
        seconds: shape `(n_voices,)`, how long each was heard alone.
    """

    local: Flags
    window: NDArray[np.int64]
    voices: Floats
    owners: NDArray[np.int64]
    seconds: Floats


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
    local = np.zeros((n_grid, 3), bool)
    window = np.zeros(n_grid, np.int64)
    voices: list[Floats] = []
    owners: list[tuple[int, int]] = []
    seconds: list[float] = []
    for number, samples, answered in _answers(model, chunks, talking):
        active = _ACTIVE[answered]
        first = number * _N_CHUNK // 2
        # Each window decides over its middle half, as both neighbours cover the rest.
        begins = 0 if number == 0 else first + _N_CHUNK // 4
        grid = slice(round(begins / SAMPLE_RATE / GRID_S), n_grid)
        middles = (np.arange(grid.start, n_grid) + 0.5) * GRID_S - first / SAMPLE_RATE
        frames = np.floor((middles * SAMPLE_RATE - _N_FIRST) / _N_STEP).astype(int)
        inside = frames < len(active)
        where = np.arange(grid.start, n_grid)[inside]
        local[where] = active[np.clip(frames[inside], 0, None)]
        window[where] = number
        speaks = _frames_in(talking, first, len(answered))
        for voice, code in enumerate(_SOLO):
            alone = (answered == code) & speaks
            if alone.sum() * STEP_S >= LEAST_TURN_S:
                voices.append(model.embed(_samples_of(samples, alone)))
                owners.append((number, voice))
                seconds.append(float(alone.sum()) * STEP_S)
        if progress:
            progress((first + _N_CHUNK) / SAMPLE_RATE)
    return Heard(
        local & talking[:, np.newaxis],
        window,
        np.stack(voices) if voices else np.zeros((0, 1), np.float32),
        np.array(owners, np.int64).reshape(-1, 2),
        np.array(seconds, np.float32),
    )


def turns_of(
    heard: Heard, speech: Sequence[Span], n_speakers: int | None = None
) -> tuple[Turn, ...]:
    """Returns the turns once the voices are grouped; arguments as of `diarize`."""
    labels = cluster(heard.voices, heard.seconds, n_speakers)
    n_found = int(labels.max(initial=0)) + 1
    names = np.full((int(heard.window.max(initial=0)) + 1, 3), -1, np.int64)
    names[tuple(heard.owners.T)] = labels
    talking = _mask(speech, len(heard.local))
    active = np.zeros((len(heard.local), n_found), bool)
    for voice in range(3):
        at = np.flatnonzero(heard.local[:, voice])
        who = names[heard.window[at], voice]
        active[at[who >= 0], who[who >= 0]] = True
    active = _filled(active, talking)
    order = np.argsort([np.argmax(a) if a.any() else len(a) for a in active.T], kind="stable")
    found = [
        Turn(f"Speaker {number + 1}", span.start_s, span.end_s)
        for number, who in enumerate(order)
        for span in _spans(active[:, who], active)
    ]
    return tuple(sorted(found, key=lambda turn: (turn.start_s, turn.end_s)))


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


def _frames_in(talking: Flags, first: int, n_frames: int) -> Flags:
    """Returns which frames of a window lie in speech; `first` is the window's first sample."""
    middles = (first + _N_FIRST + _N_STEP * (np.arange(n_frames) + 0.5)) / SAMPLE_RATE
    at = (middles / GRID_S).astype(int)
    inside: Flags = (at < len(talking)) & talking[np.minimum(at, len(talking) - 1)]
    return inside


def _samples_of(samples: Floats, frames: Flags) -> Floats:
    """Returns the samples that some frames stand for, one after the other."""
    n_end = _N_FIRST + _N_STEP * len(frames)
    held = np.pad(samples, (0, max(0, n_end - len(samples))))
    found: Floats = held[_N_FIRST:n_end].reshape(-1, _N_STEP)[frames].reshape(-1)
    return found


def _filled(active: Flags, talking: Flags) -> Flags:
    """Gives speech that no voice was found in to whoever speaks nearest."""
    known = np.flatnonzero(active.any(axis=1))
    empty = np.flatnonzero(talking & ~active.any(axis=1))
    if not len(known):
        active[empty, 0] = True
        return active
    after = np.clip(np.searchsorted(known, empty), 0, len(known) - 1)
    before = np.maximum(after - 1, 0)
    nearer = np.abs(known[before] - empty) <= np.abs(known[after] - empty)
    source = known[np.where(nearer, before, after)]
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
