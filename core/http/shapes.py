"""What requests hold and answers look like, for OpenAPI: schemas of the contract, with examples."""

from typing import Any, Final

from pydantic import BaseModel, Field

from core.contract import schema
from core.emotions import EMOTIONS

_SCORES: Final = {str(emotion): 0.02 for emotion in EMOTIONS} | {"angry": 0.84}
_RECORDING: Final = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
PREDICTION: Final[dict[str, Any]] = {
    "emotion": "angry",
    "confidence": 0.71,
    "scores": _SCORES,
    "granularity": "utterance",
    "timestamp": "2026-11-22T12:00:00+00:00",
    "engine": "compact-0123456789ab",
    "duration_s": 3.2,
}

HIT: Final[dict[str, Any]] = {
    "rank": 1,
    "recording": _RECORDING,
    "segment": 3,
    "start_s": 12.4,
    "end_s": 15.1,
    "score": 0.87,
    "emotion": "angry",
}
ENGINE: Final[dict[str, Any]] = {
    "name": "compact",
    "engine_id": "compact-0123456789ab",
    "ready": True,
    "reason": None,
    "size_mb": 15.7,
    "licence": "CC BY-NC-SA 4.0",
    "dims": 384,
}


class Problem(BaseModel):
    """Why a request was not answered."""

    error: str = Field(examples=["There is no recording 'ffff' in the store."])


class Accepted(BaseModel):
    """The job that a recording was given to."""

    job: str = Field(examples=["n0Xc1fA2b3E"])


class JobState(BaseModel):
    """How a job stands."""

    job: str = Field(examples=["n0Xc1fA2b3E"])
    state: str = Field(examples=["running"])
    done: int = Field(examples=[0])
    total: int = Field(examples=[1])
    eta_s: float | None = Field(examples=[4.2])
    files: list[dict[str, Any]] = Field(description="a line as of `analyze` for each file done")


class RecordingLine(BaseModel):
    """A recording with its newest analysis."""

    recording: str = Field(examples=[_RECORDING])
    name: str = Field(examples=["interview.mp3"])
    channel: int | None = Field(examples=[None])
    session: str | None = Field(examples=["Study 1"])
    speaker: str | None = Field(examples=["P07"])
    duration_s: float = Field(examples=[61.5])
    emotion: str = Field(examples=["neutral"])
    confidence: float | None = Field(examples=[None])
    segments: int = Field(examples=[14])
    engine: str = Field(examples=["compact-0123456789ab"])


class RecordingPage(BaseModel):
    """Some of the recordings, the newest first."""

    total: int = Field(examples=[1])
    recordings: list[RecordingLine]


class SegmentLine(BaseModel):
    """A segment: a stretch of one speaker's speech."""

    segment: int = Field(examples=[0])
    start_s: float = Field(examples=[0.4])
    end_s: float = Field(examples=[3.1])
    emotion: str = Field(examples=["neutral"])
    confidence: float | None = Field(examples=[0.63])
    speaker: str | None = Field(examples=["Speaker 1"])
    channel: int | None = Field(examples=[None])
    scores: dict[str, float] = Field(examples=[_SCORES])


class SegmentList(BaseModel):
    """The segments of a recording's newest analysis."""

    recording: str = Field(examples=[_RECORDING])
    engine: str = Field(examples=["compact-0123456789ab"])
    segments: list[SegmentLine]


class Health(BaseModel):
    """The server answers."""

    ok: bool = Field(examples=[True])


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Returns how OpenAPI describes that a request was not answered."""
    why = {
        400: "the request cannot be read",
        401: "no token, or a wrong one",
        403: "not from this machine, or held back by a consent",
        404: "there is none",
        408: "the request came too slowly",
        413: "too large, or too long to be answered at once",
        422: "it cannot be used as it came",
        429: "too much at once; `Retry-After` says when to come again",
    }
    found = (*statuses, 400, 401, 403, 429)
    return {status: {"model": Problem, "description": why[status]} for status in sorted(found)}


def by_contract(name: str, example: Any, *, many: bool = False) -> dict[str, Any]:
    """Returns how OpenAPI describes an answer that the contract fixes."""
    told = schema(name)
    form = _inlined({k: v for k, v in told.items() if k not in ("$schema", "$defs")}, told)
    if many:
        form = {"type": "array", "items": form}
    content = {"application/json": {"schema": form, "example": example}}
    return {"description": form.get("title", name), "content": content}


def _inlined(value: Any, of: dict[str, Any]) -> Any:
    """Returns a part of a schema with its own definitions in the place of what names them."""
    if isinstance(value, list):
        return [_inlined(inner, of) for inner in value]
    if not isinstance(value, dict):
        return value
    if "$ref" in value:
        return _inlined(of["$defs"][value["$ref"].rpartition("/")[2]], of)
    return {key: _inlined(inner, of) for key, inner in value.items()}
