"""Config in, fitted components out: the model's segments, every strategy, the simulator."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from zlib import crc32

import numpy as np

from framework.components import build, check
from framework.config import ComponentConfig, RunConfig, StrategyConfig
from framework.costs.fits import FitCost, fit_watched
from framework.data.parts import Parts
from framework.data.tables import Dataset
from framework.errors import ConfigError, did_you_mean
from framework.kinds import Metric, Policy, Recommender, Reranker, Simulator, Summary
from framework.plugins import Plugins
from framework.preflight import identity, ranks
from framework.records import NEW_USERS, Context, Run, Segmentation
from framework.reranking import rerankers_of
from framework.strategies import Rule, Strategy
from framework.training.fit import fit


@dataclass(frozen=True)
class Bench:
    """Builds components, each with a context of its own, whose generator depends on the seed and the label only."""

    config: RunConfig
    run: Run
    plugins: Plugins
    log: logging.Logger = field(default_factory=lambda: logging.getLogger("prelaunch"))

    def context(self, label: str) -> Context:
        """Return the context of the component with this label; its folder is made on first use."""
        folder = self.run.folder / "work" / label.replace(":", "-")
        folder.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng([self.config.seed, crc32(label.encode())])
        return Context(rng, self.config.device, folder, self.log.getChild(label))

    def build(self, kind: str, choice: ComponentConfig, where: str) -> Any:
        """Return an unfitted component; `where` is the config's key that names it, for messages."""
        return build(self.plugins, kind, choice.name, choice.params, where=where)

    def check(self) -> None:
        """Raise what building any of the study's components would raise, before anything is read or trained."""
        for kind, choice, where in named_components(self.config):
            check(self.plugins, kind, choice.name, choice.params, where=where)


def named_components(config: RunConfig) -> Iterator[tuple[str, ComponentConfig, str]]:
    """Give every component that a study names: its kind, its config, and the key that names it."""
    yield "source", config.source, "source"
    yield "model", config.model, "model"
    yield from _by_key("model", config.segmentations, "segmentations")
    yield from _by_key("estimator", config.evaluation.estimators, "evaluation.estimators")
    if "simulated" in config.trial.evidence and config.strategies:
        yield "simulator", config.simulator, "simulator"
    for name, strategy in config.strategies.items():
        where = f"strategies.{name}"
        yield "recommender", strategy.recommender, f"{where}.recommender"
        yield from _named_rerankers(strategy.reranker, f"{where}.reranker")
        yield "policy", strategy.policy, f"{where}.policy"
        if strategy.model is not None:
            yield "model", strategy.model, f"{where}.model"
        for segment, rule in strategy.segments.items():
            if rule.recommender is not None:
                yield "recommender", rule.recommender, f"{where}.segments.{segment}.recommender"
            yield from _named_rerankers(rule.reranker, f"{where}.segments.{segment}.reranker")
            if rule.policy is not None:
                yield "policy", rule.policy, f"{where}.segments.{segment}.policy"
    for name in config.baselines if ranks(config) else ():
        yield "recommender", ComponentConfig(name), "baselines"
    for key, metric in config.metrics.items():
        yield "metric", ComponentConfig(metric.name, metric.params), f"metrics.{key}"
    yield from _by_key("tracker", config.trackers, "trackers")


def _by_key(kind: str, named: Mapping[str, ComponentConfig], where: str) -> Iterator[tuple[str, ComponentConfig, str]]:
    for key, choice in named.items():
        yield kind, choice, f"{where}.{key}"


def _named_rerankers(given: Any, where: str) -> Iterator[tuple[str, ComponentConfig, str]]:
    for place, choice in enumerate(rerankers_of(given, where)):
        yield "reranker", choice, f"{where}[{place}]" if isinstance(given, list | tuple) else where


def fit_model(bench: Bench, model: Any, data: Dataset, context: Context) -> None:
    """Fit a model of users on the data, a neural one by the study's trainer."""
    fit(
        model,
        data,
        context,
        bench.config.trainer,
        callbacks=bench.plugins.trainer_callbacks(run=bench.run),
        options=bench.plugins.trainer_options(run=bench.run),
    )


def fit_segments(bench: Bench, choice: ComponentConfig, data: Dataset, where: str = "model") -> SegmentedData:
    """Fit a model and return the data with its segments; `where` is the config's key that names it."""
    model = bench.build("model", choice, where)
    # Equal models draw equally, wherever the study names them: what is fitted on their segments can be shared.
    fit_model(bench, model, data, bench.context(f"model:{choice.name}-{crc32(identity(choice).encode()):08x}"))
    segmentation: Segmentation = model.segment(data)
    return SegmentedData(with_segments(data, segmentation), segmentation)


@dataclass(frozen=True)
class SegmentedData:
    """A data set with its segments, and how they were described."""

    data: Dataset
    segmentation: Segmentation


def fit_simulator(bench: Bench, parts: Parts) -> Simulator | None:
    """Fit the study's simulator on the fit part and what followed it; None where no evidence is to be simulated."""
    if "simulated" not in bench.config.trial.evidence or not bench.config.strategies:
        return None
    simulator: Simulator = bench.build("simulator", bench.config.simulator, "simulator")
    # The model learns the fit part anew: one that knew the validation part would tell the simulator of it.
    early = fit_segments(bench, bench.config.model, parts.early, "simulator:model").data
    simulator.fit(early, parts.validation, bench.context("simulator"))
    return simulator


@dataclass(frozen=True)
class RatedMetric:
    """A metric with the role and the margin that the study gave it."""

    metric: Metric | Summary
    role: str
    margin: float
    alpha_share: float | None = None


def rated_metrics(bench: Bench) -> tuple[RatedMetric, ...]:
    """Return the study's metrics. Raises ConfigError for two of one label, or a primary that cannot be tested."""
    rated: dict[str, RatedMetric] = {}
    for key, choice in bench.config.metrics.items():
        metric: Metric | Summary = bench.build("metric", ComponentConfig(choice.name, choice.params), f"metrics.{key}")
        if metric.label in rated:
            raise ConfigError(f"metrics.{key} is '{metric.label}', which the study has already")
        if choice.role != "secondary" and not isinstance(metric, Metric):
            raise ConfigError(
                f"metrics.{key} is {choice.role}, but {metric.label} is a figure of a whole arm and cannot be tested",
                hint="Make it secondary.",
            )
        rated[metric.label] = RatedMetric(metric, choice.role, choice.margin, choice.alpha_share)
    return tuple(rated.values())


def with_segments(data: Dataset, segmentation: Segmentation) -> Dataset:
    """Return the data set with the segments' labels and names in it."""
    return replace(data, segments=segmentation.labels, segment_names=segmentation.names)


@dataclass(frozen=True)
class Fitted:
    """The study's strategies, ready to decide, and the seconds that each took to fit (shared parts count once).

    `baselines` are arms that are described beside them and take no part in any test; `spent` holds by a recommender's
    id what its own fit cost.
    """

    strategies: dict[str, Strategy]
    seconds: dict[str, float]
    baselines: dict[str, Strategy] = field(default_factory=dict)
    spent: dict[int, FitCost] = field(default_factory=dict)

    @property
    def arms(self) -> dict[str, Strategy]:
        """The strategies and the baselines."""
        return {**self.strategies, **self.baselines}


def fit_strategies(bench: Bench, segmented: SegmentedData, advance: Callable[[], None]) -> Fitted:
    """Fit every strategy's recommenders on the segmented data; equal recommenders on equal segments are fitted once.

    `advance` is called after each strategy.
    """
    shared: dict[str, Any] = {}
    strategies, seconds = {}, {}
    spent: dict[int, FitCost] = {}
    for name, choice in bench.config.strategies.items():
        started = time.perf_counter()
        strategies[name] = strategy_of(bench, name, choice, segmented, shared, spent)
        seconds[name] = time.perf_counter() - started
        advance()
    return Fitted(strategies, seconds, spent=spent)


def strategy_of(
    bench: Bench,
    name: str,
    choice: StrategyConfig,
    segmented: SegmentedData,
    shared: dict[str, Any],
    spent: dict[int, FitCost] | None = None,
) -> Strategy:
    """Return one strategy, fitted.

    `shared` has the recommenders and rerankers fitted already, and gets the others; `spent` gets what each fit cost.
    """
    costs: dict[int, FitCost] = {} if spent is None else spent
    model = choice.model or bench.config.model
    own = segmented
    if identity(model) != identity(bench.config.model):
        own = fit_segments(bench, model, segmented.data, f"strategies.{name}.model")

    def reranker(choice: ComponentConfig, where: str) -> Reranker:
        key = identity(["reranker", identity(choice), identity(model)])
        if key not in shared:
            made: Reranker = bench.build("reranker", choice, where)
            context = bench.context(f"reranker:{choice.name}-{crc32(key.encode()):08x}")
            with fit_watched(costs, made):
                made.fit(own.data, context)
            shared[key] = made
        fitted: Reranker = shared[key]
        return fitted

    def rule(recommender: ComponentConfig, rerankers: Any, policy: ComponentConfig, where: str) -> Rule:
        key = shared_key(recommender, model)
        if key not in shared:
            fitted: Recommender = bench.build("recommender", recommender, f"{where}.recommender")
            context = bench.context(f"recommender:{recommender.name}-{crc32(key.encode()):08x}")
            with fit_watched(costs, fitted):
                fit(
                    fitted,
                    own.data,
                    context,
                    bench.config.trainer,
                    callbacks=bench.plugins.trainer_callbacks(run=bench.run),
                    options=bench.plugins.trainer_options(run=bench.run),
                )
            shared[key] = fitted
        chosen: Policy = bench.build("policy", policy, f"{where}.policy")
        place = f"{where}.reranker"
        return Rule(shared[key], chosen, tuple(reranker(one, place) for one in rerankers_of(rerankers, place)))

    labels, names = own.segmentation.labels, (*own.segmentation.names, NEW_USERS)
    rules = {}
    for segment, special in choice.segments.items():
        index = _segment_index(name, segment, names)
        size = int((labels == index).sum())
        if segment != NEW_USERS and size < bench.config.trial.segment_floor:
            raise ConfigError(
                f"strategies.{name}.segments names '{segment}', which has {size} users",
                allowed=f"segments of at least trial.segment_floor={bench.config.trial.segment_floor} users",
                hint="Lower the floor, or leave this segment to the strategy's own recommender.",
            )
        rules[index] = rule(
            special.recommender or choice.recommender,
            choice.reranker if special.reranker is None else special.reranker,
            special.policy or choice.policy,
            f"strategies.{name}.segments.{segment}",
        )
    default = rule(choice.recommender, choice.reranker, choice.policy, f"strategies.{name}")
    return Strategy(name, default, labels, names, rules)


def shared_key(recommender: ComponentConfig, model: ComponentConfig) -> str:
    """Return what recommenders that can be shared have in common: their config, and the segments that they see."""
    return identity([identity(recommender), identity(model)])


def _segment_index(strategy: str, segment: str, names: tuple[str, ...]) -> int:
    if segment not in names:
        raise ConfigError(
            f"strategies.{strategy}.segments names '{segment}', which is no segment of its model",
            allowed=names,
            hint=did_you_mean(segment, names),
        )
    return names.index(segment)
