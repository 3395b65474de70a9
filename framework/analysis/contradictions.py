"""What a command line asks for that cannot be, or does not go together: told before any file is read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import fields

from framework.analysis.settings import (
    ADJUSTED,
    DESIGNS,
    FROM_MOMENTS,
    KINDS,
    METHODS,
    MISSING,
    PRIORS,
    ROLES,
    UNITS,
    AnalysisSettings,
    MetricSettings,
)
from framework.errors import ConfigError, did_you_mean
from framework.stats.adjustment.effects import ERRORS
from framework.stats.multiplicity import CORRECTIONS
from framework.stats.sequential.design import RULES

COUNTED = ("metrics", "experiment", "count", "group", "out", "confidence", "separator", "seed", "memory_limit")
"""What counted input has a use for."""


def check_metric(where: str, own: MetricSettings) -> None:
    """Raise ConfigError for a metric's unknown or contradictory settings; `where` is its key."""
    _one_of(f"{where}.kind", own.kind, KINDS)
    if own.method is not None:
        _one_of(f"{where}.method", own.method, METHODS[own.kind])
    _check_columns(where, own)
    _check_covariates(where, own)
    for key, value, options in (("role", own.role, ROLES), ("unit", own.unit, UNITS)):
        if value is not None:
            _one_of(f"{where}.{key}", value, options)
    _one_of(f"{where}.error", own.error, ERRORS)
    if not 0 < own.quantile < 1:
        raise ConfigError(f"{where}.quantile is {own.quantile:g}", allowed="a number between 0 and 1")
    if not 0 <= own.margin < math.inf:
        raise ConfigError(f"{where}.margin is {own.margin:g}", allowed="0 or more, in the metric's unit")
    if own.margin and own.role != "guardrail":
        raise ConfigError(
            f"{where}.margin is of no use to a metric that guards nothing", hint=f"Set {where}.role=guardrail."
        )


def check_settings(settings: AnalysisSettings) -> None:
    """Raise ConfigError for unknown or contradictory settings of the whole."""
    _check_numbers(settings)
    _one_of("design", settings.design, DESIGNS)
    _one_of("compare", settings.compare, ("control", "all"))
    _one_of("correction", settings.correction, tuple(CORRECTIONS))
    _one_of("segment_correction", settings.segment_correction, tuple(CORRECTIONS))
    _one_of("relative", settings.relative, ("log", "fieller"))
    _one_of("missing", settings.missing, MISSING)
    if settings.experiment is not None:
        _check_counted(settings)
        return
    for key in ("count", "group"):
        if getattr(settings, key) is not None:
            raise ConfigError(f"{key}= is of counted input", hint="Add experiment=COLUMN, or leave it out.")
    _check_design(settings)
    _check_plain(settings)
    _check_readings(settings)


def _check_columns(where: str, own: MetricSettings) -> None:
    kind = own.kind
    if (kind == "retention") != bool(own.columns) or len(own.columns) != len(own.days):
        raise ConfigError(
            f"{where} has {len(own.columns)} columns for {len(own.days)} days",
            allowed=f"{where}.kind=retention with {where}.columns=[a,b] and {where}.days=[1,7], one a day",
        )
    if kind == "ratio" and (own.numerator is None or own.denominator is None):
        raise ConfigError(f"{where} is a ratio", allowed=f"{where}.numerator=COLUMN and {where}.denominator=COLUMN")
    if kind == "rate" and own.denominator is None:
        raise ConfigError(f"{where} is a rate", allowed=f"{where}.denominator=COLUMN, the exposure")
    if kind not in {"ratio", "rate"} and (own.numerator or own.denominator):
        raise ConfigError(f"{where} is a {kind}, which has no numerator or denominator", allowed="kind ratio or rate")
    if kind == "rate" and own.numerator:
        raise ConfigError(f"{where} is a rate, whose events stand in {where}.column", hint="Leave numerator= out.")
    if kind in {"ratio", "retention"} and own.column:
        raise ConfigError(f"{where} is a {kind}, which has no column of its own", hint=f"Leave {where}.column out.")


def _check_covariates(where: str, own: MetricSettings) -> None:
    if own.covariates and (own.kind not in {"mean", "sum", "ratio"} or (own.method and own.method not in ADJUSTED)):
        raise ConfigError(f"{where} has covariates, which {own.method or own.kind} does not use", allowed=ADJUSTED)
    if own.method in ADJUSTED and not own.covariates:
        raise ConfigError(
            f"{where}.method is {own.method}, which needs covariates", hint=f"Set {where}.covariates=[...]."
        )
    most = 1 if own.method == "cupac" else 2
    for text in own.covariates:
        if text.count("/") >= most or not all(text.split("/")):
            allowed = "columns" if most == 1 else "columns, or two joined by one / for a ratio"
            raise ConfigError(f"{where}.covariates holds '{text}'", allowed=allowed)


def _check_numbers(settings: AnalysisSettings) -> None:
    if not 0 < settings.confidence < 1:
        raise ConfigError(f"confidence is {settings.confidence:g}", allowed="a number between 0 and 1, such as 0.95")
    if not settings.alpha < settings.power < 1:
        raise ConfigError(f"power is {settings.power:g}", allowed="a number above 1 - confidence and below 1")
    for key, value in (("difference", settings.difference), ("burn_in", settings.burn_in), ("seed", settings.seed)):
        if not 0 <= value < math.inf:
            raise ConfigError(f"{key} is {value:g}", allowed="0 or more")
    for arm, share in settings.shares.items():
        if not 0 < share < math.inf:
            raise ConfigError(f"shares.{arm} is {share:g}", allowed="a number above 0")
    if settings.rope is not None and not 0 < settings.rope < math.inf:
        raise ConfigError(f"rope is {settings.rope:g}", allowed="a number above 0, in the metric's unit")
    if settings.separator is not None and len(settings.separator) != 1 and settings.separator != "\\t":
        raise ConfigError(f"separator is '{settings.separator}'", allowed="a single character, or \\t for a tab")


def _check_counted(settings: AnalysisSettings) -> None:
    if settings.count is None:
        raise ConfigError("experiment= reads counted input, a row an arm", hint="Add count=COLUMN, its units.")
    standard = AnalysisSettings(metrics={})
    for key in (own.name for own in fields(settings) if own.name not in COUNTED):
        if getattr(settings, key) != getattr(standard, key):
            raise ConfigError(f"experiment= reads counted input, a row an arm, which has no use for {key}=")
    wrong = [name for name, own in settings.metrics.items() if own.kind != "proportion" or own.method is not None]
    if wrong:
        raise ConfigError(f"metrics.{wrong[0]} is counted per arm", allowed="kind=proportion, without method")


def _check_design(settings: AnalysisSettings) -> None:
    for key in ("arm", "control"):
        if getattr(settings, key) is None:
            raise ConfigError(f"analyse needs {key}=", hint="arm=COLUMN control=LABEL say what is compared with what.")
    if (settings.design == "switchback") != (settings.period is not None):
        raise ConfigError("design=switchback and period= go together", hint="period= numbers the stretches of time.")
    if settings.design == "paired" and settings.unit is None:
        raise ConfigError("a paired design needs unit=", hint="Rows of one unit are found by its id.")
    independent = settings.design == "independent"
    refusals = {
        "burn_in= goes with design=switchback": settings.burn_in and settings.design != "switchback",
        "cluster= goes with independent arms without strata": settings.cluster is not None
        and (settings.stratum is not None or not independent),
        "stratum= goes with independent arms": settings.stratum is not None and not independent,
        "segment= does not go with design=switchback": settings.segment is not None and settings.period is not None,
        "time= goes with independent arms without clusters": settings.time is not None and not settings.is_plain,
        "compare=all goes with independent arms without clusters": settings.compare == "all" and not settings.is_plain,
    }
    for what, is_so in refusals.items():
        if is_so:
            raise ConfigError(what)
    if settings.time is not None and not any(own.kind in FROM_MOMENTS for own in settings.metrics.values()):
        raise ConfigError("time= has no metric to follow by day", allowed=f"kinds {', '.join(FROM_MOMENTS)}")


def _check_plain(settings: AnalysisSettings) -> None:
    """Refuse metrics that a design of dependent rows has no estimate for."""
    asked = "cluster=" if settings.cluster is not None else f"design={settings.design}"
    if asked == "design=independent":
        return
    for name, own in settings.metrics.items():
        default = METHODS[own.kind][0]
        if own.kind not in FROM_MOMENTS or own.covariates or own.method not in {None, default}:
            kinds = ", ".join(FROM_MOMENTS)
            raise ConfigError(f"metrics.{name}: {asked} goes with {kinds}, without covariates or method")


def _check_readings(settings: AnalysisSettings) -> None:
    look = settings.sequential
    if look is not None:
        _one_of("sequential.method", look.method, ("mixture", "bernoulli", *RULES))
        if look.planned is not None and look.planned < 1:
            raise ConfigError(f"sequential.planned is {look.planned}", allowed="the number of planned units, 1 or more")
        judged = [name for name, own in settings.metrics.items() if own.role in {"primary", "guardrail"}]
        blind = [name for name in judged if settings.metrics[name].kind != "proportion" or not settings.is_plain]
        if look.method == "bernoulli" and blind:
            role = settings.metrics[blind[0]].role
            raise ConfigError(
                f"metrics.{blind[0]}.role={role}: sequential.method=bernoulli has no look at it",
                allowed="proportions of independent units",
                hint="Take sequential.method=mixture.",
            )
        if look.looks < 1:
            raise ConfigError(f"sequential.looks is {look.looks}", allowed="1 or more")
        if look.method not in {"mixture", "bernoulli"} and not look.information:
            raise ConfigError(
                "sequential.information is missing",
                allowed="the shares of the planned units in at every look so far, such as [0.2,0.4]",
            )
    if settings.prior is not None:
        _one_of("prior", settings.prior, PRIORS)
    if settings.rope is not None and settings.prior is None:
        raise ConfigError("rope= is read off a posterior", hint="Add prior=jeffreys.")


def _one_of(key: str, value: str, options: Sequence[str]) -> None:
    if value not in options:
        raise ConfigError(f"{key} is '{value}'", allowed=options, hint=did_you_mean(value, options))
