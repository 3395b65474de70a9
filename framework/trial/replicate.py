"""Many replications of one trial over processes, through joblib: on this machine, or on a cluster joblib is told of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

Outcome = TypeVar("Outcome")


def replicate(trial: Callable[[int], Outcome], seeds: Sequence[int], *, jobs: int | None = None) -> list[Outcome]:
    """Return `trial(seed)` for every seed, in the order of `seeds`, bit for bit the same for any number of `jobs`.

    `jobs` None takes joblib's own setting (one process, or what an enclosing `joblib.parallel_config` says, for
    example a Ray cluster). Seeds travel in chunks, because a task per seed costs more than many a trial.
    """
    from joblib import Parallel, delayed

    chunks = [list(seeds[start : start + 50]) for start in range(0, len(seeds), 50)]
    parts = Parallel(n_jobs=jobs)(delayed(_run_chunk)(trial, chunk) for chunk in chunks)
    return [outcome for part in parts for outcome in part]


def _run_chunk(trial: Callable[[int], Outcome], seeds: Sequence[int]) -> list[Outcome]:
    return [trial(seed) for seed in seeds]
