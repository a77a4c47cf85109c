"""Tiers as plain text: label tracks of Audacity, WebVTT, RTTM."""

import html
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from core.export.sheets import POINTS, Sheet, TierKind
from core.plain import file_stem
from core.version import VERSION


def write_audacity(sheet: Sheet, folder: Path) -> Iterator[tuple[Path, int]]:
    """Writes a label track for each tier; yields each with its number of labels."""
    used: dict[str, int] = defaultdict(int)
    for tier in sheet.tiers:
        stem = f"{sheet.stem}_{_word(file_stem(tier.name + '.', 'tier'))}"
        used[stem] += 1
        path = folder / (f"{stem}.txt" if used[stem] == 1 else f"{stem}_{used[stem]}.txt")
        lines = [f"{item.start_s:.6f}\t{item.end_s:.6f}\t{item.text}\n" for item in tier.items]
        path.write_text("".join(lines), encoding="utf-8", newline="\n")
        yield path, len(lines)


def write_webvtt(sheet: Sheet, folder: Path) -> Iterator[tuple[Path, int]]:
    """Writes the tiers as cues whose voice is the tier; yields the file with its cues.

    Source: W3C, WebVTT: The Web Video Text Tracks Format, section 4.
    """
    cues = sorted(
        (item.start_s, item.end_s, tier.name, item.text)
        for tier in sheet.tiers
        if tier.kind not in POINTS
        for item in tier.items
    )
    made = " ".join(f"{key}={value}" for key, value in sheet.made.items())
    parts = ["WEBVTT", f"NOTE\nTonescope {VERSION} {made}".replace("-->", "->")]
    parts += [
        f"{_clock(start_s)} --> {_clock(end_s)}\n<v {_escaped(voice)}>{_escaped(text)}</v>"
        for start_s, end_s, voice, text in cues
    ]
    path = folder / f"{sheet.stem}.vtt"
    path.write_text("\n\n".join(parts) + "\n", encoding="utf-8", newline="\n")
    yield path, len(cues)


def write_rttm(sheet: Sheet, folder: Path) -> Iterator[tuple[Path, int]]:
    """Writes who speaks when; yields the file with its number of turns.

    Source: NIST, The 2009 (RT-09) Rich Transcription Meeting Recognition Evaluation Plan,
        appendix A.
    """
    file = _word(sheet.stem)
    rows = []
    for tier in sheet.tiers:
        if tier.kind is TierKind.ENGINE:
            channel = 1 if tier.channel is None else tier.channel + 1
            for item in tier.items:
                start_s = round(item.start_s, 3)
                length_s = round(item.end_s, 3) - start_s
                where = f"{file} {channel} {start_s:.3f} {length_s:.3f}"
                rows.append(
                    (start_s, f"SPEAKER {where} <NA> <NA> {_word(tier.person)} <NA> <NA>\n")
                )
    path = folder / f"{sheet.stem}.rttm"
    text = "".join(line for _, line in sorted(rows))
    path.write_text(text, encoding="utf-8", newline="\n")
    yield path, len(rows)


def _word(text: str) -> str:
    """Returns text without spaces, as a field of RTTM."""
    return "_".join(text.split()) or "unknown"


def _escaped(text: str) -> str:
    return html.escape(text, quote=False)


def _clock(seconds: float) -> str:
    """Returns a time as WebVTT writes it: hours, minutes, seconds, milliseconds."""
    minutes, ms = divmod(round(seconds * 1000), 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{ms // 1000:02d}.{ms % 1000:03d}"
