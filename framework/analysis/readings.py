"""Further readings of an effect, where asked for: a posterior under a named prior, a look of a running test."""

from __future__ import annotations

from dataclasses import replace

from framework.analysis.settings import AnalysisSettings
from framework.stats.bayes import beta_binomial, normal_posterior
from framework.stats.effects import Effect, Look, Posterior
from framework.stats.sequential.bounded import bernoulli_difference_look
from framework.stats.sequential.design import group_sequential
from framework.stats.sequential.looks import group_sequential_look
from framework.stats.sequential.mixture import TAU, mixture_look


def with_readings(effect: Effect, settings: AnalysisSettings) -> Effect:
    """Return the effect with the posterior and the look that the settings ask for."""
    posterior = _posterior(effect, settings) if settings.prior is not None else None
    look = _look(effect, settings) if settings.sequential is not None else None
    return replace(effect, posterior=posterior, look=look)


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
