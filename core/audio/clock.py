"""The file's own clock: where its sound begins, and where some of it is missing."""

from collections.abc import Iterator
from typing import Any, Final

from av.audio.frame import AudioFrame
from av.container import InputContainer

GAP_S: Final = 0.05  # timestamps of recorders in browsers jitter by tens of milliseconds
LOST_GAP_S: Final = 0.005  # where a packet was lost, the gap is its length
JUMP_S: Final = 600.0  # where nothing is declared, a greater leap is a new clock, no gap
LEAST_BYTES: Final = 8  # of a second, in a long file that is mostly pauses; less is a wrong clock


class Clock:
    """Compares the timestamps of frames with the samples that came.

    Args:
        lead_s: silence before the first sample, in seconds.
        declared_s: duration that the file declares, or None.
        size_bytes: of the file: one damaged number may not make hours of silence of a few seconds.

    Attributes:
        lead_s: the silence put first.
        gap_s: the silence put in later, in seconds.
        n_gaps: how often.
        n_leaps: how often it was set to what a file of this size cannot hold.
    """

    def __init__(self, lead_s: float, declared_s: float | None, size_bytes: int) -> None:
        self.lead_s = lead_s
        self.gap_s = 0.0
        self.n_gaps = self.n_leaps = 0
        self._most_s = None if declared_s is None else declared_s + 1.0
        self._believed_s = max(JUMP_S, size_bytes / LEAST_BYTES)
        self._origin_s: float | None = None
        self._done_s = 0.0
        self._n_damaged = 0
        self._started = False

    def missing(self, frame: AudioFrame, n_damaged: int) -> Iterator[int]:
        """Yields how many samples of silence belong before a frame, a second at a time.

        Args:
            frame: the next frame.
            n_damaged: packets lost so far.
        """
        rate = frame.sample_rate
        missing_s = 0.0 if self._started else self.lead_s
        self._started = True
        gap_s = self._gap(frame, n_damaged > self._n_damaged)
        if gap_s:
            self.n_gaps += 1
            self.gap_s += gap_s
        self._n_damaged = n_damaged
        self._done_s += gap_s + frame.samples / rate
        n_left = round((missing_s + gap_s) * rate)
        while n_left > 0:
            yield min(n_left, rate)
            n_left -= rate

    def _gap(self, frame: AudioFrame, lost: bool) -> float:
        if frame.pts is None or frame.time_base is None:
            return 0.0
        at_s = float(frame.pts * frame.time_base)
        if self._origin_s is None:
            self._origin_s = at_s - self._done_s
            if self._done_s:  # a first frame without a timestamp: the clock starts with it
                return 0.0
        gap_s = at_s - self._origin_s - self._done_s
        most_s = JUMP_S if self._most_s is None else self._most_s - self._done_s
        far = gap_s > max(self._believed_s - self._done_s, GAP_S)
        if far or gap_s > max(most_s, GAP_S) or gap_s < -1.0:  # the clock was set anew
            self.n_leaps += far
            self._origin_s += gap_s
            return 0.0
        return gap_s if gap_s > (LOST_GAP_S if lost else GAP_S) else 0.0

    def warnings(self, n_damaged: int) -> list[str]:
        """Returns sentences on what was skipped and what was put in its place."""
        found = []
        if n_damaged and self.n_gaps:
            found.append(
                f"{n_damaged} damaged packet(s) were skipped, and {self.gap_s:.2f} s of silence "
                "stand in their place; use the original file if you have it."
            )
        elif n_damaged:
            found.append(
                f"{n_damaged} damaged packet(s) were skipped, so later times may be early "
                "by what they held; use the original file if you have it."
            )
        elif self.n_gaps:
            found.append(
                f"{self.n_gaps} gap(s) in the file, {self.gap_s:.2f} s in all, were filled with "
                "silence, so that times stay right; use the original file if you have it."
            )
        if self.n_leaps:
            found.append(
                f"The file's clock leaps {self.n_leaps} time(s) further than so small a file can "
                "hold; no silence was put in there, so later times may be early."
            )
        return found


def lead_s(container: InputContainer, stream: Any) -> float:
    """Returns how long after a video's start its sound begins, in seconds; 0 without a video.

    Players show a file from the earliest of its streams on. A cover picture is no video.
    """
    starts = [
        float(other.start_time * other.time_base)
        for other in container.streams.video
        if other.start_time is not None and other.time_base is not None and not _is_picture(other)
    ]
    if not starts or stream.start_time is None:
        return 0.0
    late_s = float(stream.start_time * stream.time_base) - min(starts)
    return late_s if 0 < late_s <= JUMP_S else 0.0


def _is_picture(stream: Any) -> bool:
    return "attached_pic" in stream.disposition.name.lower() if stream.disposition else False
