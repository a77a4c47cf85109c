"""The spaces of a store: fitted to a corpus once, kept with settings and data version, used again."""

from datetime import UTC, datetime
from typing import Any, Final

import numpy as np

from core.errors import StoreError
from core.explore import measures
from core.explore.space import Offset, Space, SpaceKind, SpaceSettings, fit, settings_from
from core.records import Floats
from core.settings import digest
from core.store import spaces as stored
from core.store.corpus import Corpus, embeddings
from core.store.spaces import StoredSpace
from core.store.store import Store

GROWN: Final = 1.1  # a space is fitted anew when the corpus is larger than this many times its own


def key_of(of: Corpus, settings: SpaceSettings, neutral_version: str | None = None) -> str:
    """Returns the name of the space of a corpus under settings."""
    named: dict[str, Any] = {
        "space": settings.as_json(),
        "engine_id": of.engine_id,
        "data": of.version,
    }
    if neutral_version is not None:
        named["neutral"] = neutral_version
    return digest(named)


def vectors(
    store: Store, of: Corpus, settings: SpaceSettings | None = None, raw: Floats | None = None
) -> tuple[str, Floats]:
    """Returns the key of the space of a corpus, and its segments in it, shape `(n_segments, n_dims)`.

    The space is fitted and stored if there is none yet for this very corpus.

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
    key, space = make_space(store, of, settings, found)
    return key, space.apply(found, measures.names(of.segments["speaker"]))


def make_space(store: Store, of: Corpus, settings: SpaceSettings, raw: Floats) -> tuple[str, Space]:
    """Returns the space of a corpus and its key, fitted and stored if there is none yet.

    Args:
        store: where spaces are.
        of: the corpus.
        settings: of the space.
        raw: shape `(n_segments, n_dims)`, the embeddings of the corpus.
    """
    speakers = measures.names(of.segments["speaker"])
    neutral = version = None
    if settings.kind is SpaceKind.SPEAKER:
        version = digest({"speakers": speakers})
        if settings.neutral:
            terms = measures.people_emotions(store, of)
            neutral = np.array([term == "neutral" for term in terms])
            version = digest({"speakers": speakers, "neutral": np.flatnonzero(neutral).tolist()})
    key = key_of(of, settings, version)
    known = read_space(store, key)
    if known is not None:
        return key, known
    space = fit(raw, settings, speakers, neutral)
    stored.write(store, _stored(key, of, space))
    return key, read_space(store, key) or space


def standing_space(
    store: Store, of: Corpus, settings: SpaceSettings, raw: Floats
) -> tuple[str, Space]:
    """Returns the newest space that still fits a corpus, so that an index need not be made anew.

    A space of the same engine and settings goes on while the corpus is at most a tenth larger than
    what it was fitted to, and not smaller.
    """
    for key, parameters in stored.heads(store):
        fits = parameters["engine_id"] == of.engine_id
        if fits and parameters["settings"] == settings.as_json():
            if parameters["n_segments"] <= len(raw) <= GROWN * parameters["n_segments"]:
                return key, needed_space(store, key)
            break
    return make_space(store, of, settings, raw)


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


def _stored(key: str, of: Corpus, space: Space) -> StoredSpace:
    return StoredSpace(
        key=key,
        parameters={
            "settings": space.settings.as_json(),
            "engine_id": of.engine_id,
            "data": of.version,
            "scale": space.scale,
            "n_segments": space.n_segments,
            "neutral_speakers": [name for name, one in space.offsets.items() if one.neutral],
        },
        mean=space.mean,
        matrix=space.matrix,
        speakers={name: (one.vector, one.n_segments) for name, one in space.offsets.items()},
        made_at=datetime.now(UTC),
    )
