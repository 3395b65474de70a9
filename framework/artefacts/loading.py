"""From an artefact to a recommender that answers as it did in the run."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from framework.artefacts.folder import Artefact, read
from framework.artefacts.record import HINT, Record
from framework.components import build, unknown_component
from framework.discovery import canonical
from framework.errors import PluginError, PrelaunchError, RunError
from framework.kinds import Stored
from framework.plugins import Plugins

log = logging.getLogger("prelaunch")


@dataclass(frozen=True)
class Loaded:
    """An artefact, and its recommender, ready to answer."""

    artefact: Artefact
    recommender: Any


def load(plugins: Plugins, folder: Path) -> Loaded:
    """Return the recommender that a folder holds, built by its component's name and given its state.

    Raises:
        PluginError: no plugin that is on offers the component, or another distribution does.
        RunError: the artefact is damaged, or the installed version of its component cannot take its state.
    """
    artefact = read(folder)
    return Loaded(artefact, restored(plugins, artefact))


def restored(plugins: Plugins, artefact: Artefact) -> Any:
    """Return an artefact's recommender, given its state; raises as `load`."""
    record = artefact.record
    version = _offered(plugins, record)
    recommender = build(plugins, "recommender", record.component, record.parameters, where=str(artefact.folder))
    if not isinstance(recommender, Stored):
        raise PluginError(f"{record.made_by} was stored, and version {version} has no restore()")
    try:
        recommender.restore(artefact.state)
    except PrelaunchError:
        raise
    except Exception as error:
        raise RunError(
            f"{artefact.folder}: version {version} of {record.distribution} cannot take what {record.version} wrote "
            f"({type(error).__name__}: {error})",
            hint=f"Install that version (pip install {record.distribution}=={record.version}). {HINT}",
        ) from error
    if version != record.version:
        log.warning("%s was written by %s; version %s answers", artefact.folder, record.made_by, version)
    return recommender


def _offered(plugins: Plugins, record: Record) -> str:
    """Return the version of the artefact's distribution that is here. Raises PluginError where none is, or another."""
    found = plugins.component("recommender", record.component)
    install = f"pip install {record.distribution}=={record.version}"
    if found is None:
        broken = [e for e in plugins.entries if e.status != "loaded" and ("recommender", record.component) in e.offers]
        if broken:
            raise unknown_component(plugins, "recommender", record.component)
        raise PluginError(
            f"The artefact is the recommender {record.made_by}, not installed here", hint=f"Install it: {install}"
        )
    entry = found[1]
    if canonical(entry.distribution) != canonical(record.distribution):
        raise PluginError(
            f"The artefact is the recommender {record.made_by}, and here {entry.title} offers one of that name",
            hint=f"Use the one that wrote it: {install}",
        )
    return entry.version
