"""What the server answers beside the pages: its icon, and audio with range requests."""

import re
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from core.errors import TonescopeError

_ICON = Path(__file__).resolve().parent / "icon.png"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_HEADERS = {
    "Cache-Control": "private, max-age=3600",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


def audio_url(recording: str) -> str:
    """Returns the address of a recording's audio, relative to the server."""
    return f"/tonescope/audio/{recording}"


def audio(request: Request) -> Response:
    """Answers with a recording's audio as browsers play it, or the asked range of it."""
    from dashboard.shared import scope  # not on the way to the server's first answer

    recording = request.path_params["recording"]
    if not _SHA256.fullmatch(recording):
        return PlainTextResponse("A recording is named by 64 hex digits.", status_code=400)
    try:
        path, kind = scope().playable(recording)
    except TonescopeError as error:
        return PlainTextResponse(str(error), status_code=404)
    return FileResponse(path, media_type=kind, headers=_HEADERS)


def icon(request: Request) -> Response:
    """Answers with the icon of the browser's tab, in place of Streamlit's own."""
    del request
    return FileResponse(_ICON, media_type="image/png", headers=_HEADERS)


ROUTES = [Route("/tonescope/audio/{recording}", audio), Route("/favicon.png", icon)]
