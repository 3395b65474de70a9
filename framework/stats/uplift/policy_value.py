"""What a segmentation is worth: the best action per segment, chosen on earlier units and valued on later ones.

Beside it stand two that know no segments: the best single action for everybody, and the same procedure with groups of
the same sizes dealt at random.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.errors import TrialError
from framework.stats.uplift.ranked import Floats
from framework.stats.uplift.valued import Valued, valued

Labels = NDArray[np.integer]
Learn = Callable[[NDArray[np.bool_]], Labels]


@dataclass(frozen=True)
class PolicyWorth:
    """Values per unit, in the unit of the action values, on the tested units.

    `segments`: the best action of each segment. `single`: the best single action. `random_groups`: the best action of
    each of as many groups of the same sizes, dealt at random. `always` holds one a fixed action. `over_single`,
    `over_random` and `over_always` are `segments` less those, on the same units. `chosen` (A,) is the share of tested
    units that get each action.
    """

    segments: Valued
    single: Valued
    random_groups: Valued
    always: tuple[Valued, ...]
    over_single: Valued
    over_random: Valued
    over_always: tuple[Valued, ...]
    chosen: tuple[float, ...]

    @property
    def wins(self) -> bool:
        """Whether segments are shown to be worth more than the best single action."""
        return self.over_single.ci_low > 0


def policy_value(
    values: Floats,
    fold: Labels,
    learn: Learn,
    *,
    rng: np.random.Generator,
    deals: int = 20,
    confidence: float = 0.95,
) -> PolicyWorth:
    """Return what actions by segment are worth, learned forward: each fold from the folds before it.

    The first fold only teaches. Given what came before, a fold's value has no bias and its own error, so variances add
    (Luedtke and van der Laan 2016, "Statistical inference for the mean outcome under a possibly non-unique optimal
    treatment strategy"). Swapped folds, which learn from each other, would be read as independent and are not: where no
    action is better they find a winner too often. The value is that of what is learned from about half of the units, a
    little below that of segments learned from all.

    Args:
        values: (n, A) from `action_values`, costs of actions taken off; a fold's must hang on no later fold.
        fold: (n,), dealt at random.
        learn: takes the units to learn from (n,) and returns the segments of all units (n,), 0 or above. For a given
            segmentation: `given(labels)`.
        rng: deals the random groups, `deals` times, and their values are averaged.
        deals: see `rng`.
        confidence: of the intervals.

    Raises:
        TrialError: fewer than 2 folds, values that are not finite, labels that are not one a unit.
    """
    if values.ndim != 2 or fold.shape != values.shape[:1] or not np.isfinite(values).all():
        raise TrialError(f"values {values.shape} for {fold.size} units", allowed="finite, one row a unit")
    numbers = np.unique(fold)
    if numbers.size < 2:
        raise TrialError(f"{numbers.size} folds have units", allowed="2 or more")
    segments, single, dealt, always, chosen = [], [], [], [], np.zeros(values.shape[1])
    for number in numbers[1:]:
        learning, rows = fold < number, fold == number
        labels = np.asarray(learn(learning))
        if labels.shape != fold.shape or labels.min() < 0:
            raise TrialError(f"segments of shape {labels.shape} for {fold.size} units", allowed="one a unit, from 0")
        actions = best_actions(values[learning], labels[learning], int(labels.max()) + 1)[labels[rows]]
        own = values[rows]
        everybody = int(np.argmax(values[learning].mean(axis=0)))
        segments.append(_taken(own, actions))
        single.append(own[:, everybody])
        dealt.append(_random_groups(values, labels, learning, rows, rng, deals))
        always.append(own)
        chosen += np.bincount(actions, minlength=values.shape[1])

    def worth(of: list[Floats]) -> Valued:
        return valued(float(np.concatenate(of).mean()), of, confidence)

    def over(others: list[Floats]) -> Valued:
        return worth([one - other for one, other in zip(segments, others, strict=True)])

    fixed = [[own[:, action] for own in always] for action in range(values.shape[1])]
    return PolicyWorth(
        worth(segments),
        worth(single),
        worth(dealt),
        tuple(worth(own) for own in fixed),
        over(single),
        over(dealt),
        tuple(over(own) for own in fixed),
        tuple((chosen / chosen.sum()).tolist()),
    )


def given(labels: Labels) -> Learn:
    """Return a `learn` for segments that nobody learned from this test."""
    return lambda _: labels


def best_actions(values: Floats, labels: Labels, segments: int) -> NDArray[np.intp]:
    """Return each segment's action (S,) of the highest mean value, ties to the lower; without units, everybody's."""
    sums = np.stack(
        [np.bincount(labels, weights=values[:, action], minlength=segments) for action in range(values.shape[1])],
        axis=1,
    )
    empty = np.bincount(labels, minlength=segments) == 0
    return np.where(empty, np.argmax(values.mean(axis=0)), np.argmax(sums, axis=1))


def _taken(values: Floats, actions: NDArray[np.integer]) -> Floats:
    return np.asarray(values[np.arange(len(values)), actions])


def _random_groups(
    values: Floats,
    labels: Labels,
    learning: NDArray[np.bool_],
    rows: NDArray[np.bool_],
    rng: np.random.Generator,
    deals: int,
) -> Floats:
    total = np.zeros(int(rows.sum()))
    for _ in range(deals):
        mixed, others = rng.permutation(labels[learning]), rng.permutation(labels[rows])
        total += _taken(values[rows], best_actions(values[learning], mixed, int(labels.max()) + 1)[others])
    return total / deals
