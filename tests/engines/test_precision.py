"""What is measured once on a machine: precision by a short probe, kept with the weights' hash."""

import hashlib
import time

import pytest

from core.engines import devices, measured, precision
from core.engines.compact import CompactEngine
from core.engines.measured import forget, joined, note, noted
from core.engines.precision import bf16_gain, chosen_precision, product_s
from core.engines.registry import Registry
from core.settings import MODELS_DIR

torch = pytest.importorskip("torch")


@pytest.fixture
def sha256(tmp_path, monkeypatch):
    monkeypatch.setenv("TONESCOPE_CACHE", str(tmp_path / "cache"))
    return hashlib.sha256(str(tmp_path).encode()).hexdigest()


@pytest.mark.parametrize(("gain", "chosen"), [(5.8, "bf16"), (1.0, "fp32"), (0.003, "fp32")])
def test_the_faster_one_is_chosen_once_and_kept(sha256, monkeypatch, gain, chosen):
    asked = []
    monkeypatch.setattr(precision, "bf16_gain", lambda: asked.append(1) or gain)
    assert chosen_precision(sha256) == chosen
    assert chosen_precision(sha256) == chosen
    assert asked == [1]
    assert noted(sha256)["bf16_gain"] == gain


def test_what_another_machine_measured_is_not_taken(sha256, monkeypatch):
    note(sha256, precision="bf16")
    assert noted(sha256)["precision"] == "bf16"
    monkeypatch.setattr(measured, "_machine", lambda: "another")
    assert noted(sha256) == {}


def test_what_another_device_measured_is_not_taken(sha256, monkeypatch):
    note(sha256, precision="bf16")
    monkeypatch.setattr(measured, "device_name", lambda: "Some CUDA device")
    assert noted(sha256) == {}
    note(sha256, bf16_gain=2.0)
    assert "precision" not in noted(sha256)


def test_known_again_is_not_written_again(sha256, tmp_path):
    note(sha256, precision="fp32", remark_fp32=None)
    (path,) = (tmp_path / "cache").iterdir()
    before = path.stat().st_mtime_ns, path.stat().st_ino
    note(sha256, precision="fp32")
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == before


def test_remarks_are_joined_each_once():
    assert joined(None, "A.", "", "B.", "A.", 7) == "A. B."
    assert joined(None, "") is None


def test_a_large_product_is_tried_on_a_cuda_device(monkeypatch):
    tried = []
    cuda = torch.device("cuda")
    monkeypatch.setattr(precision, "device", lambda: cuda)
    monkeypatch.setattr(precision, "product_s", lambda size, kind: tried.append(size) or 1.0)
    bf16_gain.cache_clear()
    assert bf16_gain() == 1.0
    assert max(tried) >= 4096
    bf16_gain.cache_clear()


def test_float32_is_no_tf32_on_a_cuda_device_and_settings_are_put_back(monkeypatch):
    places = torch.backends.cudnn.conv, torch.backends.cuda.matmul
    before = [place.fp32_precision for place in places]
    assert before[0] == "tf32"  # as PyTorch has it
    with devices.exact_products():
        assert [place.fp32_precision for place in places] == before  # a processor has no TF32
    monkeypatch.setattr(devices, "device", lambda: torch.device("cuda"))
    with devices.exact_products(), devices.exact_products():
        assert [place.fp32_precision for place in places] == ["ieee", "ieee"]
    assert [place.fp32_precision for place in places] == before
    assert torch.backends.cudnn.allow_tf32  # the older name still answers


@pytest.mark.parametrize(("free_gb", "fit"), [(0.1, 1), (4.0, 2), (80.0, 8)])
def test_windows_run_together_on_a_cuda_device_by_its_free_memory(monkeypatch, free_gb, fit):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (int(free_gb * 1e9), int(90e9)))
    assert devices.fitting(int(0.8e9), 8) == fit


@pytest.mark.parametrize("content", ["", "[1]", "{", "null", "[" * 100_000])
def test_damaged_note_is_no_note(sha256, tmp_path, content):
    note(sha256, precision="bf16")
    (path,) = (tmp_path / "cache").iterdir()
    path.write_text(content)
    assert noted(sha256) == {}
    forget(sha256)
    forget(sha256)
    assert not path.exists()


def test_folder_that_takes_nothing_is_no_fault(sha256, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TONESCOPE_CACHE", str(tmp_path / "file" / "cache"))
    note(sha256, precision="bf16")
    assert noted(sha256) == {}


def test_probe_is_short_and_leaves_the_threads_alone():
    before = torch.get_num_threads()
    bf16_gain.cache_clear()
    start_s = time.process_time()
    assert bf16_gain() > 0
    assert time.process_time() - start_s < 1.0
    assert torch.get_num_threads() == before


def test_probe_goes_on_only_where_bfloat16_is_not_hopeless(monkeypatch):
    for slower, sizes in ((100.0, {128}), (0.2, {128, 512})):
        tried = set()

        def told(size, kind, slower=slower, tried=tried):
            tried.add(size)
            return 1.0 if kind == "float32" else slower

        monkeypatch.setattr(precision, "product_s", told)
        bf16_gain.cache_clear()
        assert bf16_gain() == pytest.approx(1 / slower)
        assert tried == sizes
    bf16_gain.cache_clear()


def test_larger_product_takes_longer():
    assert product_s(512, "float32") > product_s(128, "float32")


def test_auto_is_what_was_measured_and_is_loaded_once(sha256, monkeypatch):
    monkeypatch.setattr(precision, "bf16_gain", lambda: 3.0)
    registry = Registry()
    assert registry.list()[0].precision is None
    engine = registry.load("compact")
    assert engine.precision == "bf16"
    assert registry.load("compact", "bf16") is engine
    assert registry.list()[0].precision == "bf16"
    assert CompactEngine.load(MODELS_DIR / "compact").precision == "fp32"
