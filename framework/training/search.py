"""Searches parameters: Optuna, in a storage that a killed search goes on from, over workers here or on a cluster.

The scoring function is handed in; nothing here knows what it fits. Optuna is imported in this file and in those named
search_* beside it, and nowhere else.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from framework.config import SearchConfig
from framework.errors import ConfigError, RunError
from framework.training.search_points import stored_params, tried_params
from framework.training.search_processes import WATCH, end_with
from framework.training.search_record import Searched, record_of
from framework.training.search_space import Space
from framework.training.search_storage import Store, open_study, place_of, revive, trials_of
from framework.training.search_trials import Objective, Task, next_trial, others_try, try_one

if TYPE_CHECKING:
    from optuna import Study


def search(
    space: Space,
    objective: Objective,
    settings: SearchConfig,
    store: Store,
    *,
    name: str,
    seed: int,
    directions: Sequence[str] = ("maximize",),
    start: Mapping[str, Any] | None = None,
    about: Mapping[str, Any] | None = None,
    advance: Callable[[], None] = lambda: None,
) -> Searched:
    """Try parameters until the budget is spent, and return all that was tried, now and before.

    Call it again with the same storage and name and it goes on: finished trials stay, what a dead process was trying is
    tried again with the same parameters, and with one worker the rest is what an unbroken search would have tried.

    Args:
        space: what may be tried.
        objective: what a point comes to.
        settings: budget, sampler, pruner, workers. Its `space`, `metric` and `storage` are the caller's matter.
        store: where the search is kept; the caller holds it (`store.held()`).
        name: the search's name there: whatever its values hang on must be in it.
        seed: of the sampler.
        directions: "maximize" or "minimize", one an objective.
        start: a point of the space to be tried first.
        about: plain values to keep with the search, for who looks into the storage.
        advance: called once for each trial that ended.

    Raises:
        ConfigError: a grid without end; a backend that is not installed.
        RunError: every trial failed, or another search is under way there.
        KeyboardInterrupt: as it came; what was finished is kept, what was under way is queued again.
    """
    task = Task(space, objective, settings, store, name, tuple(directions), seed)
    with quiet():
        study, fresh = open_study(store, name, directions, dict(about or {}))
        revive(study, store)
        if fresh or not store.share:
            queue(study, task, start)
        with _watched(study, advance) as tell:
            if settings.jobs > 1:
                _spread(task)
                revive(study, store)
            _work(task, tell)
        study = open_study(store, name, directions, {})[0]
        searched = record_of(study, lambda params: tried_params(space, params), start)
    if searched.best is None:
        errors = [trial.error for trial in searched.trials if trial.error]
        raise RunError(
            f"No trial of the search '{name}' finished" + (f"; the last failed: {errors[-1]}" if errors else ""),
            hint="Try the study once without a search, or narrow search.space.",
        )
    return searched


def _work(task: Task, tell: Callable[[], None] = lambda: None) -> None:
    """Try one trial after the other until the budget is spent, then wait for who else is at it."""
    from framework.training.search_samplers import pruner_of, sampler_of

    study, _ = open_study(task.store, task.name, task.directions, {})
    study.sampler = sampler_of(task.settings.sampler, task.most, task.seed, place_of)
    study.pruner = pruner_of(task.settings.pruner if len(task.directions) == 1 else "none")
    while True:
        trial = next_trial(study, task)
        if trial is not None:
            try_one(study, trial, task)
            tell()
            continue
        if task.spread or not others_try(study):
            return
        time.sleep(WATCH)
        revive(study, task.store)
        tell()


def _worker(task: Task) -> None:
    if task.parent is not None:
        end_with(task.parent)
    with quiet():
        _work(task)


def queue(study: Study, task: Task, start: Mapping[str, Any] | None) -> None:
    """Queue what is to be tried first, or the whole grid, unless that stands there already."""
    points: list[Mapping[str, Any]] = []
    if task.settings.sampler == "grid":
        import numpy as np

        grid = task.space.points()
        order = np.random.default_rng(task.seed).permutation(len(grid))
        points = [grid[place] for place in order]
        if start is not None:
            points.sort(key=lambda point: dict(point) != dict(start))
        points = points[: task.most]
    elif start is not None:
        points = [start]
    if len(trials_of(study)) >= len(points):
        return
    for point in points:
        study.enqueue_trial(stored_params(task.space, point), skip_if_exists=True)


def _spread(task: Task) -> None:
    """Let several processes work at once. Raises RunError where one of them was killed."""
    from joblib import Parallel, delayed, parallel_config
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    backend = task.settings.backend
    if backend == "ray":
        _register_ray()
    sent = replace(task, spread=True, parent=os.getpid() if backend == "loky" else None)
    try:
        with parallel_config(backend=backend, n_jobs=task.settings.jobs):
            Parallel()(delayed(_worker)(sent) for _ in range(task.settings.jobs))
    except TerminatedWorkerError as error:
        raise RunError(
            "A worker of the search was killed, as a rule for want of memory",
            hint="Run it again in the same folder with fewer search.jobs: what was finished is kept.",
        ) from error


def _register_ray() -> None:
    try:
        from ray.util.joblib import register_ray
    except ImportError as error:
        raise ConfigError(
            "search.backend is 'ray', which is not installed here", hint="pip install 'ray[default]', or loky."
        ) from error
    register_ray()


@contextmanager
def _watched(study: Study, advance: Callable[[], None]) -> Iterator[Callable[[], None]]:
    """Call `advance` once for each trial that ends, wherever; what it gives looks at once."""
    told, turn, done = [0], threading.Lock(), threading.Event()

    def look() -> None:
        with turn:
            ended = sum(trial.state.is_finished() for trial in trials_of(study))
            for _ in range(ended - told[0]):
                advance()
            told[0] = max(told[0], ended)

    def watch() -> None:
        while not done.wait(WATCH):
            look()

    thread = threading.Thread(target=watch, daemon=True)
    look()
    thread.start()
    try:
        yield look
    finally:
        done.set()
        thread.join()
        look()


@contextmanager
def quiet() -> Iterator[None]:
    """Keep Optuna from telling of every trial."""
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)
