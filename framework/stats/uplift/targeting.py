"""Whom to contact under a budget, and the profit to expect of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.errors import TrialError
from framework.stats.uplift.ranked import Floats
from framework.stats.uplift.valued import Valued, valued


@dataclass(frozen=True)
class Targeted:
    """One budget: `share` of units that it pays for, `contacted` the share that is worth a contact among them.

    Per unit of the population, in money: `spend`, `profit` (gain less spend, against contacting nobody), and
    `over_random` (the profit less that of as many contacts at random). `threshold` is the smallest predicted gain of a
    contacted unit, None where nobody is.
    """

    share: float
    contacted: float
    spend: float
    profit: Valued
    over_random: Valued
    threshold: float | None


def whom_to_contact(predicted: Floats, *, cost: float, contacts: int) -> NDArray[np.bool_]:
    """Return which units (n,) to contact: the `contacts` of the highest predicted gain, if it is above `cost`.

    `predicted` (n,) and `cost` are in money. Ties at the end of the budget go to the units that stand first.
    """
    order = np.argsort(-predicted, kind="stable")[: max(0, contacts)]
    chosen = np.zeros(predicted.size, dtype=bool)
    chosen[order] = predicted[order] > cost
    return chosen


def targeting(
    gain: Floats,
    predicted: Floats,
    fold: NDArray[np.integer],
    *,
    cost: float,
    shares: Sequence[float],
    confidence: float = 0.95,
) -> tuple[Targeted, ...]:
    """Return what contacting by predicted gain brings, for budgets that pay for these shares of all units.

    Args:
        gain: (n,), what a contact gained of each unit, in money: action values under contact less those without.
        predicted: (n,), by a model that saw none of the unit's own fold nor a later one.
        fold: (n,); the budget is dealt to folds by their units.
        cost: of one contact.
        shares: 0 to 1 each.
        confidence: of the intervals.

    Raises:
        TrialError: shares outside 0 to 1, a cost below 0, arrays of different length.
    """
    if not all(0 <= share <= 1 for share in shares):
        raise TrialError(f"budgets {list(shares)}", allowed="shares of the units, from 0 to 1")
    if not cost >= 0:
        raise TrialError(f"a contact that costs {cost:g}", allowed="0 or more")
    if not gain.shape == predicted.shape == fold.shape:
        raise TrialError(f"{gain.size} gains, {predicted.size} predictions, {fold.size} folds", allowed="one a unit")
    parts = [fold == number for number in np.unique(fold)]
    found = []
    for share in shares:
        chosen = np.zeros(gain.size, dtype=bool)
        for rows in parts:
            # Ulps must not cost a contact: 0.1 of 30 units is 3 of them.
            contacts = int(np.floor(share * int(rows.sum()) + 1e-9))
            chosen[rows] = whom_to_contact(predicted[rows], cost=cost, contacts=contacts)
        profits = [np.where(chosen, gain - cost, 0.0)[rows] for rows in parts]
        random = [_at_random(chosen[rows], gain[rows] - cost) for rows in parts]
        more = [one - other for one, other in zip(profits, random, strict=True)]
        contacted = float(chosen.mean())
        found.append(
            Targeted(
                share,
                contacted,
                contacted * cost,
                valued(float(np.concatenate(profits).mean()), profits, confidence),
                valued(float(np.concatenate(more).mean()), more, confidence),
                float(predicted[chosen].min()) if chosen.any() else None,
            )
        )
    return tuple(found)


def _at_random(chosen: NDArray[np.bool_], profit: Floats) -> Floats:
    """Return values (n,) with the mean of contacting the same share at random, and the spread of that share in them."""
    share = float(chosen.mean())
    return np.asarray(share * profit + (chosen - share) * float(profit.mean()))
