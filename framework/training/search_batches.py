"""A search whose trials are launched many at once by somebody else, such as a sweeper: ask for a batch, tell of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from framework.config import SearchConfig
from framework.errors import RunError
from framework.training.search import queue, quiet
from framework.training.search_points import suggested, tried_params
from framework.training.search_processes import beating
from framework.training.search_record import Searched, record_of
from framework.training.search_samplers import pruner_of, sampler_of
from framework.training.search_space import Space
from framework.training.search_storage import ALIVE, ERROR, Store, marked, open_study, place_of, requeued, revive
from framework.training.search_trials import Task, hopeless, next_trial

Launch = Callable[[Sequence[tuple[int, dict[str, Any]]]], Sequence[float | str]]
"""Takes trials (a number that no other has, parameters), and returns of each its value, or as text why it failed."""


def search_in_batches(
    space: Space,
    launch: Launch,
    settings: SearchConfig,
    store: Store,
    *,
    name: str,
    seed: int,
    direction: str,
    size: int,
) -> Searched:
    """Try parameters in batches of `size` until the budget is spent, and return all that was tried, now and before.

    As `search`, which see, with `launch` in the place of the objective.

    Raises:
        RunError: no trial finished.
    """
    import optuna

    def back(params: Mapping[str, Any]) -> dict[str, Any]:
        return tried_params(space, params)

    task = Task(space, _nothing, settings, store, name, (direction,), seed)
    with quiet():
        study, _ = open_study(store, name, (direction,), {})
        study.sampler, study.pruner = sampler_of(settings.sampler, task.most, seed, place_of), pruner_of("none")
        revive(study, store)
        queue(study, task, None)
        while batch := _batch(study, task, size):
            points = [(trial.number, suggested(trial, space)) for trial in batch]
            try:
                with beating(partial(_alive, study, batch)):
                    values = launch(points)
            except KeyboardInterrupt:
                for trial in batch:
                    requeued(study, trial.number, dict(trial.params))
                raise
            for trial, value in zip(batch, values, strict=True):
                if isinstance(value, str):
                    marked(study, trial, ERROR, value)
                    last = hopeless(study)
                    study.tell(trial, state=optuna.trial.TrialState.FAIL)
                    if last:
                        raise RunError(f"Nothing of the space works; the last trial failed: {value}")
                else:
                    study.tell(trial, value)
        return record_of(study, back, None)


def _batch(study: Any, task: Task, size: int) -> list[Any]:
    batch: list[Any] = []
    while len(batch) < size:
        trial = next_trial(study, task)
        if trial is None:
            break
        batch.append(trial)
    return batch


def _alive(study: Any, batch: Sequence[Any]) -> None:
    for trial in batch:
        marked(study, trial, ALIVE, time.time())


def _nothing(params: dict[str, Any], attempt: Any) -> Sequence[float]:
    raise NotImplementedError
