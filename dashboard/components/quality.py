"""What a recording is like as sound, folded away: level, clipping, noise, bandwidth, speech."""

import streamlit as st

from core.records import Quality
from core.timeline.track import Timeline
from dashboard import words


def show(timeline: Timeline) -> None:
    """Shows the quality of a track's recording, where it was measured."""
    quality = timeline.track.source.quality
    if quality is None:
        return
    with st.expander("Sound quality"):
        st.caption(words.QUALITY)
        first = st.columns(3)
        first[0].metric("Level", f"{quality.level_db:.0f} dB")
        first[1].metric("Peak", f"{quality.peak_db:.1f} dB")
        first[2].metric("Clipped", f"{quality.clipped_share:.2%}", help=words.CLIPPED)
        second = st.columns(3)
        second[0].metric("Speech over noise", _or_none(quality.snr_db, "dB"), help=words.SNR)
        wide = None if quality.bandwidth_hz is None else quality.bandwidth_hz / 1000
        second[1].metric("Bandwidth", _or_none(wide, "kHz", 1), help=words.BANDWIDTH)
        second[2].metric("Speech", f"{quality.speech_share:.0%}", help=words.SPEECH)
        share = None if quality.tonal_share is None else 100 * quality.tonal_share
        st.metric("Music or tones outside speech", _or_none(share, "%"), help=words.TONAL)
        for line in _lines(quality):
            st.caption(line)


def _or_none(value: float | None, unit: str, digits: int = 0) -> str:
    return "none" if value is None else f"{value:.{digits}f} {unit}"


def _lines(quality: Quality) -> list[str]:
    found = []
    if len(quality.channel_levels_db) > 1:
        levels = [f"{n}: {level:.0f} dB" for n, level in enumerate(quality.channel_levels_db[:8])]
        found.append(f"Level by channel: {', '.join(levels)}")
    if quality.gap_s:
        found.append(f"Silence in place of what the file lacks: {quality.gap_s:.2f} s")
    if quality.heard_start_s > 0 or quality.heard_end_s < quality.duration_s:
        found.append(
            f"The engine heard {quality.heard_start_s:.2f} to {quality.heard_end_s:.2f} s; "
            "the silence before and after was trimmed."
        )
    return found
