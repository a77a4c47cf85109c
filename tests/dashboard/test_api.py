"""The API beside the pages: off unless it is asked for, over the same store, behind the same guard."""

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from core.api import Tonescope
from core.http.guard import TOKEN
from core.jobs import JobQueue
from dashboard import api, shared

SECRET = "a-token-of-some-length"  # noqa: S105


@pytest.fixture
def ask(monkeypatch, fake_registry, tmp_path):
    """Returns a client of the mounted API; the store and the jobs are those of the pages."""
    scope, queue = Tonescope(tmp_path / "store", registry=fake_registry), JobQueue()
    monkeypatch.setattr(shared, "scope", lambda: scope)
    monkeypatch.setattr(shared, "queue", lambda: queue)
    monkeypatch.setenv(api.SWITCH, "1")
    monkeypatch.delenv(TOKEN, raising=False)
    api._application.cache_clear()

    def start(client: str = "127.0.0.1", host: str = "http://localhost") -> TestClient:
        return TestClient(Starlette(routes=api.routes()), host, client=(client, 50000))

    yield start
    api._application.cache_clear()
    queue.close()


def test_api_is_off_unless_asked_for(monkeypatch):
    monkeypatch.delenv(api.SWITCH, raising=False)
    assert api.routes() == []


def test_mounted_api_answers_from_the_store_of_the_pages(ask):
    client = ask()
    assert client.get("/tonescope/api/healthz").json() == {"ok": True}
    assert client.get("/tonescope/api/v1/recordings").json() == {"total": 0, "recordings": []}
    told = client.get("/tonescope/api/openapi.json").json()
    assert told["servers"] == [{"url": "/tonescope/api"}]


def test_mounted_api_is_behind_the_guard(ask):
    for client in (ask(client="192.0.2.7"), ask(host="http://tone.example")):
        assert client.get("/tonescope/api/v1/recordings").status_code == 403
    said = ask().get("/tonescope/api/v1/recordings", headers={"Origin": "https://evil.example"})
    assert said.status_code == 403


def test_mounted_api_asks_for_the_token(ask, monkeypatch):
    monkeypatch.setenv(TOKEN, SECRET)
    client = ask(client="192.0.2.7", host="http://tone.example")
    assert client.get("/tonescope/api/v1/recordings").status_code == 401
    right = {"Authorization": f"Bearer {SECRET}"}
    assert client.get("/tonescope/api/v1/recordings", headers=right).status_code == 200
    assert client.get("/tonescope/api/healthz").status_code == 200


def test_off_loopback_without_token_the_mounted_api_says_what_is_missing(ask, monkeypatch):
    monkeypatch.setattr("streamlit.get_option", lambda name: "0.0.0.0")  # noqa: S104
    said = ask().get("/tonescope/api/healthz")
    assert said.status_code == 403
    assert "set TONESCOPE_TOKEN" in said.json()["error"]
