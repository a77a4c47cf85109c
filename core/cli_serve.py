"""The command `serve`: the library over HTTP."""

import argparse
import os
import secrets
from typing import Any

from core import cli_answer
from core.api import Tonescope
from core.errors import SettingsError

TOKEN = "TONESCOPE_TOKEN"  # noqa: S105 - the name of a variable
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_SHORTEST = 16


def add_serve(commands: Any) -> argparse.ArgumentParser:
    """Adds the command; returns its parser, which still lacks `--store`."""
    serve: argparse.ArgumentParser = commands.add_parser("serve", help="answer over HTTP")
    serve.add_argument("--host", default="127.0.0.1", help="(default: 127.0.0.1)")
    serve.add_argument("--port", type=int, default=8000, help="(default: 8000; 0: any free one)")
    serve.set_defaults(command=_serve)
    return serve


def _serve(options: argparse.Namespace) -> int:
    import uvicorn

    from core.http.server import application

    token = token_for(options.host)
    scope = Tonescope(options.store)
    scope.store.root  # noqa: B018 - a folder that is no store is told now, not at the first request
    app = application(scope, token)
    settings = uvicorn.Config(
        app,
        host=options.host,
        port=options.port,
        log_level="warning",
        server_header=False,
        timeout_keep_alive=5,
        limit_concurrency=256,
        timeout_graceful_shutdown=10,
    )
    server = uvicorn.Server(settings)
    listening = settings.bind_socket()
    port = listening.getsockname()[1]
    cli_answer.say(f"answering at http://{options.host}:{port}/docs; Ctrl-C ends it")
    server.run(sockets=[listening])
    return 0


def token_for(host: str) -> str | None:
    """Returns the token that requests must carry, or None where only this machine can ask.

    Raises:
        SettingsError: others could ask, and there is no token, or a short one.
    """
    token = os.environ.get(TOKEN, "")
    if token and len(token) < _SHORTEST:
        raise SettingsError(
            f"{TOKEN} has {len(token)} characters; give at least {_SHORTEST}, such as "
            f"{secrets.token_urlsafe(24)}"
        )
    if not token and host not in _LOOPBACK:
        raise SettingsError(
            f"At {host!r} others can reach the server, so requests need a token; set {TOKEN}, "
            f"such as {secrets.token_urlsafe(24)}"
        )
    return token or None
