"""What must hold of a study before anything is read or trained; a wrong study fails in the first second."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, is_dataclass
from typing import Any

from framework.config import RunConfig, StrategyConfig
from framework.data.splits import KINDS
from framework.errors import ConfigError, did_you_mean
from framework.reranking import rerankers_of
from framework.stats.compare import DESIGNS
from framework.stats.decision.rule import GUARDED
from framework.training.settings import check_trainer
from framework.trial.assign import planned_shares
from framework.trial.doubts import PRIORS

EVIDENCE = ("holdout", "simulated")
ROLES = ("primary", "secondary", "guardrail")


def check_study(config: RunConfig) -> tuple[str, ...]:
    """Return warnings about a study that can run; raise ConfigError for one that cannot."""
    if not describes_only(config):
        _check_strategies(config)
        _check_metrics(config)
    _check_evidence(config)
    _check_decision(config)
    _check_numbers(config)
    check_trainer(config.trainer)
    for name in config.baselines:
        if config.baselines.count(name) > 1:
            raise ConfigError(f"baselines names '{name}' twice", hint="Name each baseline once.")
    return (*_twins(config), *_reordered_pages(config))


def describes_only(config: RunConfig) -> bool:
    """Say whether a study names neither strategies nor metrics: then it finds and describes segments, no more."""
    return not config.strategies and not config.metrics


def ranks(config: RunConfig) -> bool:
    """Say whether a study compares rankings with what came later: baselines belong beside them then."""
    return bool(config.strategies) and "holdout" in config.trial.evidence


def identity(part: Any) -> str:
    """Return a canonical text of a piece of config: equal pieces give equal texts."""
    return json.dumps(asdict(part) if is_dataclass(part) and not isinstance(part, type) else part, sort_keys=True)


def _check_strategies(config: RunConfig) -> None:
    names = tuple(config.strategies)
    if len(names) < 2:
        raise ConfigError(
            f"study '{config.study}' names {len(names)} strategies",
            allowed="a control and at least one treatment",
            hint="Add them under strategies: in the study's config.yaml; without metrics too, it describes segments.",
        )
    if config.control not in names:
        raise ConfigError(
            f"control is '{config.control}', which is no strategy of this study",
            allowed=names,
            hint=did_you_mean(config.control, names),
        )


def _check_metrics(config: RunConfig) -> None:
    for key, metric in config.metrics.items():
        _one_of(f"metrics.{key}.role", metric.role, ROLES)
    if not any(metric.role == "primary" for metric in config.metrics.values()):
        raise ConfigError(
            f"study '{config.study}' has no primary metric, so nothing can decide",
            hint="Give one metric role: primary.",
        )


def _check_evidence(config: RunConfig) -> None:
    if not config.trial.evidence:
        raise ConfigError("trial.evidence is empty", allowed=EVIDENCE)
    for name in config.trial.evidence:
        _one_of("trial.evidence", name, EVIDENCE)
        if config.trial.evidence.count(name) > 1:
            raise ConfigError(f"trial.evidence names '{name}' twice", hint="Name each kind of evidence once.")
    for name in config.decision.evidence or []:
        _one_of("decision.evidence", name, tuple(config.trial.evidence))
    _one_of("trial.holdout.users", config.trial.holdout.users, ("all", "known"))
    _one_of("trial.simulated.design", config.trial.simulated.design, DESIGNS)


def _check_decision(config: RunConfig) -> None:
    for key, value in (("alpha", config.decision.alpha), ("power", config.decision.power)):
        if not 0 < value < 1:
            raise ConfigError(f"decision.{key} is {value}", allowed="a number between 0 and 1")
    if config.decision.difference < 0:
        raise ConfigError(f"decision.difference is {config.decision.difference}", allowed="0 or more")
    _one_of("decision.guardrails", config.decision.guardrails, GUARDED)
    if config.decision.prior is not None:
        _one_of("decision.prior", config.decision.prior, tuple(PRIORS))


def _check_numbers(config: RunConfig) -> None:
    for key in ("positions", "candidates"):
        value = getattr(config.trial, key)
        if value < 1:
            raise ConfigError(f"trial.{key} is {value}", allowed="1 or more")
    _check_bounds(config)
    primaries = sum(metric.role == "primary" for metric in config.metrics.values())
    if config.decision.difference > 0 and primaries > 1:
        raise ConfigError(
            f"decision.difference is {config.decision.difference}, in the unit of {primaries} primary metrics at once",
            hint="Keep one metric primary, or set the difference to 0.",
        )
    users = config.trial.simulated.users
    if users is not None and users < 2 * len(config.strategies):
        raise ConfigError(f"trial.simulated.users is {users}", allowed="two for every strategy, or null for all")
    cleaning = config.data.cleaning
    if cleaning.implausible_action == "remove" and cleaning.implausible_quantity is None:
        raise ConfigError(
            "data.cleaning.implausible_action=remove needs a fixed data.cleaning.implausible_quantity",
            hint="A threshold taken from the whole log would let the test part decide which training rows exist.",
        )
    if config.trial.simulated.batches < 1:
        raise ConfigError(f"trial.simulated.batches is {config.trial.simulated.batches}", allowed="1 or more")


def _check_bounds(config: RunConfig) -> None:
    floors = {
        "seed": (config.seed, 0),
        "trial.segment_floor": (config.trial.segment_floor, 1),
        "report.width": (config.report.width, 20),
        "costs.requests": (config.costs.requests, 0),
        "costs.seconds": (config.costs.seconds, 0),
        "data.features.session_gap_minutes": (config.data.features.session_gap_minutes, 0),
        "data.features.categories": (config.data.features.categories, 0),
        **{f"metrics.{key}.margin": (metric.margin, 0) for key, metric in config.metrics.items()},
    }
    for key, (value, least) in floors.items():
        if value is not None and value < least:
            raise ConfigError(f"{key} is {value}", allowed=f"{least} or more")
    if config.decision.evidence is not None and not config.decision.evidence:
        raise ConfigError("decision.evidence is empty", allowed="kinds of trial.evidence, or null for all of them")
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?|mps|xpu(:\d+)?", config.device):
        raise ConfigError(f"device is '{config.device}'", allowed="auto, cpu, cuda, cuda:N, mps, xpu, xpu:N")
    _one_of("data.split.kind", config.data.split.kind, KINDS)
    if config.strategies:
        planned_shares(tuple(config.strategies), config.trial.simulated.shares)


def _one_of(key: str, value: str, options: tuple[str, ...]) -> None:
    if value not in options:
        raise ConfigError(f"{key} is '{value}'", allowed=options, hint=did_you_mean(value, options))


def _twins(config: RunConfig) -> tuple[str, ...]:
    seen: dict[str, str] = {}
    warnings = []
    for name, strategy in config.strategies.items():
        twin = seen.setdefault(_what_it_does(strategy), name)
        if twin != name:
            warnings.append(f"Strategies '{twin}' and '{name}' are the same: their difference can only be chance.")
    return tuple(warnings)


def _reordered_pages(config: RunConfig) -> tuple[str, ...]:
    """Return a warning for each reranker that gets no more candidates than a page. Raises ConfigError for its shape."""
    warnings = []
    settings = config.trial
    for name, strategy in config.strategies.items():
        named = {f"strategies.{name}.reranker": strategy.reranker}
        for segment, rule in strategy.segments.items():
            named[f"strategies.{name}.segments.{segment}.reranker"] = rule.reranker
        for where, given in named.items():
            chosen = rerankers_of(given, where)
            if chosen and settings.candidates <= settings.positions:
                warnings.append(
                    f"{where} ({', '.join(one.name for one in chosen)}) gets trial.candidates={settings.candidates} "
                    f"items for trial.positions={settings.positions}: it can reorder or shorten a page, and bring no "
                    "other item onto it. Raise trial.candidates."
                )
    return tuple(warnings)


def _what_it_does(strategy: StrategyConfig) -> str:
    return identity({key: value for key, value in asdict(strategy).items() if key != "description"})
