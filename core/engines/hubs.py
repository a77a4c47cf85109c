"""What a hub says of a model's files: names, sizes, hashes and addresses. No account is used."""

import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPException
from typing import IO, Any, Final
from urllib.parse import quote, urlencode, urlsplit

from core.engines.emotion2vec_files import MAX_BYTES, REQUIRED
from core.engines.published import HUBS, Published
from core.errors import EngineError
from core.version import VERSION

TIMEOUT_S: Final = 15.0
NAMES: Final = {"ms": "ModelScope", "hf": "Hugging Face"}
_ADDRESS: Final = {"ms": "https://www.modelscope.cn", "hf": "https://huggingface.co"}
_VARIABLE: Final = {"ms": "MODELSCOPE_DOMAIN", "hf": "HF_ENDPOINT"}  # the hubs' own, for mirrors
_MOST_ANSWER = 4 << 20


@dataclass(frozen=True)
class RemoteFile:
    """One file of a model as its hub describes it.

    Attributes:
        sha256: of its bytes, or None where the hub does not tell it.
        git_sha1: of its bytes as a Git blob, or None.
    """

    name: str
    size_bytes: int
    url: str
    sha256: str | None = None
    git_sha1: str | None = None


def list_files(model: Published, hub: str, address: str | None = None) -> tuple[RemoteFile, ...]:
    """Returns the files that a model needs, as the hub describes them.

    Args:
        model: the published model.
        hub: `ms` or `hf`.
        address: of the hub; by default `MODELSCOPE_DOMAIN` or `HF_ENDPOINT`, else its own.

    Raises:
        EngineError: the hub cannot be reached, does not have it, or lists too little or too much.
    """
    if hub not in HUBS:
        raise EngineError(f"There is no hub {hub!r}; choose ms (ModelScope) or hf (Hugging Face).")
    root = _root(address or os.environ.get(_VARIABLE[hub]) or _ADDRESS[hub])
    reader = _modelscope if hub == "ms" else _hugging_face
    try:
        found = {file.name: file for file in reader(root, model.repository(hub))}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise EngineError(
            f"{NAMES[hub]} answered with something that is no list of files: try again later, or "
            "fetch from the other hub."
        ) from error
    for name in REQUIRED:
        if name not in found:
            raise EngineError(
                f"{NAMES[hub]} lists no {name} for {model.repository(hub)}, it is needed: fetch "
                "from the other hub."
            )
    for file in found.values():
        if not 0 < file.size_bytes <= MAX_BYTES[file.name]:
            raise EngineError(
                f"{NAMES[hub]} lists {file.name} with {file.size_bytes:,} bytes, expected are at "
                f"most {MAX_BYTES[file.name]:,}: fetch from the other hub."
            )
    return tuple(sorted(found.values(), key=lambda file: file.size_bytes))


def open_url(url: str, start: int = 0) -> Any:
    """Returns the open answer to a request for a file from byte `start` on.

    Raises:
        OSError: there is no connection, or the hub refuses (`urllib.error.HTTPError`).
    """
    headers = {"User-Agent": f"tonescope/{VERSION}", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    opener = urllib.request.build_opener(_OnlySafe())
    return opener.open(urllib.request.Request(url, headers=headers), timeout=TIMEOUT_S)  # noqa: S310


def unreachable(hub_address: str, error: Exception) -> EngineError:
    """Returns the sentence for a hub that does not answer, or does not have what is asked for."""
    host = urlsplit(hub_address).netloc
    if isinstance(error, urllib.error.HTTPError):
        return EngineError(
            f"{host} answered {error.code} ({error.reason}): the model is not there, or not free "
            "to fetch; try the other hub."
        )
    reason = getattr(error, "reason", None) or error
    reason = getattr(reason, "strerror", None) or reason
    return EngineError(
        f"{host} cannot be reached ({reason}): check the network, or try the other hub; what is "
        "fetched already is kept."
    )


class _OnlySafe(urllib.request.HTTPRedirectHandler):
    """Follows redirections, as hubs do to their stores, but never from HTTPS to plain HTTP."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: Any,
        newurl: str,
    ) -> urllib.request.Request | None:
        if urlsplit(newurl).scheme != "https" and urlsplit(req.full_url).scheme == "https":
            raise urllib.error.URLError("it leads from HTTPS to plain HTTP")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _root(address: str) -> str:
    root = (address if "://" in address else f"https://{address}").rstrip("/")
    parts = urlsplit(root)
    local = parts.hostname in ("127.0.0.1", "localhost", "::1")
    if parts.scheme != "https" and not (local and parts.scheme == "http"):
        raise EngineError(f"The hub's address {address!r} is not HTTPS; give one that is.")
    return root


def _hugging_face(root: str, repository: str) -> Iterator[RemoteFile]:
    commit = _json(f"{root}/api/models/{repository}/revision/main", root)["sha"]
    if not (isinstance(commit, str) and commit.isalnum()):
        raise ValueError("no commit")
    for entry in _json(f"{root}/api/models/{repository}/tree/{commit}", root):
        if entry["path"] in MAX_BYTES:
            lfs = entry.get("lfs") or {}
            yield RemoteFile(
                name=entry["path"],
                size_bytes=int(lfs.get("size") or entry["size"]),
                url=f"{root}/{repository}/resolve/{commit}/{quote(entry['path'])}",
                sha256=lfs.get("oid"),
                git_sha1=None if lfs else entry.get("oid"),
            )


def _modelscope(root: str, repository: str) -> Iterator[RemoteFile]:
    base = f"{root}/api/v1/models/{repository}/repo"
    answer = _json(f"{base}/files?{urlencode({'Revision': 'master', 'Recursive': 'false'})}", root)
    for entry in answer["Data"]["Files"]:
        if entry["Path"] in MAX_BYTES:
            wanted = urlencode({"Revision": "master", "FilePath": entry["Path"]})
            yield RemoteFile(
                name=entry["Path"],
                size_bytes=int(entry["Size"]),
                url=f"{base}?{wanted}",
                sha256=entry.get("Sha256") or None,
            )


def _json(url: str, root: str) -> Any:
    try:
        with open_url(url) as answer:
            return json.loads(answer.read(_MOST_ANSWER))
    except (OSError, HTTPException) as error:
        raise unreachable(root, error) from error
