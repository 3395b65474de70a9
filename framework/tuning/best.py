"""What a search leaves: the best study, written down to be run, and what the result says of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from framework.config import RunConfig
from framework.data.parts import Parts
from framework.fitting import Bench, RatedMetric
from framework.records import Result
from framework.report.atomic import write_whole
from framework.runfolder import BEST
from framework.tuning.arms import wants_search
from framework.tuning.tune import Tuned, planned_trials, tune

Stage = Callable[..., AbstractContextManager[Callable[[], None]]]


def searched_in(
    bench: Bench, stage: Stage, parts: Parts, metrics: Sequence[RatedMetric], data_digest: str
) -> Tuned | None:
    """Search in a stage of its own where the study has a budget for it, else return None."""
    if not wants_search(bench.config):
        return None
    with stage("search", "Searching parameters", total=planned_trials(bench)) as step:
        return tune(bench, parts, metrics, data_digest, step)


def write_best(config: RunConfig, folder: Path) -> Path:
    """Write the study with the best parameters, and return the file; `how_to_run` says how it is run."""
    from omegaconf import OmegaConf

    plain: dict[str, Any] = asdict(config)
    head = f"# The best parameters that the search found. {how_to_run(folder)}\n"
    return write_whole(folder / BEST, head + OmegaConf.to_yaml(OmegaConf.create(plain)))


def how_to_run(folder: Path) -> str:
    """Return the command that runs the best study."""
    return f"Run it: PRELAUNCH_EXPERIMENTS='{folder}' python -m framework +experiment=best"


def with_search(result: Result, tuned: Tuned, best: Path) -> Result:
    """Return the result with what the search found; how long it took is with the times."""
    return replace(
        result,
        health={**result.health, "search": list(tuned.records)},
        times={**result.times, "search_seconds": tuned.seconds},
        paths={**result.paths, "best": str(best)},
    )
