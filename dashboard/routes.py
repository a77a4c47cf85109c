"""What the server answers beside the pages: the audio of a recording, with range requests."""

import mimetypes
import re

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from core.errors import TonescopeError
from dashboard.shared import scope

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
    """Answers with the audio file of a recording, or the asked range of it."""
    recording = request.path_params["recording"]
    if not _SHA256.fullmatch(recording):
        return PlainTextResponse("A recording is named by 64 hex digits.", status_code=400)
    try:
        store = scope().store
        found = store.recording(recording)
        path = store.audio_path(found)
    except TonescopeError as error:
        return PlainTextResponse(str(error), status_code=404)
    kind = mimetypes.guess_type(found.name)[0] or ""
    if not kind.startswith(("audio/", "video/")):
        kind = "application/octet-stream"
    return FileResponse(path, media_type=kind, headers=_HEADERS)


ROUTES = [Route("/tonescope/audio/{recording}", audio)]
