"""Hold the trials that a study asks for: here, and only here, the sealed test part is opened."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from framework.config import RunConfig
from framework.data.events import CleanLog
from framework.data.parts import Parts
from framework.data.tables import Window
from framework.errors import ConfigError
from framework.fitting import Bench, Fitted, RatedMetric, SegmentedData
from framework.kinds import Simulator
from framework.records import SimulatorCheck, Trial
from framework.trial.holdout import holdout_trial
from framework.trial.population import Population
from framework.trial.simulated import simulated_trial


def check_log_serves(config: RunConfig, metrics: Sequence[RatedMetric], log: CleanLog, parts: Parts) -> tuple[str, ...]:
    """Return what the reader must know of the split; raise ConfigError where the log cannot hold the study's trials."""
    catalogue = len(parts.train.items)
    if config.strategies and config.trial.positions > catalogue:
        raise ConfigError(
            f"trial.positions is {config.trial.positions}, but the catalogue before the split holds {catalogue} items",
            allowed=f"1 to {catalogue}",
        )
    costly = [rated.metric.label for rated in metrics if rated.metric.unit == "money"]
    if costly and "price" not in log.has:
        raise ConfigError(
            f"{', '.join(costly)} needs prices, and the log maps no column to price",
            hint="Map it in source.params.columns, or leave the metric out.",
        )
    return parts.summary.notes if config.data.split.kind == "leave_one_out" else ()


def hold_trials(
    bench: Bench,
    fitted: Fitted,
    segmented: SegmentedData,
    simulator: Simulator | None,
    parts: Parts,
    advance: Callable[[], None],
) -> tuple[tuple[Trial, ...], SimulatorCheck | None]:
    """Return one trial for each kind of evidence, and how well the simulator foretold the test part.

    Opens the sealed test part, once; without strategies there is nothing to try, and the seal stays. `advance` is
    called after each kind of evidence.
    """
    if not fitted.strategies:
        return (), None
    later = parts.open_test("trial")
    check = None
    if simulator is not None and "simulated" in bench.config.trial.evidence:
        check = simulator.check(segmented.data, later, bench.context("simulator:check"))
    return trials_on(bench, fitted, segmented, simulator, later, advance), check


def trials_on(
    bench: Bench,
    fitted: Fitted,
    segmented: SegmentedData,
    simulator: Simulator | None,
    later: Window,
    advance: Callable[[], None],
) -> tuple[Trial, ...]:
    """Return one trial for each kind of evidence, the holdout on the window `later`."""
    settings, seed = bench.config.trial, bench.config.seed
    population = Population.of(segmented.data, positions=settings.positions, repeats=settings.repeats)
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
                baselines=fitted.baselines,
            )
        elif simulator is not None:
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
    return tuple(trials)
