"""How much of what users later spend their segments foretell."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from framework.errors import TrialError
from framework.stats.groups.agreement import Labels, checked

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

DRAWS_AT_ONCE = 2_000_000
"""Weights of resamples held in memory at one time (16 MB an array)."""


@dataclass(frozen=True)
class Explained:
    """Shares of a later outcome's variance that lie between segments.

    `share` is eta squared, as seen; it is above 0 even for random groups, by (K - 1) / (n - 1) on average. `adjusted`
    is free of that (epsilon squared, the adjusted R squared of the group means) and may be below 0. `low` and `high`
    are its interval and hold 0 for random groups; `p_value` is the chance of as much among groups of these sizes drawn
    at random. All NaN, with p 1, where the outcome does not vary or there are no more users than groups.
    """

    share: float
    adjusted: float
    low: float
    high: float
    p_value: float
    groups: int
    users: int
    confidence: float


def revenue_explained(
    outcome: NDArray[np.float64],
    labels: Labels,
    *,
    rng: np.random.Generator,
    confidence: float = 0.95,
    resamples: int = 999,
    permutations: int = 999,
) -> Explained:
    """Return how much of a later outcome is explained by segments that were found before it.

    The segments must not have seen the outcome. The interval is the users' bootstrap-t with the error that the
    influence function of eta squared gives, around epsilon squared; resamples are centred at their own mean, for each
    adds noise to the group means that would lift the interval of random groups above 0. Money of which the largest few
    spenders hold most of the variance (lognormal with a sigma of 1.5) has a variance that no sample of thousands
    knows: there the interval is too short. Kelley, "An unbiased correlation ratio measure", PNAS 1935; Efron,
    Tibshirani 1993, ch. 10 and 12; the p-value permutes labels, and is exact for exchangeable users.

    Args:
        outcome: each user's later value (n,), such as the money spent in the test window, 0 for those who stayed away.
        labels: each user's segment (n,), from 0.
        rng: same state, same numbers.
        confidence: of the interval.
        resamples: of the bootstrap, 100 or more.
        permutations: 0 leaves the p-value out (NaN).

    Raises:
        TrialError: lengths differ, a value is not finite, or too few resamples.
    """
    values, groups = np.asarray(outcome, dtype=np.float64), checked(labels)
    if values.shape != groups.shape or not np.all(np.isfinite(values)):
        raise TrialError("outcome and segments do not fit", allowed="one finite value and one segment a user")
    if resamples < 100:
        raise TrialError(f"resamples is {resamples}", allowed="100 or more")
    _, groups = np.unique(groups, return_inverse=True)
    n, K = len(values), int(groups.max(initial=-1)) + 1
    centred = values - values.mean() if n else values
    if n <= K or not np.any(np.abs(centred) > 1e-12 * max(1.0, float(np.abs(values).max()))):
        nan = float("nan")
        return Explained(nan, nan, nan, nan, 1.0, K, n, confidence)
    if K == 1:
        return Explained(0.0, 0.0, 0.0, 0.0, 1.0, K, n, confidence)
    scaled = centred / centred.std()
    powers = _powers(scaled, groups, K)
    share, error = (float(value[0]) for value in _shares(np.ones((1, n)), powers, K))
    adjusted = 1 - (1 - share) * (n - 1) / (n - K)
    drawn = _studentised(powers, K, resamples, rng)
    tail = (1 - confidence) / 2
    least, most = np.quantile(drawn, [tail, 1 - tail]) * error
    p_value = _permuted(share, scaled, groups, K, permutations, rng) if permutations else float("nan")
    return Explained(
        share, adjusted, float(adjusted - most), min(float(adjusted - least), 1.0), p_value, K, n, confidence
    )


def _powers(values: NDArray[np.float64], groups: NDArray[np.int64], K: int) -> csr_matrix:
    """Return each user's value to the powers 0 to 4 in the columns of the user's group: (n, 5 K), column 5 g + p."""
    from scipy.sparse import csr_matrix

    n = len(values)
    columns = 5 * groups[:, None] + np.arange(5)
    entries = values[:, None] ** np.arange(5)
    return csr_matrix((entries.ravel(), columns.ravel(), np.arange(0, 5 * n + 1, 5)), shape=(n, 5 * K))


def _shares(
    weights: NDArray[np.float64], powers: csr_matrix, K: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return eta squared (B,) under each row of weights (B, n), and its standard error; NaN where nothing varies.

    The influence of a user at u from the mean, in a group at d from it, is (2 d u - d^2 - eta^2 u^2) / variance.
    """
    raw = np.asarray(weights @ powers).reshape(len(weights), K, 5)
    n = raw[:, :, 0].sum(axis=1)
    mean = raw[:, :, 1].sum(axis=1) / n
    about = np.stack(
        [sum(comb(p, j) * raw[:, :, j] * (-mean[:, None]) ** (p - j) for j in range(p + 1)) for p in range(5)], axis=-1
    )
    S0, S1, S2, S3, S4 = np.moveaxis(about, -1, 0)
    overall = S2.sum(axis=1)
    d = S1 / np.maximum(S0, 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(overall > 0, (S0 * d**2).sum(axis=1) / overall, np.nan)
        e = share[:, None]
        squares = e**2 * S4 - 4 * e * d * S3 + (4 + 2 * e) * d**2 * S2 - 4 * d**3 * S1 + d**4 * S0
        error = np.sqrt(np.maximum(squares.sum(axis=1), 0)) / overall
    return share, error


def _studentised(powers: csr_matrix, K: int, resamples: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return each resample's distance from their mean in its own standard errors."""
    n = powers.shape[0]
    batch = max(1, DRAWS_AT_ONCE // n)
    shares, errors = [], []
    for start in range(0, resamples, batch):
        rows = min(batch, resamples - start)
        places = rng.integers(0, n, (rows, n)) + n * np.arange(rows)[:, None]
        weights = np.bincount(places.ravel(), minlength=rows * n).reshape(rows, n).astype(np.float64)
        share, error = _shares(weights, powers, K)
        shares.append(share)
        errors.append(error)
    share, error = np.concatenate(shares), np.concatenate(errors)
    known = np.isfinite(share) & (error > 0)
    return np.asarray((share[known] - share[known].mean()) / error[known]) if known.any() else np.zeros(1)


def _permuted(
    share: float,
    values: NDArray[np.float64],
    groups: NDArray[np.int64],
    K: int,
    permutations: int,
    rng: np.random.Generator,
) -> float:
    sizes = np.bincount(groups, minlength=K)
    overall = float((values**2).sum())
    beyond = 0
    for _ in range(permutations):
        total = np.bincount(groups, weights=rng.permutation(values), minlength=K)
        # The last digits of a sum depend on its order: a permutation that is as good counts as one.
        beyond += float((total**2 / sizes).sum()) / overall >= share * (1 - 1e-12)
    return (1 + beyond) / (1 + permutations)
