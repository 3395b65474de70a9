"""Baselines: arms that every comparison of rankings shows beside its strategies, and that nothing is tested against.

They are fitted with their defaults, ranked on the holdout, and described. A test more would cost the others power, so
they have no part in effects, corrections, the simulated trial or the verdict.
"""

from __future__ import annotations

from dataclasses import replace

from framework.components import configuration
from framework.config import ComponentConfig, StrategyConfig
from framework.fitting import Bench, Fitted, SegmentedData, strategy_of
from framework.preflight import identity, ranks


def baseline_arm(name: str) -> str:
    """Return what the report calls the arm of the baseline `name`."""
    return f"{name} (baseline)"


def baselines_of(bench: Bench) -> dict[str, StrategyConfig]:
    """Return the baselines to fit, by their arms' names: none where nothing is ranked, nor one the study has already.

    A strategy is a baseline already where everybody gets the same recommender, with the defaults as parameters, by the
    same policy and without a reranker.
    """
    if not ranks(bench.config):
        return {}
    plain = {name: StrategyConfig(ComponentConfig(name)) for name in bench.config.baselines}
    return {
        baseline_arm(name): choice
        for name, choice in plain.items()
        if not any(_same(bench, own, choice) for own in bench.config.strategies.values())
    }


def with_baselines(bench: Bench, segmented: SegmentedData, fitted: Fitted) -> Fitted:
    """Return the fitted study with its baselines, fitted on the same data."""
    spent = dict(fitted.spent)
    baselines = {
        name: strategy_of(bench, name, choice, segmented, {}, spent) for name, choice in baselines_of(bench).items()
    }
    return replace(fitted, baselines=baselines, spent=spent)


def _same(bench: Bench, own: StrategyConfig, baseline: StrategyConfig) -> bool:
    if own.segments or own.reranker or own.recommender.name != baseline.recommender.name:
        return False
    if identity(own.policy) != identity(baseline.policy):
        return False
    params = (own.recommender.params, baseline.recommender.params)
    first, second = (configuration(bench.plugins, "recommender", own.recommender.name, each) for each in params)
    return bool(first == second)
