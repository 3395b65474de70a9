"""A constant that shrinks large weights: given, or chosen from the log."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from framework.errors import ConfigError
from framework.records import PolicyValue
from framework.stats.off_policy.tuning import error_bound, half_width, slope

Shrink = Callable[[NDArray[np.float64], float], NDArray[np.float64]]
"""From weights and the constant to smaller weights."""
CANDIDATES = (10.0, 50.0, 100.0, 500.0, 1000.0, 5000.0, 10000.0, math.inf)
SHARES = (1.0, 0.5, 0.1, 0.05, 0.01, 0.005, 0.001, 0.0)


@dataclass(frozen=True)
class Shrinking:
    """How the constant is set.

    `constant`: a number, or how it is chosen among `candidates`: "mse" takes the one of the least bound on the squared
    error, which for rare rewards leans to weights as they are; "slope" the one of least spread whose bias those of more
    spread do not show, which may be a large one where they have much. `delta`: the level of both. An interval counts
    neither the bias nor that a choice was made.
    """

    constant: float | Literal["slope", "mse"] = "mse"
    candidates: Sequence[float] = CANDIDATES
    delta: float = 0.05

    def check(self, name: str, most: float = math.inf) -> None:
        """Raise ConfigError where a constant is not from 0 to `most`, or delta not between 0 and 1."""
        constants = [self.constant] if isinstance(self.constant, float | int) else list(self.candidates)
        if not constants:
            raise ConfigError(f"{name}'s candidates are empty", allowed="one constant or more")
        for one in constants:
            if not 0.0 <= one <= most:
                allowed = "0 or more" if math.isinf(most) else f"from 0 to {most:g}"
                raise ConfigError(f"{name} has a constant of {one:g}", allowed=allowed)
        if isinstance(self.constant, str) and self.constant not in {"slope", "mse"}:
            raise ConfigError(f"{name}'s constant is '{self.constant}'", allowed="a number, slope, mse")
        if not 0.0 < self.delta < 1.0:
            raise ConfigError(f"{name}'s delta is {self.delta:g}", allowed="a number between 0 and 1")

    def label(self, name: str) -> str:
        """Return the estimator's name with the constant, or with how it is chosen."""
        return f"{name}({self.constant if isinstance(self.constant, str) else format(self.constant, 'g')})"


def shrunk_value(
    config: Shrinking,
    shrink: Shrink,
    weight: NDArray[np.float64],
    reward: NDArray[np.float64],
    fitted: NDArray[np.float64] | float = 0.0,
    expected: NDArray[np.float64] | float = 0.0,
) -> PolicyValue:
    """Return the mean of expected + shrunk weight x (reward - fitted), by the constant that was given or chosen.

    All (n,); without a reward model fitted and expected are 0.
    """
    residual = reward - fitted

    def terms_of(constant: float) -> NDArray[np.float64]:
        return np.asarray(expected + shrink(weight, constant) * residual)

    if not isinstance(config.constant, str):
        terms = terms_of(float(config.constant))
        return PolicyValue(float(terms.mean()), terms)
    constants = [float(one) for one in config.candidates]
    if config.constant == "slope":
        means, widths = np.empty(len(constants)), np.empty(len(constants))
        for place, one in enumerate(constants):
            terms = terms_of(one)
            means[place], widths[place] = terms.mean(), half_width(terms, config.delta)
        chosen = constants[slope(means, widths)]
    else:
        largest = float(np.abs(reward).max())
        bounds = [
            error_bound(terms_of(one), weight, shrink(weight, one), residual, config.delta, largest)
            for one in constants
        ]
        chosen = constants[int(np.argmin(bounds))]
    terms = terms_of(chosen)
    return PolicyValue(float(terms.mean()), terms, {"constant": chosen})


def clip(weight: NDArray[np.float64], constant: float) -> NDArray[np.float64]:
    """Return min(w, constant)."""
    return np.asarray(np.minimum(weight, constant))


def switch(weight: NDArray[np.float64], constant: float) -> NDArray[np.float64]:
    """Return w where it is at most the constant, else 0."""
    return np.where(weight <= constant, weight, 0.0)


def optimistic(weight: NDArray[np.float64], constant: float) -> NDArray[np.float64]:
    """Return constant w / (w^2 + constant); w itself where the constant is infinite."""
    if math.isinf(constant):
        return weight
    below = weight**2 + constant
    return np.divide(constant * weight, below, out=np.zeros_like(weight), where=below > 0)


def sub_gaussian(weight: NDArray[np.float64], constant: float) -> NDArray[np.float64]:
    """Return w / (1 - constant + constant w); 0 where w is 0."""
    below = 1.0 - constant + constant * weight
    return np.divide(weight, below, out=np.zeros_like(weight), where=below > 0)
