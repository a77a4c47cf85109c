"""Joining a Ray cluster, or starting one of one's own; Ray is imported only here, when asked for."""

import os
import secrets
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from core.errors import ClusterError
from core.settings import PROJECT_ROOT

LOCAL: Final = "local"
_LEFT_OUT: Final = (".git", ".*cache", ".venv", "data/store", "data/models/emotion2vec*", "tests")
# A cluster of one's own listens on this machine only, and is nobody else's.
_OF_ONES_OWN: Final = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_AUTH_MODE": "token"}


@dataclass(frozen=True)
class Crew:
    """How many workers there are, and what each takes of the cluster.

    Attributes:
        cpus: processor cores of each, which are also torch's threads.
        gpus: of each, 1 where the cluster has any.
    """

    workers: int
    cpus: int
    gpus: int


def crew(resources: dict[str, float], workers: int | None = None) -> Crew:
    """Returns who works on a cluster: one for each GPU where there are any, else for each core.

    Args:
        resources: what the cluster has, as Ray tells it.
        workers: how many are wanted; the cores are then shared out among them.
    """
    cpus, gpus = max(1, int(resources.get("CPU", 1))), int(resources.get("GPU", 0))
    count = min(workers or gpus or cpus, cpus)
    return Crew(count, cpus // count, 1 if gpus >= count else 0)


@contextmanager
def joined(address: str, workers: int | None) -> Iterator[Any]:
    """Joins a cluster, or starts one on this machine; yields Ray, and leaves it afterwards.

    Args:
        address: `local` for one of one's own on this machine, else what `ray.init` takes.
        workers: how many cores one's own has; by default all.

    Raises:
        ClusterError: Ray is not installed, or there is no such cluster.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    if address == LOCAL:
        os.environ.update(_OF_ONES_OWN)
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))  # Ray reads it once
    try:
        import ray
    except ImportError as error:
        raise ClusterError(
            "Ray is not installed; run: pip install -r requirements-cluster.txt"
        ) from error
    if ray.is_initialized():
        raise ClusterError("This process is on a Ray cluster already; leave it first.")
    with tempfile.TemporaryDirectory(prefix="tonescope-ray-", ignore_cleanup_errors=True) as folder:
        options: dict[str, Any] = {"address": address, "log_to_driver": False}
        if address == LOCAL:
            path = os.pathsep.join(filter(None, [str(PROJECT_ROOT), os.environ.get("PYTHONPATH")]))
            options |= {
                "num_cpus": workers,
                "include_dashboard": False,
                "_temp_dir": folder,
                "runtime_env": {"env_vars": {"PYTHONPATH": path}},
            }
        else:
            os.environ["RAY_RUNTIME_ENV_IGNORE_GITIGNORE"] = "1"  # which leaves out data/models
            options["runtime_env"] = {"working_dir": str(PROJECT_ROOT), "excludes": list(_LEFT_OUT)}
        try:
            _reach(address)
            ray.init(**options, configure_logging=False)
        except Exception as error:  # Ray raises errors of many kinds
            raise ClusterError(
                f"The cluster {address!r} cannot be joined ({type(error).__name__}: "
                f"{str(error)[:200]}); give local, auto, HOST:PORT or ray://HOST:PORT of one that runs."
            ) from error
        try:
            yield ray
        finally:
            ray.shutdown()


def _reach(address: str) -> None:
    """Connects to where a cluster should be, as Ray itself tries for minutes.

    Raises:
        OSError: nobody answers.
    """
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if colon and port.isdigit():
        socket.create_connection((host, int(port)), timeout=10).close()
