"""The files that a command or a page is given: what is media in a folder, and what is passed over."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core.audio.decode import open_audio
from core.errors import AudioError

MEDIA_SUFFIXES = frozenset(
    {".wav", ".w64", ".mp3", ".m4a", ".mp4", ".aac", ".flac", ".ogg", ".oga", ".opus", ".spx"}
    | {".webm", ".mka", ".mkv", ".mov", ".avi", ".3gp", ".amr", ".wma", ".wmv", ".ac3", ".eac3"}
    | {".aif", ".aiff", ".aifc", ".caf", ".au", ".snd", ".m4b", ".m4v", ".mp2", ".rf64", ".wv"}
)


@dataclass(frozen=True)
class Found:
    """The files that a command was given, and how many in folders are no media."""

    files: tuple[Path, ...]
    passed_over: int


def find_files(paths: Sequence[Path]) -> Found:
    """Returns the files that paths stand for.

    A file is taken as it is named, media or not. A folder is searched through, hidden entries left
    out; in it, files whose name does not say media and that cannot be opened as such are counted.
    """
    files: dict[Path, None] = {}
    passed_over = 0
    for path in paths:
        if not path.is_dir():
            files[path] = None
            continue
        for entry in sorted(path.rglob("*")):
            hidden = any(part.startswith(".") for part in entry.relative_to(path).parts)
            if hidden or not entry.is_file():
                continue
            if _is_media(entry):
                files[entry] = None
            else:
                passed_over += 1
    return Found(tuple(files), passed_over)


def _is_media(path: Path) -> bool:
    if path.suffix.lower() in MEDIA_SUFFIXES:
        return True
    try:
        with open_audio(path):
            return True
    except AudioError:
        return False
