"""What a fit costs: seconds and memory of what was really done, and nothing left running."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest

from framework.costs import resident
from framework.costs.fits import FitCost, cost_of_all, fit_watched
from framework.costs.resident import memory_watched
from framework.costs.size import stored_bytes

MEGABYTE = 2**20
known = pytest.mark.skipif(resident.resident_bytes() is None, reason="this system does not tell resident memory")


@known
def test_the_height_is_seen_though_the_memory_is_given_back() -> None:
    with memory_watched() as memory:
        taken = np.ones(64 * MEGABYTE // 8)
        time.sleep(0.05)
        del taken
    assert memory.added is not None
    assert 60 * MEGABYTE < memory.added < 90 * MEGABYTE


@known
def test_work_that_takes_nothing_adds_next_to_nothing() -> None:
    with memory_watched() as memory:
        time.sleep(0.02)
    assert memory.added is not None
    assert 0 <= memory.added < 4 * MEGABYTE


def test_a_system_that_does_not_tell_gives_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(resident, "STATM", tmp_path / "absent")
    with memory_watched() as memory:
        pass
    assert memory.added is None


def test_a_fit_is_noted_once_it_is_done() -> None:
    component, spent = object(), {}
    before = threading.active_count()
    with pytest.raises(ZeroDivisionError), fit_watched(spent, component):
        raise ZeroDivisionError
    assert spent == {}
    with fit_watched(spent, component):
        time.sleep(0.05)
    assert 0.05 <= spent[id(component)].seconds < 5
    assert threading.active_count() == before


def test_seconds_add_up_and_the_largest_peak_counts() -> None:
    first, second, other = object(), object(), object()
    spent = {id(first): FitCost(1.5, 100), id(second): FitCost(0.25, 300), id(other): FitCost(4.0, None)}
    assert cost_of_all((first, second), spent) == FitCost(1.75, 300)
    assert cost_of_all((first, other), spent) == FitCost(5.5, None)
    assert cost_of_all((first, object()), spent) is None
    assert cost_of_all((), spent) is None


class Keeps:
    """A component with a state of 3 float64 and 5 bools."""

    def state(self) -> dict[str, np.ndarray]:
        return {"weights": np.zeros(3), "marks": np.zeros(5, dtype=bool)}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        raise AssertionError


def test_the_size_is_that_of_all_arrays() -> None:
    assert stored_bytes([Keeps()]) == 29
    assert stored_bytes([Keeps(), Keeps()]) == 58
    assert stored_bytes([Keeps(), object()]) is None
