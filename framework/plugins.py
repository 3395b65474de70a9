"""The installed plugins: loaded in isolation, and one typed method per hook to call them with."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import pluggy

from framework import hookspecs
from framework.discovery import CONF_GROUP, PLUGIN_GROUP, Entry, discover
from framework.errors import PluginError, PrelaunchError
from framework.records import Component, ReportSection, Result, Run, Trial

VARIABLE = "PRELAUNCH_PLUGINS"

log = logging.getLogger(__name__)


class Plugins:
    """Every plugin that was found, the components that they offer, and their hooks.

    A hook that raises is logged with its plugin's name and the others go on (`strict`: it raises); a `PrelaunchError`
    from `check` always passes, as refusing a config is what that hook is for.
    """

    def __init__(self, entries: Iterable[Entry], *, strict: bool = False) -> None:
        self.entries = tuple(entries)
        self._strict = strict
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self._owners: dict[int, Entry] = {}
        for entry in self.entries:
            if entry.status == "loaded" and entry.module is not None and id(entry.module) not in self._owners:
                self._owners[id(entry.module)] = entry
                self._manager.register(entry.module)
        self._components = {
            (c.kind, c.name): (c, e) for e in self.entries if e.status == "loaded" for c in e.components
        }

    @property
    def failures(self) -> tuple[str, ...]:
        """Return one line for each plugin that is not on though nobody blocked it: distribution, version, reason."""
        return tuple(e.line for e in self.entries if e.status in {"failed", "refused"})

    def component(self, kind: str, name: str) -> tuple[Component, Entry] | None:
        """Return a component and the plugin that offers it, or None."""
        return self._components.get((kind, name))

    def components(self) -> tuple[Component, ...]:
        """Return every component on offer, in the order of plugins."""
        return tuple(component for component, _ in self._components.values())

    def names(self, kind: str) -> tuple[str, ...]:
        """Return the names of all components of a kind, sorted."""
        return tuple(sorted(name for k, name in self._components if k == kind))

    def check(self, *, config: dict[str, Any]) -> tuple[str, ...]:
        """Return every plugin's warnings about a config.

        Raises:
            PrelaunchError: a plugin refuses the config.
        """
        answers = self._answers("prelaunch_check", refusals=True, config=config)
        return tuple(str(warning) for answer in answers for warning in answer or ())

    def trainer_callbacks(self, *, run: Run) -> tuple[Any, ...]:
        """Return every plugin's Lightning callbacks for this run."""
        return tuple(c for answer in self._answers("prelaunch_trainer_callbacks", run=run) for c in answer or ())

    def report_sections(self, *, result: Result) -> tuple[ReportSection, ...]:
        """Return every plugin's sections for the report."""
        return tuple(s for answer in self._answers("prelaunch_report_sections", result=result) for s in answer or ())

    def trainer_options(self, *, run: Run) -> dict[str, Any]:
        """Return the first answer's keyword arguments for the Trainer, or none."""
        return next((a for a in self._answers("prelaunch_trainer_options", run=run) if a is not None), {})

    def open_storage(self, *, url: str) -> Any | None:
        """Return the first plugin's storage for a URL, or None where no plugin knows it."""
        return next((a for a in self._answers("prelaunch_open_storage", url=url) if a is not None), None)

    def run_started(self, *, run: Run) -> None:
        """Tell every plugin that a run begins."""
        self._tell("prelaunch_run_started", run=run)

    def stage_finished(self, *, run: Run, stage: str, seconds: float) -> None:
        """Tell every plugin that a stage is done."""
        self._tell("prelaunch_stage_finished", run=run, stage=stage, seconds=seconds)

    def trial_finished(self, *, run: Run, trial: Trial) -> None:
        """Tell every plugin that one kind of evidence is measured."""
        self._tell("prelaunch_trial_finished", run=run, trial=trial)

    def run_finished(self, *, run: Run, result: Result) -> None:
        """Tell every plugin that a run is complete."""
        self._tell("prelaunch_run_finished", run=run, result=result)

    def run_failed(self, *, run: Run, error: BaseException) -> None:
        """Tell every plugin that a run ends without a result."""
        self._tell("prelaunch_run_failed", run=run, error=error)

    @contextmanager
    def listening(self, listener: object) -> Iterator[None]:
        """Have an object with hook implementations hear what the plugins hear, while this is open."""
        self._manager.register(listener)
        try:
            yield
        finally:
            self._manager.unregister(listener)

    def _tell(self, hook: str, **arguments: Any) -> None:
        for _ in self._answers(hook, **arguments):
            continue

    def _answers(self, hook: str, *, refusals: bool = False, **arguments: Any) -> Iterator[Any]:
        caller = getattr(self._manager.hook, hook)
        modules = [impl.plugin for impl in reversed(caller.get_hookimpls())]
        for module in modules:
            alone = self._manager.subset_hook_caller(hook, [other for other in modules if other is not module])
            try:
                answer = alone(**arguments)
            except Exception as error:
                if self._strict or (refusals and isinstance(error, PrelaunchError)):
                    raise
                owner = self._owners.get(id(module))
                title = type(module).__name__ if owner is None else owner.title
                log.warning("%s: hook %s raises %s: %s", title, hook, type(error).__name__, error)
                continue
            if caller.spec.opts["firstresult"]:
                yield answer
            else:
                yield from answer  # pluggy lists what each implementation returned


def load_plugins(
    plugins: Iterable[EntryPoint] | None = None,
    confs: Iterable[EntryPoint] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Plugins:
    """Load every installed plugin; one that does not load is kept by name with its reason.

    `PRELAUNCH_PLUGINS` is a comma list: `strict` makes any failure an error, `-name` blocks a plugin or a distribution.

    Args:
        plugins: entry points to load, by default the installed ones of the group `prelaunch.plugins`.
        confs: entry points of config folders, by default the installed ones of the group `prelaunch.conf`.
        environ: environment variables, by default the process's own.

    Raises:
        PluginError: `PRELAUNCH_PLUGINS` cannot be read, or is strict and a plugin did not load.
    """
    environ = os.environ if environ is None else environ
    words = [word.strip() for word in environ.get(VARIABLE, "").split(",") if word.strip()]
    strict = "strict" in words
    wrong = [word for word in words if word != "strict" and not (word.startswith("-") and len(word) > 1)]
    if wrong:
        raise PluginError(
            f"{VARIABLE} holds '{wrong[0]}'",
            allowed="'strict', or '-name' to block a plugin or distribution, separated by commas",
        )
    entries = discover(
        entry_points(group=PLUGIN_GROUP) if plugins is None else plugins,
        entry_points(group=CONF_GROUP) if confs is None else confs,
        [word[1:] for word in words if word.startswith("-")],
    )
    found = Plugins(entries, strict=strict)
    if strict and found.failures:
        raise PluginError(
            "Not every plugin loads: " + "; ".join(found.failures),
            hint=f"Repair or uninstall them, block them with {VARIABLE}=-name, or leave {VARIABLE} unset.",
        )
    return found
