"""What a search leaves to be read: every trial that counts, the best, and what the parameters mattered."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from framework.training.search_storage import ERROR, NOTES, trials_of

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

LEAST_FOR_IMPORTANCE = 10
"""Finished trials below which what a parameter mattered is noise."""
STATES = {"COMPLETE": "finished", "PRUNED": "pruned", "FAIL": "failed"}


@dataclass(frozen=True)
class Tried:
    """One trial: its place from 0, how it ended ("finished", "pruned", "failed"), and what it came to.

    `values` are one an objective, of a pruned trial the last that was reported, of a failed one none; `notes` are the
    objective's own, `error` says why it failed.
    """

    number: int
    state: str
    params: dict[str, Any]
    values: tuple[float, ...] = ()
    seconds: float = 0.0
    notes: dict[str, Any] = field(default_factory=dict)
    error: str = ""


@dataclass(frozen=True)
class Searched:
    """One search. `front` holds the numbers of the finished trials that no other one beats in every objective.

    A point that was tried twice is there once. `importances` (adding up to 1, by PED-ANOVA of the first objective) are
    empty with fewer than two parameters or too few trials. `own` is the number of the trial that was given as the
    start, where it was tried.
    """

    trials: tuple[Tried, ...]
    directions: tuple[str, ...]
    front: tuple[int, ...]
    importances: dict[str, float]
    own: int | None = None

    @property
    def best(self) -> Tried | None:
        """The best finished trial in the first objective (ties: in the next ones, then the earliest), None without."""
        chosen = [trial for trial in self.trials if trial.number in self.front]
        signs = [-1.0 if direction == "maximize" else 1.0 for direction in self.directions]
        return min(
            chosen,
            key=lambda trial: ([sign * value for sign, value in zip(signs, trial.values, strict=True)], trial.number),
            default=None,
        )

    @property
    def seconds(self) -> float:
        """How long the trials took together, over all workers."""
        return sum(trial.seconds for trial in self.trials)

    def count(self, state: str) -> int:
        """Return how many trials ended like this."""
        return sum(trial.state == state for trial in self.trials)


def record_of(study: Study, back: Any, start: Mapping[str, Any] | None) -> Searched:
    """Return what a study holds; `back` turns a trial's stored parameters into those that were tried."""
    ended = [trial for trial in trials_of(study) if trial.state.is_finished()]
    tried = tuple(_tried(number, trial, back) for number, trial in enumerate(ended))
    directions = tuple(direction.name.lower() for direction in study.directions)
    finished = [trial for trial in tried if trial.state == "finished"]
    own = None
    if start is not None:
        own = next((trial.number for trial in tried if trial.params == dict(start)), None)
    return Searched(tried, directions, _front(finished, directions), _importances(study, finished), own)


def _tried(number: int, trial: FrozenTrial, back: Any) -> Tried:
    end, begin = trial.datetime_complete, trial.datetime_start
    seconds = 0.0 if end is None or begin is None else (end - begin).total_seconds()
    values = tuple(float(value) for value in trial.values or ())
    notes = dict(trial.user_attrs.get(NOTES, {}))
    state = STATES[trial.state.name]
    return Tried(number, state, back(trial.params), values, seconds, notes, str(trial.user_attrs.get(ERROR, "")))


def _front(finished: Sequence[Tried], directions: Sequence[str]) -> tuple[int, ...]:
    signs = [1.0 if direction == "maximize" else -1.0 for direction in directions]

    def beats(one: Tried, other: Tried) -> bool:
        gains = [sign * (a - b) for sign, a, b in zip(signs, one.values, other.values, strict=True)]
        return all(gain >= 0 for gain in gains) and any(gain > 0 for gain in gains)

    once: list[Tried] = []
    for trial in finished:
        if not any(trial.params == other.params for other in once):
            once.append(trial)
    return tuple(trial.number for trial in once if not any(beats(other, trial) for other in once))


def _importances(study: Study, finished: Sequence[Tried]) -> dict[str, float]:
    from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

    names = {name for trial in finished for name in trial.params}
    if len(finished) < LEAST_FOR_IMPORTANCE or len(names) < 2 or len({trial.values[0] for trial in finished}) < 2:
        return {}

    found = get_param_importances(_first_objective(study), evaluator=PedAnovaImportanceEvaluator())
    return {name: float(value) for name, value in found.items() if math.isfinite(value)}


def _first_objective(study: Study) -> Study:
    """Return a copy in memory of the finished trials that count, with their first objective alone."""
    import optuna

    copy = optuna.create_study(directions=study.directions[:1])
    for trial in trials_of(study):
        if trial.state.name == "COMPLETE":
            value = trial.values[0]
            copy.add_trial(
                optuna.trial.create_trial(value=value, params=trial.params, distributions=trial.distributions)
            )
    return copy
