"""The command line of `export` as settings, its mistakes told by key."""

from __future__ import annotations

import typing
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from framework.errors import ConfigError
from framework.export.floors import METHODS
from framework.params import config_from

USAGE = "export RUN out=FOLDER key_file=FILE [format=parquet] [floor=50]"
FORMATS = ("parquet", "csv")


@dataclass(frozen=True)
class ExportSettings:
    """RUN is the folder of a run with report.segments=true, or of `uplift` with unit= and out=.

    `out` is the folder to export to; its exports.json says what left before, and no crossing of this export with those
    under the same key has a cell of 1 to `floor` - 1 users. Pseudonyms are HMAC-SHA256 under the key in `key_file` or
    in the environment variable `key_env`: keep it secret, and the same for whoever must recognise users. `segment`
    names the column of RUN/segments.parquet to export. `format` is parquet or csv. `small` merges groups under the
    floor or suppresses them.
    `attack` is the largest membership-inference AUC with which an export may leave.
    """

    out: Path
    key_file: Path | None = None
    key_env: str | None = None
    format: str = "parquet"
    floor: int = 50
    small: str = "merge"
    segment: str = "segment"
    attack: float = 0.55

    def __post_init__(self) -> None:
        """Refuse values that no export can have."""
        for name, own, allowed, holds in (
            ("format", self.format, ", ".join(FORMATS), self.format in FORMATS),
            ("floor", self.floor, "2 or more", self.floor >= 2),
            ("small", self.small, ", ".join(METHODS), self.small in METHODS),
            ("attack", self.attack, "0.5 to 1", 0.5 <= self.attack <= 1),
            ("out", self.out, "a folder, there or not", not self.out.exists() or self.out.is_dir()),
        ):
            if not holds:
                raise ConfigError(f"{name} is {str(own)!r}", allowed=allowed)


def read_arguments(arguments: Sequence[str]) -> tuple[Path, ExportSettings]:
    """Return the run's folder and the settings of a command line; of a key that stands twice, the last counts.

    Raises ConfigError for no folder or several, an unknown key, or a value that it does not take.
    """
    folders = [argument for argument in arguments if _names_a_folder(argument)]
    if len(folders) != 1:
        named = f" ({', '.join(folders)})" if folders else ""
        raise ConfigError(f"export takes one folder, not {len(folders)}{named}", allowed=USAGE)
    hints = typing.get_type_hints(ExportSettings)
    values: dict[str, Any] = {}
    for argument in arguments:
        if not _names_a_folder(argument):
            key, _, text = argument.partition("=")
            values[key] = _number(text, hints.get(key))
    settings: ExportSettings = config_from(ExportSettings, values, "export")
    return Path(folders[0]), settings


def _number(text: str, hint: Any) -> Any:
    try:
        return hint(text) if hint in {int, float} else text
    except ValueError:
        return text


def _names_a_folder(argument: str) -> bool:
    """Tell a folder from a setting: names of folders may hold a "=", as in runs/k=3."""
    key, equals, _ = argument.partition("=")
    return not equals or "/" in key or "\\" in key
