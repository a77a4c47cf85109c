"""Text of strangers made fit for a line, and for the name of a file."""

import unicodedata
from pathlib import PurePath
from typing import Final

_TURNS: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")  # of direction
_BAD: Final = frozenset(("Cc", "Cs", "Cn"))  # controls, halves of pairs, no characters


def one_line(text: str, most: int | None = None) -> str:
    """Returns text as one line that every format takes.

    Control characters, line breaks and marks that turn the direction of writing become spaces, of
    which never two stand together; accents are composed (NFC).

    Args:
        text: of anybody.
        most: the greatest number of characters, by default any; more are cut off.
    """
    composed = unicodedata.normalize("NFC", text)
    clean = "".join(" " if c in _TURNS or unicodedata.category(c) in _BAD else c for c in composed)
    return " ".join(clean.split())[:most].rstrip()


def file_stem(name: str, otherwise: str = "recording") -> str:
    """Returns a name as a part of a file name: letters, digits, `-`, `_` and spaces.

    Args:
        name: of anybody; folders and the last suffix are left out.
        otherwise: what is returned where nothing is left.
    """
    clean = "".join(c if c.isalnum() or c in "-_ " else "_" for c in PurePath(name).stem)
    return clean.strip()[:80].strip() or otherwise
