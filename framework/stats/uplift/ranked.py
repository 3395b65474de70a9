"""Units of a two-arm test in the order of a score: the gain of treating the first of them, with influence values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.errors import TrialError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Test:
    """A two-arm test: `outcome` (n,), `treated` (n,) bool, `score` (n,), high first.

    `weight` (n,) is 1 over the probability of the arm that a unit got; None where that is the same for all of an arm.
    `fold` (n,): units are ranked within their fold, since scores of different folds may come from different models;
    None: one fold.
    """

    __test__ = False  # no test of pytest's

    outcome: Floats
    treated: NDArray[np.bool_]
    score: Floats
    weight: Floats | None = None
    fold: NDArray[np.integer] | None = None

    def __post_init__(self) -> None:
        """Refuse arrays of other lengths, values that are not finite, and a fold with one arm only."""
        n = self.outcome.shape[0]
        arrays = [self.outcome, self.treated, self.score, *(a for a in (self.weight, self.fold) if a is not None)]
        if any(array.shape != (n,) for array in arrays):
            raise TrialError(f"arrays of shapes {[array.shape for array in arrays]}", allowed="one number a unit")
        if not all(np.isfinite(array).all() for array in arrays):
            raise TrialError("outcomes, scores or weights that are not finite", allowed="finite numbers")
        if self.weight is not None and not bool((self.weight > 0).all()):
            raise TrialError("weights of 0 or below", allowed="1 / probability of the arm that a unit got")
        for rows in self.parts():
            if min(int(self.treated[rows].sum()), int((~self.treated[rows]).sum())) < 2:
                raise TrialError("a fold has fewer than 2 units of an arm", allowed="2 or more of each in every fold")

    def parts(self) -> list[NDArray[np.intp]]:
        """Return the places of each fold's units."""
        if self.fold is None:
            return [np.arange(self.outcome.size)]
        return [np.flatnonzero(self.fold == number) for number in np.unique(self.fold)]


@dataclass(frozen=True)
class Ranked:
    """Sums over the units ranked first, at the ends of K blocks of equal scores.

    `block` (n,) is each unit's block, in the units' own order; `n` (K,) units up to a block's end; `mean_treated` and
    `mean_control` (K,) their (weighted) mean outcomes; `weight_treated`, `weight_control` (K,) the sums of weights. The
    first block reaches to where both arms have a unit.
    """

    outcome: Floats
    treated: NDArray[np.bool_]
    weight: Floats
    block: NDArray[np.intp]
    n: Floats
    weight_treated: Floats
    weight_control: Floats
    mean_treated: Floats
    mean_control: Floats

    @property
    def share(self) -> Floats:
        """Share of all units up to each block's end."""
        return np.asarray(self.n / self.n[-1])

    @property
    def uplift(self) -> Floats:
        """Difference of the arms' means up to each block's end."""
        return self.mean_treated - self.mean_control


def ranked(test: Test, rows: NDArray[np.intp]) -> Ranked:
    """Return the sums of one fold's units, those of `rows`."""
    outcome, treated, score = test.outcome[rows].astype(np.float64), test.treated[rows], test.score[rows]
    weight = np.ones(rows.size) if test.weight is None else test.weight[rows]
    order = np.argsort(-score, kind="stable")
    in_order = score[order]
    number = np.concatenate([[0], np.cumsum(in_order[1:] != in_order[:-1])])
    both = np.minimum(np.cumsum(treated[order]), np.cumsum(~treated[order])) > 0
    number = np.maximum(number - number[int(np.argmax(both))], 0)
    ends = np.append(np.flatnonzero(np.diff(number)), rows.size - 1)
    block = np.empty(rows.size, dtype=np.intp)
    block[order] = number
    in_arm = {True: weight * treated, False: weight * ~treated}
    sums = {arm: np.cumsum(own[order])[ends] for arm, own in in_arm.items()}
    totals = {arm: np.cumsum((own * outcome)[order])[ends] for arm, own in in_arm.items()}
    return Ranked(
        outcome,
        treated,
        weight,
        block,
        (ends + 1).astype(np.float64),
        sums[True],
        sums[False],
        totals[True] / sums[True],
        totals[False] / sums[False],
    )
