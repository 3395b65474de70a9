"""A sum over places of weighted rewards, plain or with each place's weights divided by their mean."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from framework.records import PolicyValue
from shop_estimators.given import total_weight


def summed_places(
    weight: NDArray[np.float64], reward: NDArray[np.float64], label: str, *, self_normalised: bool
) -> PolicyValue:
    """Return the mean over rows of sum_k w_k r_k, of weights and rewards (n, K).

    Self-normalised, each place is a weighted mean of its own, and terms are the sum of those means plus
    sum_k w_k (r_k - mean_k) / mean(w_k).

    Raises:
        TrialError: self-normalised, and every weight of a place is 0.
    """
    if not self_normalised:
        terms = (weight * reward).sum(axis=1)
        return PolicyValue(float(terms.mean()), terms)
    n, places = reward.shape
    value, terms = 0.0, np.zeros(n)
    for place in range(places):
        own = weight[:, place]
        total = total_weight(own, f"{label}, place {place + 1}")
        mean = float((own * reward[:, place]).sum()) / total
        value += mean
        terms += own * (reward[:, place] - mean) * (n / total)
    return PolicyValue(value, value + terms)
