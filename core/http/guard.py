"""What stands before every request: who asks, how much they send, and how many ask at once."""

import asyncio
import hmac
import ipaddress
import json
import os
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.errors import SettingsError

TOKEN = "TONESCOPE_TOKEN"  # noqa: S105 - the name of a variable
_SHORTEST = 16
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1", "[::1]"})
_READ_OFF_BYTES, _READ_OFF_S = 16 << 20, 5.0
OPEN = frozenset({"/healthz"})  # answers anybody, and says nothing


@dataclass(frozen=True)
class Limits:
    """What the server takes.

    Attributes:
        body_bytes: of one request.
        receive_s: how long a request may take to arrive.
        answer_s: how long a prediction may take; longer recordings are handed in as jobs.
        requests: answered at once; more are told to come again.
        predictions: at once.
        jobs: unfinished at once.
    """

    body_bytes: int = 1 << 30
    receive_s: float = 600.0
    answer_s: float = 300.0
    requests: int = 64
    predictions: int = 4
    jobs: int = 32


class Guard:
    """ASGI middleware that answers what may not pass.

    Args:
        app: what stands behind it.
        limits: what the server takes.
        token: what each request must carry as `Authorization: Bearer …`, or None on loopback.
    """

    def __init__(self, app: ASGIApp, limits: Limits, token: str | None = None) -> None:
        self._app = app
        self._limits = limits
        self._token = token
        self._n_requests = 0
        self._n_predictions = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request, or hands it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refused = self._refused(scope)
        if refused:
            if refused[0] == 429:
                await _read_off(receive)
            await _answer(send, *refused)
            return
        predicts = _predicts(scope)
        self._n_requests += 1
        self._n_predictions += predicts
        try:
            await self._bounded(scope, receive, send)
        finally:
            self._n_requests -= 1
            self._n_predictions -= predicts

    def _refused(self, scope: Scope) -> tuple[int, str] | None:
        headers = {
            key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]
        }
        if _path(scope) not in OPEN:
            if self._token is not None and not _carries(headers, self._token):
                return 401, "Send the server's token as 'Authorization: Bearer TOKEN'."
            if self._token is None and not _from_here(scope, headers):
                return 403, "Without a token the server answers only this machine, and no web page."
        length = headers.get("content-length", "")
        if length.isdigit() and int(length) > self._limits.body_bytes:
            return 413, self._too_large()
        full = _predicts(scope) and self._n_predictions >= self._limits.predictions
        if full or self._n_requests >= self._limits.requests:
            return 429, "The server is busy; try again in a moment."
        return None

    async def _bounded(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hands a request on, and ends it where its body is too large or comes too slowly."""
        n_bytes, until_s = 0, time.monotonic() + self._limits.receive_s
        arrived = started = False
        verdict: tuple[int, str] | None = None

        async def bounded() -> Message:
            nonlocal n_bytes, arrived, verdict
            if arrived:
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), max(0.0, until_s - time.monotonic()))
            except TimeoutError as error:
                verdict = 408, "The request came too slowly; send it again."
                raise _Ended from error
            n_bytes += len(message.get("body", b""))
            arrived = not message.get("more_body", False)
            if n_bytes > self._limits.body_bytes:
                verdict = 413, self._too_large()
                raise _Ended
            return message

        async def told(message: Message) -> None:
            nonlocal started
            if verdict is None or started:  # else the application answers that it could not read
                started = True
                await send(message)

        try:
            await self._app(scope, bounded, told)
        except _Ended:
            if started:
                raise
        if verdict and not started:
            await _answer(send, *verdict)

    def _too_large(self) -> str:
        return f"The request is larger than {self._limits.body_bytes:,} bytes; send a smaller file."


class _Ended(Exception):  # noqa: N818 - never leaves this module
    """The body is larger, or comes more slowly, than it may."""


def _carries(headers: dict[str, str], token: str) -> bool:
    kind, _, given = headers.get("authorization", "").partition(" ")
    same = hmac.compare_digest(given.strip().encode("utf-8", "replace"), token.encode())
    return kind.lower() == "bearer" and same


def token_for(host: str | None) -> str | None:
    """Returns the token that requests must carry, or None where only this machine can ask.

    Args:
        host: where the server listens, or None for everywhere.

    Raises:
        SettingsError: others could ask, and there is no token, or a short one.
    """
    token = os.environ.get(TOKEN, "")
    if token and len(token) < _SHORTEST:
        raise SettingsError(
            f"{TOKEN} has {len(token)} characters; give at least {_SHORTEST}, such as "
            f"{secrets.token_urlsafe(24)}"
        )
    if not token and host not in LOOPBACK:
        raise SettingsError(
            f"At {host or 'every address'!r} others can reach the server, so requests need a token; "
            f"set {TOKEN}, such as {secrets.token_urlsafe(24)}"
        )
    return token or None


def _path(scope: Scope) -> str:
    """Returns the path of a request below where the API is mounted."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def _predicts(scope: Scope) -> bool:
    return _path(scope) == "/v1/predict" and scope["method"] == "POST"


def _from_here(scope: Scope, headers: dict[str, str]) -> bool:
    """Whether the request comes from this machine, names it, and is of no page of another one."""
    if scope.get("client") and not _is_loopback(scope["client"][0]):
        return False
    names = [headers.get("host", "")]
    if "origin" in headers:
        names.append(urlsplit(headers["origin"]).netloc)
    return all(_host(name) in LOOPBACK for name in names)


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _host(name: str) -> str:
    if name.startswith("["):
        return name.partition("]")[0] + "]"
    return name.partition(":")[0].lower()


async def _read_off(receive: Receive) -> None:
    """Reads what is left of a body, as far as it is short and comes soon.

    Where a connection is closed on a client that still sends, its system throws the answer away and
    the client hears of a broken connection instead of when to come again.
    """
    n_bytes = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(_READ_OFF_S):
            while n_bytes < _READ_OFF_BYTES:
                message = await receive()
                n_bytes += len(message.get("body", b""))
                if message["type"] == "http.disconnect" or not message.get("more_body", False):
                    return


async def _answer(send: Send, status: int, sentence: str) -> None:
    body = json.dumps({"error": sentence}).encode()
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    headers.append((b"content-length", str(len(body)).encode()))
    if status == 429:
        headers.append((b"retry-after", b"2"))
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
