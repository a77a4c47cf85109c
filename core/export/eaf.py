"""Tiers as an ELAN file."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from core.emotions import EMOTIONS, SIGNS
from core.export.sheets import POINTS, Sheet, SheetTier, TierKind
from core.version import VERSION

_LANGUAGE: Final = "eng"
_LANGUAGE_DEF: Final = "http://cdb.iso.org/lg/CDB-00138502-001"
VOCABULARY: Final = "emotions"
POINT_MS: Final = 100  # points of a tier are at least 2 s apart
_TYPES: Final = {
    TierKind.TRANSCRIPT: "transcript",
    TierKind.TURNING_POINTS: "turning point",
    TierKind.PEAKS: "peak",
}


def write(sheet: Sheet, folder: Path) -> Iterator[tuple[Path, int]]:
    """Writes an ELAN file: a tier for each speaker and each annotator; yields it with its entries.

    ELAN has no points in time, so a turning point or peak is drawn 100 ms long and starts where it is.
    """
    from pympi.Elan import Eaf

    document = Eaf(author=f"Tonescope {VERSION}")
    document.remove_tier("default")
    document.remove_linguistic_type("default-lt")
    document.add_language(_LANGUAGE, _LANGUAGE_DEF, "English (eng)")
    document.add_controlled_vocabulary(VOCABULARY)
    document.add_cv_description(VOCABULARY, _LANGUAGE, "the nine emotions of Tonescope")
    for emotion in EMOTIONS:
        values = [(str(emotion), _LANGUAGE, SIGNS[emotion].chinese)]
        document.add_cv_entry(VOCABULARY, f"emotion-{emotion}", values)
    document.add_linguistic_type("emotion", param_dict=_type("emotion", VOCABULARY))
    document.add_linguistic_type("turning point", param_dict=_type("turning point", None))
    document.add_linguistic_type("peak", param_dict=_type("peak", None))
    document.add_linguistic_type("transcript", param_dict=_type("transcript", None))
    for key, value in {"tonescope": VERSION, **sheet.made}.items():
        document.add_property(f"tonescope:{key}", json.dumps(value, default=str))
    count = 0
    for tier in sheet.tiers:
        count += _add(document, tier)
    path = folder / f"{sheet.stem}.eaf"
    path.unlink(missing_ok=True)  # pympi would keep the old one beside it
    document.to_file(str(path))
    yield path, count


def _add(document: object, tier: SheetTier) -> int:
    from pympi.Elan import Eaf

    assert isinstance(document, Eaf)
    spoken = tier.kind is not TierKind.LABEL
    document.add_tier(
        tier.name,
        ling=_TYPES.get(tier.kind, "emotion"),
        part=tier.person if spoken else None,
        ann=tier.person if tier.kind is TierKind.LABEL else None,
    )
    least_ms = POINT_MS if tier.kind in POINTS else 1
    for item in tier.items:
        start_ms, end_ms = round(item.start_s * 1000), round(item.end_s * 1000)
        document.add_annotation(tier.name, start_ms, max(end_ms, start_ms + least_ms), item.text)
    return len(tier.items)


def _type(name: str, vocabulary: str | None) -> dict[str, str | None]:
    return {
        "LINGUISTIC_TYPE_ID": name,
        "TIME_ALIGNABLE": "true",
        "GRAPHIC_REFERENCES": "false",
        "CONSTRAINTS": None,
        "CONTROLLED_VOCABULARY_REF": vocabulary,
    }
