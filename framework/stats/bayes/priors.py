"""Priors with names: what was believed before the trial, written where the posterior can say it."""

from __future__ import annotations

from dataclasses import dataclass

from framework.errors import TrialError, did_you_mean

LEAST = 0.1
"""Fewest prior successes and failures: below, 0 of n would be read as near certainty (Haldane's prior is 0 and 0)."""

SCALES = ("absolute", "relative")


@dataclass(frozen=True)
class BetaPrior:
    """A prior for a share: worth `a` successes and `b` failures, the same for every arm.

    Raises:
        TrialError: where a or b is below `LEAST`. Haldane's Beta(0, 0) has no posterior at 0 of n.
    """

    a: float
    b: float
    name: str = ""

    def __post_init__(self) -> None:
        if not (LEAST <= self.a < float("inf") and LEAST <= self.b < float("inf")):
            raise TrialError(
                f"prior Beta({self.a:g}, {self.b:g}) says next to nothing, so 0 of n would be read as certainty",
                allowed=f"a and b of {LEAST:g} or more",
                hint="Use 'jeffreys' (0.5, 0.5) or 'uniform' (1, 1).",
            )

    @property
    def text(self) -> str:
        """The prior in words, as `Posterior.prior` shows it."""
        return f"Beta({self.a:g}, {self.b:g})" + (f", {self.name}" if self.name else "")


UNIFORM = BetaPrior(1.0, 1.0, "uniform")
JEFFREYS = BetaPrior(0.5, 0.5, "Jeffreys")
NAMED = {"uniform": UNIFORM, "jeffreys": JEFFREYS}
"""Priors of a share that a config may name."""


def beta_prior(prior: str | BetaPrior) -> BetaPrior:
    """Return the prior of a share of that name, or the one given.

    Raises:
        TrialError: for an unknown name, and for Haldane's prior, which is refused.
    """
    if isinstance(prior, BetaPrior):
        return prior
    if prior == "haldane":
        return BetaPrior(0.0, 0.0)
    if prior not in NAMED:
        raise TrialError(
            f"prior '{prior}' is unknown", allowed=(*NAMED, "or BetaPrior(a, b)"), hint=did_you_mean(prior, NAMED)
        )
    return NAMED[prior]


@dataclass(frozen=True)
class NormalPrior:
    """A normal prior of an effect, `mean` and `sd`; an sd of None is flat.

    `scale` "absolute": in the effect's own unit. "relative": as a share of the control's value, which is taken as
    known, so that one prior serves metrics of any unit (as GrowthBook does).

    Raises:
        TrialError: for an sd that is not above 0, numbers that are not finite, an unknown scale.
    """

    mean: float = 0.0
    sd: float | None = None
    scale: str = "absolute"

    def __post_init__(self) -> None:
        if self.scale not in SCALES:
            raise TrialError(
                f"prior scale '{self.scale}' is unknown", allowed=SCALES, hint=did_you_mean(self.scale, SCALES)
            )
        if not abs(self.mean) < float("inf"):
            raise TrialError(f"prior mean is {self.mean:g}", allowed="a finite number")
        if self.sd is not None and not 0 < self.sd < float("inf"):
            raise TrialError(f"prior sd is {self.sd:g}", allowed="a finite number above 0, or None for a flat prior")

    @property
    def text(self) -> str:
        """The prior in words, as `Posterior.prior` shows it."""
        return "flat" if self.sd is None else f"Normal({self.mean:g}, {self.sd:g}) on the {self.scale} effect"


FLAT = NormalPrior()
