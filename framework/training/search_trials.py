"""One trial of a search after the other: whether there is to be a next one, trying it, keeping what came of it."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from framework.config import SearchConfig
from framework.errors import RunError
from framework.training.search_points import suggested
from framework.training.search_processes import beating, this_process
from framework.training.search_space import Space
from framework.training.search_storage import (
    ALIVE,
    ERROR,
    NOTES,
    PROCESS,
    SURPLUS,
    Store,
    marked,
    place_of,
    requeued,
    seconds_of,
    trials_of,
    waits,
)

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import Trial

LOG = logging.getLogger("prelaunch.search")
HOPELESS = 3
"""Trials that may fail before one finished: then the parameters are not to blame."""


class Pruned(Exception):  # noqa: N818 (it is no error: the trial is given up)
    """Raised by an objective whose `report` said that the trial is not worth going on with."""


@dataclass
class Attempt:
    """One trial as its objective sees it: a number that no other trial of the search has, and who to report to."""

    number: int
    report: Callable[[int, float], bool]
    """Takes a step and the first objective's value then; True where the trial is to be given up (raise `Pruned`)."""
    notes: dict[str, Any] = field(default_factory=dict)
    """Plain values to keep with the trial."""


class Objective(Protocol):
    """What is searched for. With several workers it travels to their processes, so it must pickle."""

    def __call__(self, params: dict[str, Any], attempt: Attempt) -> Sequence[float]:
        """Return one value an objective. Raises Pruned; any other error fails this trial and no other."""
        ...


@dataclass(frozen=True)
class Task:
    """Everything that a worker needs to try one trial after the other.

    `spread` says that it is one of several, `parent` which process of this machine they end with.
    """

    space: Space
    objective: Objective
    settings: SearchConfig
    store: Store
    name: str
    directions: tuple[str, ...]
    seed: int
    spread: bool = False
    parent: int | None = None

    @property
    def most(self) -> int | None:
        """How many trials there are to be, None where only time ends them."""
        points = len(self.space.points()) if self.settings.sampler == "grid" else None
        return min((bound for bound in (self.settings.trials or None, points) if bound is not None), default=None)


def next_trial(study: Study, task: Task) -> Trial | None:
    """Return the next trial, None where the budget is spent or everything left of it is under way."""
    from optuna.trial import TrialState

    counted = trials_of(study)
    under_way = [trial for trial in counted if not waits(trial)]
    if task.most is not None and len(under_way) >= task.most:
        return None
    if task.settings.seconds is not None and seconds_of(under_way) >= task.settings.seconds:
        return None
    if task.settings.sampler == "grid" and len(under_way) == len(counted):
        return None
    trial = study.ask()
    marked(study, trial, PROCESS, this_process())
    marked(study, trial, ALIVE, time.time())
    # Several may have asked at once for the last one: the later ones step back.
    frozen = next(own for own in study.get_trials(deepcopy=False) if own.number == trial.number)
    if task.most is not None and place_of(study, frozen) >= task.most:
        marked(study, trial, SURPLUS, True)
        study.tell(trial, state=TrialState.FAIL)
        return None
    return trial


def others_try(study: Study) -> bool:
    """Return whether anybody is trying something."""
    return any(trial.state.name == "RUNNING" for trial in trials_of(study))


def try_one(study: Study, trial: Trial, task: Task) -> None:
    """Try a trial and tell the study; raise its error where nothing of the space works."""
    from optuna.trial import TrialState

    params = suggested(trial, task.space)

    def report(step: int, value: float) -> bool:
        if len(task.directions) > 1:
            return False  # Optuna prunes by one objective only
        trial.report(float(value), int(step))
        return bool(trial.should_prune())

    attempt = Attempt(trial.number, report)
    values: Sequence[float] | None = None
    state = TrialState.FAIL
    try:
        with beating(lambda: marked(study, trial, ALIVE, time.time())):
            values = _known(study, trial, task) or [float(value) for value in task.objective(params, attempt)]
        if not all(map(math.isfinite, values)):
            raise RunError(f"the objective is {', '.join(map(str, values))}")
        state = TrialState.COMPLETE
    except Pruned:
        state, values = TrialState.PRUNED, None
    except KeyboardInterrupt:
        requeued(study, trial.number, dict(trial.params))
        raise
    except Exception as error:  # one point of the space that cannot be is no end of the search
        state, values = TrialState.FAIL, None
        LOG.warning("trial %d of %s failed: %s", trial.number, task.name, error)
        marked(study, trial, ERROR, f"{type(error).__name__}: {error}")
        if hopeless(study):
            study.tell(trial, state=state)
            raise
    marked(study, trial, NOTES, attempt.notes)
    study.tell(trial, values, state=state)


def _known(study: Study, trial: Trial, task: Task) -> list[float] | None:
    """Return the values of an earlier trial of the same parameters: trying them again would show the same."""
    if not task.settings.trials:
        return None  # where time alone ends the search, a space of few points would never take any
    for other in trials_of(study):
        if other.number != trial.number and other.state.name == "COMPLETE" and other.params == trial.params:
            marked(study, trial, NOTES, other.user_attrs.get(NOTES, {}))
            return list(other.values)
    return None


def hopeless(study: Study) -> bool:
    """Return whether this trial, which failed, is one of so many that nothing of the space works."""
    ended = [trial for trial in trials_of(study) if trial.state.is_finished()]
    return len(ended) + 1 >= HOPELESS and all(trial.state.name == "FAIL" for trial in ended)
