"""The published emotion2vec models: where they are fetched, and under which licence they stand.

Source: Ma et al., 2023, https://arxiv.org/abs/2312.15185; FunASR's model zoo.
"""

from dataclasses import dataclass
from typing import Final

COMPACT_LICENCE: Final = (
    "CC BY-NC-SA 4.0 (for research, not for commercial use); encoder MIT (OpenAI Whisper)"
)
EMOTION2VEC_LICENCE: Final = (
    "FunASR Model License 1.1 (attribute FunASR and emotion2vec, keep the model's name)"
)
UNKNOWN_LICENCE: Final = "not known to Tonescope; ask who made the weights"
OWN_NAME: Final = "emotion2vec"  # of a directory that is none of the published ones
HUBS: Final = ("ms", "hf")


@dataclass(frozen=True)
class Published:
    """One published model.

    Attributes:
        name: under which the user chooses it; it is the model's own name.
        dims: dimensions of its embeddings.
        size_gb: of its weights, as far as it is known before a hub tells.
        about: what it is, in a sentence.
    """

    name: str
    dims: int
    size_gb: float | None
    about: str

    def repository(self, hub: str) -> str:
        """Returns its id on a hub, `ms` (ModelScope) or `hf` (Hugging Face)."""
        return f"{'iic' if hub == 'ms' else 'emotion2vec'}/{self.name}"


PUBLISHED: Final = {
    model.name: model
    for model in (
        Published("emotion2vec_plus_seed", 768, None, "The first step of emotion2vec+."),
        Published("emotion2vec_plus_base", 768, 1.12, "emotion2vec+ of the middle size."),
        Published("emotion2vec_plus_large", 1024, 1.95, "The largest emotion2vec+, and slowest."),
    )
}


def licence_of(engine_id: str) -> str:
    """Returns the licence that the weights of an engine stand under, for every export.

    Args:
        engine_id: name and hash of the weights, as stored with each result.
    """
    name = engine_id.rsplit("-", 1)[0]
    if name == "compact":
        return COMPACT_LICENCE
    return EMOTION2VEC_LICENCE if name in PUBLISHED else UNKNOWN_LICENCE
