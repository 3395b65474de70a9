"""`open_bandit`: logs of the Open Bandit Dataset, decisions of a real test of two policies with their propensities.

Two policies showed fashion items at three places of a page: "random" drew them uniformly, "bts" by Bernoulli Thompson
sampling. Each log is a folder random/CAMPAIGN or bts/CAMPAIGN with CAMPAIGN.csv and item_context.csv. Reference: Saito,
Aihara, Matsutani, Narita, "Open Bandit Dataset and Pipeline: towards realistic and reproducible off-policy evaluation",
NeurIPS 2021 datasets and benchmarks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from framework.errors import DataError
from framework.records import LoggedDecisions, TargetPolicy

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from framework.records import Context

PLACES = 3
NEEDED = ("timestamp", "item_id", "position", "click", "propensity_score")
USER_FEATURES = tuple(f"user_feature_{place}" for place in range(4))
ITEM_FEATURES = ("item_feature_1", "item_feature_2", "item_feature_3", "item_feature_0")


@dataclass(frozen=True)
class OpenBanditConfig:
    """`folder` holds random/ and bts/, each with a folder for a campaign; `campaign` names one, such as "all".

    `behaviour` is the policy whose log is read: the other one is what the study evaluates unless it names a policy.
    """

    folder: str
    campaign: str = "all"
    behaviour: Literal["random", "bts"] = "random"


class OpenBandit:
    """Source of logged decisions: a row an item shown at a place, rewarded by a click.

    The context is the one-hot user features, first level left out; items are known by their label-encoded categories
    and their price. The log does not say who was shown an item: rows are the units.
    """

    Config = OpenBanditConfig

    def __init__(self, config: OpenBanditConfig) -> None:
        self.config = config
        self.logger = config.behaviour

    def read_decisions(self, context: Context) -> LoggedDecisions:
        """Return the log of the behaviour policy, in the order of time.

        Raises:
            DataError: no such folder, campaign, file or column; an item, a place or a propensity out of bounds.
        """
        decisions = self._read(self.config.behaviour)
        context.log.debug("%d decisions of %s", len(decisions), self.config.behaviour)
        return decisions

    def target(self, decisions: LoggedDecisions) -> TargetPolicy:
        """Return the other policy: uniform as it is known, "bts" as its own log's mean propensities show it.

        These are averages over the items shown, by item and place, scaled to add up to 1 at each place: an estimate.
        """
        if self.config.behaviour == "bts":
            uniform = np.full((len(decisions.actions), decisions.positions), 1.0 / len(decisions.actions))
            own = self._read("random").reward if self._there("random") else None
            return TargetPolicy("random", uniform, "uniform over all items at every place", own_rewards=own)
        other = self._read("bts")
        if other.actions != decisions.actions:
            raise DataError(f"{self._file('bts')}: its items are not those of {self._file('random')}")
        origin = "mean propensities by item and place in its own log, scaled to add up to 1 (estimated)"
        return TargetPolicy("bts", mean_propensities(other), origin, estimated=True, own_rewards=other.reward)

    def _there(self, policy: str) -> bool:
        return self._file(policy).is_file()

    def _file(self, policy: str) -> Path:
        return Path(self.config.folder).expanduser() / policy / self.config.campaign / f"{self.config.campaign}.csv"

    def _read(self, policy: str) -> LoggedDecisions:
        file = self._file(policy)
        log, items = _table(file, self._campaigns(policy)), _table(file.with_name("item_context.csv"), ())
        _need(log, NEEDED, file)
        _need(items, ("item_id",), file.with_name("item_context.csv"))
        names = [str(name) for name in items["item_id"]]
        place = {name: number for number, name in enumerate(names)}
        unknown = next((row for row, item in enumerate(log["item_id"]) if str(item) not in place), None)
        if unknown is not None:
            raise DataError(f"{file}, line {unknown + 2}: item {log['item_id'][unknown]} is not in item_context.csv")
        position = log["position"].astype(np.int64) - 1
        _bounded(position + 1, 1, PLACES, "position", file)
        propensity = log["propensity_score"].astype(np.float64)
        _bounded(propensity, np.nextafter(0.0, 1.0), 1.0, "propensity_score", file)
        context, context_names = one_hot({name: log[name] for name in USER_FEATURES if name in log})
        known = tuple(name for name in ITEM_FEATURES if name in items)
        decisions = LoggedDecisions(
            action=np.array([place[str(item)] for item in log["item_id"]], dtype=np.int32),
            position=position.astype(np.int32),
            reward=log["click"].astype(np.float64),
            propensity=propensity,
            actions=tuple(names),
            positions=PLACES,
            context=context,
            context_names=context_names,
            action_features=np.column_stack([_encoded(items[name]) for name in known]) if known else None,
            action_feature_names=known,
        )
        return in_order_of_time(decisions, log["timestamp"])

    def _campaigns(self, policy: str) -> tuple[str, ...]:
        folder = Path(self.config.folder).expanduser() / policy
        return tuple(sorted(path.name for path in folder.iterdir() if path.is_dir())) if folder.is_dir() else ()


def mean_propensities(decisions: LoggedDecisions) -> NDArray[np.float64]:
    """Return (A, K): the mean logged propensity of each action at each place, every column scaled to add up to 1.

    An action that was never shown at a place has 0 there.
    """
    shape = (len(decisions.actions), decisions.positions)
    cell = decisions.action.astype(np.int64) * decisions.positions + decisions.position
    count = np.bincount(cell, minlength=shape[0] * shape[1])
    total = np.bincount(cell, weights=decisions.propensity, minlength=shape[0] * shape[1])
    mean = (total / np.maximum(count, 1)).reshape(shape)
    return np.asarray(mean / np.maximum(mean.sum(axis=0), np.finfo(float).tiny))


def one_hot(columns: dict[str, NDArray[Any]]) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Return (n, F) indicators of each column's values but its first in order, and their names "column=value"."""
    found, names = [], []
    for name, column in columns.items():
        levels, code = np.unique(column.astype(str), return_inverse=True)
        found += [(code == level).astype(np.float64) for level in range(1, len(levels))]
        names += [f"{name}={level}" for level in levels[1:]]
    rows = len(next(iter(columns.values()))) if columns else 0
    return np.column_stack(found) if found else np.zeros((rows, 0)), tuple(names)


def in_order_of_time(decisions: LoggedDecisions, time: NDArray[Any]) -> LoggedDecisions:
    """Return the decisions sorted by their time stamps (ISO 8601 of one zone, so text order), ties as they were."""
    order = np.argsort(time.astype(str), kind="stable")
    by_row = ("action", "position", "reward", "propensity", "context")
    return replace(decisions, **{name: getattr(decisions, name)[order] for name in by_row})


def _table(file: Path, campaigns: tuple[str, ...]) -> dict[str, NDArray[Any]]:
    """Return the columns of a CSV by name, affinities left out."""
    from pyarrow import ArrowInvalid
    from pyarrow.csv import ConvertOptions, read_csv

    if not file.is_file():
        raise DataError(f"there is no {file}", allowed=campaigns or None, hint="Name folder, campaign and behaviour.")
    try:
        table = read_csv(file, convert_options=ConvertOptions(column_types={"timestamp": "string"}))
    except ArrowInvalid as error:
        raise DataError(f"{file} cannot be read: {error}") from error
    wanted = [name for name in table.column_names if "affinity" not in name]
    return {name: table.column(name).to_numpy() for name in wanted}


def _need(table: dict[str, NDArray[Any]], names: tuple[str, ...], file: Path) -> None:
    missing = [name for name in names if name not in table]
    if missing:
        raise DataError(f"{file} has no column {', '.join(missing)}", allowed=tuple(table))


def _bounded(values: NDArray[Any], low: float, high: float, name: str, file: Path) -> None:
    bad = np.flatnonzero(~((values >= low) & (values <= high)))
    if len(bad):
        raise DataError(f"{file}, line {bad[0] + 2}: {name} is {values[bad[0]]}", allowed=f"from {low:g} to {high:g}")


def _encoded(column: NDArray[Any]) -> NDArray[np.float64]:
    """Return numbers as they are, and categories by their place in order."""
    if column.dtype.kind in "fiu":
        return column.astype(np.float64)
    return np.unique(column.astype(str), return_inverse=True)[1].astype(np.float64)
