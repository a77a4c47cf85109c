"""Audio files as a stream of mono 16 kHz samples, decoded by FFmpeg through PyAV.

Nothing here holds a whole recording: memory does not grow with duration.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
import numpy as np
import soxr
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.container import InputContainer
from av.error import FFmpegError
from numpy.typing import NDArray

from core.errors import AudioError
from core.records import AudioInfo

SAMPLE_RATE = 16_000
_FORMATS = (
    "wav,w64,rf64,mp3,mp2,mov,mp4,m4a,3gp,flac,ogg,matroska,webm,aac,ac3,eac3,aiff,caf,au,asf,avi,"
    "amr,amrnb,amrwb,mpeg,mpegts,flv,wv,ape,tta,dts,gsm,sox,voc,nist_sphere"
)
_OPEN_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": _FORMATS}
_EXPECTED = "expected a recording such as WAV, MP3, M4A, FLAC or OGG"

Floats = NDArray[np.float32]


class Decoder:
    """One open audio file: what it declares, its samples, and what was odd about it."""

    def __init__(self, container: InputContainer, name: str, channel: int | None) -> None:
        self.name = name
        self.channel = channel
        self.n_damaged = 0
        self.n_not_finite = 0
        self._container = container
        self._stream = container.streams.audio[0]
        self.info = _info(container, self._stream)
        if channel is not None and channel >= self.info.n_channels:
            raise AudioError(
                f"{name!r} has {self.info.n_channels} channel(s), so there is no channel "
                f"{channel}; channels count from 0."
            )

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences on what was odd; complete once the samples were read to the end."""
        found = []
        if self.n_damaged:
            found.append(
                f"{self.n_damaged} damaged packet(s) were skipped, so later times may be early "
                "by what they held; use the original file if you have it."
            )
        if self.n_not_finite:
            found.append(
                f"{self.n_not_finite} sample(s) were not numbers and were set to silence; "
                "check the program that wrote the file."
            )
        return tuple(found)

    def samples(self) -> Iterator[Floats]:
        """Yields mono float32 chunks at 16 kHz, each of shape `(n_samples,)`.

        Raises:
            AudioError: the file holds no sample that can be decoded.
        """
        n_samples = 0
        for chunk in _resampled(self._mono()):
            n_samples += len(chunk)
            yield chunk
        if n_samples == 0:
            raise AudioError(
                f"{self.name!r} holds no sound that can be decoded; {_EXPECTED} with audio in it. "
                "Play it in another program, and export it again from there."
            )

    def _mono(self) -> Iterator[tuple[int, Floats]]:
        """Yields sample rate and mono samples of one frame after the other."""
        planar, shape = None, None
        for frame in self._frames():
            if shape != (frame.format.name, frame.layout.name, frame.sample_rate):
                shape = (frame.format.name, frame.layout.name, frame.sample_rate)
                planar = AudioResampler(format="fltp", layout=frame.layout, rate=frame.sample_rate)
            assert planar is not None
            for part in planar.resample(frame):
                channels = part.to_ndarray()
                if self.channel is not None and self.channel >= len(channels):
                    raise AudioError(
                        f"{self.name!r} has no channel {self.channel} from some point on; "
                        "analyse the mean of all channels, or export it with a fixed number."
                    )
                mono = channels.mean(axis=0) if self.channel is None else channels[self.channel]
                yield part.sample_rate, self._finite(mono)

    def _frames(self) -> Iterator[AudioFrame]:
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except FFmpegError:  # the container itself ends in damage: keep what came before
                self.n_damaged += 1
                return
            try:
                yield from packet.decode()
            except FFmpegError:
                self.n_damaged += 1

    def _finite(self, mono: NDArray[Any]) -> Floats:
        mono = np.asarray(mono, dtype=np.float32)
        bad = ~np.isfinite(mono)
        if bad.any():
            self.n_not_finite += int(bad.sum())
            mono = np.where(bad, np.float32(0), mono)
        return mono


@contextmanager
def open_audio(
    path: Path, channel: int | None = None, name: str | None = None
) -> Iterator[Decoder]:
    """Opens an audio file for reading.

    Args:
        path: the file.
        channel: one channel, from 0, or None for the mean of all.
        name: what errors call it; by default the file's own name.

    Raises:
        AudioError: the file is missing, empty, or no audio.
    """
    name = name or path.name
    try:
        if path.stat().st_size == 0:
            raise AudioError(f"{name!r} is empty (0 bytes); {_EXPECTED}.")
        # Absolute, as FFmpeg takes "10:30.wav" for an address; and only formats that hold their own
        # sound, as a playlist would make it read other files.
        container = av.open(
            str(path.absolute()), mode="r", metadata_errors="replace", options=_OPEN_OPTIONS
        )
    except OSError as error:  # FFmpeg's errors are OSErrors too
        raise AudioError(
            f"{name!r} cannot be read as audio ({_reason(error)}); {_EXPECTED}. "
            "Check the file, or convert it to WAV."
        ) from error
    except (FFmpegError, ValueError) as error:
        raise AudioError(
            f"{name!r} cannot be read as audio ({_reason(error)}); {_EXPECTED}. "
            "Check the file, or convert it to WAV."
        ) from error
    with container:
        if not container.streams.audio:
            raise AudioError(f"{name!r} holds no audio; {_EXPECTED}.")
        if container.streams.audio[0].codec_context is None:
            raise AudioError(
                f"{name!r} holds sound of a kind that cannot be decoded; {_EXPECTED}. "
                "Convert it to WAV in the program that made it."
            )
        yield Decoder(container, name, channel)


def _info(container: InputContainer, stream: Any) -> AudioInfo:
    declared = None
    if stream.duration is not None and stream.time_base is not None:
        declared = float(stream.duration * stream.time_base)
    elif container.duration is not None:
        declared = container.duration / av.time_base
    return AudioInfo(
        container=container.format.name.split(",")[0],
        codec=stream.codec_context.name,
        sample_rate=stream.codec_context.sample_rate or 0,
        n_channels=stream.codec_context.channels or 0,
        declared_s=declared if declared is not None and declared > 0 else None,
    )


def _resampled(parts: Iterator[tuple[int, Floats]]) -> Iterator[Floats]:
    """Brings mono samples of any rate to 16 kHz; a change of rate on the way starts anew."""
    rate, resampler = None, None
    for part_rate, samples in parts:
        if part_rate != rate:
            if resampler is not None:
                yield from _flush(resampler)
            rate = part_rate
            resampler = (
                None
                if rate == SAMPLE_RATE
                else soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32")
            )
        out = samples if resampler is None else resampler.resample_chunk(samples)
        if len(out):
            yield np.asarray(out, dtype=np.float32)
    if resampler is not None:
        yield from _flush(resampler)


def _flush(resampler: soxr.ResampleStream) -> Iterator[Floats]:
    rest = resampler.resample_chunk(np.zeros(0, dtype=np.float32), last=True)
    if len(rest):
        yield np.asarray(rest, dtype=np.float32)


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
