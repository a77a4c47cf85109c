"""Engines: what there is, fetching with progress, verifying, choosing the default."""

import hashlib

import pytest

from core.engines.measured import forget, note
from core.engines.registry import Verification
from core.preferences import FILE, choose_engine, default_engine
from dashboard import shared
from tests.emotion2vec import write_texts
from tests.fakes import FakeEngine
from tests.hub import serve
from tests.pages.conftest import DIARY, wait_for_job

SEED = "emotion2vec_plus_seed"


def text_of(app) -> str:
    parts = [*app.markdown, *app.caption, *app.info, *app.error, *app.success, *app.warning]
    return "\n".join(part.value for part in parts)


def wait_for_fetch(app):
    """Waits until nothing is fetched or verified any more, then runs the page again."""
    from concurrent.futures import wait

    wait([shared.fetches()._worker.submit(lambda: None)], timeout=60)
    return app.run()


@pytest.fixture
def models(tmp_path):
    return tmp_path / "models"


def test_page_tells_what_each_engine_is_and_why_it_is_not_ready(open_page):
    app = open_page("engines")
    assert not app.exception
    text = text_of(app)
    assert text.count("green-badge[ready]") == 1
    assert text.count("not ready") == 3
    assert "1,024 dimensions" in text
    assert "about 1.95 GB to fetch" in text
    assert text.count("Licence: FunASR Model License 1.1") == 3
    assert "CC BY-NC-SA 4.0 (for research, not for commercial use)" in text
    assert text.count("fetch it once, and it works offline") == 3
    assert [b.key for b in app.button if b.key.startswith("fetch-")] == [
        f"fetch-emotion2vec_plus_{size}" for size in ("seed", "base", "large")
    ]


def test_fetch_shows_what_came_and_what_fails_is_explained(open_page, tmp_path, monkeypatch):
    write_texts(tmp_path / "served")
    (tmp_path / "served" / "model.pt").write_bytes(b"no weights" * 100)
    with serve(tmp_path / "served") as hub:
        monkeypatch.setenv("MODELSCOPE_DOMAIN", hub.address)
        app = open_page("engines")
        app.button(key=f"fetch-{SEED}").click().run()
        app = wait_for_fetch(app)
    assert not app.exception
    assert "is damaged or holds more than weights" in app.error[0].value.replace("\\", "")
    assert any(b.key == f"fetch-{SEED}" and b.label == "Fetch again" for b in app.button)


def test_no_network_is_explained(open_page, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    app = open_page("engines")
    app.selectbox(key="engines.hub").set_value("hf").run()
    app.button(key=f"fetch-{SEED}").click().run()
    app = wait_for_fetch(app)
    assert not app.exception
    assert "cannot be reached" in app.error[0].value


def test_progress_is_shown_and_can_be_cancelled(open_page, tmp_path, monkeypatch, models):
    write_texts(tmp_path / "served")
    (tmp_path / "served" / "model.pt").write_bytes(bytes(4_000_000))
    with serve(tmp_path / "served", pause_s=0.1) as hub:
        monkeypatch.setenv("MODELSCOPE_DOMAIN", hub.address)
        app = open_page("engines")
        app.button(key=f"fetch-{SEED}").click().run()
        for _ in range(100):
            view = shared.fetches().view(SEED)
            if view.done_bytes > 200_000:
                break
            app.run()
        app.run()
        assert not app.exception
        assert not any(b.key == f"fetch-{SEED}" for b in app.button)
        app.button(key=f"stop-{SEED}").click().run()
        app = wait_for_fetch(app)
    assert "Stopped. What has come is kept" in text_of(app)
    assert 0 < (models / f".{SEED}.part" / "model.pt").stat().st_size < 4_000_000
    assert any(b.key == f"fetch-{SEED}" for b in app.button)


def test_verifying_says_that_all_is_well_or_why_not(open_page, monkeypatch):
    app = open_page("engines")
    app.button(key="verify-compact").click().run()
    app = wait_for_fetch(app)
    assert "Verified" in app.success[0].value
    failed = Verification("compact", ok=False, reason="The <b>weights</b> changed.")
    monkeypatch.setattr(shared.scope().registry, "verify", lambda name: failed)
    app.button(key="verify-compact").click().run()
    app = wait_for_fetch(app)
    assert app.error[0].value == "The \\<b\\>weights\\</b\\> changed\\."


def test_default_is_chosen_kept_and_preselected(open_page, tmp_path, monkeypatch):
    make_ready(monkeypatch, SEED)
    app = open_page("engines")
    choice = next(s for s in app.selectbox if s.label == "Default engine")
    assert choice.options == ["compact", SEED]
    assert choice.value == "compact"
    choice.set_value(SEED).run()
    assert not app.exception
    assert default_engine(tmp_path / "store") == SEED
    again = open_page("analyze")
    assert again.selectbox(key="analyze.engine").value == SEED


def test_recordings_are_analysed_with_the_engine_chosen(open_page, monkeypatch):
    make_ready(monkeypatch, SEED)
    used = []
    loaded = lambda precision: used.append(precision) or FakeEngine()  # noqa: E731
    shared.scope().registry.add(SEED, loaded)
    app = open_page("analyze")
    app.selectbox(key="analyze.engine").set_value(SEED).run()
    app.file_uploader[0].set_value([("talk.mp3", DIARY.read_bytes(), "audio/mpeg")]).run()
    app.button(key="analyze.start").click().run()
    app = wait_for_job(app)
    assert not app.exception
    assert "1 analysed" in text_of(app)
    assert used == ["auto"]


def test_default_that_is_gone_is_told_and_replaced(open_page, tmp_path):
    choose_engine(tmp_path / "store", SEED)
    app = open_page("engines")
    assert f"The default, {SEED}, is not ready; compact stands in" in app.warning[0].value
    analyze = open_page("analyze")
    assert not analyze.exception
    assert not any(s.key == "analyze.engine" for s in analyze.selectbox)


def test_own_directory_is_verified_and_explained(open_page, tmp_path):
    write_texts(tmp_path / "mine")
    app = open_page("engines")
    app.text_input(key="engines.folder").set_value(str(tmp_path / "mine")).run()
    app.button(key="verify-own").click().run()
    app = wait_for_fetch(app)
    assert not app.exception
    assert "no file model.pt" in app.error[0].value.replace("\\", "")


def test_first_page_says_that_compact_is_not_for_commercial_use(open_page):
    assert "not for commercial use" in text_of(open_page("overview"))


@pytest.mark.parametrize("content", ["{", "[]", '{"engine": 7}', "{}", '{"engine": ""}'])
def test_unreadable_choice_is_the_embedded_engine(tmp_path, content):
    (tmp_path / FILE).write_text(content)
    assert default_engine(tmp_path) == "compact"


def make_ready(monkeypatch, name: str) -> None:
    """Lists an engine as ready, as if it had been fetched."""
    from dataclasses import replace

    registry = shared.scope().registry
    infos = [
        replace(info, ready=True, reason=None, engine_id=f"{name}-{'0' * 12}", size_mb=1.0)
        if info.name == name
        else info
        for info in registry.list()
    ]
    monkeypatch.setattr(registry, "list", lambda: infos)


def test_unexpected_failure_is_shown_and_the_queue_lives_on(open_page, monkeypatch):
    def fail(name):
        raise ZeroDivisionError

    monkeypatch.setattr(shared.scope().registry, "verify", fail)
    app = open_page("engines")
    app.button(key="verify-compact").click().run()
    app = wait_for_fetch(app)
    assert "fault of the program" in app.error[0].value
    monkeypatch.setattr(
        shared.scope().registry, "verify", lambda name: Verification(name, True, None)
    )
    app.button(key="verify-compact").click().run()
    assert "Verified" in text_of(wait_for_fetch(app))


def test_what_was_measured_is_told(open_page, tmp_path, monkeypatch):
    from core.engines.registry import describe
    from core.settings import MODELS_DIR

    monkeypatch.setenv("TONESCOPE_CACHE", str(tmp_path / "measured"))

    weights = MODELS_DIR / "compact" / "model.safetensors"
    sha256 = hashlib.sha256(weights.read_bytes()).hexdigest()
    assert "computes in" not in text_of(open_page("engines"))
    note(sha256, precision="bf16")
    assert describe("compact", weights.parent).precision == "bf16"
    assert "computes in bf16" in text_of(open_page("engines"))


@pytest.fixture
def fetched(open_page, emotion2vec_dir, models, tmp_path, monkeypatch):
    """A published engine's directory as if it had been fetched and verified; returns its hash."""
    import shutil

    from core.engines.verified import Note, write_note

    monkeypatch.setenv("TONESCOPE_CACHE", str(tmp_path / "measured"))
    directory = shutil.copytree(emotion2vec_dir, models / SEED)
    sha256 = hashlib.sha256((directory / "model.pt").read_bytes()).hexdigest()
    write_note(directory, Note(sha256, 64))
    return sha256


def test_engine_that_fell_back_says_so_and_why(open_page, fetched):
    differs = "It runs in fp32: in bf16 its scores differ by 0.3."
    note(fetched, precision="fp32", remark_bf16=differs, parity_fp32={"holds": True})
    app = open_page("engines")
    assert not app.exception
    text = text_of(app)
    assert "computes in fp32 · answers as FunASR does" in text
    assert "computes in bf16" not in text
    assert differs in text.replace("\\", "")

    note(
        fetched, remark_bf16=None, parity_fp32={"holds": False}, remark_fp32="It is <b>slower</b>."
    )
    text = text_of(open_page("engines"))
    assert "runs as FunASR runs it, slower" in text
    assert "answers as FunASR does" not in text
    assert "\\<b\\>slower" in text

    forget(fetched)
    note(fetched, precision="fp32", remark_fp32="It runs as FunASR runs it: a block is X.")
    text = text_of(open_page("engines"))
    assert "a block is X" in text
    assert "FunASR does" not in text


def test_bf16_that_was_not_compared_is_not_said_to_agree(open_page, fetched):
    note(fetched, precision="bf16", parity_fp32={"holds": True})
    text = text_of(open_page("engines"))
    assert "computes in bf16" in text
    assert "FunASR does" not in text


def test_own_directory_tells_what_was_measured(open_page, emotion2vec_dir):
    app = open_page("engines")
    app.text_input(key="engines.folder").set_value(str(emotion2vec_dir)).run()
    app.button(key="verify-own").click().run()
    app = wait_for_fetch(app)
    assert not app.exception
    text = text_of(app)
    assert "Verified" in text
    assert "64 dimensions · emotion2vec-" in text
    assert "answers as FunASR does" in text
