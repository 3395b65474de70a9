"""Whether a training fits into memory, weighed before it is allocated: a refusal that says what would fit.

Weights are weighed one by one as the component makes them, and what a step adds (gradients, the optimizer's states,
the activations that the component told of) before the first one. Only what surely cannot fit is refused.
"""

# ruff: noqa: ARG002 (Lightning gives its hooks more than they need here)
from __future__ import annotations

import inspect
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch.overrides import TorchFunctionMode

from framework.errors import RunError

SIZES = ("embedding_size", "factors", "hidden_size")
"""What components call the size that their weights grow with, the likeliest first."""
LARGE = 64 * 2**20
"""Bytes from which on a tensor is weighed before it is made."""


@contextmanager
def weighing(config: Any) -> Iterator[None]:
    """Refuse, inside, to make a tensor that is larger than the memory that is free at that moment.

    Raises RunError, with what would fit of the sizes in `config`, before the tensor is allocated.
    """
    makers = {torch.empty, torch.zeros, torch.ones, torch.full, torch.rand, torch.randn}

    class Watch(TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            kwargs = kwargs or {}
            if func in makers and kwargs.get("out") is None:
                bare = {name: value for name, value in kwargs.items() if name not in {"generator", "pin_memory"}}
                size = func(*args, **{**bare, "device": "meta"}).nbytes
                free = free_bytes("cpu") if size >= LARGE else None
                if free is not None and size > free:
                    raise refusal({"weights": size}, free, "cpu", config)
            return func(*args, **kwargs)

    with Watch():
        yield


class Scales(Callback):
    """Weighs a training as it starts, where it runs. Raises RunError, from the Trainer, for one that cannot fit."""

    def __init__(self, config: Any, activations: int) -> None:
        self.config, self.activations = config, activations

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Weigh the weights and their gradients, before the weights move to another device."""
        device = trainer.strategy.root_device
        if device.type != "cpu":
            weights = _bytes([*pl_module.parameters(), *pl_module.buffers()])
            self._weigh({"weights": weights, "gradients": _bytes(learned(pl_module))}, device)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Weigh what the first step adds; on the CPU all processes take it from one memory."""
        device = trainer.strategy.root_device
        states = sum(
            states_per_weight(optimizer) * _bytes([w for group in optimizer.param_groups for w in group["params"]])
            for optimizer in trainer.optimizers
        )
        need = {"gradients": _bytes(learned(pl_module)), "optimizer": states, "activations": self.activations}
        processes = trainer.world_size if device.type == "cpu" else 1
        self._weigh({name: size * processes for name, size in need.items()}, device)

    def _weigh(self, need: dict[str, int], device: torch.device) -> None:
        free = free_bytes(device)
        if free is not None and sum(need.values()) > free:
            raise refusal(need, free, device, self.config)


def learned(module: Any) -> list[Any]:
    """Return the parameters that a module learns."""
    return [weight for weight in module.parameters() if weight.requires_grad]


def states_per_weight(optimizer: Any) -> int:
    """Return how many numbers an optimizer keeps for each weight: Adam 2, plain SGD 0.

    Counted by letting one of its kind take a step with three weights; 2 where that does not work.
    """
    probe = torch.nn.Parameter(torch.zeros(3))
    probe.grad = torch.zeros(3)
    try:
        known = inspect.signature(type(optimizer)).parameters
        like = type(optimizer)([probe], **{name: value for name, value in optimizer.defaults.items() if name in known})
        like.step()
    except Exception:  # noqa: BLE001 (an optimizer may want sparse gradients, a closure, other arguments)
        return 2
    return sum(isinstance(state, torch.Tensor) and state.shape == probe.shape for state in like.state[probe].values())


def free_bytes(device: Any) -> int | None:
    """Return the memory that is free on a device, None where that cannot be known."""
    device = torch.device(device)
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    if device.type != "cpu":
        return None
    found = [size for size in (_host(), _control_groups()) if size is not None]
    return min(found) if found else None


def refusal(need: dict[str, int], free: int, device: Any, config: Any) -> RunError:
    """Return the error for a training that needs more bytes than are free, with what would fit of its sizes."""
    parts = ", ".join(f"{name} {_told(size)}" for name, size in need.items() if size)
    total, fixed = sum(need.values()), need.get("activations", 0)
    hints = []
    size = next((name for name in SIZES if isinstance(getattr(config, name, None), int)), None)
    if size is not None and fixed < free:
        fits = int(getattr(config, size) * (free - fixed) / (total - fixed))
        hints.append(f"About {size}={fits} would fit" if fits else f"No {size} would fit")
    if fixed and isinstance(getattr(config, "batch_size", None), int) and total - fixed < free:
        hints.append(f"About batch_size={int(config.batch_size * (free - total + fixed) / fixed)} would fit")
    what = f"The training needs {_told(total)} of memory on {device} ({parts}), and {_told(free)} are free"
    return RunError(what, hint=". ".join([*hints, "Or train where more is free"]) + ".")


def _bytes(tensors: Any) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def _told(size: int) -> str:
    return f"{size / 2**30:.1f} GiB" if size >= 2**30 else f"{size / 2**20:.1f} MiB"


def _host() -> int | None:
    """Return what the system could hand out: free memory, and what it can take back from its caches."""
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return None


def _control_groups(root: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> int | None:
    """Return what the tightest control group around this process leaves it, None where none limits it (version 2)."""
    try:
        place = next(line[3:].strip("/") for line in own.read_text().splitlines() if line.startswith("0::"))
    except (OSError, StopIteration):
        place = ""
    left = []
    folder = root / place
    for group in (folder, *folder.parents):
        if not group.is_relative_to(root):
            break
        try:
            limit = (group / "memory.max").read_text().strip()
            if limit != "max":
                stat = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
                used = int((group / "memory.current").read_text()) - int(stat.get("inactive_file", 0))
                left.append(max(int(limit) - used, 0))
        except (OSError, ValueError):
            continue
    return min(left) if left else None
