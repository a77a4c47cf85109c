"""Where a model's time goes: time, products and bytes by kind of operation, and what bounds them.

The profile is PyTorch's own. Bytes are those that each operation takes and gives, counted as it is
called; views move none. What stays in a cache between two operations is faster than memory, so the
bound by bytes is one for data that always comes from memory, and may be beaten.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.figures import Figure
from benchmarks.machine import flops_by_operation

KINDS: Final = {  # by parts of the operations' names
    "attention": ("scaled_dot_product",),
    "convolutions": ("convolution",),
    "products": ("mm", "linear_pointwise"),
    "layer_norm": ("layer_norm",),
    "gelu": ("gelu",),
    "copies": ("copy", "clone", "cat", "fill", "pad", "zeros"),
}
OTHER: Final = "other"


@dataclass
class Part:
    """What one kind of operation does in a run: seconds, floating-point operations, bytes."""

    seconds: float = 0.0
    flops: int = 0
    n_bytes: int = 0

    def bound_s(self, peak: float, bandwidth: float) -> float:
        """Returns the least seconds at a matrix peak and a bandwidth."""
        return max(self.flops / peak, self.n_bytes / bandwidth)


def kind_of(operation: str) -> str:
    """Returns the kind of an operation, as `aten::addmm` or `aten.addmm`."""
    name = operation.replace("::", ".").split(".")[1] if "." in operation.replace("::", ".") else ""
    return next((k for k, parts in KINDS.items() if any(p in name for p in parts)), OTHER)


def profiled(work: Callable[[], Any]) -> dict[str, Part]:
    """Returns what each kind of operation does in something that runs in the calling thread."""
    from torch.profiler import ProfilerActivity, profile

    found: dict[str, Part] = defaultdict(Part)
    work()
    activities = [ProfilerActivity.CPU]
    on_cuda = _on_cuda()
    if on_cuda:
        activities.append(ProfilerActivity.CUDA)
    with profile(activities=activities) as profiler:
        work()
    for event in profiler.key_averages():
        spent = event.self_device_time_total if on_cuda else event.self_cpu_time_total
        if spent and event.key.startswith(("aten::", "mkldnn::")):
            found[kind_of(event.key)].seconds += spent / 1e6
    for operation, flops in flops_by_operation(work).items():
        found[kind_of(operation)].flops += flops
    for operation, n_bytes in bytes_by_operation(work).items():
        found[kind_of(operation)].n_bytes += n_bytes
    return dict(found)


def bytes_by_operation(work: Callable[[], Any]) -> dict[str, int]:
    """Returns the bytes that each operation takes and gives, by its name (`aten.addmm`)."""
    from torch import Tensor
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils._pytree import tree_leaves

    counted: dict[str, int] = defaultdict(int)

    class Counter(TorchDispatchMode):
        def __torch_dispatch__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            kwargs = kwargs or {}
            with self:  # what consists of other operations is counted as those
                made = func.decompose(*args, **kwargs)
            if made is not NotImplemented:
                return made
            made = func(*args, **kwargs)
            taken = [t for t in tree_leaves((args, kwargs)) if isinstance(t, Tensor)]
            given = [t for t in tree_leaves(made) if isinstance(t, Tensor)]
            name = str(func.overloadpacket)
            # Packed weights lie in memory in a way of their own, and nothing is a view of them.
            places = {t.untyped_storage().data_ptr() for t in taken if not t.is_mkldnn}
            is_view = not func._schema.is_mutable and any(
                t.untyped_storage().data_ptr() in places for t in given if not t.is_mkldnn
            )
            if not is_view and not name.startswith("aten.empty"):
                counted[name] += sum(t.numel() * t.element_size() for t in (*taken, *given))
            return made

    with Counter():
        work()
    return dict(counted)


def show(parts: dict[str, Part], peak: float, bandwidth: float) -> None:
    """Prints three figures for each kind of operation, those that take longest first, and a bound."""
    total_s = sum(part.seconds for part in parts.values())
    for kind, part in sorted(parts.items(), key=lambda item: -item[1].seconds):
        bound_s = part.bound_s(peak, bandwidth)
        Figure(f"share_{kind}", round(part.seconds / total_s, 3), "of the profiled time").show()
        Figure(f"bytes_{kind}", round(part.n_bytes / 1e9, 3), "GB taken and given").show()
        Figure(
            f"time_{kind}",
            round(part.seconds, 4),
            "s profiled; limit: by matrix peak and copy bandwidth",
            limit=round(bound_s, 4),
        ).show()
    bounds = sum(part.bound_s(peak, bandwidth) for part in parts.values())
    Figure("time_all", round(total_s, 3), "s profiled", limit=round(bounds, 3)).show()


def _on_cuda() -> bool:
    from core.engines.devices import device

    return device().type == "cuda"
