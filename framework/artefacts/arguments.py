"""The command line of `recommend` as settings, its mistakes told by key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from framework.errors import ConfigError
from framework.params import config_from

USAGE = "recommend FOLDER users=ID,ID|FILE|all [history=ITEM,ITEM] [k=10]"
OUTPUTS = (".csv", ".parquet")
_TRUTH = {"true": True, "false": False, "null": None}


@dataclass(frozen=True)
class RecommendSettings:
    """FOLDER is an artefact: what a run with report.artefacts=true leaves in its folder, under artefacts/STRATEGY.

    `users`: ids with commas between them; or a file of them (CSV or Parquet with a column "user", .txt with an id a
    line); or "all" that the training knew. Unknown ones get the recommender's fallback, and are marked. `history`: the
    items that one user took, oldest first, with commas between them: a new user's, or in place of what is known of the
    one that `users` names. `k`: items for each. `exclude_history`: true leaves out what a user bought before (and what
    stands in `history`), false does not; null does as the study did (trial.repeats). `items`: a file of items that came
    after the training (CSV or Parquet: item, and where known category, price, text), for recommenders that go by what
    an item is. `output`: a file (.csv or .parquet) to write instead of the table.
    """

    users: str | None = None
    history: str | None = None
    k: int = 10
    exclude_history: bool | None = None
    items: Path | None = None
    output: Path | None = None

    def __post_init__(self) -> None:
        if self.users is None and self.history is None:
            raise ConfigError("recommend needs users= or history=", allowed=USAGE)
        if self.k < 1:
            raise ConfigError(f"k is {self.k}", allowed="an integer from 1")
        if self.output is not None and self.output.suffix.lower() not in OUTPUTS:
            raise ConfigError(f"output is '{self.output}'", allowed="a file that ends in .csv or .parquet")

    @property
    def history_items(self) -> list[str] | None:
        """Return the ids in `history`. Raises ConfigError where it is empty."""
        if self.history is None:
            return None
        found = listed(self.history)
        if not found:
            raise ConfigError("history= names no item", allowed="ids with commas between them, oldest first")
        return found


def read_arguments(arguments: Sequence[str]) -> tuple[Path, RecommendSettings]:
    """Return the folder and the settings that a command line names; of a key that stands twice, the last counts.

    Raises:
        ConfigError: no folder or several, an unknown key or a value that it does not take.
    """
    folders = [argument for argument in arguments if _names_a_folder(argument)]
    if len(folders) != 1:
        named = f" ({', '.join(folders)})" if folders else ""
        raise ConfigError(f"recommend takes one folder, not {len(folders)}{named}", allowed=USAGE)
    values: dict[str, Any] = {}
    for argument in arguments:
        if not _names_a_folder(argument):
            key, _, text = argument.partition("=")
            values[key] = _value(key, text)
    settings: RecommendSettings = config_from(RecommendSettings, values, "recommend")
    return Path(folders[0]), settings


def listed(text: str) -> list[str]:
    """Return the words between commas, without blanks around them."""
    return [word for word in (part.strip() for part in text.split(",")) if word]


def _names_a_folder(argument: str) -> bool:
    """Tell a folder from a setting: names of folders may hold a "=", as in runs/k=3/artefacts/als."""
    key, equals, _ = argument.partition("=")
    return not equals or "/" in key or "\\" in key


def _value(key: str, text: str) -> Any:
    if key == "exclude_history" and text.lower() in _TRUTH:
        return _TRUTH[text.lower()]
    if key == "k":
        try:
            return int(text)
        except ValueError:
            return text
    return None if text == "null" and key not in {"users", "history"} else text
