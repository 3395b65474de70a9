"""From entry points to plugins: each one loaded alone, checked, and refused in one line where something is wrong.

Nothing here raises for a stranger's mistake. Two groups of entry points are read: `prelaunch.plugins` names a module
with hook implementations, `prelaunch.conf` names a package whose folder `conf` holds configs; a pair with equal names
in one distribution is one plugin. The package of the second group is located, never imported.
"""

from __future__ import annotations

import importlib.util
import inspect
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import Literal

from framework import hookspecs
from framework.errors import did_you_mean
from framework.kinds import KINDS
from framework.records.component import Component

PLUGIN_GROUP = "prelaunch.plugins"
CONF_GROUP = "prelaunch.conf"
OURS = "prelaunch"
"""The distribution that is never refused in a clash: nobody shadows a built-in."""

TARGET = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
HOOKS = {name: hook for name, hook in vars(hookspecs).items() if name.startswith(f"{hookspecs.PROJECT}_")}


@dataclass(frozen=True)
class Entry:
    """One plugin as found: where it comes from, whether it is on, and if not, why.

    `folder` holds its configs (None: it ships none), `files` their paths below it. A plugin that failed on import
    keeps both, so that a config of it still composes and the error can name the plugin.
    """

    name: str
    distribution: str
    version: str
    status: Literal["loaded", "failed", "refused", "blocked"]
    reason: str | None = None
    module: ModuleType | None = field(default=None, repr=False)
    components: tuple[Component, ...] = ()
    folder: Path | None = None
    files: frozenset[str] = frozenset()

    @property
    def title(self) -> str:
        """Return "distribution version", with the plugin's name where that is another."""
        plugin = "" if canonical(self.name) == canonical(self.distribution) else f" (plugin '{self.name}')"
        return f"{self.distribution} {self.version}{plugin}"

    @property
    def offers(self) -> frozenset[tuple[str, str]]:
        """Return (kind, name) of all that it offers; of a plugin that failed, what its config files tell."""
        if self.status == "loaded" and self.module is not None:
            return frozenset((c.kind, c.name) for c in self.components)
        parts = (Path(file).with_suffix("").parts for file in self.files)
        return frozenset((p[0], p[1]) for p in parts if len(p) == 2 and p[0] in KINDS)

    @property
    def studies(self) -> tuple[str, ...]:
        """Return the names of the studies that it ships (conf/experiments/<study>/config.yaml)."""
        found = (re.fullmatch(r"experiments/([^/]+)/config\.yaml", file) for file in self.files)
        return tuple(sorted(match[1] for match in found if match))

    @property
    def line(self) -> str:
        """Return the one line that says why the plugin is not on."""
        return f"{self.title}: {self.reason}"


class _RefusedError(Exception):
    """Why one plugin cannot be used."""


def canonical(name: str) -> str:
    """Return a distribution's name with case and separators levelled, as package indexes compare them."""
    return re.sub(r"[-_.]+", "-", name).lower()


def engine_conf() -> Path:
    """Return the folder of the engine's own configs: the checkout's where there is one, else the wheel's copy."""
    here = Path(__file__).resolve().parent
    beside = here.parent / "conf"
    return beside if (beside / "config.yaml").is_file() else here / "conf"


def discover(
    plugins: Iterable[EntryPoint], confs: Iterable[EntryPoint], blocked: Sequence[str] = ()
) -> tuple[Entry, ...]:
    """Return every installed plugin, ours first, then by distribution and name, clashes resolved.

    Args:
        plugins: entry points of the group `prelaunch.plugins`.
        confs: entry points of the group `prelaunch.conf`.
        blocked: names of plugins or distributions that must not be loaded.
    """
    by_key: dict[tuple[str, str], dict[str, EntryPoint]] = {}
    for group, points in ((PLUGIN_GROUP, plugins), (CONF_GROUP, confs)):
        for point in points:
            by_key.setdefault((_distribution(point)[0], point.name), {})[group] = point
    off = {canonical(name) for name in blocked}
    keys = sorted(by_key, key=lambda key: (canonical(key[0]) != OURS, key))
    return _without_clashes([_entry(name, by_key[distribution, name], off) for distribution, name in keys])


def _distribution(point: EntryPoint) -> tuple[str, str]:
    if point.dist is None:
        return "unknown distribution", "?"
    return point.dist.name, point.dist.version


def _entry(name: str, points: dict[str, EntryPoint], blocked: set[str]) -> Entry:
    distribution, version = _distribution(next(iter(points.values())))
    found = Entry(name, distribution, version, "loaded")
    if blocked & {canonical(name), canonical(distribution)}:
        return replace(found, status="blocked", reason="blocked by PRELAUNCH_PLUGINS")
    try:
        if CONF_GROUP in points:
            folder = conf_folder(points[CONF_GROUP].value)
            files = (path.relative_to(folder).as_posix() for path in folder.rglob("*.yaml"))
            found = replace(found, folder=folder, files=frozenset(files))
        if PLUGIN_GROUP in points:
            module = _load(points[PLUGIN_GROUP])
            found = replace(found, module=module, components=_inspect(module))
    except _RefusedError as error:
        return replace(found, status="failed", reason=str(error))
    return found


def conf_folder(value: str) -> Path:
    """Return the folder `conf` of the package that an entry point of `prelaunch.conf` names, importing nothing."""
    top, *rest = value.split(":", maxsplit=1)[0].split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError) as error:
        raise _RefusedError(f"its config package '{top}' cannot be located: {error}") from error
    if spec is None or not spec.submodule_search_locations:
        raise _RefusedError(f"its config package '{top}' is not installed, or is no package")
    folders = [Path(place, *rest, "conf") for place in spec.submodule_search_locations]
    for folder in folders:
        if folder.is_dir():
            return folder
    raise _RefusedError(f"its config folder {folders[0]} does not exist")


def _load(point: EntryPoint) -> ModuleType:
    try:
        module = point.load()
    except ModuleNotFoundError as error:
        raise _RefusedError(f"needs the module '{error.name}', which is not installed") from error
    except (Exception, SystemExit) as error:
        # Whatever a stranger's module raises must not stop the others.
        raise _RefusedError(f"raises on import: {_one_line(error)}") from error
    if not isinstance(module, ModuleType):
        raise _RefusedError(f"its entry point '{point.value}' names a {type(module).__name__}, not a module")
    return module


def _inspect(module: ModuleType) -> tuple[Component, ...]:
    api = getattr(module, "PRELAUNCH_API", 1)
    if api != hookspecs.PRELAUNCH_API:
        raise _RefusedError(f"is written for plugin API {api}; this prelaunch has {hookspecs.PRELAUNCH_API}")
    for name, hook in vars(module).items():
        if name.startswith(f"{hookspecs.PROJECT}_") and callable(hook):
            _check_hook(name, hook)
    if not hasattr(module, "prelaunch_components"):
        return ()
    try:
        offered = tuple(module.prelaunch_components())
    except (Exception, SystemExit) as error:
        raise _RefusedError(f"prelaunch_components() raises {_one_line(error)}") from error
    for component in offered:
        _check_component(component)
    twice = [key for key, n in Counter((c.kind, c.name) for c in offered).items() if n > 1]
    if twice:
        raise _RefusedError("offers the {} '{}' twice".format(*twice[0]))
    return offered


def _check_hook(name: str, hook: object) -> None:
    if name not in HOOKS:
        hint = did_you_mean(name, HOOKS)
        raise _RefusedError(f"'{name}' is no hook.{' ' + hint if hint else ''}")
    if not hasattr(hook, f"{hookspecs.PROJECT}_impl"):
        raise _RefusedError(f"'{name}' lacks the mark @hookimpl (from framework import hookimpl)")
    allowed = inspect.signature(HOOKS[name]).parameters
    for parameter in inspect.signature(hook).parameters.values():  # type: ignore[arg-type]
        if parameter.name not in allowed and parameter.default is parameter.empty:
            known = f"has the arguments ({', '.join(allowed)})" if allowed else "has no arguments"
            raise _RefusedError(f"hook '{name}' {known}, not '{parameter.name}'")


def _check_component(component: object) -> None:
    if not isinstance(component, Component):
        raise _RefusedError(f"prelaunch_components() must return Component records, not {type(component).__name__}")
    if component.kind not in KINDS:
        hint = did_you_mean(component.kind, KINDS) or f"Allowed: {', '.join(KINDS)}."
        raise _RefusedError(f"component '{component.name}' is of unknown kind '{component.kind}'. {hint}")
    if not TARGET.fullmatch(component.target):
        raise _RefusedError(
            f"component '{component.name}' has the target '{component.target}', not 'package.module:Class'"
        )


def _without_clashes(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """Refuse who claims what another has: the newcomer where a built-in has it, both where two strangers do."""
    conf = engine_conf()
    files = frozenset(path.relative_to(conf).as_posix() for path in conf.rglob("*.yaml"))
    engine = Entry(OURS, OURS, "itself", "loaded", files=files)
    ours = {claim: e for e in entries if canonical(e.distribution) == OURS for claim in _claims(e)}
    ours |= dict.fromkeys(_claims(engine), engine)
    kept = [_refuse(e, ours) if canonical(e.distribution) != OURS else e for e in entries]
    claimed: dict[str, list[Entry]] = {}
    for entry in kept:
        for claim in _claims(entry):
            claimed.setdefault(claim, []).append(entry)
    disputed = {claim: owners for claim, owners in claimed.items() if len(owners) > 1}
    result = []
    for entry in kept:
        rivals = {c: next(o for o in owners if o is not entry) for c, owners in disputed.items() if entry in owners}
        result.append(_refuse(entry, rivals))
    return tuple(result)


def _claims(entry: Entry) -> set[str]:
    if entry.status in {"blocked", "refused"}:
        return set()
    return {f"{c.kind} '{c.name}'" for c in entry.components} | {f"config file '{file}'" for file in entry.files}


def _refuse(entry: Entry, owners: dict[str, Entry]) -> Entry:
    lost = sorted(_claims(entry) & owners.keys())
    if not lost:
        return entry
    owner = owners[lost[0]]
    more = f" (and {len(lost) - 1} more)" if len(lost) > 1 else ""
    reason = f"offers the {lost[0]}{more}, which {owner.title} has"
    return replace(entry, status="refused", reason=reason, components=(), folder=None)


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
