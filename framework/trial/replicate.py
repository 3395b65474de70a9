"""Many replications of one trial over processes, through joblib: on this machine, or on a cluster joblib is told of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

Outcome = TypeVar("Outcome")


def replicate(
    trial: Callable[[int], Outcome],
    seeds: Sequence[int],
    *,
    jobs: int | None = None,
    chunk: int = 50,
    advance: Callable[[], None] | None = None,
) -> list[Outcome]:
    """Return `trial(seed)` for every seed, in the order of `seeds`, bit for bit the same for any number of `jobs`.

    `jobs` None takes joblib's own setting (one process, or what an enclosing `joblib.parallel_config` says, for
    example a Ray cluster). Seeds travel in chunks, because a task per seed costs more than many a trial; `advance` is
    called as each chunk comes back, in order.
    """
    from joblib import Parallel, delayed

    chunks = [list(seeds[start : start + chunk]) for start in range(0, len(seeds), chunk)]
    found: list[Outcome] = []
    for part in Parallel(n_jobs=jobs, return_as="generator")(delayed(_run_chunk)(trial, own) for own in chunks):
        found += part
        if advance is not None:
            advance()
    return found


def _run_chunk(trial: Callable[[int], Outcome], seeds: Sequence[int]) -> list[Outcome]:
    return [trial(seed) for seed in seeds]
