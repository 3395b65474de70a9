"""Many runs in one command: what each job left behind, one table of them, and the exit code.

Every job writes `job.json` into its own folder, whichever process or machine it ran in; the summary is made of those
files alone and is written to `sweep.json` beside them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from framework import mistakes
from framework.records.result import Result
from framework.report.atomic import write_whole
from framework.report.sweep import show_sweep
from framework.stats.multiplicity import adjust

JOB_FILE = "job.json"
SWEEP_FILE = "sweep.json"
SCHEMA_VERSION = 2
CORRECTION = "holm"
"""What a sweep's table corrects its jobs' p-values by."""


@dataclass(frozen=True)
class Job:
    """One job of a sweep: its overrides, how it ended, and its primary effect where it has one.

    `status` is "finished", "failed" or "interrupted"; `effect` holds metric, treatment, evidence, estimate, ci_low,
    ci_high and p_value, corrected over the job's own family; `budget` says how many trials or seconds each of the
    job's strategies was searched for, None where it took its defaults; `error` is one line.
    """

    number: int
    overrides: tuple[str, ...]
    folder: str
    status: str
    verdict: str | None = None
    headline: str | None = None
    effect: dict[str, Any] | None = None
    budget: str | None = None
    error: str | None = None
    schema_version: int = field(default=SCHEMA_VERSION)


def finished(number: int, overrides: Sequence[str], folder: Path, result: Result) -> Job:
    """Return the record of a job that has a result."""
    treatment = result.verdict.treatment
    primary = [e for e in result.effects if e.role == "primary" and e.segment is None]
    chosen = next((e for e in primary if e.treatment == treatment), primary[0] if primary else None)
    names = ("metric", "treatment", "evidence", "estimate", "ci_low", "ci_high")
    effect = None
    if chosen is not None:
        own = chosen.p_value if chosen.p_adjusted is None else chosen.p_adjusted
        effect = {**{name: getattr(chosen, name) for name in names}, "p_value": own}
    return Job(
        number,
        tuple(overrides),
        str(folder),
        "finished",
        result.verdict.decision,
        result.verdict.headline,
        effect,
        _budget(result),
    )


def _budget(result: Result) -> str | None:
    searched = result.health.get("search")
    if not searched:
        return None
    budget = searched[0]["budget"]
    told = [f"{budget[unit]:g} {unit}" for unit in ("trials", "seconds") if budget[unit] is not None]
    return " or ".join(told)


def write_job(job: Job) -> None:
    """Write a job's record into its folder."""
    write_whole(Path(job.folder, JOB_FILE), json.dumps(asdict(job), indent=1) + "\n")


def read_jobs(folder: Path) -> tuple[Job, ...]:
    """Return the records of all jobs below a sweep's folder, by number."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in folder.rglob(JOB_FILE)]
    jobs = [Job(**{**record, "overrides": tuple(record["overrides"])}) for record in found]
    return tuple(sorted(jobs, key=lambda job: job.number))


@dataclass
class Sweep:
    """The sweep under way, once Hydra has begun one: its folder and what it was asked for."""

    folder: Path | None = None
    overrides: tuple[str, ...] = ()

    def close(self) -> tuple[Job, ...]:
        """Write `sweep.json`, print the table, and return the jobs that left a record, none where none did."""
        jobs = () if self.folder is None else read_jobs(self.folder)
        if self.folder is not None and jobs:
            write_sweep(self.folder, self.overrides, jobs)
            print_summary(jobs, self.folder)
        return jobs

    def close_interrupted(self) -> None:
        """Close a sweep that does not come to its end; a run that is no sweep has nothing to close."""
        if self.folder is not None and not self.close():
            sys.stdout.write(f"No job of the sweep in {self.folder} had begun.\n")


_under_way: ContextVar[Sweep | None] = ContextVar("sweep", default=None)


@contextmanager
def noted() -> Iterator[Sweep]:
    """Give a record of the sweep that begins inside: Hydra makes the callback, so that nothing can be handed to it."""
    token = _under_way.set(Sweep())
    try:
        yield _under_way.get() or Sweep()
    finally:
        _under_way.reset(token)


class SweepSummary(Callback):
    """The Hydra callback that guards the folders of runs and closes a sweep.

    It ends the process with code 1 where a job failed and 2 where none ran or the folder cannot serve. Hydra makes
    warnings of a callback's errors, so it tells them itself.
    """

    def on_run_start(self, config: DictConfig, **_: Any) -> None:
        """Refuse a study whose name leads out of the folder of runs, before that folder is made."""
        refusal = mistakes.unsafe_name(config)
        if refusal is not None:
            _refuse(str(refusal))

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Fix the sweep's folder, which may name the study, so that jobs of several studies share it."""
        self.on_run_start(config)
        folder = Path(str(config.hydra.sweep.dir)).absolute()
        with read_write(config.hydra), open_dict(config.hydra):
            config.hydra.sweep.dir = str(folder)
            config.hydra.overrides.hydra.append(f"hydra.sweep.dir='{_escape(str(folder))}'")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            stale = () if searches(config.hydra) else folder.rglob(JOB_FILE)  # a search goes on with its finished jobs
            for old in (*stale, folder / SWEEP_FILE):
                old.unlink(missing_ok=True)
        except OSError as error:
            _refuse(
                f"The sweep's folder cannot be written: {folder}: {error.strerror}. "
                "Name another: hydra.sweep.dir=FOLDER."
            )
        sweep = _under_way.get()
        if sweep is not None:
            sweep.folder, sweep.overrides = folder, _overrides(config)

    def on_multirun_end(self, config: DictConfig, **_: Any) -> None:
        """Write `sweep.json`, print the table, and set the exit code."""
        overrides = _overrides(config)
        jobs = Sweep(Path(str(config.hydra.sweep.dir)).absolute(), overrides).close()
        if not jobs:
            globs = [o for o in overrides if "glob(" in o]
            why = f": {', '.join(globs)} matches nothing" if globs else ""
            _refuse(f"The sweep has no job{why}. Allowed: a pattern that matches a name.")
        if any(job.status != "finished" for job in jobs):
            raise SystemExit(1)


def searches(hydra: Any) -> bool:
    """Return whether the sweeper is our own, which searches."""
    return str((hydra.get("sweeper") or {}).get("_target_", "")).endswith(".PrelaunchSweeper")


def _overrides(config: DictConfig) -> tuple[str, ...]:
    return tuple(str(o) for o in OmegaConf.to_container(config.hydra.overrides.task) or ())


def _refuse(message: str) -> NoReturn:
    sys.stderr.write(f"error: {message}\n")
    raise SystemExit(2)


def write_sweep(folder: Path, overrides: Sequence[str], jobs: Sequence[Job]) -> None:
    """Write the whole sweep's record."""
    record = {"schema_version": SCHEMA_VERSION, "overrides": list(overrides), "jobs": [asdict(job) for job in jobs]}
    write_whole(folder / SWEEP_FILE, json.dumps(record, indent=1) + "\n")


def print_summary(jobs: Sequence[Job], folder: Path) -> None:
    """Print one row a job, what the p-values were corrected over, and what each job's strategies were searched for."""
    common = set.intersection(*(set(job.overrides) for job in jobs)) if len(jobs) > 1 else set()
    corrected = corrected_over_jobs(jobs)
    rows = [
        {
            "job": job.number,
            "status": job.status,
            "verdict": job.verdict,
            "effect": _effect(job, corrected.get(job.number)) if job.status == "finished" else job.error,
            "overrides": short_overrides([o for o in job.overrides if o not in common]),
            "folder": _below(job.folder, folder),
        }
        for job in jobs
    ]
    sys.stdout.write(f"{len(jobs)} job{'s' if len(jobs) > 1 else ''} in {folder}\n")
    show_sweep(rows)
    for line in (*_family(corrected), *_budgets(jobs)):
        sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def corrected_over_jobs(jobs: Sequence[Job]) -> dict[int, float]:
    """Return by a job's number its effect's p-value, corrected by Holm's method over the jobs that have one.

    What goes in was corrected within its job. Raises nothing for jobs without effects: they are left out.
    """
    known = {job.number: job.effect["p_value"] for job in jobs if job.effect is not None}
    known = {number: p for number, p in known.items() if p is not None and 0.0 <= p <= 1.0}
    return dict(zip(known, adjust(list(known.values()), CORRECTION), strict=True)) if known else {}


def _family(corrected: Mapping[int, float]) -> list[str]:
    if len(corrected) < 2:
        return []
    over = f"over the {len(corrected)} jobs by Holm's method"
    return [f"p: corrected within each job, then {over}. Intervals are each job's own, not widened for the sweep."]


def _budgets(jobs: Sequence[Job]) -> list[str]:
    told = {job.budget or "none (defaults)" for job in jobs if job.status == "finished"}
    if len(told) == 1:
        return [f"Search budget of every strategy in every job: {told.pop()}."]
    if told:
        each = "; ".join(f"{job.number}: {job.budget or 'none'}" for job in jobs if job.status == "finished")
        return [f"Search budgets differ, so the jobs do not compare as equals: {each}."]
    return []


def short_overrides(overrides: Sequence[str]) -> list[str]:
    """Return overrides with keys cut to their last part where that tells them apart: "factors=32"."""
    pairs = [override.lstrip("+").partition("=") for override in overrides]
    ends = [key.rpartition(".")[2] for key, _, _ in pairs]
    return [
        (end if ends.count(end) == 1 else key) + sign + value
        for (key, sign, value), end in zip(pairs, ends, strict=True)
    ]


def _effect(job: Job, p: float | None) -> str:
    if job.effect is None:
        return "none"
    e = job.effect
    where = f", {e['evidence']}" if e["evidence"] else ""
    sure = "" if p is None else f" p {p:.2g}"
    return (
        f"{e['treatment']}: {e['metric']} {e['estimate']:+.4g} [{e['ci_low']:+.4g}, {e['ci_high']:+.4g}]{sure}{where}"
    )


def _below(folder: str, sweep: Path) -> str:
    path = Path(folder)
    return path.relative_to(sweep).as_posix() if path.is_relative_to(sweep) else folder


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")
