"""Audio files as a stream of mono 16 kHz samples, decoded by FFmpeg through PyAV in this process.

FFmpeg is native code that a hostile file can crash, so everything but the child process of
`core.audio.workers` opens files by `core.audio.decode`. Nothing here holds a whole recording.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
import numpy as np
import soxr
from av.audio.frame import AudioFrame
from av.container import InputContainer
from av.error import FFmpegError
from numpy.typing import NDArray

from core.audio.clock import Clock, lead_s
from core.audio.levels import LevelMeter, mix_weights
from core.errors import AudioError
from core.records import AudioInfo, Floats
from core.settings import DecodingLimits

SAMPLE_RATE = 16_000
MIN_RATE, MAX_RATE = 1_000, 10_000_000
MOST = 1e9  # no sample is greater, not even of a file in the wrong scale
_FORMATS = (
    "wav,w64,rf64,mp3,mp2,mov,mp4,m4a,3gp,flac,ogg,matroska,webm,aac,ac3,eac3,aiff,caf,au,asf,avi,"
    "amr,amrnb,amrwb,mpeg,mpegts,flv,wv,ape,tta,dts,dtshd,gsm,sox,voc,nist_sphere,nistsphere,xwma,"
    "rm,ircam,latm,loas,truehd,mlp,mpc,mpc8,oma,dsf,iff,tak,shn,qcp,ilbc,smjpeg,nut,wtv,mxf,"
    "avr,paf,pvf,sds,w64,bonk,osq,qoa"
)
_OPEN_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": _FORMATS}
_EXPECTED = "expected a recording such as WAV, MP3, M4A, FLAC or OGG"
_PIECE = 48_000  # samples of one frame that are worked on at once
_FEW = 480  # samples; a damaged header can make a frame of each single one


class Decoder:
    """One open audio file: what it declares, its samples, and what was odd about it."""

    def __init__(
        self, container: InputContainer, name: str, channel: int | None, limits: DecodingLimits
    ) -> None:
        self.name = name
        self.channel = channel
        self.n_damaged = 0
        self.n_not_finite = 0
        self.levels = LevelMeter(channel)
        self._container = container
        self._limits = limits
        self._stream = container.streams.best("audio") or container.streams.audio[0]
        self.info = _info(container, self._stream)
        lead = lead_s(container, self._stream)
        self._clock = Clock(lead, self.info.declared_s, container.size)
        if channel is not None and channel >= self.info.n_channels:
            raise AudioError(
                f"{name!r} has {self.info.n_channels} channel(s), so there is no channel "
                f"{channel}; channels count from 0."
            )

    @property
    def gap_s(self) -> float:
        """Seconds of silence that stand for what the file lacks by its own clock."""
        return self._clock.gap_s

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences on what was odd; complete once the samples were read to the end."""
        found = [*self._clock.warnings(self.n_damaged), *self._delay_warnings()]
        if self.n_not_finite:
            found.append(
                f"{self.n_not_finite} sample(s) were not numbers and were set to silence; "
                "check the program that wrote the file."
            )
        if len(self._container.streams.audio) > 1:
            found.append(
                f"The file holds {len(self._container.streams.audio)} sound tracks and only the "
                "main one was taken; export another one to a file of its own to analyse it."
            )
        return (*found, *self.levels.warnings())

    def samples(self) -> Iterator[Floats]:
        """Yields mono float32 chunks at 16 kHz, each of shape `(n_samples,)`.

        Raises:
            AudioError: the file holds no sample that can be decoded, or goes on for too long.
        """
        n_samples = 0
        for chunk in _resampled(self._mono()):
            n_samples += len(chunk)
            if n_samples > self._limits.max_duration_s * SAMPLE_RATE:
                raise AudioError(
                    f"{self.name!r} goes on for more than {self._limits.max_duration_s / 3600:g} h, "
                    "the longest that is taken; cut it into parts, or raise TONESCOPE_MAX_HOURS."
                )
            yield chunk
        if n_samples == 0:
            raise AudioError(
                f"{self.name!r} holds no sound that can be decoded; {_EXPECTED} with audio in it. "
                "Play it in another program, and export it again from there."
            )

    def channels(self) -> Iterator[tuple[int, list[str], Floats]]:
        """Yields rate, names of the channels and samples, shape `(n_channels, n_samples)`.

        Silence stands where the file's own clock says that something is missing.
        """
        for rate, names, samples in _joined(self._pieces()):
            yield rate, names, self._finite(samples)

    def _pieces(self) -> Iterator[tuple[int, list[str], Floats]]:
        for frame in self._frames():
            rate = frame.sample_rate
            if not MIN_RATE <= rate <= MAX_RATE:
                raise AudioError(
                    f"{self.name!r} says it is sampled {rate} times a second; expected "
                    f"{MIN_RATE} to {MAX_RATE}. Its header is damaged, so export it again."
                )
            names = [channel.name for channel in frame.layout.channels]
            for n_missing in self._clock.missing(frame, self.n_damaged):
                yield rate, names, np.zeros((len(names), n_missing), np.float32)
            samples = _planes(frame, len(names))
            for start in range(0, samples.shape[1], _PIECE):
                yield rate, names, samples[:, start : start + _PIECE]

    def _mono(self) -> Iterator[tuple[int, Floats]]:
        """Yields sample rate and mono samples of one piece after the other."""
        for rate, names, samples in self.channels():
            if self.channel is not None and self.channel >= len(samples):
                raise AudioError(
                    f"{self.name!r} has no channel {self.channel} from some point on; "
                    "analyse the mean of all channels, or export it with a fixed number."
                )
            weights = mix_weights(names)
            mono = weights @ samples if self.channel is None else samples[self.channel]
            self.levels.feed(samples, mono, weights, rate)
            yield rate, mono

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
                for frame in packet.decode():
                    if isinstance(frame, AudioFrame):
                        yield frame
            except FFmpegError:
                self.n_damaged += 1

    def _finite(self, samples: Floats) -> Floats:
        bad = ~(np.abs(samples) < MOST)  # also true where it is no number
        if bad.any():
            self.n_not_finite += int(bad.sum())
            samples = np.where(bad, np.float32(0), samples)
        return samples

    def _delay_warnings(self) -> list[str]:
        """Says where a file does not tell how much silence its encoder put before the sound.

        Source: the gapless tags of LAME in MP3 and the edit list of MP4 tell; ADTS has no place.
        """
        container, start = self._container.format.name, self._stream.start_time
        if container == "aac" or (container == "mp3" and not start and self.info.codec != "mp2"):
            kind = "raw AAC" if container == "aac" else "an MP3 without a LAME tag"
            return [
                f"This is {kind}, which does not say how much silence its encoder put first, so "
                "times may be late by 0.02 to 0.13 s; use M4A, WAV or the original if that matters."
            ]
        return []


@contextmanager
def open_decoder(
    path: Path,
    channel: int | None = None,
    name: str | None = None,
    limits: DecodingLimits | None = None,
) -> Iterator[Decoder]:
    """Opens an audio file for reading in this process.

    Args:
        path: the file.
        channel: one channel, from 0, or None for the mix of all.
        name: what errors call it; by default the file's own name.
        limits: how long a recording may be.

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
    except (OSError, FFmpegError, ValueError) as error:
        raise AudioError(
            f"{name!r} cannot be read as audio ({_reason(error)}); {_EXPECTED}. "
            "Check the file, or convert it to WAV."
        ) from error
    with container:
        if not container.streams.audio:
            raise AudioError(f"{name!r} holds no audio; {_EXPECTED}.")
        if all(stream.codec_context is None for stream in container.streams.audio):
            raise AudioError(
                f"{name!r} holds sound of a kind that cannot be decoded; {_EXPECTED}. "
                "Convert it to WAV in the program that made it."
            )
        yield Decoder(container, name, channel, limits or DecodingLimits())


def _joined(
    pieces: Iterator[tuple[int, list[str], Floats]],
) -> Iterator[tuple[int, list[str], Floats]]:
    """Joins pieces of few samples, as each costs the same however short it is."""
    rate, names, held, n_held = 0, list[str](), list[Floats](), 0
    for next_rate, next_names, samples in pieces:
        if held and (next_rate, next_names) != (rate, names):
            yield rate, names, np.concatenate(held, axis=1)
            held, n_held = [], 0
        rate, names = next_rate, next_names
        held.append(samples)
        n_held += samples.shape[1]
        if n_held >= _FEW:
            yield rate, names, held[0] if len(held) == 1 else np.concatenate(held, axis=1)
            held, n_held = [], 0
    if held:
        yield rate, names, np.concatenate(held, axis=1)


def _planes(frame: AudioFrame, n_channels: int) -> Floats:
    """Returns the samples of a frame as float32 in [-1, 1], shape `(n_channels, n_samples)`."""
    raw: NDArray[Any] = frame.to_ndarray()
    if not frame.format.is_planar:
        raw = raw.reshape(-1, n_channels).T
    if raw.dtype == np.uint8:
        raw = raw.astype(np.int16) - 128
        scale = 128.0
    else:
        scale = 2.0 ** (8 * raw.dtype.itemsize - 1) if raw.dtype.kind == "i" else 1.0
    with np.errstate(over="ignore"):
        samples: Floats = raw.astype(np.float32) / np.float32(scale)
    return samples


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
