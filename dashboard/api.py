"""The HTTP API beside the pages: off, unless `TONESCOPE_API` is set to 1."""

import os
from functools import cache

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Mount
from starlette.types import ASGIApp, Receive, Scope, Send

SWITCH = "TONESCOPE_API"
PREFIX = "/tonescope/api"


def routes() -> list[BaseRoute]:
    """Returns the route of the API where it is switched on, or none."""
    return [Mount(PREFIX, app=answer)] if os.environ.get(SWITCH) == "1" else []


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers a request to the API, which is made when it is first asked."""
    app = await run_in_threadpool(_application)
    await app(scope, receive, send)


@cache
def _application() -> ASGIApp:
    """Returns the API over the store, the engines and the jobs of the pages."""
    import streamlit as st

    from core.errors import SettingsError
    from core.http.guard import token_for
    from core.http.server import application
    from dashboard.shared import queue, scope

    try:
        token = token_for(st.get_option("server.address"))
    except SettingsError as error:
        return JSONResponse({"error": str(error)}, 403)
    return application(scope(), token, jobs=queue())
