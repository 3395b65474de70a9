"""Does the whole way from shop to p-value keep its promise: errors where nothing is planted, power where something is?

Responses are drawn by the synthetic shop itself, users are split between the arms by hash, nothing is shared between
the arms, and every trial has a seed of its own; every tenth trial has a shop of its own, too.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from omegaconf import OmegaConf
from scipy.stats import binom

from framework.config import RunConfig
from framework.data.cleaning import clean
from framework.data.engine import open_engine
from framework.data.parts import cut_into_parts
from framework.fitting import Bench, fit_segments, fit_simulator, fit_strategies
from framework.plugins import load_plugins
from framework.records import Run
from framework.stats.compare import compare
from framework.stats.planning.statistic import power_of_difference
from framework.trial.population import Population
from framework.trial.replicate import replicate
from framework.trial.simulated import simulated_trial
from tests.studies.composing import composed

ALPHA = 0.05
TRIALS = 200
SHOPS = 20


@dataclass(frozen=True)
class Shop:
    """One synthetic shop with its trained strategies, ready for any number of trials."""

    strategies: dict
    population: Population
    simulator: object
    candidates: int

    def trial(self, seed: int) -> tuple[bool, float]:
        """Hold one trial; return whether conversion differs at ALPHA, and what power was to be expected."""
        trial = simulated_trial(
            self.strategies,
            self.population,
            self.simulator,
            design="independent",
            batches=1,
            users=None,
            shares={},
            salt=f"trial:{seed}",
            candidates=self.candidates,
            seed=seed,
        )
        from shop_metrics.conversion import Conversion

        metric = Conversion(Conversion.Config())
        arms = {name: metric.measure(outcomes) for name, outcomes in trial.outcomes.items()}
        effect = compare(
            arms["control"],
            arms["treatment"],
            metric="conversion",
            control_name="control",
            treatment_name="treatment",
            design="independent",
            confidence=1 - ALPHA,
        )
        return effect.p_value < ALPHA, power_of_difference(self.true_gain(), effect.standard_error, ALPHA)

    def true_gain(self) -> float:
        """Return the treatment's gain in conversion over the control that the shop's truth expects over all users."""
        queries = self.population.known_queries(None)
        shown = {
            name: strategy.decide(queries, self.candidates, np.random.default_rng(0))[0]
            for name, strategy in self.strategies.items()
        }
        expected = {name: self.simulator.expected(queries, actions)[0].mean() for name, actions in shown.items()}
        return expected["treatment"] - expected["control"]


def shop(folder: Path, *overrides: str) -> Shop:
    """Return the quickstart's shop with control and treatment trained; the simulator answers by the planted truth."""
    config = composed("quickstart", "simulator=synthetic_shop", "~strategies.segments", *overrides)
    study: RunConfig = OmegaConf.to_object(config)
    bench = Bench(study, Run(study.study, folder, study.seed, {}), load_plugins())
    with open_engine(study.data, folder / "work") as engine:
        raw = bench.build("source", study.source, "source").read(bench.context("source"))
        parts = cut_into_parts(clean(raw, engine, study.data.cleaning), study.data)
    segmented = fit_segments(bench, study.model, parts.train)
    fitted = fit_strategies(bench, segmented, lambda: None)
    simulator = fit_simulator(bench, parts)
    simulator.prepare(segmented.data)
    population = Population.of(segmented.data, positions=study.trial.positions, repeats=True)
    return Shop(fitted.strategies, population, simulator, study.trial.candidates)


def trials(folder: Path, *overrides: str) -> tuple[float, float]:
    """Return the share of TRIALS with a winner, and the mean power that was to be expected."""
    found = []
    for number in range(SHOPS):
        one = shop(folder / str(number), f"seed={number}", *overrides)
        seeds = range(number * 1000, number * 1000 + TRIALS // SHOPS)
        found += replicate(one.trial, seeds)
    winners, powers = np.array(found, dtype=float).T
    return float(winners.mean()), float(powers.mean())


@pytest.mark.slow
def test_no_planted_effect_is_found_in_one_to_ten_percent(tmp_path: Path) -> None:
    # At a true rate of 5 %, 200 trials fall outside 1 % to 10 % with probability 0.004.
    share, power = trials(tmp_path, "source.params.planted_effect=0")
    print(f"planted effect 0: {share:.3f} of {TRIALS} trials declare a winner")
    assert power == pytest.approx(ALPHA, abs=1e-9)
    assert 0.01 <= share <= 0.10


@pytest.mark.slow
@pytest.mark.parametrize("effect", [0.6, 1.0])
def test_the_planted_effect_is_found_as_often_as_the_power_says(tmp_path: Path, effect: float) -> None:
    share, power = trials(tmp_path, f"source.params.planted_effect={effect}")
    print(f"planted effect {effect}: {share:.3f} of {TRIALS} trials declare a winner, power {power:.3f}")
    low, high = binom.ppf([0.0005, 0.9995], TRIALS, power) / TRIALS
    assert low <= share <= high
