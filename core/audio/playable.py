"""Which files a browser plays as they are.

Source: Chromium, https://www.chromium.org/audio-video/, and MDN, "Media container formats"; every
pair below was played in Chromium by `tests/browser/test_playing.py` or is served as a copy.
"""

from pathlib import Path
from typing import Final

from core.audio.decode import open_audio
from core.records import AudioInfo

COPY_TYPE: Final = "audio/webm"
_OGG = ("opus", "vorbis", "flac")
_PLAYED: Final = {
    "wav": ("audio/wav", ("pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le")),
    "mp3": ("audio/mpeg", ("mp3", "mp3float")),
    "mov": ("audio/mp4", ("aac", "mp3", "mp3float", "opus", "flac")),
    "flac": ("audio/flac", ("flac",)),
    "ogg": ("audio/ogg", _OGG),
    "matroska": ("audio/webm", ("opus", "vorbis")),
}


def media_type(info: AudioInfo) -> str | None:
    """Returns the media type of a file that browsers play, or None for one that needs a copy."""
    kind, codecs = _PLAYED.get(info.container, ("", ()))
    return kind if info.codec in codecs and info.n_channels <= 2 else None


def write_browser_copy(path: Path, target: Path, name: str) -> None:
    """Writes a copy that browsers play, in a child process with limits.

    Raises:
        AudioError: the file cannot be decoded, or the disk does not take the copy.
    """
    with open_audio(path, None, name) as audio:
        audio.copy_to(target)
