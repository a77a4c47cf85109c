"""Fetching: both hubs, resumed after a break, checked, refused with the reason."""

import socket
import time

import numpy as np
import pytest

from core.engines.hubs import list_files
from core.engines.published import PUBLISHED
from core.engines.weights import fetch
from core.errors import Cancelled, EngineError
from tests.emotion2vec import write_texts
from tests.hub import COMMIT, serve

NAME = "emotion2vec_plus_base"
SIZE = 3_000_000


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A model whose weights are noise: fetching does not look into them."""
    folder = tmp_path_factory.mktemp("served")
    write_texts(folder)
    (folder / "model.pt").write_bytes(np.random.default_rng(0).bytes(SIZE))
    (folder / "README.md").write_text("a model card")
    return folder


def get(hub, folder, source="ms", progress=None):
    return fetch(NAME, folder, source, address=hub.address, progress=progress, pause_s=0.01)


@pytest.mark.parametrize("source", ["ms", "hf"])
def test_model_comes_from_either_hub_with_progress(model, tmp_path, source):
    told = []
    with serve(model) as hub:
        directory = get(hub, tmp_path, source, progress=lambda *now: told.append(now))
    assert directory == tmp_path / NAME
    for name in ("config.yaml", "tokens.txt", "configuration.json", "model.pt"):
        assert (directory / name).read_bytes() == (model / name).read_bytes()
    total = sum((directory / path.name).stat().st_size for path in directory.iterdir())
    assert told[-1] == (total, total)
    assert {n for _, n in told} == {total}
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert len({done for done, _ in told}) > 4
    assert not (tmp_path / f".{NAME}.part").exists()


def test_nothing_that_names_the_user_is_sent(model, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    with serve(model) as hub:
        get(hub, tmp_path, "hf")
    sent = {key for headers in hub.headers for key in headers}
    assert sent <= {"Accept-Encoding", "Host", "User-Agent", "Connection", "Range"}
    assert {headers["User-Agent"].split("/")[0] for headers in hub.headers} == {"tonescope"}


def test_break_in_the_middle_is_resumed_where_it_stopped(model, tmp_path):
    with serve(model, drop_after=1_000_000, drops=2) as hub:
        directory = get(hub, tmp_path)
    assert (directory / "model.pt").read_bytes() == (model / "model.pt").read_bytes()
    asked = [start for name, start in hub.asked if name == "model.pt"]
    assert asked == [None, "bytes=1000000-", "bytes=2000000-"]


def test_hub_without_ranges_is_asked_for_all_of_it_again(model, tmp_path):
    with serve(model, drop_after=1_000_000, drops=1, ranges=False) as hub:
        directory = get(hub, tmp_path)
    assert (directory / "model.pt").read_bytes() == (model / "model.pt").read_bytes()


def test_fetch_that_was_stopped_goes_on_later(model, tmp_path):
    def stop(done, total):
        if done > 1_500_000:
            raise Cancelled("Stopped by the user.")

    with serve(model) as hub:
        with pytest.raises(Cancelled):
            get(hub, tmp_path, progress=stop)
        assert not (tmp_path / NAME).exists()
        kept = (tmp_path / f".{NAME}.part" / "model.pt").stat().st_size
        assert 0 < kept < SIZE
        directory = get(hub, tmp_path)
        assert (directory / "model.pt").read_bytes() == (model / "model.pt").read_bytes()
    assert hub.asked[-1] == ("model.pt", f"bytes={kept}-")
    assert [name for name, _ in hub.asked].count("tokens.txt") == 1


def test_hub_that_sends_nothing_any_more_is_explained_and_the_draft_kept(model, tmp_path):
    with serve(model, drop_after=1_000_000, drops=1) as hub:

        def break_down(done, total):
            if done > 900_000:
                hub.drops, hub.drop_after = 99, 0

        with pytest.raises(EngineError, match=r"cannot be reached .* what is fetched already is"):
            get(hub, tmp_path, progress=break_down)
    assert (tmp_path / f".{NAME}.part" / "model.pt").stat().st_size == 1_000_000


@pytest.mark.parametrize("source", ["ms", "hf"])
def test_wrong_hash_is_refused_and_the_draft_deleted(model, tmp_path, source):
    with (
        serve(model, wrong_hash=True) as hub,
        pytest.raises(EngineError, match="the hub announced"),
    ):
        get(hub, tmp_path, source)
    assert not (tmp_path / NAME).exists()
    drafts = [path.name for path in (tmp_path / f".{NAME}.part").iterdir()]
    assert "model.pt" not in drafts


def test_git_hash_of_small_files_is_checked(model, tmp_path, monkeypatch):
    with serve(model) as hub:
        listed = {file.name: file for file in list_files(PUBLISHED[NAME], "hf", hub.address)}
        assert listed["config.yaml"].git_sha1
        assert listed["config.yaml"].sha256 is None
        assert COMMIT in listed["config.yaml"].url
        entries = hub.hugging_face()
        for entry in entries:
            if entry["path"] == "tokens.txt":
                entry["oid"] = "0" * 40
        monkeypatch.setattr(hub, "hugging_face", lambda: entries)
        with pytest.raises(EngineError, match=r"tokens.txt came with the hash"):
            get(hub, tmp_path, "hf")


@pytest.mark.parametrize("status", [401, 403, 404])
def test_refusal_is_explained_at_once(model, tmp_path, status):
    with serve(model, refuse=status) as hub, pytest.raises(EngineError, match=f"answered {status}"):
        get(hub, tmp_path)
    assert len(hub.asked) == 1


def test_hub_without_the_model_is_explained(model, tmp_path):
    with serve(model) as hub, pytest.raises(EngineError, match=r"answered 404 .* other hub"):
        fetch(NAME, tmp_path, "ms", address=f"{hub.address}/elsewhere")


def test_incomplete_list_is_refused(model, tmp_path):
    with (
        serve(model, hidden=("model.pt",)) as hub,
        pytest.raises(EngineError, match=r"no model\.pt"),
    ):
        get(hub, tmp_path)


def test_no_network_is_said_quickly(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{probe.getsockname()[1]}"
    started_s = time.monotonic()
    with pytest.raises(EngineError, match=r"cannot be reached .*check the network") as caught:
        fetch(NAME, tmp_path, "hf", address=address)
    assert time.monotonic() - started_s < 2
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("address", ["http://example.org", "ftp://127.0.0.1", "file:///etc"])
def test_address_that_is_not_https_is_refused(tmp_path, address):
    with pytest.raises(EngineError, match="not HTTPS"):
        fetch(NAME, tmp_path, "hf", address=address)


def test_second_fetch_of_the_same_model_waits_its_turn(model, tmp_path):
    with serve(model) as hub:
        refused = []

        def try_again(done, total):
            if not refused:
                with pytest.raises(EngineError, match="being fetched already"):
                    get(hub, tmp_path)
                refused.append(1)

        get(hub, tmp_path, progress=try_again)
    assert refused


def test_full_disk_is_foreseen(model, tmp_path, monkeypatch):
    free = type("Usage", (), {"free": 1_000})
    monkeypatch.setattr("core.engines.weights.shutil.disk_usage", lambda _: free)
    with serve(model) as hub, pytest.raises(EngineError, match=r"needs 0.07 GB more, 0.00 GB"):
        get(hub, tmp_path)
    assert hub.asked == []


def test_older_copy_is_replaced_as_a_whole(model, tmp_path):
    (tmp_path / NAME).mkdir()
    (tmp_path / NAME / "model.pt").write_bytes(b"old")
    (tmp_path / NAME / "verified.json").write_text("{}")
    with serve(model) as hub:
        directory = get(hub, tmp_path)
    assert (directory / "model.pt").stat().st_size == SIZE
    assert not (directory / "verified.json").exists()
    hidden = sorted(path.name for path in tmp_path.iterdir() if path.name != f".{NAME}.lock")
    assert hidden == [NAME]


@pytest.mark.parametrize("name", ["compact", "../emotion2vec_plus_base", ""])
def test_what_is_not_published_is_not_fetched(tmp_path, name):
    with pytest.raises(EngineError, match="choose one of emotion2vec_plus_seed"):
        fetch(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_mirror_of_the_environment_is_used(model, tmp_path, monkeypatch):
    with serve(model) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.address)
        monkeypatch.setenv("MODELSCOPE_DOMAIN", hub.address)
        for source in ("ms", "hf"):
            assert list_files(PUBLISHED[NAME], source)[-1].url.startswith(hub.address)
