"""The command `serve`: the library over HTTP."""

import argparse
from typing import Any

from core import cli_answer
from core.api import Tonescope
from core.http.guard import token_for


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
        # Above what clients keep a connection for (httpx: 5 s), so that none is closed as they ask.
        timeout_keep_alive=30,
        limit_concurrency=900,  # connections; long before, the guard answers 429
        timeout_graceful_shutdown=10,
    )
    server = uvicorn.Server(settings)
    listening = settings.bind_socket()
    port = listening.getsockname()[1]
    cli_answer.say(f"answering at http://{options.host}:{port}/docs; Ctrl-C ends it")
    server.run(sockets=[listening])
    return 0
