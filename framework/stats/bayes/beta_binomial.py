"""Two shares compared by their beta posteriors, exactly."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from framework.stats.bayes.best import best_arm
from framework.stats.bayes.limits import check_reading, uncertain
from framework.stats.bayes.marginals import FAR, BetaMarginal, beta_arm, panels
from framework.stats.bayes.priors import JEFFREYS, BetaPrior, beta_prior
from framework.stats.effects import Posterior

Floats = NDArray[np.float64]


def beta_binomial(
    successes_control: float,
    n_control: float,
    successes_treatment: float,
    n_treatment: float,
    *,
    prior: str | BetaPrior = JEFFREYS,
    confidence: float = 0.95,
    higher_is_better: bool = True,
    rope: tuple[float, float] | None = None,
) -> Posterior:
    """Return the posterior of the difference of two shares, treatment minus control, of independent arms.

    Both arms have the same `prior`: "jeffreys", "uniform" or BetaPrior(a, b). Everything is integrated, nothing drawn:
    P(better) and the losses by quadrature on the logit scale, to about 1e-12; the central interval by inverting the
    distribution of the difference, to 1e-9 of its standard deviation. 0 of n, n of n and 10 million units are no
    special cases. `rope` (low, high) is a region of practical equivalence of the difference. For units that are in
    both arms (a paired design) use `normal_posterior` on the paired difference instead.

    Raises:
        TrialError: for impossible counts, a refused prior, a confidence outside (0, 1), a rope without low < high.
    """
    check_reading(confidence, rope)
    known = beta_prior(prior)
    control = beta_arm(successes_control, n_control, known)
    treatment = beta_arm(successes_treatment, n_treatment, known)
    standing = best_arm((control, treatment), higher_is_better=higher_is_better)
    tail = (1 - confidence) / 2
    return Posterior(
        prior=known.text,
        mean=treatment.mean - control.mean,
        ci_low=difference_quantile(control, treatment, tail),
        ci_high=difference_quantile(control, treatment, 1 - tail),
        confidence=confidence,
        probability_better=standing.probability_best[1],
        expected_loss=standing.expected_loss[1],
        expected_loss_control=standing.expected_loss[0],
        rope_low=rope[0] if rope else None,
        rope_high=rope[1] if rope else None,
        probability_equivalent=uncertain(difference_between(control, treatment, *rope)) if rope else None,
    )


def difference_between(control: BetaMarginal, treatment: BetaMarginal, low: float, high: float) -> float:
    """Return P(low < treatment - control < high)."""
    y, weight = panels([control.ladder(), _shifted(treatment, low), _shifted(treatment, high)])
    return _weighted(control, y, weight, _cdf(treatment, y, high) - _cdf(treatment, y, low))


def difference_below(control: BetaMarginal, treatment: BetaMarginal, d: float) -> float:
    """Return P(treatment - control < d): the integral of the control's density times P(treatment < control + d)."""
    y, weight = panels([control.ladder(), _shifted(treatment, d)])
    return _weighted(control, y, weight, _cdf(treatment, y, d))


def difference_quantile(control: BetaMarginal, treatment: BetaMarginal, level: float) -> float:
    """Return d with P(treatment - control < d) = level, within (-1, 1)."""
    from scipy import optimize

    middle = treatment.mean - control.mean
    sd = float(np.hypot(control.sd, treatment.sd))

    @cache
    def excess(d: float) -> float:
        return difference_below(control, treatment, d) - level

    low, high, step = middle, middle, 3 * sd
    while low > -1 and excess(low) > 0:
        low, step = max(-1.0, low - step), 2 * step
    step = 3 * sd
    while high < 1 and excess(high) < 0:
        high, step = min(1.0, high + step), 2 * step
    return float(optimize.brentq(excess, low, high, xtol=1e-9 * sd, rtol=4 * np.finfo(float).eps))


def _shifted(arm: BetaMarginal, d: float) -> Floats:
    """Return the arm's ends of panels as logits of (its share - d), where that is a share."""
    from scipy import special

    share = np.concatenate([[0.0], special.expit(arm.ladder()), [1.0]]) - d
    inside = special.logit(share[(share > 0) & (share < 1)])
    return np.asarray(np.clip(inside, -FAR, FAR), dtype=np.float64)


def _cdf(arm: BetaMarginal, y: Floats, d: float) -> Floats:
    """Return P(arm < share of y + d)."""
    from scipy import special

    return np.asarray(special.betainc(arm.a, arm.b, np.clip(special.expit(y) + d, 0.0, 1.0)), dtype=np.float64)


def _weighted(arm: BetaMarginal, y: Floats, weight: Floats, values: Floats) -> float:
    density = arm.density(y) * weight
    return float((density * values).sum() / density.sum())
