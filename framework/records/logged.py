"""A log of decisions with their propensities, and what it says of a policy that did not take them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class LoggedDecisions:
    """n decisions that a shop's policy took, one row an item shown at one place, in the order of time.

    `action` (n,) indexes `actions` (A,), `position` (n,) counts places from 0 to `positions` - 1, `reward` (n,) is what
    came of it. `propensity` (n,) is the probability with which the logging policy showed this action at this place;
    None where it was not logged. `unit` (n,) numbers who was shown it, None where the log does not say: rows are then
    the units. `context` (n, F) is what was known when deciding, `action_features` (A, G) what is known of the actions;
    the names say what each column is.
    """

    action: NDArray[np.int32]
    position: NDArray[np.int32]
    reward: NDArray[np.float64]
    propensity: NDArray[np.float64] | None
    actions: tuple[str, ...]
    positions: int
    unit: NDArray[np.int64] | None = None
    context: NDArray[np.float64] | None = None
    context_names: tuple[str, ...] = ()
    action_features: NDArray[np.float64] | None = None
    action_feature_names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.action)


@dataclass(frozen=True)
class TargetPolicy:
    """A policy to be evaluated on another one's log: what it does at each place, whoever is asked about.

    `probabilities` (A, K) are those of every action at every place, each column adding up to 1. `origin` says in words
    where they come from, `estimated` that they were estimated and are not known. `own_rewards` (m,) are the rewards of
    decisions that this policy took itself, where a log of them is there: what an estimate can be held to.
    """

    name: str
    probabilities: NDArray[np.float64]
    origin: str
    estimated: bool = False
    own_rewards: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class WeightedRows:
    """n logged decisions beside a policy to be evaluated.

    `reward` (n,); `weight` (n,) is the policy's probability of the logged action over the logger's. `fitted` (n,) is
    what a reward model foretells of the logged action, `expected` (n,) its average under the policy; None without a
    model. `unit` (n,) numbers who was decided about; None where every row is a unit of its own. `marginal` (n,) is the
    policy's probability of showing anything like the logged action over the logger's (`mips`), None where actions have
    no features.
    """

    reward: NDArray[np.float64]
    weight: NDArray[np.float64]
    fitted: NDArray[np.float64] | None = None
    expected: NDArray[np.float64] | None = None
    unit: NDArray[np.int64] | None = None
    marginal: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.reward)


@dataclass(frozen=True)
class WeightedSlates:
    """n logged slates of K places beside a policy to be evaluated; all arrays are (n, K).

    `reward` at each place; weights are ratios of the policy's probability to the logger's: `slate` of the whole slate
    (equal along a row), `place` of the item at its own place, `cascade` of the items down to that place. `fitted` and
    `expected` as in `WeightedRows`, given the places above; None without a reward model.
    """

    reward: NDArray[np.float64]
    slate: NDArray[np.float64]
    place: NDArray[np.float64]
    cascade: NDArray[np.float64]
    fitted: NDArray[np.float64] | None = None
    expected: NDArray[np.float64] | None = None
    unit: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.reward)


@dataclass(frozen=True)
class WeightedTrajectories:
    """n logged trajectories of at most T decisions each, where what is decided changes what comes next.

    `reward`, `weight` and `there` (n, T): what each decision brought, the policy's probability of it over the logger's,
    and whether there was one; absent ones are at the end. `action` (n, T) says which it was. `state` (n, T + 1, S)
    describes where each was taken and what came after the last, `target` (n, T + 1, A) what the policy does there; None
    where only weights are known. `cut_off` (n,) marks trajectories that went on after their last row, whose state after
    it is read; None: all came to their end.
    """

    reward: NDArray[np.float64]
    weight: NDArray[np.float64]
    there: NDArray[np.bool_]
    state: NDArray[np.float64] | None = None
    action: NDArray[np.int32] | None = None
    target: NDArray[np.float64] | None = None
    cut_off: NDArray[np.bool_] | None = None
    unit: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.reward)


@dataclass(frozen=True)
class PolicyValue:
    """An estimate of what the policy earns a decision.

    `terms` (n,) are the rows' influence values around it: their mean is `value`, and the standard deviation of their
    sums by unit gives its standard error. So they stand beside any other outcome of the same units.
    `details` says what a reader must know by name, such as a constant that was tuned.
    """

    value: float
    terms: NDArray[np.float64]
    details: Mapping[str, float] = field(default_factory=dict)
