"""Steps that an agent learns from: a fixed log of them, and a ring of the latest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from framework.errors import DataError


@dataclass(frozen=True)
class Transitions:
    """n steps: in `state` (n, F) `action` (n,) was done, `reward` (n,) came and then `next_state` (n, F).

    `ended` (n,): nothing came after. A step whose episode was only cut off has not ended.
    """

    state: NDArray[np.float32]
    action: NDArray[np.int64]
    reward: NDArray[np.float32]
    next_state: NDArray[np.float32]
    ended: NDArray[np.bool_]

    def __post_init__(self) -> None:
        lengths = {name: len(getattr(self, name)) for name in self.names()}
        if len(set(lengths.values())) > 1 or self.state.shape != self.next_state.shape:
            said = ", ".join(f"{name} {getattr(self, name).shape}" for name in self.names())
            raise DataError(f"the transitions' arrays do not fit each other: {said}")

    def __len__(self) -> int:
        return len(self.action)

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Return the arrays' names, as they are written."""
        return tuple(field.name for field in fields(cls))

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[np.generic]]) -> Transitions:
        """Return transitions of arrays by name, in the types that are said above; raises DataError for missing ones."""
        missing = [name for name in cls.names() if name not in arrays]
        if missing:
            raise DataError(f"transitions lack {', '.join(missing)}", allowed=cls.names())
        return cls(
            state=np.asarray(arrays["state"], dtype=np.float32),
            action=np.asarray(arrays["action"], dtype=np.int64),
            reward=np.asarray(arrays["reward"], dtype=np.float32),
            next_state=np.asarray(arrays["next_state"], dtype=np.float32),
            ended=np.asarray(arrays["ended"], dtype=np.bool_),
        )

    def take(self, rows: NDArray[np.intp]) -> Transitions:
        """Return the steps at `rows`, in that order."""
        return Transitions(*(getattr(self, name)[rows] for name in self.names()))

    def save(self, path: Path) -> None:
        """Write the arrays to an .npz file."""
        np.savez_compressed(path, **{name: getattr(self, name) for name in self.names()})

    @classmethod
    def load(cls, path: Path) -> Transitions:
        """Read what `save` wrote; raises DataError where it is not there or no such file."""
        try:
            with np.load(path, allow_pickle=False) as arrays:
                return cls.of(dict(arrays))
        except (OSError, ValueError) as error:
            raise DataError(f"the transitions in {path} cannot be read: {error}") from error


class Replay:
    """The latest `capacity` steps, from which batches are drawn uniformly with replacement (Lin 1992; Mnih 2015)."""

    def __init__(self, capacity: int, features: int) -> None:
        self.capacity = capacity
        self.kept = 0
        self._next = 0
        self._arrays: dict[str, NDArray[np.generic]] = {
            "state": np.zeros((capacity, features), np.float32),
            "action": np.zeros(capacity, np.int64),
            "reward": np.zeros(capacity, np.float32),
            "next_state": np.zeros((capacity, features), np.float32),
            "ended": np.zeros(capacity, np.bool_),
        }

    def __len__(self) -> int:
        return self.kept

    def add(self, steps: Transitions) -> None:
        """Take in steps in their order; the oldest make room."""
        steps = steps.take(np.arange(max(len(steps) - self.capacity, 0), len(steps)))
        places = (self._next + np.arange(len(steps))) % self.capacity
        for name, array in self._arrays.items():
            array[places] = getattr(steps, name)
        self._next = int((self._next + len(steps)) % self.capacity)
        self.kept = min(self.kept + len(steps), self.capacity)

    def add_step(
        self, state: NDArray[np.float32], action: int, reward: float, next_state: NDArray[np.float32], ended: bool
    ) -> None:
        """Take in one step, without the cost of arrays of one."""
        place, arrays = self._next, self._arrays
        arrays["state"][place], arrays["action"][place], arrays["reward"][place] = state, action, reward
        arrays["next_state"][place], arrays["ended"][place] = next_state, ended
        self._next = (place + 1) % self.capacity
        self.kept = min(self.kept + 1, self.capacity)

    def sample(self, size: int, rng: np.random.Generator) -> Transitions:
        """Return `size` steps, each drawn from all that are kept; raises DataError where there are none."""
        if not self.kept:
            raise DataError("no step has been taken yet, so there is none to learn from")
        rows = rng.integers(self.kept, size=size)
        return Transitions.of({name: array[rows] for name, array in self._arrays.items()})

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Return what is kept, for a checkpoint."""
        return {**self._arrays, "places": np.array([self.kept, self._next])}

    def restore(self, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Take over what `state` returned."""
        for name, array in self._arrays.items():
            array[:] = state[name]
        self.kept, self._next = (int(value) for value in state["places"])
