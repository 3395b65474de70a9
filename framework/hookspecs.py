"""The hooks: what an installed plugin may answer to. Mark your functions with `@hookimpl`, name the arguments you want.

A component is what a config names; a hook is on whenever its plugin is installed. A hook implementation may take any
subset of the arguments written here, by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from framework.records import Component, ReportSection, Result, Run, Trial

PRELAUNCH_API = 1
"""The version of these hooks. A plugin says which one it was written for in an attribute of the same name; one that
says nothing was written for version 1."""

PROJECT = "prelaunch"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def prelaunch_components() -> Sequence[Component]:
    """Return the components that the plugin offers. Called once, on loading; import nothing heavy here."""
    raise NotImplementedError


@hookspec
def prelaunch_check(config: dict[str, Any]) -> Sequence[str]:
    """Look at a run's whole config before anything is read: return warnings; raise a `PrelaunchError` to refuse it."""
    raise NotImplementedError


@hookspec
def prelaunch_trainer_callbacks(run: Run) -> Sequence[Any]:
    """Return Lightning callbacks for a training of this run. Called whenever the engine makes a Trainer."""
    raise NotImplementedError


@hookspec
def prelaunch_report_sections(result: Result) -> Sequence[ReportSection]:
    """Return sections to add to the report. Called once a run, when its result is complete."""
    raise NotImplementedError


@hookspec(firstresult=True)
def prelaunch_trainer_options(run: Run) -> dict[str, Any] | None:
    """Return keyword arguments for the Lightning Trainer, or None to leave it to others. The first answer wins."""
    raise NotImplementedError


@hookspec(firstresult=True)
def prelaunch_open_storage(url: str) -> Any | None:
    """Return a file-system-like object for a URL of a scheme that you know, or None. The first answer wins."""
    raise NotImplementedError


@hookspec
def prelaunch_run_started(run: Run) -> None:
    """Take note that a run begins: its folder exists, its config is checked, nothing is read yet."""
    raise NotImplementedError


@hookspec
def prelaunch_stage_finished(run: Run, stage: str, seconds: float) -> None:
    """Take note that a stage ("data", "strategies", "trial", "costs", "stats", "report" ...) took so many seconds."""
    raise NotImplementedError


@hookspec
def prelaunch_trial_finished(run: Run, trial: Trial) -> None:
    """Take note that one kind of evidence is measured; `trial` holds every strategy's outcomes."""
    raise NotImplementedError


@hookspec
def prelaunch_run_finished(run: Run, result: Result) -> None:
    """Take note that a run is complete: its result is written."""
    raise NotImplementedError


@hookspec
def prelaunch_run_failed(run: Run, error: BaseException) -> None:
    """Take note that a run ends without a result; `error` is a KeyboardInterrupt where the user stopped it."""
    raise NotImplementedError
