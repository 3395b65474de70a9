"""What an artefact says of itself: which component it is, with which parameters, from which run and which events."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from framework.errors import ConfigError, RunError
from framework.params import config_from

FORMAT = 1
"""The version of the files' layout. One that reads differently gets another number."""
HINT = "Write it anew: run its study with report.artefacts=true."


@dataclasses.dataclass(frozen=True)
class Record:
    """Where an artefact comes from.

    `component` is the recommender's name, offered by `distribution` in `version`; `parameters` are all of its
    parameters, defaults included. `strategy` is the arm that it served in the run of `study` with `seed`; `segment`
    names the segment whose own rule it is (None: it is the arm's default), `rules` those segments of the arm that have
    another recommender, each in a folder of its own. `rerankers` reordered its slates in turn, and `policy` chose from
    them.

    It was fitted to the events before `as_of` (ISO, UTC), whose digest is `data_digest` and whose kinds are `kinds`;
    `log_digest` is that of the whole log, as in result.json. `repeats` is the study's `trial.repeats`, `currency` that
    of prices, `segment_names` the segments of the arm's model, the last for users that it never saw. `versions` are
    those of Python and libraries at the fit, `created` the time of writing.
    """

    component: str
    distribution: str
    version: str
    parameters: Mapping[str, Any]
    strategy: str
    study: str
    seed: int
    as_of: str
    data_digest: str
    created: str
    versions: Mapping[str, str]
    log_digest: str = ""
    rerankers: tuple[Mapping[str, Any], ...] = ()
    policy: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    segment: str | None = None
    rules: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    currency: str = ""
    repeats: bool = True
    segment_names: tuple[str, ...] = ()

    @property
    def made_by(self) -> str:
        """Return component, distribution and version in words."""
        return f"'{self.component}' of {self.distribution} {self.version}"


@dataclasses.dataclass(frozen=True)
class Contents:
    """What lies beside the record: how many users and items, each array's dtype and shape, each file's SHA-256."""

    users: int
    items: int
    arrays: Mapping[str, str]
    files: Mapping[str, str]


def as_json(record: Record, contents: Contents) -> str:
    """Return the text of artefact.json."""
    whole = {"format": FORMAT, **dataclasses.asdict(record), "contents": dataclasses.asdict(contents)}
    return json.dumps(whole, indent=2, default=str) + "\n"


def from_json(text: str, path: Path) -> tuple[Record, Contents]:
    """Return the record and the contents that a text holds.

    Raises:
        RunError: it is no artefact's, damaged, or of another format; `path` is where it stands.
    """
    try:
        whole = json.loads(text)
    except ValueError as error:
        raise RunError(f"{path} is damaged: {error}", hint=HINT) from error
    if not isinstance(whole, dict) or "format" not in whole:
        raise RunError(f"{path} is no record of an artefact", hint=HINT)
    found = whole.pop("format")
    if found != FORMAT:
        raise RunError(
            f"{path} is of format {found!r}, which this version of prelaunch does not read",
            allowed=f"format {FORMAT}",
            hint="Read it with the version that wrote it, or write it anew.",
        )
    try:
        contents = config_from(Contents, whole.pop("contents", {}), "contents")
        return config_from(Record, whole, "it"), contents
    except (ConfigError, TypeError) as error:
        raise RunError(f"{path} is damaged: {error}", hint=HINT) from error
