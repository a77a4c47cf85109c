"""A hub on this machine that answers as ModelScope and Hugging Face do, and can be made to fail."""

import hashlib
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

COMMIT = "c0ffee" * 6 + "c0ff"


@dataclass
class Hub:
    """What the hub serves and how it misbehaves.

    Attributes:
        folder: holds the files of the one model it has.
        drop_after: bytes after which a file's connection breaks, for the next `drops` requests.
        ranges: whether it honours `Range`.
        wrong_hash: whether it announces a hash that model.pt does not have.
        hidden: files that it does not list.
        refuse: status that every file's request is answered with, if any.
        pause_s: waited after every 64 KiB.
        asked: path and `Range` of each file's request.
        headers: of every request.
    """

    folder: Path
    drop_after: int = 0
    drops: int = 0
    ranges: bool = True
    wrong_hash: bool = False
    hidden: tuple[str, ...] = ()
    refuse: int | None = None
    pause_s: float = 0.0
    address: str = ""
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    def sha256(self, name: str) -> str:
        data = (self.folder / name).read_bytes()
        return hashlib.sha256(b"x" + data if self.wrong_hash else data).hexdigest()

    def names(self) -> list[str]:
        names = [path.name for path in self.folder.iterdir() if path.name != "verified.json"]
        return [name for name in names if name not in self.hidden]

    def hugging_face(self) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = [{"type": "directory", "path": "example", "size": 0}]
        for name in self.names():
            data = (self.folder / name).read_bytes()
            blob = hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
            entry: dict[str, Any] = {"type": "file", "path": name, "size": len(data), "oid": blob}
            if name == "model.pt":
                entry["lfs"] = {"oid": self.sha256(name), "size": len(data), "pointerSize": 135}
            entries.append(entry)
        return entries

    def modelscope(self) -> dict[str, Any]:
        files = [
            {
                "Path": name,
                "Size": (self.folder / name).stat().st_size,
                "Sha256": self.sha256(name),
                "Type": "blob",
            }
            for name in self.names()
        ]
        return {"Code": 200, "Data": {"Files": files}}


@contextmanager
def serve(folder: Path, **faults: Any) -> Iterator[Hub]:
    """Yields a hub that serves the model in a folder, on a free port."""
    hub = Hub(folder, **faults)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            hub.headers.append(dict(self.headers))
            url = urlsplit(self.path)
            model = r"(?:iic|emotion2vec)/emotion2vec_plus_(?:seed|base|large)"
            if re.fullmatch(rf"/api/models/{model}/revision/main", url.path):
                self._json({"sha": COMMIT})
            elif re.fullmatch(rf"/api/models/{model}/tree/{COMMIT}", url.path):
                self._json(hub.hugging_face())
            elif re.fullmatch(rf"/api/v1/models/{model}/repo/files", url.path):
                self._json(hub.modelscope())
            elif re.fullmatch(rf"/api/v1/models/{model}/repo", url.path):
                self._file(parse_qs(url.query)["FilePath"][0])
            elif found := re.fullmatch(rf"/{model}/resolve/{COMMIT}/([\w.]+)", url.path):
                self._file(found[1])
            else:
                self.send_error(404)

        def _json(self, value: Any) -> None:
            data = json.dumps(value).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def _file(self, name: str) -> None:
            hub.asked.append((name, self.headers.get("Range")))
            if hub.refuse:
                self.send_error(hub.refuse)
                return
            data = (hub.folder / name).read_bytes()
            start = 0
            if hub.ranges and (asked := self.headers.get("Range")):
                start = int(asked.removeprefix("bytes=").removesuffix("-"))
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
            else:
                self.send_response(200)
            self.send_header("Content-Length", str(len(data) - start))
            self.end_headers()
            self._send(name, data[start:])

        def _send(self, name: str, data: bytes) -> None:
            if name == "model.pt" and hub.drops > 0:
                hub.drops -= 1
                data = data[: hub.drop_after]
            for begin in range(0, len(data), 1 << 16):
                self.wfile.write(data[begin : begin + (1 << 16)])
                waited_s = 0.0
                while waited_s < hub.pause_s:  # which a test may shorten meanwhile
                    time.sleep(0.01)
                    waited_s += 0.01

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # a visitor who leaves early is no error
    hub.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
