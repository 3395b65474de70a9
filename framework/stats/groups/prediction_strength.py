"""Prediction strength: whether groups found in one half of the users foretell those of the other half."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.errors import TrialError
from framework.stats.groups.agreement import Labels, contingency
from framework.stats.groups.stability import Refit

WELL_PREDICTED = 0.8
"""Tibshirani and Walther take the largest k whose prediction strength is at least .8 to .9."""


@dataclass(frozen=True)
class PredictionStrength:
    """The mean over splits of the worst group's share of pairs that stay together, and its standard error.

    1 for a single group, always: the question is which larger number of groups still reaches about .8.
    """

    strength: float
    standard_error: float
    splits: int


def prediction_strength(n: int, refit: Refit, *, rng: np.random.Generator, splits: int = 10) -> PredictionStrength:
    """Return the prediction strength of a way to group n users.

    Both halves of a random split are grouped. For each group of one half: of the pairs of its users, the share that
    the other half's fit puts into one group as well; the smallest share counts, and both halves are tried in turn.
    Groups of one user have no pairs and are passed over. Tibshirani, Walther, "Cluster validation by prediction
    strength", JCGS 2005, eq. 2.1.

    Args:
        n: number of users.
        refit: fits on the users at the places given and labels all n.
        rng: draws the splits and seeds the refits.
        splits: how many random splits, 2 at least.

    Raises:
        TrialError: fewer than 4 users or 2 splits.
    """
    if n < 4 or splits < 2:
        raise TrialError(f"prediction strength of {n} users in {splits} splits", allowed="4 users, 2 splits or more")
    found = np.empty(splits)
    for place, draw in enumerate(rng.spawn(splits)):
        order = draw.permutation(n)
        first, second = np.sort(order[: n // 2]), np.sort(order[n // 2 :])
        by_first, by_second = refit(first, draw), refit(second, draw)
        found[place] = (
            _kept_together(by_second[second], by_first[second]) + _kept_together(by_first[first], by_second[first])
        ) / 2
    return PredictionStrength(float(found.mean()), float(found.std(ddof=1) / np.sqrt(splits)), splits)


def _kept_together(own: Labels, predicted: Labels) -> float:
    table = contingency(own, predicted)
    sizes = table.sum(axis=1)
    pairs: NDArray[np.float64] = (table * (table - 1.0)).sum(axis=1)[sizes > 1]
    return float((pairs / (sizes * (sizes - 1.0))[sizes > 1]).min()) if len(pairs) else 1.0
