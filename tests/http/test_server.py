"""The API against a real server: its answers, its limits, and whoever should not be answered."""

import socket
import threading
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import httpx
import pytest
import uvicorn
from jsonschema import validate

import core.http.guard as serving
from core.api import Tonescope
from core.contract import schema
from core.errors import SettingsError
from core.http import shapes
from core.http.guard import Limits
from core.http.server import application
from tests.fakes import FakeEngine
from tests.synthetic import tone, write

TOKEN = "a-token-of-some-length"  # noqa: S105


class Slow(FakeEngine):
    """Waits until it is let go on."""

    free = threading.Event()
    threads: ClassVar[set[str]] = set()

    def run(self, waveforms):
        self.threads.add(threading.current_thread().name)
        self.free.wait(20)
        return super().run(waveforms)


@pytest.fixture
def scope(fake_registry, loud_is_speech, tmp_path) -> Tonescope:
    Slow.free.clear()
    Slow.threads.clear()
    fake_registry.add("slow", lambda precision: Slow())
    return Tonescope(tmp_path / "store", registry=fake_registry)


@pytest.fixture
def serve(scope) -> Iterator:
    """Starts servers on free ports; returns a client of each."""
    ended = []

    def start(token: str | None = None, limits: Limits | None = None) -> httpx.Client:
        app = application(scope, token, limits, ["fake", "slow"])
        server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", ws="none"))
        listening = socket.create_server(("127.0.0.1", 0))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        port = listening.getsockname()[1]
        client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30)
        ended.append((server, thread, client))
        return client

    yield start
    Slow.free.set()
    for server, thread, client in ended:
        client.close()
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive()


def sent(path: Path, name: str | None = None) -> dict:
    return {"file": (name or path.name, path.read_bytes())}


def test_predictions_are_those_of_the_command_line(serve, run, talk_file):
    client = serve()
    for granularity in ("utterance", "segment", "frame"):
        said = client.post(
            "/v1/predict",
            files=sent(talk_file),
            data={"engine": "fake", "granularity": granularity},
        )
        assert said.status_code == 200
        validate(said.json(), schema("predict"))
        (line,) = run("predict", talk_file, "--engine", "fake", "--granularity", granularity).lines
        assert said.json() | {"timestamp": ""} == line | {"timestamp": ""}


def test_recording_goes_in_and_its_segments_come_out(serve, scope, talk_file):
    client = serve()
    data = {"engine": "fake", "speaker": "Bo\n", "session": "S", "tags": "a, b"}
    handed = client.post("/v1/recordings", files=sent(talk_file, "../../x/<b>talk.wav"), data=data)
    assert handed.status_code == 202
    job = handed.json()["job"]
    until_s = time.monotonic() + 30
    while (told := client.get(f"/v1/jobs/{job}").json())["state"] in ("waiting", "running"):
        assert time.monotonic() < until_s
        time.sleep(0.02)
    assert (told["state"], told["done"], told["total"]) == ("done", 1, 1)
    assert told["files"][0]["file"] == "<b>talk.wav"
    page = client.get("/v1/recordings").json()
    (line,) = page["recordings"]
    assert (page["total"], line["name"], line["speaker"]) == (1, "<b>talk.wav", "Bo")
    found = client.get(f"/v1/recordings/{line['recording'][:12]}/segments").json()
    assert found["recording"] == line["recording"]
    assert len(found["segments"]) == line["segments"] == 2
    for segment in found["segments"]:
        assert sum(segment["scores"].values()) == pytest.approx(1, abs=1e-6)
    assert list((scope.store.root / "incoming").iterdir()) == []
    assert scope.store.table("recordings").to_pylist()[0]["tags"] == ["a", "b"]
    assert client.get("/v1/recordings", params={"offset": 1}).json()["recordings"] == []


def test_bad_input_gets_a_sentence(serve, talk_file, tmp_path):
    client = serve()
    bad = write(tmp_path / "short.wav", tone(0.01))
    text = tmp_path / "text.wav"
    text.write_text("no sound")
    for path, data, status in (
        (text, {"engine": "fake"}, 422),
        (bad, {"engine": "fake"}, 422),
        (talk_file, {"engine": str(tmp_path)}, 422),
        (talk_file, {"engine": "fake", "granularity": "word"}, 422),
    ):
        said = client.post("/v1/predict", files=sent(path), data=data)
        assert said.status_code == status
        assert said.json()["error"].endswith(".")
        assert "Traceback" not in said.text
    assert client.post("/v1/predict").status_code == 422
    assert client.get("/v1/jobs/none").status_code == 404
    assert client.get("/v1/recordings/abcdef/segments").status_code == 404
    assert client.get("/v1/recordings/..%2f..%2fetc/segments").status_code in (404, 422)
    assert client.get("/v1/recordings", params={"limit": 10**6}).status_code == 422
    assert {line["name"] for line in client.get("/v1/engines").json()} >= {"compact"}
    for line in client.get("/v1/engines").json():
        if line["name"] == "compact":
            validate(line, schema("engines"))


def test_only_who_carries_the_token_is_answered(serve):
    client = serve(TOKEN)
    for headers in ({}, {"Authorization": "Bearer no"}, {"Authorization": f"Basic {TOKEN}"}):
        said = client.get("/v1/engines", headers=headers)
        assert (said.status_code, said.headers["www-authenticate"]) == (401, "Bearer")
    assert client.get("/healthz").json() == {"ok": True}
    right = {"Authorization": f"Bearer {TOKEN}", "Host": "tone.example.org"}
    assert client.get("/v1/engines", headers=right).status_code == 200
    assert client.get("/openapi.json").status_code == 401


def test_web_pages_of_others_cannot_use_a_server_without_token(serve):
    client = serve()
    for headers in (
        {"Host": "evil.example"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ):
        assert client.get("/v1/recordings", headers=headers).status_code == 403
    mine = {"Origin": str(client.base_url).rstrip("/")}
    assert client.get("/v1/recordings", headers=mine).status_code == 200


def test_too_much_at_once_is_told_to_come_again(serve, talk_file):
    client = serve(limits=Limits(predictions=1))
    data = {"engine": "slow"}
    codes = []

    def ask() -> None:
        while not codes or codes[-1] == 429:  # the one below may have been first
            codes.append(client.post("/v1/predict", files=sent(talk_file), data=data).status_code)

    first = threading.Thread(target=ask)
    first.start()
    until_s = time.monotonic() + 20
    while True:  # the first is being answered as soon as another is turned away
        said = client.post("/v1/predict", files=sent(talk_file), data=data | {"engine": "no"})
        if said.status_code == 429:
            break
        assert time.monotonic() < until_s
    assert int(said.headers["retry-after"]) >= 1
    assert client.get("/healthz").status_code == 200
    Slow.free.set()
    first.join(20)
    assert codes[-1] == 200
    assert client.post("/v1/predict", files=sent(talk_file), data=data).status_code == 200


def test_models_run_in_few_threads_as_each_keeps_memory_for_them(serve, talk_file):
    client = serve(limits=Limits(predictions=2))
    Slow.free.set()
    for _ in range(3):
        said = client.post("/v1/predict", files=sent(talk_file), data={"engine": "slow"})
        assert said.status_code == 200
    assert Slow.threads
    assert all(name.startswith("tonescope-predict") for name in Slow.threads)


def test_whoever_is_turned_away_while_sending_hears_so(serve):
    client = serve(limits=Limits(predictions=0))
    with socket.create_connection(("127.0.0.1", client.base_url.port)) as slow:
        slow.settimeout(10)
        slow.sendall(
            b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 300000\r\n\r\n"
        )
        for _ in range(10):  # over a connection that was closed before, this breaks
            time.sleep(0.02)
            slow.sendall(bytes(30_000))
        assert slow.recv(100).startswith(b"HTTP/1.1 429")


def test_endless_body_of_one_turned_away_is_not_read_for_ever(serve, monkeypatch):
    monkeypatch.setattr(serving, "_READ_OFF_BYTES", 50_000)
    client = serve(limits=Limits(predictions=0))
    with socket.create_connection(("127.0.0.1", client.base_url.port)) as endless:
        endless.sendall(
            b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        endless.sendall(50 * (b"3e8\r\n" + bytes(1000) + b"\r\n"))
        endless.settimeout(10)
        assert endless.recv(100).startswith(b"HTTP/1.1 429")


def test_jobs_that_wait_are_bounded(serve, talk_file):
    client = serve(limits=Limits(jobs=1))
    data = {"engine": "slow"}
    assert client.post("/v1/recordings", files=sent(talk_file), data=data).status_code == 202
    said = client.post("/v1/recordings", files=sent(talk_file), data=data)
    assert said.status_code == 429
    assert "retry-after" in said.headers
    Slow.free.set()


def test_body_is_bounded_whether_its_length_is_told_or_not(serve):
    client = serve(limits=Limits(body_bytes=10_000))
    assert client.post("/v1/predict", files={"file": ("a.wav", bytes(20_000))}).status_code == 413

    with socket.create_connection(("127.0.0.1", client.base_url.port)) as endless:
        endless.sendall(
            b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
            b"Content-Type: multipart/form-data; boundary=x\r\n\r\n"
        )
        for _ in range(12):
            endless.sendall(b"3e8\r\n" + bytes(1000) + b"\r\n")
        endless.settimeout(10)
        assert endless.recv(100).startswith(b"HTTP/1.1 4")
    assert client.get("/healthz").status_code == 200


def test_what_comes_too_slowly_is_ended(serve):
    client = serve(limits=Limits(receive_s=0.3))
    port = client.base_url.port
    with socket.create_connection(("127.0.0.1", port)) as slow:
        slow.sendall(
            b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500\r\n"
            b"Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n"
        )
        slow.settimeout(10)
        assert slow.recv(100).startswith(b"HTTP/1.1 408")


def test_what_takes_too_long_is_to_be_handed_in(serve, talk_file):
    client = serve(limits=Limits(answer_s=0.0))
    said = client.post("/v1/predict", files=sent(talk_file), data={"engine": "fake"})
    assert said.status_code == 413
    assert "POST /v1/recordings" in said.json()["error"]


def test_off_loopback_a_token_is_needed(monkeypatch, run):
    monkeypatch.delenv(serving.TOKEN, raising=False)
    assert serving.token_for("127.0.0.1") is None
    with pytest.raises(SettingsError, match="need a token; set TONESCOPE_TOKEN"):
        serving.token_for("0.0.0.0")  # noqa: S104
    monkeypatch.setenv(serving.TOKEN, "short")
    with pytest.raises(SettingsError, match="at least 16"):
        serving.token_for("127.0.0.1")
    monkeypatch.setenv(serving.TOKEN, TOKEN)
    assert serving.token_for("0.0.0.0") == TOKEN  # noqa: S104
    monkeypatch.delenv(serving.TOKEN)
    assert run("serve", "--host", "0.0.0.0").status == 1  # noqa: S104


def test_large_upload_goes_to_disk_and_not_to_memory(serve):
    """Of 48 MB that arrive, Python never holds more than a small part."""
    client = serve()
    part = bytes(1 << 18)

    def body():
        yield b'--x\r\nContent-Disposition: form-data; name="engine"\r\n\r\nfake\r\n'
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
        yield from (part for _ in range(192))
        yield b"\r\n--x--\r\n"

    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    client.get("/healthz")
    tracemalloc.start()
    try:
        said = client.post("/v1/recordings", content=body(), headers=headers)
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert said.status_code == 202
    assert peak_bytes < 16 << 20


def test_every_route_is_described_with_an_example(serve):
    told = serve().get("/openapi.json").json()
    for path, methods in told["paths"].items():
        for route in methods.values():
            right = next(v for status, v in route["responses"].items() if status.startswith("2"))
            content = right["content"]["application/json"]
            form = content["schema"]
            if "$ref" in form:
                fields = told["components"]["schemas"][form["$ref"].rpartition("/")[2]]
                described = [f for f in fields["properties"].values() if "examples" in f]
                assert described or "items" in str(fields), path
            else:
                assert content["example"], path
    for name, example in (("engines", shapes.ENGINE), ("similar", shapes.HIT)):
        validate(example, schema(name))
    validate(shapes.PREDICTION, schema("predict"))
