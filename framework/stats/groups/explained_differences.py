"""Which of several segmentations of the same users foretells a later outcome better."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from framework.errors import TrialError
from framework.stats.estimates import quantile
from framework.stats.groups.agreement import Labels, checked
from framework.stats.multiplicity.adjust import adjust


@dataclass(frozen=True)
class ExplainedDifference:
    """`second`'s share of variance explained less `first`'s: interval, and p-values before and after Holm's step."""

    first: str
    second: str
    estimate: float
    low: float
    high: float
    p_value: float
    p_adjusted: float


def explained_differences(
    outcome: NDArray[np.float64], segmentations: Mapping[str, Labels], *, confidence: float = 0.95
) -> tuple[ExplainedDifference, ...]:
    """Return every pair's difference in epsilon squared, in the order of the names, corrected by Holm over the pairs.

    Normal, by the influence of every user on both shares at once (`influence_on_share`): what the two say alike of a
    user falls out of the difference. Where neither explains anything the influences vanish and the normal limit does
    not hold; p-values are then too large.

    Raises:
        TrialError: lengths differ, a value is not finite, or the outcome does not vary.
    """
    from scipy import stats

    values = np.asarray(outcome, dtype=np.float64)
    if not np.all(np.isfinite(values)) or any(len(labels) != len(values) for labels in segmentations.values()):
        raise TrialError("outcome and segments do not fit", allowed="one finite value and one segment a user")
    shares = {name: influence_on_share(values, labels) for name, labels in segmentations.items()}
    edge = quantile(confidence, None)
    pairs, p_values = list(combinations(segmentations, 2)), []
    found: list[tuple[str, str, float, float, float]] = []
    for first, second in pairs:
        estimate = shares[second][0] - shares[first][0]
        error = float((shares[second][1] - shares[first][1]).std()) / math.sqrt(len(values))
        p_values.append(1.0 if error == 0 else 2.0 * float(stats.norm.sf(abs(estimate) / error)))
        found.append((first, second, estimate, estimate - edge * error, estimate + edge * error))
    adjusted = adjust(p_values, "holm") if p_values else ()
    return tuple(
        ExplainedDifference(*pair, p_value, corrected)
        for pair, p_value, corrected in zip(found, p_values, adjusted, strict=True)
    )


def influence_on_share(outcome: NDArray[np.float64], labels: Labels) -> tuple[float, NDArray[np.float64]]:
    """Return epsilon squared, and every user's influence (n,) on eta squared: (2 d u - d^2 - eta^2 u^2) / variance.

    u is the user's distance from the mean, d that of the mean of the user's group. Raises TrialError for an outcome
    that is the same for all users.
    """
    _, groups = np.unique(checked(labels), return_inverse=True)
    n, K = len(outcome), int(groups.max(initial=-1)) + 1
    u = outcome - outcome.mean() if n else outcome
    variance = float((u**2).mean()) if n else 0.0
    if variance <= 1e-24 * max(1.0, float(np.abs(outcome).max(initial=0.0))) ** 2:
        raise TrialError("the later outcome is the same for all users, so no segmentation explains any of it")
    d = (np.bincount(groups, weights=u) / np.bincount(groups))[groups]
    share = float((d**2).mean()) / variance
    adjusted = 1 - (1 - share) * (n - 1) / (n - K) if n > K else 0.0
    return (0.0 if K == 1 else adjusted), (2 * d * u - d**2 - share * u**2) / variance
