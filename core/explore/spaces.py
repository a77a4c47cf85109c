"""The spaces of a store: fitted to a corpus once, kept with settings and data version, used again."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import pandas as pd

from core.errors import StoreError
from core.explore import measures
from core.explore.space import Offset, Space, SpaceKind, SpaceSettings, fit, settings_from
from core.records import Flags, Floats
from core.settings import digest
from core.store import spaces as stored
from core.store.corpus import Corpus, embeddings
from core.store.spaces import StoredSpace
from core.store.store import Store

GROWN: Final = 1.1  # a space is fitted anew when the corpus is larger than this many times its own


def key_of(of: Corpus, settings: SpaceSettings, parts: Sequence[str] = ()) -> str:
    """Returns the name of the space of a corpus under settings.

    Args:
        of: the corpus.
        settings: of the space.
        parts: of `parts_of`, where speakers or labels count.
    """
    named: dict[str, Any] = {
        "space": settings.as_json(),
        "engine_id": of.engine_id,
        "data": of.version,
    }
    if settings.kind is SpaceKind.SPEAKER:
        named["parts"] = list(parts)
    return digest(named)


def parts_of(of: Corpus, settings: SpaceSettings, neutral: Flags | None = None) -> list[str]:
    """Returns a hash of each analysis of a corpus: of all in it that a space is fitted to.

    Args:
        of: the corpus.
        settings: of the space; names of speakers count only where it is centred per speaker.
        neutral: shape `(n_segments,)`, which are neutral, where that counts.
    """
    rows = of.segments[["recording", "channel", "run_key", "segment"]]
    if settings.kind is SpaceKind.SPEAKER:
        rows = rows.assign(speaker=of.segments["speaker"].fillna("").astype(str))
    if neutral is not None:
        rows = rows.assign(neutral=neutral)
    hashes = pd.util.hash_pandas_object(rows, index=False)
    by = [rows[name] for name in ("recording", "channel", "run_key")]
    return sorted(f"{value:016x}" for value in hashes.groupby(by).sum())


def vectors(
    store: Store, of: Corpus, settings: SpaceSettings | None = None, raw: Floats | None = None
) -> tuple[str, Floats]:
    """Returns the key of the space of a corpus, and its segments in it, shape `(n_segments, n_dims)`.

    Maps, clusters and search all take this space: `standing_space`.

    Args:
        store: where segments and spaces are.
        of: the corpus.
        settings: of the space.
        raw: the embeddings of the corpus, where they were read before.

    Raises:
        ExploreError: there are too few segments, they do not differ, or no speaker is known.
    """
    settings = settings or SpaceSettings()
    found = embeddings(store, of) if raw is None else raw
    key, space = standing_space(store, of, settings, found)
    own = found if raw is None else None
    return key, space.apply(found, measures.names(of.segments["speaker"]), out=own)


def vectors_of(store: Store, of: Corpus, parameters: Mapping[str, Any]) -> Floats:
    """Returns the segments of a corpus in the space that a map or clustering was made in.

    Args:
        store: where segments and spaces are.
        of: the corpus.
        parameters: of the map or clustering. Where it was made in no space, as of emotion profiles,
            it is that of its settings.

    Returns:
        Shape `(n_segments, n_dims)`.
    """
    key, told = parameters.get("space_key"), parameters.get("space_settings")
    space = read_space(store, key) if key else None
    if space is None:
        return vectors(store, of, settings_from(told) if told else None)[1]
    raw = embeddings(store, of)
    return space.apply(raw, measures.names(of.segments["speaker"]), out=raw)


def standing_space(
    store: Store, of: Corpus, settings: SpaceSettings, raw: Floats
) -> tuple[str, Space]:
    """Returns the newest space that still fits a corpus and its key; made and stored if none does.

    A space goes on while everything that it was fitted to is still there as it was (the segments;
    per speaker the names too, and what people heard as neutral) and the corpus is at most a tenth
    larger, so that an index need not be made anew.

    Args:
        store: where spaces are.
        of: the corpus.
        settings: of the space.
        raw: shape `(n_segments, n_dims)`, the embeddings of the corpus.
    """
    neutral: Flags | None = None
    if settings.kind is SpaceKind.SPEAKER and settings.neutral:
        terms = measures.people_emotions(store, of)
        neutral = np.array([term == "neutral" for term in terms])
    parts = parts_of(of, settings, neutral)
    there = set(parts)
    for key, parameters in stored.heads(store):
        same = parameters["engine_id"] == of.engine_id
        if same and parameters["settings"] == settings.as_json():
            fitted = parameters.get("parts")
            stands = fitted and there.issuperset(fitted)
            if stands and len(raw) <= GROWN * parameters["n_segments"]:
                return key, needed_space(store, key)
            break
    key = key_of(of, settings, parts)
    known = read_space(store, key)
    if known is not None:
        return key, known
    space = fit(raw, settings, measures.names(of.segments["speaker"]), neutral)
    stored.write(store, _stored(key, of, space, parts))
    return key, read_space(store, key) or space


def read_space(store: Store, key: str) -> Space | None:
    """Returns a stored space, or None if there is none."""
    found = stored.read(store, key)
    if found is None:
        return None
    of = found.parameters
    neutral = set(of["neutral_speakers"])
    return Space(
        settings=settings_from(of["settings"]),
        mean=found.mean,
        matrix=found.matrix,
        scale=of["scale"],
        n_segments=of["n_segments"],
        offsets={
            name: Offset(vector, n, name in neutral) for name, (vector, n) in found.speakers.items()
        },
    )


def needed_space(store: Store, key: str) -> Space:
    """Returns a stored space.

    Raises:
        StoreError: there is none of this key.
    """
    found = read_space(store, key)
    if found is None:
        raise StoreError(
            f"The space {key!r} of this map is no longer in the store; make a new map."
        )
    return found


def _stored(key: str, of: Corpus, space: Space, parts: list[str]) -> StoredSpace:
    return StoredSpace(
        key=key,
        parameters={
            "settings": space.settings.as_json(),
            "engine_id": of.engine_id,
            "data": of.version,
            "parts": parts,
            "scale": space.scale,
            "n_segments": space.n_segments,
            "neutral_speakers": [name for name, one in space.offsets.items() if one.neutral],
        },
        mean=space.mean,
        matrix=space.matrix,
        speakers={name: (one.vector, one.n_segments) for name, one in space.offsets.items()},
        made_at=datetime.now(UTC),
    )
