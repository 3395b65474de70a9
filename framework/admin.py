"""Admin commands that list what is there: plugins with their components, and studies."""

from __future__ import annotations

import importlib.util
import inspect
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from framework import memory
from framework.components import component_class, parameters
from framework.discovery import Entry, canonical
from framework.errors import ConfigError, PrelaunchError, did_you_mean
from framework.kinds import KINDS
from framework.plugins import Plugins, load_plugins
from framework.records.component import Component

if TYPE_CHECKING:
    from framework.searchpath import Study

STYLES = {"loaded": "green", "failed": "bold red", "refused": "bold red", "blocked": "yellow"}


def plugins(arguments: Sequence[str]) -> int:
    """Show every plugin and component; with a name, one plugin, component or kind in full."""
    found = load_plugins()
    memory.remember_plugins(found)
    console = Console()
    if len(arguments) > 1:
        raise ConfigError(f"'plugins' takes one name, not {len(arguments)}")
    if arguments:
        _show_one(console, found, arguments[0])
    else:
        console.print(_plugin_table(found))
        console.print(_component_table(found.components()))
        for line in found.failures:
            console.print(Text(f"not loaded: {line}"), soft_wrap=True)
    return 0


def studies(arguments: Sequence[str]) -> int:
    """List the studies with their questions."""
    from framework.searchpath import experiments_folder
    from framework.searchpath import studies as all_studies

    if arguments:
        raise ConfigError("'studies' takes no argument", hint=f"To run one: +experiment={arguments[0]}")
    console = Console()
    found = all_studies(load_plugins())
    if not found:
        console.print(Text(f"No study in {experiments_folder()}: a study is a folder there with a config.yaml."))
        return 0
    if not console.is_terminal:
        for study in found.values():
            origin = study.distribution or str(study.file.parent.parent)
            console.print(
                f"{study.name}  {_question(study)}  ({origin})", soft_wrap=True, markup=False, highlight=False
            )
        return 0
    table = Table("study", "question", "from", title="Run one with +experiment=NAME", title_justify="left")
    for study in found.values():
        table.add_row(Text(study.name), _question(study), Text(study.distribution or str(study.file.parent.parent)))
    console.print(table)
    return 0


def _question(study: Study) -> Text:
    from omegaconf import OmegaConf
    from yaml import MarkedYAMLError

    from framework.searchpath import read_study

    try:
        return Text(" ".join(str(OmegaConf.select(read_study(study.file), "question") or "").split()))
    except MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        return Text(f"cannot be read: no valid YAML{line}", style="red")
    except Exception as error:  # noqa: BLE001 - one broken study must not hide the others
        return Text(f"cannot be read: {' '.join(str(error).split())}", style="red")


def _plugin_table(found: Plugins) -> Table:
    table = Table("distribution", "version", "plugin", "status", "offers", title="Plugins", title_justify="left")
    for entry in found.entries:
        status = Text(entry.status, style=STYLES[entry.status])
        table.add_row(Text(entry.distribution), Text(entry.version), Text(entry.name), status, Text(_counts(entry)))
    return table


def _counts(entry: Entry) -> str:
    if entry.status != "loaded":
        return entry.reason or ""
    kinds = [component.kind for component in entry.components]
    parts = [f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds)]
    if entry.studies:
        parts.append(f"{len(entry.studies)} study" if len(entry.studies) == 1 else f"{len(entry.studies)} studies")
    return ", ".join(parts)


def _component_table(components: Sequence[Component]) -> Table:
    table = Table("kind", "name", "summary", title="Components", title_justify="left")
    for component in sorted(components, key=lambda c: (c.kind, c.name)):
        absent = [package for package in component.needs if not _installed(package)]
        summary = Text(component.summary)
        if absent:
            summary.append(f" (needs {', '.join(absent)}, not installed)", style="yellow")
        table.add_row(component.kind, Text(component.name, style="bold"), summary)
    return table


def _installed(package: str) -> bool:
    return importlib.util.find_spec(package.partition(".")[0]) is not None


def _show_one(console: Console, found: Plugins, name: str) -> None:
    if name in KINDS:
        listed = [c for c in found.components() if c.kind == name]
        console.print(_component_table(listed) if listed else f"No plugin offers a {name}.")
        return
    entries = [e for e in found.entries if canonical(name) in {canonical(e.name), canonical(e.distribution)}]
    components = [c for c in found.components() if name in {c.name, f"{c.kind}/{c.name}"}]
    if not entries and not components:
        known = {e.name for e in found.entries} | {c.name for c in found.components()} | set(KINDS)
        raise ConfigError(
            f"There is no plugin, component or kind '{name}'", allowed=sorted(known), hint=did_you_mean(name, known)
        )
    for entry in entries:
        console.print(
            Text(f"{entry.distribution} {entry.version}, plugin '{entry.name}': {entry.status}"), soft_wrap=True
        )
        for label, text in (("reason", entry.reason), ("configs", entry.folder), ("studies", ", ".join(entry.studies))):
            if text:
                console.print(Text(f"  {label}: {text}"), soft_wrap=True)
        if entry.components:
            console.print(_component_table(entry.components))
    for component in components:
        _show_component(console, found, component)


def _show_component(console: Console, found: Plugins, component: Component) -> None:
    owner = found.component(component.kind, component.name)
    console.print(Text(f"{component.kind} '{component.name}': {component.summary}", style="bold"), soft_wrap=True)
    rows = {
        "offered by": owner[1].title if owner else "",
        "class": component.target,
        "needs": ", ".join(component.needs),
        "reference": component.reference,
    }
    for label, text in rows.items():
        if text:
            console.print(Text(f"  {label}: {text}"), soft_wrap=True)
    try:
        made_by = component_class(found, component.kind, component.name)
        listed = parameters(made_by, component.kind, component.name)
    except PrelaunchError as error:
        console.print(Text(f"  parameters: unknown. {error}"), soft_wrap=True)
        return
    for doc in (made_by.__doc__, made_by.Config.__doc__):
        console.print(Text(textwrap.indent(inspect.cleandoc(doc or ""), "  ")), soft_wrap=True)
    if not listed:
        console.print("  parameters: none")
        return
    table = Table("parameter", "type", "default")
    for parameter in listed:
        table.add_row(Text(parameter.name), Text(parameter.type), Text(parameter.default))
    console.print(table)
