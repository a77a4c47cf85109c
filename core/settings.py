"""Every choice that changes a result, as frozen records whose hash names the result."""

import hashlib
import json
import os
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from core.errors import SettingsError

PROJECT_ROOT = Path(__file__).resolve().parent.parent
MODELS_DIR = PROJECT_ROOT / "data" / "models"
SAMPLES_DIR = PROJECT_ROOT / "data" / "samples"


def digest(value: dict[str, Any]) -> str:
    """Returns 16 hex digits that name a set of parameters, whatever the order of its keys."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def default_store() -> Path:
    """Returns the folder of the store: `TONESCOPE_STORE`, or `data/store` of the project."""
    chosen = os.environ.get("TONESCOPE_STORE")
    return Path(chosen).expanduser() if chosen else PROJECT_ROOT / "data" / "store"


def fetched_models(otherwise: Path = MODELS_DIR) -> Path:
    """Returns the folder of fetched models: `TONESCOPE_MODELS`, or the one given."""
    chosen = os.environ.get("TONESCOPE_MODELS")
    return Path(chosen).expanduser() if chosen else otherwise


def measurements() -> Path:
    """Returns the folder of what was measured on this machine: `TONESCOPE_CACHE`, or the user's."""
    chosen = os.environ.get("TONESCOPE_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "tonescope"


@dataclass(frozen=True)
class DecodingLimits:
    """What decoding one file may take before it is given up; changes no result.

    Attributes:
        max_duration_s: the longest recording that is taken.
        memory_bytes: address space of the process that decodes.
        stall_s: time without a second of sound decoded; also of its processor time.
    """

    max_duration_s: float = 24 * 3600.0
    memory_bytes: int = 2 << 30
    stall_s: float = 30.0


def decoding_limits() -> DecodingLimits:
    """Returns the limits of decoding; `TONESCOPE_MAX_HOURS` sets the longest recording.

    Raises:
        SettingsError: the variable is no number of hours.
    """
    hours = os.environ.get("TONESCOPE_MAX_HOURS")
    if not hours:
        return DecodingLimits()
    try:
        max_duration_s = float(hours) * 3600
    except ValueError:
        max_duration_s = 0.0
    if not 0 < max_duration_s < 1e9:
        raise SettingsError(
            f"TONESCOPE_MAX_HOURS is {hours!r}, which is no number of hours; set it to 24, for one."
        )
    return DecodingLimits(max_duration_s)


@dataclass(frozen=True)
class Conditioning:
    """What happens to the audio before an engine hears it.

    Attributes:
        channel: the one channel to analyse, counted from 0, or None for the mean of all.
        speech_threshold: probability from which Silero VAD calls 32 ms speech.
        speech_pause_s: a silence this long ends a stretch of speech.
        speech_pad_s: kept on both sides of a stretch of speech.
        speech_min_s: a stretch shorter than this is no speech.
        noise_reduction: whether steady background noise is lowered first.
        trim_silence: whether what lies before the first and after the last speech is left out;
            times stay those of the recording.
    """

    channel: int | None = None
    speech_threshold: float = 0.5
    speech_pause_s: float = 0.1
    speech_pad_s: float = 0.03
    speech_min_s: float = 0.25
    noise_reduction: bool = False
    trim_silence: bool = False

    def __post_init__(self) -> None:
        if self.channel is not None and self.channel < 0:
            raise SettingsError(
                f"Channel {self.channel} does not exist; channels count from 0, "
                "and none stands for the mean of all."
            )
        if not 0 < self.speech_threshold < 1:
            raise SettingsError(
                f"A speech threshold of {self.speech_threshold} is no probability; "
                "choose one between 0 and 1."
            )


@dataclass(frozen=True)
class Segmentation:
    """How the speech of a track is cut into segments.

    Attributes:
        max_pause_s: stretches of speech closer than this belong to one segment.
        max_segment_s: a longer segment is split into equal parts.
        min_segment_s: a segment with less speech than this is left out.
    """

    max_pause_s: float = 0.3
    max_segment_s: float = 6.0
    min_segment_s: float = 0.25

    def __post_init__(self) -> None:
        if not self.max_pause_s >= 0:
            raise SettingsError(
                f"A pause of {self.max_pause_s} s cannot be bridged; choose 0 s or more."
            )
        if not 0 < self.min_segment_s <= self.max_segment_s:
            raise SettingsError(
                f"Segments of {self.min_segment_s} s to {self.max_segment_s} s cannot be cut; "
                "the least length must be above 0 and no more than the greatest."
            )


class Speakers(StrEnum):
    """How speakers are told apart; a number from 1 to 10 stands for so many speakers."""

    NONE = "none"
    AUTO = "auto"
    CHANNEL = "channel"


MOST_SPEAKERS = 10


@dataclass(frozen=True)
class Analysis:
    """The settings of one analysis; with an engine they name its track and its run.

    Attributes:
        speakers: `none`, `auto` (their number is found out), how many there are (1 to 10), or
            `channel` (the channel that is analysed holds one).
    """

    conditioning: Conditioning = field(default_factory=Conditioning)
    segmentation: Segmentation = field(default_factory=Segmentation)
    speakers: str = Speakers.NONE

    def __post_init__(self) -> None:
        known = self.speakers in set(Speakers)
        digits = self.speakers.isascii() and self.speakers.isdigit()
        if not known and not (digits and 1 <= int(self.speakers) <= MOST_SPEAKERS):
            raise SettingsError(
                f"{self.speakers!r} says not how speakers are told apart; give none, auto, or how "
                f"many there are (1 to {MOST_SPEAKERS})."
            )

    def conditioning_json(self) -> str:
        """Returns the conditioning as JSON, for the provenance of a track."""
        return json.dumps(asdict(self.conditioning), sort_keys=True)


def segmentation_json(settings: Segmentation, turns: dict[str, Any]) -> str:
    """Returns the segmentation as JSON, and how turns were made, for the provenance of a run."""
    made = {"turns": turns} if turns else {}
    return json.dumps(asdict(settings) | made, sort_keys=True)
