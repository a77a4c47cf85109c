"""The benchmarks of engines: figures that fit the contract, and the arithmetic behind them."""

import json
import math
import subprocess
import sys

import jsonschema
import pytest

from benchmarks import engine_speed, long_recording
from benchmarks.machine import flops_of, matrix_peak
from benchmarks.profiled import bytes_by_operation, kind_of
from core.contract import schema
from core.engines.products import Products
from core.settings import PROJECT_ROOT, SAMPLES_DIR

torch = pytest.importorskip("torch")


def figures(monkeypatch, capsys, module, *arguments):
    monkeypatch.setattr(sys, "argv", ["benchmark", *arguments])
    capsys.readouterr()
    module.main()
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    for figure in found:
        jsonschema.validate(figure, schema("benchmark"))
    return {figure["figure"]: figure for figure in found}


def test_speed_of_a_shape_is_told_beside_funasr(monkeypatch, capsys):
    pytest.importorskip("funasr")
    arguments = ("--shape", "tiny", "--seconds", "1", "--repeat", "1", "--processor-time")
    arguments = (*arguments, "--precision", "fp32")  # whatever is faster on this machine
    n_threads = torch.get_num_threads()
    try:
        found = figures(monkeypatch, capsys, engine_speed, *arguments)
    finally:
        torch.set_num_threads(n_threads)
    assert found["seconds_per_second"]["ratio"] > 0
    assert "FunASR" in found["seconds_per_second"]["against"]
    assert 0 < found["peak_share"]["value"] < 1.5
    assert found["parity_scores"]["value"] <= found["parity_scores"]["limit"] == 1e-4
    assert found["parity_cosine"]["value"] > 0.9999
    assert "share_products" not in found


def test_profile_tells_where_the_time_goes(monkeypatch, capsys):
    arguments = ("--engine", "compact", "--seconds", "4", "--repeat", "1", "--precision", "fp32")
    found = figures(monkeypatch, capsys, engine_speed, *arguments, "--profile")
    shares = {name: f["value"] for name, f in found.items() if name.startswith("share_")}
    assert sum(shares.values()) == pytest.approx(1.0, abs=0.01)
    assert min(shares.values()) >= 0  # whose is the largest is not sure on a busy machine
    assert {"share_attention", "share_gelu", "share_layer_norm"} <= shares.keys()
    # The network's weights alone are taken once, so the products take at least those.
    assert found["bytes_products"]["value"] > 0.015
    flop = found["work"]["value"] * 4e9
    limits = found["time_products"]["limit"] + found["time_attention"]["limit"]
    assert limits >= 0.99 * flop / (found["matrix_peak"]["value"] * 1e9)
    assert found["time_all"]["limit"] < 20 * found["time_all"]["value"]


def test_bytes_are_those_taken_and_given_and_views_move_none():
    a, b = torch.zeros(30, 40), torch.zeros(40, 50)
    with torch.inference_mode():
        counted = bytes_by_operation(lambda: (a @ b).T.view(50, 30).add_(1.0))
    assert counted == {"aten.mm": 4 * (1200 + 2000 + 1500), "aten.add_": 4 * 2 * 1500}
    with torch.inference_mode():
        counted = bytes_by_operation(lambda: torch.nn.functional.linear(a, b.T))
    assert counted == {"aten.mm": 4 * (1200 + 2000 + 1500)}


@pytest.mark.parametrize(
    ("operation", "kind"),
    [
        ("aten::addmm", "products"),
        ("aten.bmm", "products"),
        ("aten::_scaled_dot_product_flash_attention_for_cpu", "attention"),
        ("aten::mkldnn_convolution", "convolutions"),
        ("aten::native_layer_norm", "layer_norm"),
        ("aten::copy_", "copies"),
        ("aten::softmax", "other"),
        ("odd", "other"),
    ],
)
def test_operations_are_of_a_kind(operation, kind):
    assert kind_of(operation) == kind


def test_speed_of_compact_is_told(monkeypatch, capsys):
    arguments = ("--engine", "compact", "--seconds", "30", "--repeat", "1", "--precision", "fp32")
    found = figures(monkeypatch, capsys, engine_speed, *arguments)
    assert 0.2 < found["work"]["value"] < 2.0  # of several windows, side by side or not
    assert found["seconds_per_second"]["value"] > 0
    assert found["seconds_per_second"]["ratio"] is None


def test_products_are_counted(monkeypatch):
    a = torch.zeros(30, 40)
    q = torch.zeros(1, 2, 50, 8)
    with torch.inference_mode():
        assert flops_of(lambda: a @ a.T) == 2 * 30 * 40 * 30
        attended = torch.nn.functional.scaled_dot_product_attention
        assert flops_of(lambda: attended(q, q, q)) == 2 * 2 * 2 * 50 * 50 * 8
        layer, products = torch.nn.Linear(40, 20), Products()
        monkeypatch.setattr("core.engines.products.packed_gain", lambda kind: 2.0)
        products.pack([layer])
        assert flops_of(lambda: products(layer, a, gelu=True)) == 2 * 30 * 40 * 20
    assert matrix_peak("fp32") > 1e8


def test_long_recording_is_analysed_in_a_process_of_its_own(monkeypatch, capsys):
    arguments = ("--minutes", "0.2", "--points", "0.2", "--engine", "compact")
    found = figures(monkeypatch, capsys, long_recording, *arguments)
    assert 0.1 < found["peak_memory_gb"]["value"] < 2.0
    assert found["memory_growth_gb"]["value"] == 0
    assert found["time_exponent"]["value"] is None
    assert found["seconds_per_second"]["value"] > 0


def test_memory_of_the_parent_is_not_counted():
    ballast = bytearray(b"x") * 600_000_000
    code = "from benchmarks.long_recording import peak_gb; print(peak_gb())"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True
    )
    del ballast
    assert 0.01 < float(done.stdout) < 0.5


def test_exponent_is_the_slope_of_logarithms():
    assert long_recording.exponent({5.0: 7.0, 10.0: 14.0, 60.0: 84.0}) == pytest.approx(1.0)
    assert long_recording.exponent({5.0: 1.0, 10.0: 4.0}) == pytest.approx(2.0)
    assert long_recording.exponent({5.0: 1.0}) is None


def test_recording_is_as_long_as_asked(tmp_path):
    import wave

    assert SAMPLES_DIR.is_dir()
    with wave.open(str(long_recording.write_talk(tmp_path / "a.wav", 1.5))) as file:
        assert math.isclose(file.getnframes() / file.getframerate(), 90.0)


def test_wrong_usage_is_told(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["benchmark", "--minutes", "5"])
    with pytest.raises(SystemExit):
        long_recording.main()
    assert "--engine or --shape" in capsys.readouterr().err
