"""The posterior of an effect whose estimate is normal with a known standard error."""

from __future__ import annotations

import math

from framework.errors import TrialError
from framework.stats.bayes.limits import check_reading, uncertain
from framework.stats.bayes.priors import FLAT, NormalPrior
from framework.stats.effects import Posterior
from framework.stats.estimates import SMALLEST_P, quantile


def normal_posterior(
    estimate: float,
    standard_error: float,
    *,
    prior: NormalPrior = FLAT,
    control_value: float | None = None,
    confidence: float = 0.95,
    higher_is_better: bool = True,
    rope: tuple[float, float] | None = None,
) -> Posterior:
    """Return the posterior of an effect from its estimate and standard error, in the estimate's own unit, closed form.

    The estimate is taken as normal around the truth with its error known, as with hundreds of units it nearly is; any
    design and metric will do, paired ones included. Precisions (1 / variance) of prior and estimate add up. A prior on
    the relative scale is multiplied by |`control_value`|, taken as known; an estimate that is itself relative takes a
    prior on the absolute scale. Losses are E[max(0, control - treatment)] and the reverse (GrowthBook calls them risk).

    Raises:
        TrialError: for an estimate that is not finite, a standard error that is not above 0, a relative prior without
            a control value, a confidence outside (0, 1), a rope without low < high.
    """
    check_reading(confidence, rope)
    if not abs(estimate) < float("inf") or not 0 < standard_error < float("inf"):
        raise TrialError(
            f"the estimate is {estimate:g} with standard error {standard_error:g}",
            allowed="finite numbers, the standard error above 0",
            hint="Without any spread between units there is no posterior to speak of.",
        )
    mean, sd = _combined(estimate, standard_error, prior, control_value)
    z = mean / sd
    gain, harm = sd * _loss(-z), sd * _loss(z)
    half = quantile(confidence, None) * sd
    return Posterior(
        prior=prior.text,
        mean=float(mean),
        ci_low=float(mean - half),
        ci_high=float(mean + half),
        confidence=confidence,
        probability_better=uncertain(_below(z if higher_is_better else -z)),
        expected_loss=max(SMALLEST_P, float(harm if higher_is_better else gain)),
        expected_loss_control=max(SMALLEST_P, float(gain if higher_is_better else harm)),
        rope_low=rope[0] if rope else None,
        rope_high=rope[1] if rope else None,
        probability_equivalent=uncertain(_between((rope[0] - mean) / sd, (rope[1] - mean) / sd)) if rope else None,
    )


def _combined(
    estimate: float, standard_error: float, prior: NormalPrior, control_value: float | None
) -> tuple[float, float]:
    if prior.sd is None:
        return estimate, standard_error
    unit = 1.0
    if prior.scale == "relative":
        if control_value is None or not 0 < abs(control_value) < float("inf"):
            raise TrialError(
                f"the prior is on the relative effect, but the control's value is {control_value}",
                allowed="a control value other than 0",
                hint="Give the prior in the metric's own unit, with scale 'absolute'.",
            )
        unit = abs(control_value)
    prior_mean, prior_sd = prior.mean * unit, prior.sd * unit
    # Shares of weight, not precisions: 1 / variance overflows where an error is tiny.
    trust = 1 / (1 + (standard_error / prior_sd) ** 2)
    return trust * estimate + (1 - trust) * prior_mean, standard_error * math.sqrt(trust)


def _loss(z: float) -> float:
    """Return E[max(0, -Z)] for Z normal with mean z and sd 1: phi(z) - z P(Z > z), without losing small ones."""
    from scipy import special

    if z < 0:
        return _loss(-z) - z
    height = math.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)
    return max(0.0, height * (1 - z * math.sqrt(math.pi / 2) * float(special.erfcx(z / math.sqrt(2)))))


def _below(z: float) -> float:
    from scipy import special

    return float(special.ndtr(z))


def _between(low: float, high: float) -> float:
    """Return P(low < Z < high) of the standard normal, from the nearer tail."""
    return _below(high) - _below(low) if low < 0 else _below(-low) - _below(-high)
