"""What every arm of a run costs, as the result keeps it: with the times, as no two runs measure the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from framework.costs.fits import cost_of_all
from framework.costs.requests import latency_of
from framework.costs.size import stored_bytes
from framework.fitting import Bench, Fitted, SegmentedData
from framework.records import Result, Trial
from framework.trial.population import Population

Costs = dict[str, dict[str, Any]]
"""By arm: fit_seconds, peak_bytes, model_bytes, p50_ms, p95_ms, requests, users_per_second; None where not known."""


def measure_costs(
    bench: Bench, fitted: Fitted, segmented: SegmentedData, trials: Sequence[Trial], advance: Callable[[], None]
) -> Costs:
    """Return each arm's costs; trials are over by now, and nothing here changes what they found.

    Requests are those of known users, evenly spaced over all of them. `advance` is called after each arm.
    """
    if not fitted.arms:
        return {}
    settings, trial = bench.config.costs, bench.config.trial
    population = Population.of(segmented.data, positions=trial.positions, repeats=trial.repeats)
    queries = population.known_queries(max(1, settings.requests))
    rates = _users_per_second(trials)
    costs: Costs = {}
    for name, strategy in fitted.arms.items():
        fit = cost_of_all((*strategy.recommenders, *strategy.rerankers), fitted.spent)
        latency = latency_of(
            strategy,
            queries,
            candidates=trial.candidates,
            requests=settings.requests,
            seconds=settings.seconds,
            seed=bench.config.seed,
        )
        costs[name] = {
            "fit_seconds": None if fit is None else fit.seconds,
            "peak_bytes": None if fit is None else fit.peak_bytes,
            "model_bytes": stored_bytes(strategy.recommenders),
            "p50_ms": None if latency is None else latency.p50,
            "p95_ms": None if latency is None else latency.p95,
            "requests": 0 if latency is None else latency.requests,
            "users_per_second": rates.get(name),
        }
        advance()
    return costs


def with_costs(result: Result, costs: Costs) -> Result:
    """Return the result with the arms' costs among its times."""
    return replace(result, times={**result.times, "costs": costs}) if costs else result


def _users_per_second(trials: Sequence[Trial]) -> dict[str, float]:
    """Return by arm for how many users it ranked in a second, all asked for at once."""
    return {
        name: len((trial.outcomes | trial.baselines)[name]) / own.seconds
        for trial in trials
        for name, own in trial.ranked.items()
        if own.seconds > 0
    }
