"""What the server answers beside the pages: sound in ranges, and what a span of it looks like."""

import io
import math
import re
from collections.abc import Collection
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from core.errors import ConsentError, TonescopeError

if TYPE_CHECKING:
    from core.records import Span

_SHA256 = re.compile(r"[0-9a-f]{64}")
_KEY = re.compile(r"[0-9a-f]{16}")
_HEADERS = {
    "Cache-Control": "private, max-age=3600",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
_FRESH = _HEADERS | {"Cache-Control": "no-store"}
_MOST_COLUMNS = 2_000


def audio_url(recording: str) -> str:
    """Returns the address of a recording's audio, relative to the server."""
    return f"/tonescope/audio/{recording}"


def view_url(recording: str) -> str:
    """Returns the address of what a span of a recording looks like."""
    return f"/tonescope/view/{recording}"


def spectrogram_url(recording: str) -> str:
    """Returns the address of the spectrogram of a span."""
    return f"/tonescope/spectrogram/{recording}"


def plotly_url() -> str:
    """Returns the address of plotly.js, of the version that is installed."""
    from importlib.metadata import version

    return f"/tonescope/plotly.js?v={version('plotly')}"


def audio(request: Request) -> Response:
    """Answers with a recording's audio as browsers play it, or the asked range of it."""
    from dashboard.shared import scope  # not on the way to the server's first answer

    recording = request.path_params["recording"]
    if not _SHA256.fullmatch(recording):
        return PlainTextResponse("A recording is named by 64 hex digits.", status_code=400)
    try:
        path, kind = scope().playable(recording)
    except TonescopeError as error:
        return _refused(error)
    return FileResponse(path, media_type=kind, headers=_HEADERS)


def plotly_js(request: Request) -> Response:
    """Answers with plotly.js from the installed package."""
    del request
    import importlib.resources

    place = importlib.resources.files("plotly") / "package_data" / "plotly.min.js"
    with importlib.resources.as_file(place) as path:
        kept = _HEADERS | {"Cache-Control": "public, max-age=31536000, immutable"}
        return FileResponse(path, media_type="text/javascript", headers=kept)


def view(request: Request) -> Response:
    """Answers with curves, waveform, lanes and prosody of a span, as JSON; see `dashboard.scope`."""
    import msgspec  # writes numbers ten times faster than `json`

    from core.timeline.turning_points import FALSE_PER_HOUR, PENALTIES
    from dashboard import scope
    from dashboard.resources import Choice

    try:
        second = None
        if request.query_params.get("second.run"):
            second = Choice(
                _matching(request.path_params["recording"], _SHA256),
                _channel(request, "second.channel"),
                _matching(request.query_params.get("second.track", ""), _KEY),
                _matching(request.query_params.get("second.run", ""), _KEY),
            )
        wanted = scope.Wanted(
            recording=_matching(request.path_params["recording"], _SHA256),
            channel=_channel(request),
            track_key=_matching(request.query_params.get("track", ""), _KEY),
            run_key=_matching(request.query_params.get("run", ""), _KEY),
            span=_span(request),
            n_pixels=int(_number(request, "width", 1, scope.MOST_PIXELS)),
            smoothing_s=_number(request, "smoothing", 0.02, 60.0),
            speech_only=request.query_params.get("frames") != "all",
            stacked=request.query_params.get("stacked") == "1",
            second=second,
            blind=request.query_params.get("blind") == "1",
            annotator=request.query_params.get("annotator", ""),
            band=request.query_params.get("band") == "1",
            rate=_one_of(request, "rate", PENALTIES, FALSE_PER_HOUR),
            dark=request.query_params.get("dark") == "1",
            parts=frozenset(request.query_params.get("parts", "").split(",")),
        )
    except ValueError as error:
        return PlainTextResponse(str(error), status_code=400)
    try:
        body = msgspec.json.encode(scope.view(wanted))
        return Response(body, media_type="application/json", headers=_FRESH)
    except TonescopeError as error:
        return _refused(error)


def spectrogram_png(request: Request) -> Response:
    """Answers with the spectrogram of a span as a PNG, black where it is loudest."""
    from PIL import Image

    from core.audio.spectrogram import spectrogram
    from dashboard import sound

    try:
        recording = _matching(request.path_params["recording"], _SHA256)
        channel, span = _channel(request), _span(request)
        n_columns = int(_number(request, "width", 1, _MOST_COLUMNS))
    except ValueError as error:
        return PlainTextResponse(str(error), status_code=400)
    try:
        power = spectrogram(sound.samples(recording, channel), span, n_columns)
    except TonescopeError as error:
        return _refused(error)
    file = io.BytesIO()
    Image.fromarray(255 - power[::-1], "L").save(file, "PNG", compress_level=3)
    return Response(file.getvalue(), media_type="image/png", headers=_HEADERS)


def _refused(error: TonescopeError) -> Response:
    status = 403 if isinstance(error, ConsentError) else 404
    return PlainTextResponse(str(error), status_code=status)


def _matching(text: str, pattern: re.Pattern[str]) -> str:
    if not pattern.fullmatch(text):
        raise ValueError("Recordings are named by 64 hex digits, tracks and runs by 16.")
    return text


def _channel(request: Request, name: str = "channel") -> int | None:
    text = request.query_params.get(name, "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 5):
        raise ValueError("A channel is a number from 0; none stands for the mix of all.")
    return int(text)


def _span(request: Request) -> "Span":
    from core.records import Span

    start_s, end_s = _number(request, "start", 0, 1e6), _number(request, "end", 0, 1e6)
    if not start_s < end_s:
        raise ValueError("A span ends after it starts; give start and end in seconds.")
    return Span(start_s, end_s)


def _one_of(request: Request, name: str, known: Collection[float], otherwise: float) -> float:
    if not request.query_params.get(name):
        return otherwise
    value = _number(request, name, min(known), max(known))
    if value not in known:
        raise ValueError(f"{name} must be one of {', '.join(f'{n:g}' for n in known)}.")
    return value


def _number(request: Request, name: str, least: float, most: float) -> float:
    try:
        value = float(request.query_params.get(name, ""))
    except ValueError:
        value = math.nan
    if not least <= value <= most:
        raise ValueError(f"{name} must be a number from {least:g} to {most:g}.")
    return value


ROUTES = [
    Route("/tonescope/audio/{recording}", audio),
    Route("/tonescope/view/{recording}", view),
    Route("/tonescope/spectrogram/{recording}", spectrogram_png),
    Route("/tonescope/plotly.js", plotly_js),
]
