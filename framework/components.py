"""Components: found by kind and name, their parameters checked, then built."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from framework import kinds, memory
from framework.discovery import Entry
from framework.errors import ConfigError, PluginError, PrelaunchError, did_you_mean
from framework.params import annotations_of, config_from, describe_type, has_default
from framework.plugins import Plugins
from framework.records.component import Component

__all__ = [
    "Component",
    "Parameter",
    "build",
    "check",
    "component_class",
    "configuration",
    "lookup",
    "parameters",
    "unknown_component",
]

PROTOCOLS: dict[str, tuple[type, ...]] = {
    "source": (kinds.Source, kinds.LoggedSource),
    "model": (kinds.Model, kinds.NeuralModel),
    "recommender": (kinds.Recommender, kinds.NeuralRecommender),
    "reranker": (kinds.Reranker,),
    "policy": (kinds.Policy,),
    "estimator": (kinds.Estimator,),
    "simulator": (kinds.Simulator,),
    "metric": (kinds.Metric, kinds.Summary),
    "uplift": (kinds.UpliftLearner,),
    "classifier": (kinds.Classifier,),
    "tracker": (kinds.Tracker,),
}


@dataclasses.dataclass(frozen=True)
class Parameter:
    """One parameter of a component for the reader: its type in words, its default as written ("required": none)."""

    name: str
    type: str
    default: str


def build(plugins: Plugins, kind: str, name: str, params: Mapping[str, Any] | None = None, *, where: str = "") -> Any:
    """Return the component `name`, built from its own Config.

    Args:
        plugins: the installed plugins.
        kind: one of `framework.kinds.KINDS`.
        name: the component's name, as configs write it.
        params: parameters for its Config; what is left out keeps its default.
        where: where the config names it ("strategies.treatment.recommender"), for messages; default: its kind.

    Raises:
        ConfigError: a parameter is unknown, missing or ill-typed.
        PluginError: the component is unknown, misses a package, or its class is not of its kind.
    """
    made_by = component_class(plugins, kind, name, where=where)
    with _at(where):
        config = config_from(config_class(made_by, kind, name), params or {}, f"{where or kind}.params")
        parts = _built_parts(plugins, config, where or kind) if isinstance(config, kinds.NamesParts) else None
        made = made_by(config) if parts is None else made_by(config, parts)
    protocols = PROTOCOLS.get(kind)
    if protocols and not isinstance(made, protocols):
        lacks = sorted(set(_members(protocols[0])) - set(dir(made)))
        raise PluginError(f"The {kind} '{name}' ({made_by.__name__}) lacks {', '.join(lacks)}, so it is no {kind}")
    return made


def check(plugins: Plugins, kind: str, name: str, params: Mapping[str, Any] | None = None, *, where: str = "") -> None:
    """Raise what `build` would raise for a wrong name or parameter, without building anything."""
    configuration(plugins, kind, name, params, where=where)


def configuration(
    plugins: Plugins, kind: str, name: str, params: Mapping[str, Any] | None = None, *, where: str = ""
) -> Any:
    """Return a component's Config with these parameters, the others at their defaults; raises as `build` does."""
    made_by = component_class(plugins, kind, name, where=where)
    with _at(where):
        config = config_from(config_class(made_by, kind, name), params or {}, f"{where or kind}.params")
    if isinstance(config, kinds.NamesParts):
        for key, part in config.named_parts().items():
            configuration(plugins, part.kind, part.name, part.params, where=f"{where or kind}.params.{key}")
    return config


def _built_parts(plugins: Plugins, config: kinds.NamesParts, where: str) -> dict[str, Any]:
    return {
        key: build(plugins, part.kind, part.name, part.params, where=f"{where}.params.{key}")
        for key, part in config.named_parts().items()
    }


def lookup(plugins: Plugins, kind: str, name: str, *, where: str = "") -> tuple[Component, Entry]:
    """Return a component's record and its plugin.

    Raises:
        PluginError: no plugin that is on offers it.
    """
    found = plugins.component(kind, name)
    if found is None:
        raise unknown_component(plugins, kind, name, where=where)
    return found


def component_class(plugins: Plugins, kind: str, name: str, *, where: str = "") -> Any:
    """Import and return a component's class.

    Raises:
        PluginError: it is unknown, a package that it needs is absent, or its module does not import.
    """
    component, entry = lookup(plugins, kind, name, where=where)
    absent = [package for package in component.needs if not _present(package)]
    if absent:
        raise PluginError(
            f"The {kind} '{name}' needs {', '.join(absent)}, not installed here",
            hint=f"Install with: pip install {' '.join(absent)}",
        )
    module_name, _, class_name = component.target.partition(":")
    try:
        return getattr(importlib.import_module(module_name), class_name)
    except ModuleNotFoundError as error:
        raise PluginError(
            f"The {kind} '{name}' of {entry.title} needs the module '{error.name}', which is not installed"
        ) from error
    except AttributeError as error:
        raise PluginError(f"The {kind} '{name}' of {entry.title} cannot be loaded: {error}") from error


def config_class(made_by: Any, kind: str, name: str) -> type:
    """Return the Config dataclass of a component's class.

    Raises:
        PluginError: it has none.
    """
    config = getattr(made_by, "Config", None)
    if not (isinstance(config, type) and dataclasses.is_dataclass(config)):
        raise PluginError(f"The {kind} '{name}' ({made_by.__name__}) has no dataclass in its attribute Config")
    return config


def parameters(made_by: Any, kind: str, name: str) -> tuple[Parameter, ...]:
    """Return a component's parameters, in the order of its Config."""
    config = config_class(made_by, kind, name)
    hints = annotations_of(config)
    return tuple(
        Parameter(f.name, describe_type(hints[f.name]), _default(f)) for f in dataclasses.fields(config) if f.init
    )


def unknown_component(plugins: Plugins, kind: str, name: str, *, where: str = "") -> PluginError | ConfigError:
    """Return the error for a component that is not on offer, saying who offers it broken, or offered it last."""
    place = f"{where} names " if where else "There is no "
    what = f"{place}the {kind} '{name}'" + (", which no plugin offers" if where else "")
    for entry in plugins.entries:
        if entry.status != "loaded" and (kind, name) in entry.offers:
            return PluginError(f"{what}, but its plugin is not on: {entry.line}")
    last = memory.recall(kind, name)
    if last is not None:
        for entry in plugins.entries:
            if entry.status != "loaded" and (entry.distribution, entry.name) == (last.distribution, last.plugin):
                return PluginError(f"{what}, but its plugin is not on: {entry.line}")
        installed = any(entry.distribution == last.distribution for entry in plugins.entries)
        state = "no longer offers it" if installed else "is no longer installed"
        return PluginError(
            f"{what}. It was last offered by {last.distribution} {last.version}, which {state}",
            hint=f"Install it again (pip install {last.distribution}=={last.version}) or name another {kind}.",
        )
    names = plugins.names(kind)
    hint = did_you_mean(name, names)
    if hint is None and plugins.failures:
        hint = f"Plugins that did not load: {'; '.join(plugins.failures)}."
    return ConfigError(what, allowed=names or f"nothing, as no plugin offers a {kind}", hint=hint)


@contextmanager
def _at(where: str) -> Iterator[None]:
    """Begin the errors that a component itself raises with the place in the config that names it."""
    try:
        yield
    except PrelaunchError as error:
        if not where or error.what.startswith(where):
            raise
        plain = type(error).__init__ is PrelaunchError.__init__
        made_by = type(error) if plain else ConfigError
        raise made_by(f"{where}: {error.what}", allowed=error.allowed, hint=error.hint) from error


def _present(package: str) -> bool:
    try:
        return package in sys.modules or importlib.util.find_spec(package) is not None
    except (ImportError, ValueError):
        return False


def _members(protocol: type) -> list[str]:
    named = [name for name in vars(protocol) if not name.startswith("_")]
    return named + list(getattr(protocol, "__annotations__", {}))


def _default(field: dataclasses.Field[Any]) -> str:
    if not has_default(field):
        return "required"
    if field.default is not dataclasses.MISSING:
        return repr(field.default)
    make = field.default_factory
    return "required" if make is dataclasses.MISSING else repr(make())
