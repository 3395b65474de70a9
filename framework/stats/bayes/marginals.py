"""One arm's posterior on a coordinate where it is smooth, and the panels to integrate it on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.errors import TrialError
from framework.stats.bayes.priors import JEFFREYS, BetaPrior, beta_prior

Floats = NDArray[np.float64]

STEPS = (0.0, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 10.0, 13.0, 17.0, 24.0, 34.0, 48.0, 68.0, 96.0)
"""Ends of panels in standard deviations from the mode: close where a posterior bends, far enough for slow tails."""
NODES = 20
FAR = 700.0
"""Logits beyond this have no float64 share."""


@dataclass(frozen=True)
class BetaMarginal:
    """The posterior of a share, Beta(a, b). Its coordinate y is the logit, where the density is log-concave."""

    a: float
    b: float

    @property
    def mean(self) -> float:
        """The mean share."""
        return self.a / (self.a + self.b)

    @property
    def sd(self) -> float:
        """The standard deviation of the share."""
        total = self.a + self.b
        return float(np.sqrt(self.a * self.b / (total + 1)) / total)

    @property
    def width(self) -> float:
        """The standard deviation of y."""
        from scipy import special

        return float(np.sqrt(special.polygamma(1, self.a) + special.polygamma(1, self.b)))

    def ladder(self) -> Floats:
        """Return the ends of panels, in y."""
        mode = np.log(self.a) - np.log(self.b)
        return np.asarray(np.clip(mode + self.width * _signed(STEPS), -FAR, FAR), dtype=np.float64)

    def density(self, y: Floats) -> Floats:
        """Return the density in y over its height at the mode: small differences of large logarithms never arise."""
        mean, rest = self.a / (self.a + self.b), self.b / (self.a + self.b)
        away = y - (np.log(self.a) - np.log(self.b))
        with np.errstate(over="ignore"):
            log = -self.a * np.log1p(rest * np.expm1(-away)) - self.b * np.log1p(mean * np.expm1(away))
        return np.asarray(np.exp(log), dtype=np.float64)

    def below(self, y: Floats) -> Floats:
        """Return P(share < that of y), precise at both ends."""
        return _beta_tail(self.a, self.b, y)

    def above(self, y: Floats) -> Floats:
        """Return P(share > that of y), precise at both ends."""
        return _beta_tail(self.b, self.a, -y)

    def slope(self, y: Floats) -> Floats:
        """Return d share / dy."""
        from scipy import special

        return np.asarray(special.expit(y) * special.expit(-y), dtype=np.float64)


@dataclass(frozen=True)
class NormalMarginal:
    """The posterior of an arm's mean, Normal(mean, sd). Its coordinate is the value itself.

    Raises:
        TrialError: for an sd that is not above 0 or numbers that are not finite.
    """

    mean: float
    sd: float

    def __post_init__(self) -> None:
        if not abs(self.mean) < float("inf") or not 0 < self.sd < float("inf"):
            raise TrialError(
                f"an arm's posterior is Normal({self.mean:g}, {self.sd:g})",
                allowed="finite numbers, the standard deviation above 0",
                hint="An arm without any spread supports no posterior.",
            )

    @property
    def width(self) -> float:
        """The standard deviation of y."""
        return self.sd

    def ladder(self) -> Floats:
        """Return the ends of panels, in y."""
        return self.mean + self.sd * _signed(STEPS)

    def density(self, y: Floats) -> Floats:
        """Return the density over its height at the mode."""
        return np.asarray(np.exp(-0.5 * ((y - self.mean) / self.sd) ** 2), dtype=np.float64)

    def below(self, y: Floats) -> Floats:
        """Return P(mean < y)."""
        from scipy import special

        return np.asarray(special.ndtr((y - self.mean) / self.sd), dtype=np.float64)

    def above(self, y: Floats) -> Floats:
        """Return P(mean > y)."""
        from scipy import special

        return np.asarray(special.ndtr((self.mean - y) / self.sd), dtype=np.float64)

    def slope(self, y: Floats) -> Floats:
        """Return 1: the coordinate is the value."""
        return np.ones_like(y)


Marginal = BetaMarginal | NormalMarginal


def beta_arm(successes: float, n: float, prior: str | BetaPrior = JEFFREYS) -> BetaMarginal:
    """Return the posterior of an arm's share after `successes` of `n` units.

    Raises:
        TrialError: for counts that are negative, not finite, or more successes than units; a prior that is refused.
    """
    if not 0 <= successes <= n < float("inf"):
        raise TrialError(f"{successes:g} successes of {n:g} units", allowed="0 <= successes <= units")
    known = beta_prior(prior)
    return BetaMarginal(known.a + successes, known.b + n - successes)


def panels(ends: Iterable[Floats], *, least: float = 0.0) -> tuple[Floats, Floats]:
    """Return Gauss-Legendre nodes and weights on the panels between all the ends, none narrower than `least`."""
    edges = np.unique(np.concatenate(list(ends)))
    if least > 0:
        # The first end of every stretch of that width: at most one step of a ladder wider than without.
        edges = edges[np.unique(np.floor((edges - edges[0]) / least), return_index=True)[1]]
    middle, half = (edges[1:] + edges[:-1]) / 2, (edges[1:] - edges[:-1]) / 2
    at, weight = np.polynomial.legendre.leggauss(NODES)
    return (middle[:, None] + half[:, None] * at).ravel(), (half[:, None] * weight).ravel()


def _signed(steps: tuple[float, ...]) -> Floats:
    up = np.asarray(steps)
    return np.concatenate([-up[:0:-1], up])


def _beta_tail(a: float, b: float, y: Floats) -> Floats:
    from scipy import special

    low = special.betainc(a, b, special.expit(np.minimum(y, 0.0)))
    high = special.betaincc(b, a, special.expit(-np.maximum(y, 0.0)))
    return np.asarray(np.where(y < 0, low, high), dtype=np.float64)
