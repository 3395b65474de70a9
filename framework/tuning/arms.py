"""What is searched for each strategy, and by what it is judged: checked before anything is read."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from framework.components import check, component_class, config_class
from framework.config import ComponentConfig, RunConfig, SearchConfig, StrategyConfig
from framework.errors import ConfigError, did_you_mean
from framework.fitting import Bench, RatedMetric
from framework.kinds import Metric, Searchable, Summary
from framework.params import annotations_of, has_default
from framework.reranking import reranker_parameter, rerankers_of, with_params
from framework.training.search_space import Space, space_of

EVERY = "*"
FIT_SECONDS, LATENCY = "fit_seconds", "latency"
COSTS = {FIT_SECONDS: "seconds", LATENCY: "milliseconds a user"}
"""Objectives that are no metrics of the study: what a strategy costs, as measured on this machine."""
SAMPLERS = ("tpe", "random", "grid", "nsga2")
PRUNERS = ("median", "hyperband", "none")
BACKENDS = ("loky", "ray")


@dataclass(frozen=True)
class Goal:
    """One objective: a metric's label or one of `COSTS`, and which way is better."""

    label: str
    direction: str
    unit: str
    metric: Metric | Summary | None = None

    @property
    def sign(self) -> float:
        """1 where more is better, -1 where less is."""
        return 1.0 if self.direction == "maximize" else -1.0


@dataclass(frozen=True)
class Arm:
    """One strategy with its space (empty: it has nothing to search) and the point of it that the study itself names.

    `epochs` says whether its recommender's Config has such a parameter.
    """

    name: str
    choice: StrategyConfig
    model: ComponentConfig
    space: Space
    start: dict[str, Any] | None
    epochs: bool

    def with_params(self, params: Mapping[str, Any]) -> StrategyConfig:
        """Return the strategy with these parameters of its recommender and, by their paths, of its rerankers."""
        own = self.choice.recommender
        reranked = {path: value for path, value in params.items() if reranker_parameter(path)}
        ranked = {key: value for key, value in params.items() if key not in reranked}
        return replace(
            self.choice,
            recommender=ComponentConfig(own.name, {**own.params, **ranked}),
            reranker=with_params(self.choice.reranker, reranked, f"strategies.{self.name}.reranker"),
        )


def wants_search(config: RunConfig) -> bool:
    """Return whether the study has a budget for a search, and strategies to spend it on."""
    return bool(config.strategies) and (config.search.trials > 0 or config.search.seconds is not None)


def check_search(bench: Bench, metrics: Sequence[RatedMetric]) -> tuple[str, ...]:
    """Return what the reader must know of a study's search; raise ConfigError for one that cannot be held."""
    if not wants_search(bench.config):
        return ()
    settings = bench.config.search
    _check_settings(settings)
    goals_of(bench.config, metrics)
    arms = arms_of(bench)
    searched = [arm for arm in arms if len(arm.space)]
    if not searched:
        raise ConfigError(
            "search has a budget, and no strategy has a parameter to search",
            hint="Name some: search.space={STRATEGY: {PARAMETER: {low: .., high: ..}}}.",
        )
    for arm in searched:
        _check_ends(bench, arm)
        if settings.sampler == "grid":
            arm.space.points()
    if settings.sampler == "grid":
        return _uneven(searched, settings)
    return ()


def goals_of(config: RunConfig, metrics: Sequence[RatedMetric]) -> tuple[Goal, ...]:
    """Return the objectives, the one that decides first.

    Raises:
        ConfigError: one is no metric that the validation part can measure, or none is a metric at all.
    """
    usable = {rated.metric.label: rated for rated in metrics if "holdout" in rated.metric.evidence}
    named = config.search.metric
    if named is None:
        labels = [label for label, rated in usable.items() if rated.role == "primary"][:1]
        if not labels:
            raise ConfigError(
                "The search has nothing to go by: no primary metric can be measured on the validation part",
                allowed=[*usable, *COSTS],
                hint="Name one: search.metric=LABEL.",
            )
    else:
        labels = [str(label) for label in named] if isinstance(named, list | tuple) else [str(named)]
    goals = []
    for label in labels:
        if label not in usable and label not in COSTS:
            options = [*usable, *COSTS]
            raise ConfigError(f"search.metric names '{label}'", allowed=options, hint=did_you_mean(label, options))
        if labels.count(label) > 1:
            raise ConfigError(f"search.metric names '{label}' twice")
        if label in usable:
            metric = usable[label].metric
            goals.append(Goal(label, "maximize" if metric.higher_is_better else "minimize", metric.unit, metric))
        else:
            goals.append(Goal(label, "minimize", COSTS[label]))
    if not goals or goals[0].metric is None:
        raise ConfigError(
            f"search.metric begins with {labels[0]!r}" if labels else "search.metric is empty",
            allowed="a metric first, as it decides; then others, and what a strategy costs",
        )
    return tuple(goals)


def arms_of(bench: Bench) -> tuple[Arm, ...]:
    """Return every strategy with what is searched for it.

    What `search.space` says of a strategy, and under "*" of all that have such a parameter, comes first; where it says
    nothing the recommender's own SEARCH holds. Rerankers are searched only where the space names their parameters
    ("reranker.params.trade_off"): most are there for something else than the metric that decides, which would
    undo them.

    Raises:
        ConfigError: the space names a strategy or a parameter that there is not.
    """
    config = bench.config
    given = config.search.space
    for name, entries in given.items():
        if name != EVERY and name not in config.strategies:
            options = [*config.strategies, EVERY]
            raise ConfigError(f"search.space names '{name}'", allowed=options, hint=did_you_mean(name, options))
        if not isinstance(entries, Mapping):
            raise ConfigError(f"search.space.{name} is {entries!r}", allowed="parameters with {low, high} or {choices}")
    arms = tuple(_arm(bench, name, choice, given) for name, choice in config.strategies.items())
    for parameter in given.get(EVERY, {}):
        if not any(parameter in arm.space.texts for arm in arms):
            raise ConfigError(
                f"search.space.{EVERY} names '{parameter}', which no strategy's recommender has, nor a reranker"
            )
    return arms


def _arm(bench: Bench, name: str, choice: StrategyConfig, given: Mapping[str, Any]) -> Arm:
    own = choice.recommender
    made_by = component_class(bench.plugins, "recommender", own.name, where=f"strategies.{name}.recommender")
    fields, values, types = _parameters(config_class(made_by, "recommender", own.name), own.params)
    for prefix, reranker in _rerankers(name, choice):
        built_by = component_class(bench.plugins, "reranker", reranker.name, where=f"strategies.{name}.reranker")
        schema = config_class(built_by, "reranker", reranker.name)
        for mine, its in zip((fields, values, types), _parameters(schema, reranker.params), strict=True):
            mine.update({prefix + key: value for key, value in its.items()})
    entries = {key: entry for key, entry in given.get(EVERY, {}).items() if key in fields}
    entries.update(given.get(name, {}))
    where = f"search.space.{name}"
    if name not in given and not entries:
        entries = dict(made_by.SEARCH) if isinstance(made_by, Searchable) else {}
        where = f"The SEARCH of {own.name}"
    for key in entries:
        if key not in fields:
            raise ConfigError(f"{where} names '{key}'", allowed=sorted(fields), hint=did_you_mean(str(key), fields))
    space = space_of(entries, types, where)
    start = space.part_of(values) if len(space) else None
    return Arm(name, choice, choice.model or bench.config.model, space, start, "epochs" in fields)


def _rerankers(name: str, choice: StrategyConfig) -> list[tuple[str, ComponentConfig]]:
    """Return a strategy's rerankers, each with what its parameters' names begin with in a space."""
    chain = rerankers_of(choice.reranker, f"strategies.{name}.reranker")
    if not isinstance(choice.reranker, list | tuple):
        return [("reranker.params.", one) for one in chain]
    return [(f"reranker.{place}.params.", one) for place, one in enumerate(chain)]


def _parameters(schema: type, given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any], dict[str, str]]:
    """Return by name a Config's fields, the values that they have where `given` is written, and which are numbers."""
    fields = {field.name: field for field in schema.__dataclass_fields__.values() if field.init}  # type: ignore[attr-defined]
    values = {key: _default(field) for key, field in fields.items() if has_default(field)} | dict(given)
    return fields, values, _types(schema)


def _types(schema: type) -> dict[str, str]:
    kinds = {float: "float", int: "int"}
    found = {}
    for name, hint in annotations_of(schema).items():
        options = {option for option in getattr(hint, "__args__", (hint,)) if option in kinds}
        if len(options) == 1:
            found[name] = kinds[options.pop()]
    return found


def _default(field: Any) -> Any:
    return field.default_factory() if callable(field.default_factory) else field.default


def _check_settings(settings: SearchConfig) -> None:
    if settings.trials < 0:
        raise ConfigError(f"search.trials is {settings.trials}", allowed="0 (no search) or more")
    if settings.seconds is not None and not 0 < settings.seconds < math.inf:
        raise ConfigError(f"search.seconds is {settings.seconds:g}", allowed="a number above 0, or null")
    if settings.jobs < 1:
        raise ConfigError(f"search.jobs is {settings.jobs}", allowed="1 or more")
    for key, value, options in (
        ("sampler", settings.sampler, SAMPLERS),
        ("pruner", settings.pruner, PRUNERS),
        ("backend", settings.backend, BACKENDS),
    ):
        if value not in options:
            raise ConfigError(f"search.{key} is '{value}'", allowed=options, hint=did_you_mean(value, options))


def _check_ends(bench: Bench, arm: Arm) -> None:
    """Raise what the components say of the ends of the ranges and of the choices, one at a time."""
    for parameter in arm.space.parameters:
        ends = parameter.choices if parameter.type == "choice" else (parameter.low, parameter.high)
        for value in ends:
            if parameter.when:
                continue  # it may be refused beside others' defaults only
            where = f"search.space.{arm.name} ({parameter.name} {value})"
            changed = arm.with_params({parameter.name: value})
            kind, own = "recommender", changed.recommender
            if (reranked := reranker_parameter(parameter.name)) is not None:
                kind, own = "reranker", rerankers_of(changed.reranker, where)[reranked.place]
            check(bench.plugins, kind, own.name, own.params, where=where)


def _uneven(arms: Sequence[Arm], settings: SearchConfig) -> tuple[str, ...]:
    sizes = {arm.name: min(len(arm.space.points()), settings.trials or math.inf) for arm in arms}
    if len(set(sizes.values())) == 1:
        return ()
    text = ", ".join(f"{name} {size:.0f}" for name, size in sizes.items())
    return (f"The grids have fewer points than the budget for some strategies, which are so tried less: {text}.",)
