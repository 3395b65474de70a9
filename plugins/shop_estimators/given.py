"""What an estimator is given, held to its shape before anything is computed."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from framework.errors import TrialError
from framework.records import WeightedRows, WeightedSlates, WeightedTrajectories

Given = TypeVar("Given", WeightedRows, WeightedSlates)


def checked_rows(logged: WeightedRows, label: str) -> WeightedRows:
    """Return the rows as they are.

    Raises:
        TrialError: naming the estimator, where there are fewer than 2 rows, arrays of another length, numbers that are
            not finite, or weights below 0.
    """
    _held("rows", logged.reward, {"weight": logged.weight}, label)
    return logged


def checked_slates(logged: WeightedSlates, label: str) -> WeightedSlates:
    """Return the slates as they are. Raises as `checked_rows` does."""
    weights = {"slate": logged.slate, "place": logged.place, "cascade": logged.cascade}
    _held("slates", logged.reward, weights, label, dimensions=2)
    return logged


def with_model(logged: Given, label: str) -> tuple[Given, NDArray[np.float64], NDArray[np.float64]]:
    """Return rows or slates as they are, and the reward model's answers: fitted and expected, of the rewards' shape.

    Raises:
        TrialError: as `checked_rows` does, and where there are no answers, or some are not finite.
    """
    if isinstance(logged, WeightedRows):
        checked_rows(logged, label)
    else:
        checked_slates(logged, label)
    if logged.fitted is None or logged.expected is None:
        raise TrialError(
            f"{label} needs a reward model's answers, and there are none",
            hint="Give the evaluation a reward model, or leave this estimator out.",
        )
    for name, values in (("fitted", logged.fitted), ("expected", logged.expected)):
        if values.shape != logged.reward.shape or not bool(np.isfinite(values).all()):
            raise TrialError(f"{label}: {name} has shape {values.shape} or numbers that are not finite")
    return logged, logged.fitted, logged.expected


def checked_trajectories(logged: WeightedTrajectories, label: str, *, states: bool = False) -> WeightedTrajectories:
    """Return the trajectories as they are; with `states`, states, actions and the policy's distribution must be there.

    Raises:
        TrialError: as `checked_rows` does, and where a decision follows one that is not there.
    """
    _held("trajectories", logged.reward, {"weight": logged.weight}, label, dimensions=2)
    if logged.there.shape != logged.reward.shape or bool((logged.there[:, 1:] & ~logged.there[:, :-1]).any()):
        raise TrialError(f"{label}: a trajectory has a decision after its end", allowed="absent decisions at the end")
    if states:
        lacks = [name for name in ("state", "action", "target") if getattr(logged, name) is None]
        if lacks:
            raise TrialError(f"{label}: the trajectories come without {', '.join(lacks)}")
        n, steps = logged.reward.shape
        for name in ("state", "target"):
            values = getattr(logged, name)
            if values.ndim != 3 or values.shape[:2] != (n, steps + 1):
                allowed = f"({n}, {steps + 1}, ...): before each decision and after the last"
                raise TrialError(f"{label}: {name} has shape {values.shape}", allowed=allowed)
            if not bool(np.isfinite(values[:, :-1][logged.there]).all()):
                raise TrialError(f"{label}: {name} has numbers that are not finite")
    return logged


def total_weight(weight: NDArray[np.float64], label: str) -> float:
    """Return the sum of the weights that an estimate divides by. Raises TrialError where it is 0."""
    total = float(weight.sum())
    if total <= 0:
        raise TrialError(
            f"{label}: every weight is 0, so there is nothing to divide by",
            hint="The policy never does what was logged: the log cannot tell its value.",
        )
    return total


def _held(what: str, reward: NDArray[Any], weights: dict[str, NDArray[Any]], label: str, dimensions: int = 1) -> None:
    if reward.ndim != dimensions or reward.shape[0] < 2:
        raise TrialError(f"{label}: rewards of shape {reward.shape}", allowed=f"2 {what} or more")
    for name, values in {"reward": reward, **weights}.items():
        if values.shape != reward.shape:
            raise TrialError(f"{label}: {name} has shape {values.shape}", allowed=f"{reward.shape}, as the rewards")
        bad = values.size - int(np.isfinite(values).sum())
        if bad:
            raise TrialError(f"{label}: {bad} of {values.size} numbers in {name} are missing or infinite")
    for name, values in weights.items():
        if values.size and float(values.min()) < 0:
            raise TrialError(f"{label}: {name} has a weight of {float(values.min()):g}", allowed="0 or more")
