"""Which arm is best, and what each would cost where it is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from framework.errors import TrialError
from framework.stats.bayes.limits import uncertain
from framework.stats.bayes.marginals import Marginal, panels
from framework.stats.estimates import SMALLEST_P

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Standing:
    """How K arms stand, one number each, in the order given.

    `probability_best` adds up to 1. `expected_loss` is what launching the arm costs on average where another one is
    better: E[max(0, best of the others - it)], in the metric's unit. From quadrature, `draws` and the errors are None;
    from draws, `probability_error` and `loss_error` are the Monte-Carlo standard errors.
    """

    probability_best: tuple[float, ...]
    expected_loss: tuple[float, ...]
    method: str
    draws: int | None = None
    probability_error: tuple[float, ...] | None = None
    loss_error: tuple[float, ...] | None = None


def best_arm(arms: Sequence[Marginal], *, higher_is_better: bool = True) -> Standing:
    """Return how independent arms stand, by Gauss-Legendre quadrature over their posteriors: no chance enters.

    P(k best) is the integral of k's density times all other arms' distribution functions; its expected loss that of its
    own distribution function times the chance that some other arm lies above. Both integrands are positive, so small
    probabilities keep about 10 digits. Never exactly 0 or 1. Time grows with K squared: 20 arms take about a second.

    Raises:
        TrialError: for fewer than 2 arms, or posteriors of different kinds.
    """
    if len(arms) < 2 or len({type(arm) for arm in arms}) > 1:
        kinds = sorted({type(arm).__name__ for arm in arms})
        raise TrialError(
            f"{len(arms)} arm(s) of kind {', '.join(kinds) or 'none'}", allowed="2 arms or more, posteriors of one kind"
        )
    # Near-equal arms need no panels between each other's ends.
    y, weight = panels((arm.ladder() for arm in arms), least=min(arm.width for arm in arms) / 2)
    slope = arms[0].slope(y) * weight
    # Towards the worse side: the part of each posterior that lies behind y.
    behind = np.array([arm.below(y) if higher_is_better else arm.above(y) for arm in arms])
    ahead = np.array([arm.above(y) if higher_is_better else arm.below(y) for arm in arms])
    with np.errstate(divide="ignore"):
        logs = np.where(behind < 0.5, np.log(behind), np.log1p(-ahead))
    probability, loss = [], []
    for k, arm in enumerate(arms):
        others = np.delete(logs, k, axis=0).sum(axis=0)
        density = arm.density(y) * weight
        probability.append(float((density * np.exp(others)).sum() / density.sum()))
        loss.append(float(-(behind[k] * np.expm1(others) * slope).sum()))
    leader = int(np.argmax(probability))
    probability[leader] = 1 - sum(p for k, p in enumerate(probability) if k != leader)
    return Standing(
        probability_best=tuple(uncertain(p) for p in probability),
        expected_loss=tuple(max(SMALLEST_P, value) for value in loss),
        method=f"quadrature over {len(arms)} independent posteriors",
    )


def best_of_draws(draws: ArrayLike, *, higher_is_better: bool = True) -> Standing:
    """Return how arms stand from joint draws (S, K) of their posterior; ties share the draw.

    Probabilities are (count + 1/K) / (S + 1), so never exactly 0 or 1.

    Raises:
        TrialError: for fewer than 2 draws or 2 arms, or draws that are not finite.
    """
    values = np.asarray(draws, dtype=np.float64)
    if values.ndim != 2 or min(values.shape) < 2 or not bool(np.isfinite(values).all()):
        raise TrialError(
            f"draws have shape {values.shape}", allowed="finite draws, shape (draws, arms), 2 or more of each"
        )
    values = values if higher_is_better else -values
    size, arms = values.shape
    top = values.max(axis=1, keepdims=True)
    wins = (values == top).astype(np.float64)
    wins /= wins.sum(axis=1, keepdims=True)
    last_two = np.partition(values, arms - 2, axis=1)[:, arms - 2 :]
    # The best of the others is the top, except for the one arm that is the top itself.
    rest = np.where(np.arange(arms) == np.argmax(values, axis=1)[:, None], last_two[:, :1], top)
    losses = np.maximum(0.0, rest - values)
    chance = (wins.sum(axis=0) + 1 / arms) / (size + 1)
    return Standing(
        probability_best=tuple(chance.tolist()),
        expected_loss=tuple(losses.mean(axis=0).tolist()),
        method=f"{size:,} joint draws of {arms} arms",
        draws=size,
        probability_error=tuple(np.sqrt(chance * (1 - chance) / size).tolist()),
        loss_error=tuple((losses.std(axis=0, ddof=1) / np.sqrt(size)).tolist()),
    )


def correlated_best(
    means: Sequence[float],
    covariance: ArrayLike,
    *,
    rng: np.random.Generator,
    draws: int = 100_000,
    higher_is_better: bool = True,
) -> Standing:
    """Return how arms stand whose joint posterior is normal, as in a paired design where arms share their units.

    `means` (K,) and `covariance` (K, K) of the arms' means. By draws: same seed, same numbers.

    Raises:
        TrialError: for shapes that do not fit, numbers that are not finite, or a matrix that is no covariance.
    """
    centre, matrix = np.asarray(means, dtype=np.float64), np.asarray(covariance, dtype=np.float64)
    if centre.ndim != 1 or matrix.shape != (centre.size, centre.size):
        raise TrialError(
            f"{centre.size} means and a covariance of shape {matrix.shape}", allowed="shapes (arms,) and (arms, arms)"
        )
    try:
        sample = rng.multivariate_normal(centre, matrix, size=draws, check_valid="raise")
    except (ValueError, np.linalg.LinAlgError) as error:
        raise TrialError("the arms' covariance is no covariance", allowed="symmetric, no negative variance") from error
    return best_of_draws(sample, higher_is_better=higher_is_better)
