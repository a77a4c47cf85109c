"""emotion2vec directories of the published dimensions with random weights, and FunASR on them."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.engines.devices import device
from core.engines.funasr_loader import quiet_process
from tests.emotion2vec import config, write_directory

SHAPES = {  # dimensions, depth, heads, blocks of the prenet
    "tiny": (64, 2, 4, 1),
    "base": (768, 8, 12, 4),
    "large": (1024, 8, 16, 4),
}


@contextmanager
def model_directory(shape: str, seed: int = 0) -> Iterator[Path]:
    """Yields a directory of a shape, drawn from a seed; it takes up to 0.7 GB until it is left."""
    with TemporaryDirectory() as folder:
        settings = config(*SHAPES[shape])
        yield write_directory(Path(folder) / shape, seed=seed, settings=settings, spread=0.0)


def funasr_generate(
    directory: Path, n_threads: int | None = None
) -> Callable[[NDArray[np.float32]], Any]:
    """Returns FunASR's `generate` of a directory with its default settings, on the engines' device.

    Args:
        directory: of the model.
        n_threads: that it computes in; by default those that it sets itself.
    """
    import torch

    with quiet_process():
        from funasr import AutoModel

        model = AutoModel(model=str(directory), disable_update=True, device=str(device()))
        its_threads = n_threads or torch.get_num_threads()

    def generate(waveform: NDArray[np.float32]) -> Any:
        before = torch.get_num_threads()
        torch.set_num_threads(its_threads)
        try:
            with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
                return model.generate(waveform, granularity="utterance")
        finally:
            torch.set_num_threads(before)

    return generate
