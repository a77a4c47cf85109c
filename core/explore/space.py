"""The space in which segments are compared.

Raw embeddings of one engine point almost the same way, so that their cosine tells little. Taking away
what they share, per corpus or per speaker, and bringing them to length 1 leaves what differs, and a
Euclidean distance then ranks as the cosine does. Map, clusters and search use one and the same space.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from core.errors import ExploreError
from core.records import Flags, Floats

MIN_POINTS: Final = 3
SPEAKER_WARNING: Final = (
    "Centring per speaker takes away what each speaker mostly sounds like, and so also what a speaker "
    "mostly feels: somebody who is sad throughout no longer stands out. Use it only where every "
    "speaker shows many emotions, and never to compare speakers or sessions."
)
_SAME: Final = 1e-5  # of the mean length: float32 noise of equal embeddings stays under it
_BLOCK: Final = 16_384
_COVARIANCE_POINTS: Final = 20_000  # from which the shrinkage of a covariance is estimated
_LEAST_VARIANCE: Final = 1e-6  # of the mean variance

Speakers = Sequence[str | None]


class SpaceKind(StrEnum):
    """What is taken away before segments are compared."""

    RAW = "raw"
    CENTRED = "centred"
    WHITENED = "whitened"
    SPEAKER = "speaker"


@dataclass(frozen=True)
class SpaceSettings:
    """Every choice that makes a space.

    Attributes:
        kind: what is taken away.
        shrinkage: per speaker, how many segments the corpus weighs: with n segments of a speaker,
            n / (n + shrinkage) of the difference to the corpus is taken away.
        min_segments: a speaker with fewer is centred by the corpus alone.
        neutral: whether a speaker's centre is that of neutral segments, where there are enough.
    """

    kind: SpaceKind = SpaceKind.CENTRED
    shrinkage: float = 10.0
    min_segments: int = 10
    neutral: bool = False

    def __post_init__(self) -> None:
        if not (np.isfinite(self.shrinkage) and self.shrinkage >= 0):
            raise ExploreError(f"A shrinkage of {self.shrinkage} makes no sense; choose 0 or more.")
        if self.min_segments < 1:
            raise ExploreError(
                f"At least {self.min_segments} segments a speaker makes no sense; choose 1 or more."
            )

    @property
    def sentence(self) -> str:
        """Says what the space is, for captions."""
        if self.kind is SpaceKind.RAW:
            return "as the engine gives them, length 1"
        if self.kind is not SpaceKind.SPEAKER:
            return f"{self.kind} per corpus, length 1"
        reference = " by neutral speech where there is some" if self.neutral else ""
        return (
            f"centred per speaker{reference} (shrinkage {self.shrinkage:g}, at least "
            f"{self.min_segments} segments), length 1"
        )

    @property
    def warning(self) -> str | None:
        """Says what the space may hide, or None."""
        return SPEAKER_WARNING if self.kind is SpaceKind.SPEAKER else None

    def as_json(self) -> dict[str, Any]:
        """Returns what names the space: settings that have no effect are left out."""
        if self.kind is not SpaceKind.SPEAKER:
            return {"kind": str(self.kind)}
        return {
            "kind": str(self.kind),
            "shrinkage": float(self.shrinkage),
            "min_segments": self.min_segments,
            "neutral": self.neutral,
        }


def settings_from(found: Mapping[str, Any]) -> SpaceSettings:
    """Returns the settings that `as_json` told."""
    return SpaceSettings(**{**found, "kind": SpaceKind(found["kind"])})


def comparable(settings: SpaceSettings) -> SpaceSettings:
    """Returns the settings to compare speakers or sessions by: never centred per speaker."""
    if settings.kind is SpaceKind.SPEAKER:
        return replace(settings, kind=SpaceKind.CENTRED)
    return settings


@dataclass(frozen=True)
class Offset:
    """What is taken away of one speaker beyond the mean of the corpus.

    Attributes:
        vector: shape `(n_dims,)`.
        n_segments: that it is estimated from.
        neutral: whether these are neutral ones.
    """

    vector: Floats
    n_segments: int
    neutral: bool


@dataclass(frozen=True)
class Space:
    """A space fitted to a corpus; new segments are put into it as they come.

    Attributes:
        settings: the choices that made it.
        mean: shape `(n_dims,)`; zeros in the raw space.
        matrix: shape `(n_dims, n_dims)`, whitens centred embeddings; None in other spaces.
        scale: mean length of the embeddings, against which differences are judged.
        n_segments: that it was fitted to.
        offsets: by speaker.
    """

    settings: SpaceSettings
    mean: Floats
    matrix: Floats | None
    scale: float
    n_segments: int
    offsets: Mapping[str, Offset] = field(default_factory=dict)

    def apply(
        self, embeddings: Floats, speakers: Speakers | None = None, out: Floats | None = None
    ) -> Floats:
        """Returns embeddings in this space.

        Args:
            embeddings: shape `(n_segments, n_dims)`, of the engine that it was fitted to.
            speakers: length n, or None where nobody is known; of strangers and None only the mean
                of the corpus is taken away.
            out: where they go, such as `embeddings` themselves if nobody needs them any more.

        Returns:
            Shape `(n_segments, n_dims)`, rows of length 1; a row that equals its centre is zero.
        """
        if embeddings.shape[1:] != self.mean.shape:
            raise ExploreError(
                f"Embeddings of {embeddings.shape[1]} dimensions do not fit a space of "
                f"{len(self.mean)}; both must come from the same engine."
            )
        found: Floats = np.empty(embeddings.shape, np.float32) if out is None else out
        offsets, rows = self._offsets(speakers, len(embeddings))
        for part in _blocks(len(embeddings)):
            block = embeddings[part].astype(np.float64) - self.mean
            if len(offsets):
                mine = rows[part]
                block[mine >= 0] -= offsets[mine[mine >= 0]]
            lengths = np.linalg.norm(block, axis=1)
            if self.matrix is not None:
                block = block @ self.matrix.astype(np.float64)
            block[lengths <= _SAME * self.scale] = 0.0
            norms = np.linalg.norm(block, axis=1, keepdims=True)
            found[part] = block / np.where(norms > 0, norms, 1.0)
        return found

    def _offsets(
        self, speakers: Speakers | None, n_segments: int
    ) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
        """Returns the offsets, and which row of them each segment takes; -1 for none."""
        if not self.offsets or speakers is None:
            return np.zeros((0, len(self.mean))), np.full(n_segments, -1, np.intp)
        numbers = {name: number for number, name in enumerate(self.offsets)}
        rows = np.array([numbers.get(name, -1) for name in speakers], np.intp)  # type: ignore[arg-type]
        return np.array([of.vector for of in self.offsets.values()], np.float64), rows


def fit(
    embeddings: Floats,
    settings: SpaceSettings | None = None,
    speakers: Speakers | None = None,
    neutral: Flags | None = None,
) -> Space:
    """Returns a space fitted to a corpus.

    Args:
        embeddings: shape `(n_segments, n_dims)`, of one engine.
        settings: what is taken away; by default the mean of the corpus.
        speakers: length n, None where it is not known; needed to centre per speaker.
        neutral: shape `(n_segments,)`, which segments people call neutral, if anybody did.

    Raises:
        ExploreError: there are fewer than 3 segments, they do not differ, are no finite numbers,
            or nobody's speaker is known.

    Source:
        That raw cosine is nearly degenerate is reported in ddlBoJack/emotion2vec#66. Whitening by
        the inverse root of a covariance shrunk as Ledoit & Wolf 2004 advise.
    """
    settings = settings or SpaceSettings()
    _check(embeddings)
    mean = embeddings.mean(axis=0, dtype=np.float64)
    lengths = [np.linalg.norm(embeddings[part], axis=1).sum() for part in _blocks(len(embeddings))]
    scale = float(np.sum(lengths)) / len(embeddings)
    if not any(
        (np.linalg.norm(embeddings[part] - mean, axis=1) > _SAME * scale).any()
        for part in _blocks(len(embeddings))
    ):
        raise ExploreError(
            f"All {len(embeddings)} segments have the same embedding, so there is nothing to "
            "compare; analyse recordings that differ."
        )
    matrix, offsets = None, {}
    if settings.kind is SpaceKind.RAW:
        mean = np.zeros_like(mean)
    elif settings.kind is SpaceKind.WHITENED:
        matrix = _whitening(embeddings, mean)
    elif settings.kind is SpaceKind.SPEAKER:
        offsets = _speaker_offsets(embeddings, mean, settings, speakers, neutral)
    return Space(settings, mean.astype(np.float32), matrix, scale, len(embeddings), offsets)


def directions(embeddings: Floats) -> Floats:
    """Returns embeddings, shape `(n_segments, n_dims)`, centred per corpus with rows of length 1.

    Raises:
        ExploreError: as `fit`.
    """
    return fit(embeddings).apply(embeddings)


def means(vectors: Floats, groups: NDArray[np.intp]) -> Floats:
    """Returns the mean vector of each group.

    Args:
        vectors: shape `(n_segments, n_dims)`.
        groups: shape `(n_segments,)`, numbers of groups from 0, each of which occurs.

    Returns:
        Shape `(n_groups, n_dims)`.
    """
    sums = np.zeros((int(groups.max()) + 1, vectors.shape[1]))
    np.add.at(sums, groups, vectors)
    found: Floats = (sums / np.bincount(groups)[:, np.newaxis]).astype(np.float32)
    return found


def _check(embeddings: Floats) -> None:
    if len(embeddings) < MIN_POINTS:
        raise ExploreError(
            f"There {_are(len(embeddings))} in this corpus, and at least {MIN_POINTS} are needed to "
            "compare any; analyse more or longer recordings."
        )
    if not all(np.isfinite(embeddings[part]).all() for part in _blocks(len(embeddings))):
        raise ExploreError(
            "Some stored embeddings are no finite numbers; run `store check`, then analyse their "
            "recordings again."
        )


def _whitening(embeddings: Floats, mean: NDArray[np.float64]) -> Floats:
    from sklearn.covariance import ledoit_wolf_shrinkage

    n_segments, n_dims = embeddings.shape
    covariance = np.zeros((n_dims, n_dims))
    for part in _blocks(n_segments):
        block = embeddings[part] - mean
        covariance += block.T @ block
    covariance /= n_segments
    step = -(-n_segments // _COVARIANCE_POINTS)
    share = float(ledoit_wolf_shrinkage(embeddings[::step] - mean, assume_centered=True))
    average = float(np.trace(covariance)) / n_dims
    covariance = (1 - share) * covariance + share * average * np.eye(n_dims)
    values, axes = np.linalg.eigh(covariance)
    values = np.maximum(values, _LEAST_VARIANCE * average)
    found: Floats = ((axes / np.sqrt(values)) @ axes.T).astype(np.float32)
    return found


def _speaker_offsets(
    embeddings: Floats,
    mean: NDArray[np.float64],
    settings: SpaceSettings,
    speakers: Speakers | None,
    neutral: Flags | None,
) -> dict[str, Offset]:
    members: dict[str, list[int]] = {}
    for row, name in enumerate(speakers or ()):
        if isinstance(name, str) and name:
            members.setdefault(name, []).append(row)
    if not members:
        raise ExploreError(
            "No speaker is known in this corpus, so nothing can be centred per speaker; name "
            "speakers, let them be told apart, or centre per corpus."
        )
    calm = None
    if settings.neutral and neutral is not None and neutral.sum() >= settings.min_segments:
        calm = embeddings[neutral].mean(axis=0, dtype=np.float64)
    found = {}
    for name in sorted(members):
        rows, base, is_neutral = np.array(members[name]), mean, False
        if calm is not None and neutral is not None:
            mine = rows[neutral[rows]]
            if len(mine) >= settings.min_segments:
                rows, base, is_neutral = mine, calm, True
        if len(rows) >= settings.min_segments:
            weight = len(rows) / (len(rows) + settings.shrinkage)
            vector = weight * (embeddings[rows].mean(axis=0, dtype=np.float64) - base)
            found[name] = Offset(vector.astype(np.float32), len(rows), is_neutral)
    return found


def _blocks(n_rows: int) -> Iterator[slice]:
    return (slice(first, first + _BLOCK) for first in range(0, n_rows, _BLOCK))


def _are(n_segments: int) -> str:
    if n_segments == 0:
        return "are no segments"
    return "is only 1 segment" if n_segments == 1 else f"are only {n_segments} segments"
