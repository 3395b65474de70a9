"""The command line of `analyse` as settings, its mistakes told by key."""

from __future__ import annotations

import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from framework.analysis.contradictions import check_metric, check_settings
from framework.analysis.settings import AnalysisSettings, MetricSettings, SequentialSettings
from framework.analysis.values import read_mapping, read_value, unquoted
from framework.errors import ConfigError
from framework.params import config_from

USAGE = "analyse FILE arm=COLUMN control=LABEL metrics.NAME.kind=mean"
NESTED = ("metrics", "shares", "sequential")
"""Keys that have keys of their own."""


def read_arguments(arguments: Sequence[str]) -> tuple[Path, AnalysisSettings]:
    """Return the file and the settings that a command line names. Where a key stands twice, its last value counts.

    Raises ConfigError for a missing file name, an unknown key or value (with its nearest match), or a contradiction.
    """
    files = [argument for argument in arguments if _names_a_file(argument)]
    if len(files) != 1:
        raise ConfigError(
            f"analyse takes one file, not {len(files)}" + (f" ({', '.join(files)})" if files else ""), allowed=USAGE
        )
    tree = _tree([argument for argument in arguments if not _names_a_file(argument)])
    metrics = tree.pop("metrics", {})
    if not metrics:
        raise ConfigError("analyse needs a metric", hint="Add, for example, metrics.revenue.kind=mean.")
    named = {name: _metric(name, own) for name, own in metrics.items()}
    values = _typed(tree, AnalysisSettings, "")
    settings: AnalysisSettings = config_from(AnalysisSettings, {**values, "metrics": named}, "analyse")
    check_settings(settings)
    return Path(files[0]), settings


def folder_of(arguments: Sequence[str]) -> Path | None:
    """Return the folder that `out=` names, None without it; raises ConfigError where it cannot be a folder."""
    written = [argument.partition("=")[2] for argument in arguments if argument.startswith("out=")]
    if not written or written[-1] == "null":
        return None
    name = unquoted(written[-1])
    if not name or (Path(name).exists() and not Path(name).is_dir()):
        raise ConfigError(f"out= names '{name}', which is no folder", allowed="a folder, there or not")
    return Path(name)


def _names_a_file(argument: str) -> bool:
    """Tell a file from a setting: names of files may hold a "=", as in day=1/users.parquet."""
    key, equals, _ = argument.partition("=")
    return not equals or "/" in key or "\\" in key


def _tree(arguments: Sequence[str]) -> dict[str, Any]:
    """Return the texts by key, as deep as the keys go."""
    tree: dict[str, Any] = {}
    for argument in arguments:
        key, _, text = argument.partition("=")
        path, own = _path(key), _spread(key, text)
        at = tree
        for name in path[:-1]:
            at = at.setdefault(name, {})
        at[path[-1]] = own
    return tree


def _spread(key: str, text: str) -> Any:
    """Return a value as texts by name where its key has keys of its own: metrics={revenue:{kind:mean}}."""
    path = _path(key)
    if path[0] not in NESTED or text == "null" or len(path) > (2 if path[0] == "metrics" else 1):
        return text
    named = read_mapping(text, key)
    return {name: _spread(f"{key}.{name}", own) for name, own in named.items()} if key == "metrics" else named


def _path(key: str) -> list[str]:
    """Return a key's parts. Metrics and arms may have dots in their names."""
    head, _, rest = key.partition(".")
    if head == "metrics" and "." in rest:
        name, _, field = rest.rpartition(".")
        return [head, name, field]
    return [head, rest] if head in NESTED and rest else [key]


def _metric(name: str, own: Mapping[str, str]) -> MetricSettings:
    where = f"metrics.{name}"
    found: MetricSettings = config_from(MetricSettings, _typed(own, MetricSettings, f"{where}."), where)
    check_metric(where, found)
    return found


def _typed(tree: Mapping[str, Any], schema: type, where: str) -> dict[str, Any]:
    """Return the texts as the schema's types; keys that it lacks stay texts, for `config_from` to refuse."""
    hints = typing.get_type_hints(schema)
    found: dict[str, Any] = {}
    for key, own in tree.items():
        if key == "sequential" and isinstance(own, Mapping):
            found[key] = config_from(SequentialSettings, _typed(own, SequentialSettings, f"{key}."), key)
        elif isinstance(own, Mapping):
            found[key] = {name: read_value(text, float, f"{key}.{name}") for name, text in own.items()}
        else:
            found[key] = read_value(own, hints[key], where + key) if key in hints else own
    return found
