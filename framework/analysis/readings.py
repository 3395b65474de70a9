"""Further readings of an effect, where asked for: a posterior under a named prior, a look of a running test."""

from __future__ import annotations

import math
from dataclasses import replace

from framework.analysis.settings import AnalysisSettings
from framework.stats.bayes import beta_binomial, normal_posterior
from framework.stats.effects import Effect, Interval, Look, Posterior
from framework.stats.estimates import quantile
from framework.stats.sequential.bounded import bernoulli_difference_look
from framework.stats.sequential.design import group_sequential
from framework.stats.sequential.looks import group_sequential_look
from framework.stats.sequential.mixture import TAU, mixture_look


def with_readings(effect: Effect, settings: AnalysisSettings) -> Effect:
    """Return the effect with the posterior and the look that the settings ask for.

    At a look the effect's own p-value and intervals become the look's: those of a test that ends here would be read
    too often, and corrections and the verdict take what stands in the effect.
    """
    posterior = _posterior(effect, settings) if settings.prior is not None else None
    look = _look(effect, settings) if settings.sequential is not None else None
    read = replace(effect, posterior=posterior, look=look)
    if look is None or look.p_value is None:
        return read
    return replace(
        read,
        p_value=look.p_value,
        ci_low=look.ci_low,
        ci_high=look.ci_high,
        relative=_relative_at(look, effect, settings),
    )


def _relative_at(look: Look, effect: Effect, settings: AnalysisSettings) -> Interval:
    """Return the relative change with its interval stretched to the look's bound, on the scale of the log ratio."""
    relative = effect.relative
    if relative.estimate is None or relative.ci_low is None or relative.ci_high is None:
        return relative
    if settings.relative != "log" or look.method.startswith("Bernoulli"):
        way = "Fieller's interval" if settings.relative != "log" else "the Bernoulli sequence"
        return Interval(None, None, None, f"{way} gives no relative change that holds at every look")
    stretch = look.boundary / quantile(effect.confidence, effect.df)
    try:
        middle, low, high = (math.log1p(end) for end in (relative.estimate, relative.ci_low, relative.ci_high))
        low, high = (math.expm1(middle + stretch * (end - middle)) for end in (low, high))
    except (ValueError, OverflowError):
        return Interval(relative.estimate, None, None, "too wide to be put in figures at this look")
    return Interval(relative.estimate, low, high)


def _posterior(effect: Effect, settings: AnalysisSettings) -> Posterior | None:
    own = settings.metrics[effect.metric]
    rope = None if settings.rope is None else (-settings.rope, settings.rope)
    if own.kind == "proportion" and effect.design == "independent":
        return beta_binomial(
            round(effect.control_value * effect.n_control),
            effect.n_control,
            round(effect.treatment_value * effect.n_treatment),
            effect.n_treatment,
            prior=str(settings.prior),
            confidence=effect.confidence,
            higher_is_better=own.higher_is_better,
            rope=rope,
        )
    if effect.standard_error <= 0:
        return None
    return normal_posterior(
        effect.estimate,
        effect.standard_error,
        confidence=effect.confidence,
        higher_is_better=own.higher_is_better,
        rope=rope,
    )


def _look(effect: Effect, settings: AnalysisSettings) -> Look | None:
    asked = settings.sequential
    if asked is None:
        return None
    units = effect.n_control if effect.design == "paired" else effect.n_control + effect.n_treatment
    if asked.method == "bernoulli":
        if settings.metrics[effect.metric].kind != "proportion" or effect.design != "independent":
            return None
        return bernoulli_difference_look(
            round(effect.control_value * effect.n_control),
            effect.n_control,
            round(effect.treatment_value * effect.n_treatment),
            effect.n_treatment,
            alpha=settings.alpha,
            tau=float(asked.planned or TAU),
        )
    if asked.method == "mixture":
        return mixture_look(
            effect.estimate, effect.standard_error, units, alpha=settings.alpha, tau=float(asked.planned or TAU)
        )
    design = group_sequential(asked.looks, rule=asked.method, alpha=settings.alpha, parameter=asked.parameter)
    return group_sequential_look(
        effect.estimate, effect.standard_error, information=asked.information, design=design, df=effect.df
    )
