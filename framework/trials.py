"""Hold the trials that a study asks for: here, and only here, the sealed test part is opened."""

from __future__ import annotations

from collections.abc import Callable

from framework.data.parts import Parts
from framework.errors import ConfigError
from framework.fitting import Bench, Fitted, SegmentedData
from framework.kinds import Simulator
from framework.records import SimulatorCheck, Trial
from framework.trial.holdout import holdout_trial
from framework.trial.population import Population
from framework.trial.simulated import simulated_trial


def hold_trials(
    bench: Bench,
    fitted: Fitted,
    segmented: SegmentedData,
    simulator: Simulator | None,
    parts: Parts,
    advance: Callable[[], None],
) -> tuple[tuple[Trial, ...], SimulatorCheck | None]:
    """Return one trial for each kind of evidence, and how well the simulator foretold the test part.

    Opens the sealed test part, once. `advance` is called after each kind of evidence.
    """
    settings, seed = bench.config.trial, bench.config.seed
    catalogue = len(segmented.data.items)
    if settings.positions > catalogue:
        raise ConfigError(
            f"trial.positions is {settings.positions}, but the catalogue before the split holds {catalogue} items",
            allowed=f"1 to {catalogue}",
        )
    population = Population.of(segmented.data, positions=settings.positions, repeats=settings.repeats)
    later = parts.open_test("trial")
    check = None
    trials = []
    for evidence in settings.evidence:
        if evidence == "holdout":
            trial = holdout_trial(
                fitted.strategies,
                population,
                later,
                users=settings.holdout.users,
                candidates=settings.candidates,
                seed=seed,
            )
        elif simulator is not None:
            check = simulator.check(segmented.data, later, bench.context("simulator:check"))
            simulator.prepare(segmented.data)
            trial = simulated_trial(
                fitted.strategies,
                population,
                simulator,
                design=settings.simulated.design,
                batches=settings.simulated.batches,
                users=settings.simulated.users,
                shares=settings.simulated.shares,
                salt=f"{settings.simulated.salt}:{seed}",
                candidates=settings.candidates,
                seed=seed,
            )
        trials.append(trial)
        bench.plugins.trial_finished(run=bench.run, trial=trial)
        advance()
    return tuple(trials), check
