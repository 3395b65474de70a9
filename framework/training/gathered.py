"""Per-user values measured by all processes of a training together, each its share, as if one had measured them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray


def gathered(measure: Callable[[NDArray[np.intp]], NDArray[Any]], count: int) -> NDArray[Any]:
    """Return `measure(rows)` of the rows 0 to `count` - 1, in their order, in every process.

    `measure` returns one entry a row, whatever other rows it is asked for with; every process must call this. Outside
    a training by several processes it measures all rows itself.
    """
    import torch.distributed as processes

    if not (processes.is_available() and processes.is_initialized()):
        return measure(np.arange(count))
    world = processes.get_world_size()
    parts: list[Any] = [None] * world
    processes.all_gather_object(parts, measure(np.arange(processes.get_rank(), count, world)))
    whole = np.empty((count, *parts[0].shape[1:]), parts[0].dtype)
    for rank, part in enumerate(parts):
        whole[rank::world] = part
    return whole
