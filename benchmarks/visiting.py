"""A visitor of the dashboard without a browser: Streamlit's own messages over a WebSocket.

What a browser does with an answer is the visitor's own machine's work; what is here is all that the
server does for it. Messages are those of the installed Streamlit (`streamlit.proto`).
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode

import httpx
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect

ANSWER_S = 120.0
_DONE = ForwardMsg.ScriptFinishedStatus.FINISHED_SUCCESSFULLY
_FAILED = ForwardMsg.ScriptFinishedStatus.FINISHED_WITH_COMPILE_ERROR


@dataclass
class Answer:
    """What the server sent of one run of a page.

    Attributes:
        elements: the page's, from the top.
        data: all bytes of the run.
        seconds: from asking to the end of the run.
    """

    elements: list[Any] = field(default_factory=list)
    data: bytes = b""
    seconds: float = 0.0

    def one(self, kind: str, label: str) -> Any:
        """Returns the element of a kind whose label begins so.

        Raises:
            RuntimeError: the page has none.
        """
        for element in self.elements:
            if element.WhichOneof("type") == kind:
                found = getattr(element, kind)
                if found.label.startswith(label):
                    return found
        raise RuntimeError(f"The page shows no {kind} {label!r}.")

    def texts(self, kind: str, part: str = "body") -> list[str]:
        """Returns the texts of the elements of a kind."""
        return [
            getattr(getattr(element, kind), part)
            for element in self.elements
            if element.WhichOneof("type") == kind
        ]


class Visitor:
    """One session with the server.

    Attributes:
        query: the address's, as the last page left it.
    """

    def __init__(self, http: httpx.Client, socket: ClientConnection) -> None:
        self.query: dict[str, str] = {}
        self._http = http
        self._socket = socket
        self._session = ""
        self._page = ""
        self._pages: dict[str, str] = {}

    def open(self, page: str, **query: str) -> Answer:
        """Goes to a page by its path, with what its address says."""
        self.query = query
        self._page = self._pages.get(page, "")
        return self._run(page_name="" if self._page else page)

    def type(self, widget: Any, text: str) -> Answer:
        """Types into a text input of the page."""
        return self._run({"id": widget.id, "string_value": text})

    def press(self, widget: Any) -> Answer:
        """Presses a button of the page."""
        return self._run({"id": widget.id, "trigger_value": True})

    def again(self) -> Answer:
        """Asks for the page as it now is."""
        return self._run()

    def get(self, path: str, **query: object) -> httpx.Response:
        """Returns what the server answers beside the pages."""
        return self._http.get(path, params={k: str(v) for k, v in query.items()})

    def upload(self, widget: Any, paths: list[Path]) -> Answer:
        """Hands files to an uploader of the page, as the browser does."""
        asked = BackMsg()
        asked.file_urls_request.request_id = "files"
        asked.file_urls_request.session_id = self._session
        asked.file_urls_request.file_names.extend(path.name for path in paths)
        self._socket.send(asked.SerializeToString())
        while (told := self._next()[0]).WhichOneof("type") != "file_urls_response":
            pass
        state: dict[str, Any] = {"uploaded_file_info": []}
        token = {"X-Xsrftoken": self._http.cookies.get("_streamlit_xsrf", "")}
        for path, urls in zip(paths, told.file_urls_response.file_urls, strict=True):
            sent = {"file": (path.name, path.read_bytes())}
            self._http.put(urls.upload_url, files=sent, headers=token).raise_for_status()
            state["uploaded_file_info"].append(
                {
                    "name": path.name,
                    "size": path.stat().st_size,
                    "file_id": urls.file_id,
                    "file_urls": urls,
                }
            )
        return self._run({"id": widget.id, "file_uploader_state_value": state})

    def _run(self, widget: dict[str, Any] | None = None, page_name: str = "") -> Answer:
        asked = BackMsg()
        asked.rerun_script.query_string = urlencode(self.query)
        asked.rerun_script.page_script_hash = self._page
        asked.rerun_script.page_name = page_name
        if widget:
            asked.rerun_script.widget_states.widgets.add(**widget)
        start_s = time.perf_counter()
        self._socket.send(asked.SerializeToString())
        answer, parts = Answer(), []
        while True:
            told, data = self._next()
            parts.append(data)
            kind = told.WhichOneof("type")
            if kind == "new_session":
                answer.elements.clear()
                self._session = told.new_session.initialize.session_id
                self._page = told.new_session.page_script_hash
            elif kind == "navigation":
                pages = told.navigation.app_pages
                self._pages = {page.url_pathname: page.page_script_hash for page in pages}
                self._page = told.navigation.page_script_hash
            elif kind == "page_info_changed":
                said = parse_qs(told.page_info_changed.query_string)
                self.query = {name: values[-1] for name, values in said.items()}
            elif kind == "delta" and told.delta.HasField("new_element"):
                answer.elements.append(told.delta.new_element)
            elif kind == "script_finished":
                if told.script_finished == _FAILED:
                    raise RuntimeError("The page's script cannot be read.")
                if told.script_finished == _DONE:
                    break
        answer.seconds, answer.data = time.perf_counter() - start_s, b"".join(parts)
        failed = [e for e in answer.elements if e.WhichOneof("type") == "exception"]
        failed += [text for text in answer.texts("alert") if text.startswith("This page failed")]
        if failed:
            raise RuntimeError(f"A page failed: {failed[0]}")
        return answer

    def _next(self) -> tuple[Any, bytes]:
        data = self._socket.recv(ANSWER_S)
        told = ForwardMsg()
        told.ParseFromString(data)
        return told, data


@contextmanager
def visitor(address: str) -> Iterator[Visitor]:
    """Yields a new visitor of a server that is up."""
    # A connection that is kept may be closed by the server just as the next request goes out; a
    # browser then asks again by itself, httpx does not.
    alone = httpx.Limits(max_keepalive_connections=0)
    with httpx.Client(base_url=address, timeout=ANSWER_S, limits=alone) as http:
        http.get("/_stcore/health").raise_for_status()  # the cookie against foreign pages
        place = address.replace("http", "ws", 1) + "/_stcore/stream"
        with connect(
            place, subprotocols=["streamlit"], origin=address, max_size=None, proxy=None
        ) as socket:
            yield Visitor(http, socket)
