"""What is wrong with a config, in one message: Hydra's and OmegaConf's errors with the nearest match added."""

from __future__ import annotations

import dataclasses
import re
import typing
from collections.abc import Iterator, Sequence
from typing import Any, cast

import hydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException, ValidationError
from yaml import MarkedYAMLError

from framework.components import unknown_component
from framework.config import RunConfig
from framework.discovery import engine_conf
from framework.errors import ConfigError, PrelaunchError, did_you_mean, nearest
from framework.kinds import KINDS
from framework.memory import recall
from framework.plugins import Plugins
from framework.searchpath import GROUP, read_study, studies
from framework.shapes import misshapen

EXPECTED = {
    "Integer": "an integer",
    "Float": "a number",
    "Boolean": "true or false",
}


ENTRIES = re.compile(r"\+*(strategies|metrics)\.([^.=]+)[.=]")


def explain(error: BaseException, plugins: Plugins, arguments: Sequence[str] = ()) -> PrelaunchError | None:
    """Return the error that the user should read, or None where the config is not to blame.

    `arguments` is the command line, which tells what the rest of it makes where one override is wrong.
    """
    chain = list(_chain(error))
    for kind, tell in (
        (PrelaunchError, lambda e: e),
        (MissingConfigException, lambda e: _missing_file(e, plugins)),
        (OverrideParseException, _bad_override),
        (MarkedYAMLError, _bad_yaml),
    ):
        for link in chain:
            if isinstance(link, kind):
                return tell(link)
    place = _place(chain)
    for link in chain:
        if isinstance(link, OmegaConfBaseException):
            unknown = _unknown_entry(link, place, arguments)
            return unknown or misshapen(_written(place, plugins), place) or _bad_value(link, place)
    for link in chain:
        if isinstance(link, HydraException):
            return _composition(link)
    return next((_bad_flag(link) for link in chain if isinstance(link, ValueError) and "flag" in str(link)), None)


def checked(config: DictConfig) -> DictConfig:
    """Return the config held to its schema, interpolations resolved and every value present.

    Raises:
        ConfigError: a key is unknown (added with + or ++), ill-typed or refers to nothing, or a value is missing.
    """
    try:
        OmegaConf.merge(OmegaConf.structured(RunConfig), OmegaConf.to_container(config, resolve=False))
        refusal = unsafe_name(config)
        if refusal is not None:
            raise refusal
        missing = missing_values(config)
        if missing is not None:
            raise missing
        plain = OmegaConf.to_container(config, resolve=True)
        return cast(DictConfig, OmegaConf.merge(OmegaConf.structured(RunConfig), plain))
    except OmegaConfBaseException as error:
        raise _bad_value(error, "") from error


def unsafe_name(config: DictConfig) -> ConfigError | None:
    """Return the error for a study's name that is no name of a folder, or None: runs lie below runs/<study>."""
    study = str(OmegaConf.select(config, "study", default="unnamed"))
    if study.strip() in {"", ".", ".."} or re.search(r"[/\\\0]", study):
        return ConfigError(f"study is {study!r}", allowed="a name of a folder below runs/, without / and \\")
    return None


def missing_values(config: DictConfig) -> ConfigError | None:
    """Return the error for the first value that a study must give and does not, or None."""
    for key in sorted(OmegaConf.missing_keys(config)):
        if key == "source.name":
            return ConfigError(
                "No source is named, so there is no log to read",
                hint="Name a study (+experiment=quickstart; `prelaunch studies` lists them) or a source (+source=log).",
            )
        owner = key.rpartition(".")[0]
        parent = owner
        while parent:
            parent, _, last = parent.rpartition(".")
            siblings = OmegaConf.select(config, parent) if parent else config
            others = [str(k) for k in siblings if k != last and not OmegaConf.is_missing(siblings, k)]
            hint = did_you_mean(last, others)
            if parent in {"strategies", "metrics"} and hint:
                return ConfigError(f"{parent} has no '{last}' of its own: {key} is not set", allowed=others, hint=hint)
        return ConfigError(f"{key} is not set", hint=f"Set it in the study, or here: {key}=...")
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        # Hydra re-raises without "from"; of anybody else's errors the context may be unrelated.
        link = link.__cause__ or (link.__context__ if isinstance(link, HydraException) else None)


def _place(chain: list[BaseException]) -> str:
    """Return where Hydra says the mistake stands: "In 'experiment/x': " or "In the override 'a=b': "."""
    for link in chain:
        if isinstance(link, HydraException):
            found = re.search(r"In '([^']+)'", str(link))
            if found:
                return f"In '{found[1]}': "
            found = re.search(r"Error merging override (.+)", str(link)) or re.search(r"use \+(.+)", str(link))
            if found:
                return f"In the override '{found[1].lstrip('+')}': "
    return ""


def _written(place: str, plugins: Plugins) -> Any:
    """Return, as plain dicts, what stands at the place that Hydra names: a study's file, or an override."""
    found = re.fullmatch(r"In '(?:/?experiment/)(.+)': ", place)
    try:
        if found:
            return OmegaConf.to_container(read_study(studies(plugins)[found[1]].file), resolve=False)
        found = re.fullmatch(r"In the override '(.+)': ", place)
        if found is None or found[1].startswith("~"):
            return None
        override = OverridesParser.create().parse_override(found[1])
        written: Any = override.value()
        for part in reversed(override.key_or_group.split(".")):
            written = {part: written}
        return written
    except (KeyError, OSError, HydraException, OmegaConfBaseException, PrelaunchError, MarkedYAMLError):
        return None


def _bad_flag(error: ValueError) -> ConfigError | None:
    found = re.match(r"The (--\w+) flag can only be used in conjunction with (.+)", str(error))
    return ConfigError(f"{found[1]} only goes with {found[2]}", hint=f"Add --cfg job to {found[1]}.") if found else None


def _missing_file(error: MissingConfigException, plugins: Plugins) -> PrelaunchError:
    path = (error.missing_cfg_file or "").removesuffix(".yaml")
    group, _, name = path.rpartition("/")
    found = re.search(r"In '([^']+)'", str(error))
    where = f"'{found[1]}'" if found and found[1] != "config" else ""
    if group == GROUP:
        known = studies(plugins)
        last = recall(GROUP, name)
        if last is not None and name not in known:
            return ConfigError(
                f"There is no study '{name}'. It was last offered by {last.distribution} {last.version}",
                hint=f"Install it again: pip install {last.distribution}=={last.version}.",
            )
        return ConfigError(f"There is no study '{name}'", allowed=known or "none yet", hint=did_you_mean(name, known))
    if group in KINDS and plugins.component(group, name) is None:
        return unknown_component(plugins, group, name, where=where)
    options = [str(option) for option in error.options or ()]
    what = f"There is no config '{path}'" + (f", which {where} names" if where else "")
    return ConfigError(what, allowed=options or None, hint=did_you_mean(name, options))


def _bad_override(error: BaseException) -> ConfigError:
    lines = [line for line in str(error).splitlines() if line.strip() and not line.startswith("See http")]
    return ConfigError(
        "The command line cannot be read: " + " ".join(" ".join(lines).split()),
        hint="An override is key=value; quote values with spaces, commas or brackets: 'key=\"a, b\"'.",
    )


def _bad_yaml(error: MarkedYAMLError) -> ConfigError:
    mark = error.problem_mark or error.context_mark
    place = f"{mark.name}, line {mark.line + 1}, column {mark.column + 1}" if mark is not None else "A config file"
    return ConfigError(f"{place} is no valid YAML: {error.problem or error.context}")


def _bad_value(error: OmegaConfBaseException, place: str) -> ConfigError:
    key = str(error.full_key or error.key or "")
    if isinstance(error, (ConfigKeyError, ConfigAttributeError)):
        return _unknown_key(error, key, place)
    message = str(error.msg or error).splitlines()[0] if str(error.msg or error) else type(error).__name__
    found = re.match(r"Value '(.*)' of type '(\w+)' could not be converted to (\w+)", message)
    if isinstance(error, ValidationError) and found:
        expected = EXPECTED.get(found[3], found[3])
        return ConfigError(f"{place}{key} is {found[1]!r}", allowed=expected)
    if "does not support deletion" in message:
        hint = f"Remove one entry at a time: ~{key}.NAME." if key.endswith(("params", "segments", "shares")) else None
        return ConfigError(f"{place}{key} cannot be removed, as the schema has it", hint=hint)
    rule = re.search(r"'\+*(strategies\.[^.=]+\.segments)\.([^.=]+)", place)
    if "is not a subclass of RuleConfig" in message and rule:
        return ConfigError(
            f"{place}{rule[1]} has no '{rule[2]}', and a single rule cannot be added here",
            hint="Write it into the study's file, or here: "
            f"'+{rule[1]}={{{rule[2]}: {{recommender: {{name: NAME}}}}}}'.",
        )
    return ConfigError(f"{place}{key + ': ' if key else ''}{message}")


def _unknown_entry(error: OmegaConfBaseException, place: str, arguments: Sequence[str]) -> ConfigError | None:
    """Return the error for an override of a strategy or metric that the study does not have."""
    wrong = [a for a in arguments if (found := ENTRIES.match(a)) and found[2] == str(error.key)]
    if not wrong or "Invalid type assigned" not in str(error):
        return None
    group, name = ENTRIES.match(wrong[0]).groups()  # type: ignore[union-attr]
    rest = [a for a in arguments if a not in wrong and "=" in a]
    try:
        with hydra.initialize_config_dir(str(engine_conf()), version_base="1.3"):
            known = [str(key) for key in hydra.compose("config", rest)[group]]
    except (HydraException, OmegaConfBaseException, PrelaunchError):
        known = []
    near = did_you_mean(name, known)
    kind, below = ("metric", "") if group == "metrics" else ("recommender", ".recommender")
    hint = f"To add one: +{kind}@{group}.{name}{below}=NAME, of the {kind}s on offer."
    return ConfigError(f"{place}{group} has no '{name}'", allowed=known or None, hint=near or hint)


def _unknown_key(error: OmegaConfBaseException, key: str, place: str) -> ConfigError:
    parent_path, _, last = key.rpartition(".")
    valid = _valid_keys(error)
    what = f"{place}{parent_path or 'the config'} has no key '{last}'"
    if parent_path.endswith("params"):
        hint = f"Write it with ++ before it to set a parameter that the study does not: ++{key}=..."
        return ConfigError(what, hint=hint)
    if not parent_path and nearest(last, [*valid, GROUP]) == GROUP:
        return ConfigError(what, hint="To run a study write +experiment=NAME.")
    if error.object_type is dict and not did_you_mean(last, valid):
        return ConfigError(what, allowed=valid or None, hint=f"An entry is added with a + before it: +{key}=...")
    return ConfigError(what, allowed=valid, hint=did_you_mean(last, valid))


def _valid_keys(error: OmegaConfBaseException) -> list[str]:
    schema: Any = error.object_type
    if isinstance(schema, type) and dataclasses.is_dataclass(schema):
        return [f.name for f in dataclasses.fields(schema)]
    parent = error.parent_node
    if isinstance(parent, DictConfig):
        return [str(k) for k in parent if k != "hydra"]
    return list(typing.get_type_hints(RunConfig))


def _composition(error: BaseException) -> ConfigError:
    """Return Hydra's own words, which say what to do already, without its list of places."""
    text = str(error).split("\nConfig search path:")[0].split("\nSearch path:")[0]
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    match = re.match(r"Could not override 'experiment'", lines[0]) if lines else None
    if match:
        value = re.search(r"\+experiment=(\S+)", text)
        name = value[1] if value else "NAME"
        return ConfigError("A study is added, not overridden", hint=f"Write +experiment={name}, with the plus.")
    return ConfigError(" ".join(lines) or type(error).__name__)
