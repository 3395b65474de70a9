"""What a fit costs: wall seconds, and the memory that it adds at its height."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from framework.costs.resident import memory_watched


@dataclass(frozen=True)
class FitCost:
    """Wall `seconds`, and `peak_bytes` as of `memory_watched` (None: not known here)."""

    seconds: float
    peak_bytes: int | None


@contextmanager
def fit_watched(spent: dict[int, FitCost], component: Any) -> Iterator[None]:
    """Note in `spent`, by the component's id, what the fit inside cost; a fit that fails leaves no note."""
    started = time.perf_counter()
    with memory_watched() as memory:
        yield
        seconds = time.perf_counter() - started
    spent[id(component)] = FitCost(seconds, memory.added)


def cost_of_all(components: Sequence[Any], spent: Mapping[int, FitCost]) -> FitCost | None:
    """Return what fitting these components one after the other costs, each as if it were not shared.

    Seconds add up; the peak is the largest of theirs. None where one was fitted unwatched.
    """
    own = [spent[id(component)] for component in components if id(component) in spent]
    if not own or len(own) < len(components):
        return None
    peaks = [cost.peak_bytes for cost in own if cost.peak_bytes is not None]
    return FitCost(sum(cost.seconds for cost in own), max(peaks) if len(peaks) == len(own) else None)
