"""The command line of `analyse` as settings, its mistakes told by key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from framework.analysis.settings import (
    ADJUSTED,
    DESIGNS,
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
from framework.params import config_from
from framework.stats.adjustment.effects import ERRORS
from framework.stats.multiplicity import CORRECTIONS
from framework.stats.sequential.design import RULES


def read_arguments(arguments: Sequence[str]) -> tuple[Path, AnalysisSettings]:
    """Return the file and the settings that a command line names.

    Raises ConfigError for a missing file name, an unknown key or value (with its nearest match), or a contradiction.
    """
    files = [argument for argument in arguments if "=" not in argument]
    if len(files) != 1:
        raise ConfigError(
            f"analyse takes one file, not {len(files)}" + (f" ({', '.join(files)})" if files else ""),
            allowed="analyse FILE arm=COLUMN control=LABEL metrics.NAME.kind=mean ...",
        )
    tree = _tree([argument for argument in arguments if "=" in argument])
    metrics = tree.pop("metrics", None)
    if not isinstance(metrics, Mapping) or not metrics:
        raise ConfigError("analyse needs a metric", hint="Add, for example, metrics.revenue.kind=mean.")
    for name in ("control", "arm", "unit", "segment", "stratum", "cluster", "time", "period"):
        if name in tree and tree[name] is not None:
            tree[name] = _text(tree[name])
    if isinstance(tree.get("shares"), Mapping):
        tree["shares"] = {_text(arm): share for arm, share in tree["shares"].items()}
    named = {str(name): _metric(str(name), own) for name, own in metrics.items()}
    settings: AnalysisSettings = config_from(AnalysisSettings, {**tree, "metrics": named}, "analyse")
    _check(settings)
    return Path(files[0]), settings


def _tree(arguments: Sequence[str]) -> dict[str, Any]:
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import OverrideParseException

    tree: dict[str, Any] = {}
    parser = OverridesParser.create()
    for argument in arguments:
        key, _, value = argument.partition("=")
        path = key.split(".")
        try:
            # Keys are taken as they are: a metric may be called what Hydra's grammar would not let it be.
            parsed = parser.parse_overrides([f"key={value}"])[0].value()
        except OverrideParseException as error:
            raise ConfigError(f"{argument} cannot be read: {' '.join(str(error).split())}") from None
        at = tree
        for name in path[:-1]:
            at = at.setdefault(name, {})
            if not isinstance(at, dict):
                raise ConfigError(f"{key} stands below {name}, which has a value already")
        at[path[-1]] = parsed
    return tree


def _metric(name: str, own: Any) -> MetricSettings:
    where = f"metrics.{name}"
    if not isinstance(own, Mapping):
        raise ConfigError(f"{where} is {own!r}", allowed=f"keys of its own, such as {where}.kind=mean")
    found: MetricSettings = config_from(MetricSettings, own, where)
    _one_of(f"{where}.kind", found.kind, KINDS)
    if found.method is not None:
        _one_of(f"{where}.method", found.method, METHODS[found.kind])
    _check_columns(where, found)
    for key, value, options in (("role", found.role, ROLES), ("unit", found.unit, UNITS)):
        if value is not None:
            _one_of(f"{where}.{key}", value, options)
    _one_of(f"{where}.error", found.error, ERRORS)
    if not 0 < found.quantile < 1:
        raise ConfigError(f"{where}.quantile is {found.quantile:g}", allowed="a number between 0 and 1")
    if found.margin < 0:
        raise ConfigError(f"{where}.margin is {found.margin:g}", allowed="0 or more, in the metric's unit")
    return found


def _check_columns(where: str, found: MetricSettings) -> None:
    kind, method = found.kind, found.method
    if (kind == "retention") != bool(found.columns) or len(found.columns) != len(found.days):
        raise ConfigError(
            f"{where} has {len(found.columns)} columns for {len(found.days)} days",
            allowed=f"{where}.kind=retention with {where}.columns=[a,b] and {where}.days=[1,7], one a day",
        )
    if kind == "ratio" and (found.numerator is None or found.denominator is None):
        raise ConfigError(f"{where} is a ratio", allowed=f"{where}.numerator=COLUMN and {where}.denominator=COLUMN")
    if kind == "rate" and found.denominator is None:
        raise ConfigError(f"{where} is a rate", allowed=f"{where}.denominator=COLUMN, the exposure")
    if kind not in {"ratio", "rate"} and (found.numerator or found.denominator):
        raise ConfigError(f"{where} is a {kind}, which has no numerator or denominator", allowed="kind ratio or rate")
    if found.covariates and (kind not in {"mean", "sum", "ratio"} or (method and method not in ADJUSTED)):
        raise ConfigError(f"{where} has covariates, which {method or kind} does not use", allowed=ADJUSTED)
    if method in ADJUSTED and not found.covariates:
        raise ConfigError(f"{where}.method is {method}, which needs covariates", hint=f"Set {where}.covariates=[...].")


def _check(settings: AnalysisSettings) -> None:
    if not 0 < settings.confidence < 1:
        raise ConfigError(f"confidence is {settings.confidence:g}", allowed="a number between 0 and 1, such as 0.95")
    _one_of("design", settings.design, DESIGNS)
    _one_of("compare", settings.compare, ("control", "all"))
    _one_of("correction", settings.correction, tuple(CORRECTIONS))
    _one_of("segment_correction", settings.segment_correction, tuple(CORRECTIONS))
    _one_of("relative", settings.relative, ("log", "fieller"))
    _one_of("missing", settings.missing, MISSING)
    if settings.experiment is not None:
        if settings.count is None:
            raise ConfigError("experiment= reads counted input, a row an arm", hint="Add count=COLUMN, its units.")
        wrong = [name for name, own in settings.metrics.items() if own.kind != "proportion"]
        if wrong:
            raise ConfigError(f"metrics.{wrong[0]} is counted per arm", allowed="kind=proportion")
        return
    _check_design(settings)
    _check_readings(settings)


def _check_design(settings: AnalysisSettings) -> None:
    if settings.arm is None or settings.control is None:
        missing = "arm" if settings.arm is None else "control"
        raise ConfigError(f"analyse needs {missing}=", hint="arm=COLUMN control=LABEL say what is compared with what.")
    if (settings.design == "switchback") != (settings.period is not None):
        raise ConfigError("design=switchback and period= go together", hint="period= numbers the stretches of time.")
    if settings.design == "paired" and settings.unit is None:
        raise ConfigError("a paired design needs unit=", hint="Rows of one unit are found by its id.")
    if settings.cluster is not None and (settings.stratum is not None or settings.design == "paired"):
        raise ConfigError("cluster= goes with independent arms without strata")


def _check_readings(settings: AnalysisSettings) -> None:
    look = settings.sequential
    if look is not None:
        _one_of("sequential.method", look.method, ("mixture", "bernoulli", *RULES))
        if look.method not in {"mixture", "bernoulli"} and not look.information:
            raise ConfigError(
                "sequential.information is missing",
                allowed="the shares of the planned units in at every look so far, such as [0.2,0.4]",
            )
    if settings.prior is not None:
        _one_of("prior", settings.prior, PRIORS)


def _one_of(key: str, value: str, options: Sequence[str]) -> None:
    if value not in options:
        raise ConfigError(f"{key} is '{value}'", allowed=options, hint=did_you_mean(value, options))


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
