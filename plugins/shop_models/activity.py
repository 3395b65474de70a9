"""Activity: users by how many different items they took, as recommenders' papers break their results out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from framework.data.ranking import interaction_kinds
from framework.errors import ConfigError, PluginError
from framework.records import Segmentation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from framework.data.tables import Dataset
    from framework.records import Context


@dataclass(frozen=True)
class ActivityConfig:
    """`names` from the fewest items to the most; `quantiles` of the users part them, one fewer than names."""

    names: Sequence[str] = ("cold", "warm", "hot")
    quantiles: Sequence[float] = (1 / 3, 2 / 3)

    def __post_init__(self) -> None:
        cuts = np.asarray(list(self.quantiles), dtype=float)
        if len(self.names) != len(cuts) + 1 or len(set(self.names)) != len(self.names):
            raise ConfigError(
                f"activity's names are {list(self.names)} for {len(cuts)} quantiles",
                allowed="one name more, all different",
            )
        if np.any(cuts <= 0) or np.any(cuts >= 1) or np.any(np.diff(cuts) <= 0):
            raise ConfigError(
                f"activity's quantiles are {list(self.quantiles)}", allowed="ascending shares between 0 and 1"
            )


class Activity:
    """Segments by the number of different items, cut at quantiles of the users it was fitted on.

    A user with as many items as a cut point belongs to the lower segment, so equal users are never parted.
    """

    Config = ActivityConfig

    def __init__(self, config: ActivityConfig) -> None:
        self.config = config
        self.cuts: NDArray[np.int64] | None = None

    def fit(self, data: Dataset, context: Context) -> None:
        """Find the cut points."""
        quantiles = list(self.config.quantiles)
        self.cuts = np.quantile(_taken(data), quantiles, method="inverted_cdf").astype(np.int64)
        context.log.debug("activity cut points: %s", self.cuts.tolist())

    def segment(self, data: Dataset) -> Segmentation:
        """Return every user's segment. Raises PluginError before `fit`."""
        if self.cuts is None:
            raise PluginError("model 'activity' was asked for segments before it was fitted", hint="Call fit first.")
        taken = _taken(data)
        labels = (taken[:, None] > self.cuts).sum(axis=1).astype(np.int32)
        described = tuple(_described(taken[labels == place]) for place in range(len(self.config.names)))
        notes: tuple[str, ...] = ()
        if len(np.unique(self.cuts)) < len(self.cuts):
            notes = ("activity: cut points coincide, for many users took equally many items; a segment stays empty",)
        return Segmentation(labels, tuple(self.config.names), described, notes)


def _taken(data: Dataset) -> NDArray[np.int64]:
    """Return how many different items each user (U,) took."""
    matrix = data.matrix(interaction_kinds(data), binary=True)
    return np.asarray(np.diff(matrix.indptr), dtype=np.int64)


def _described(taken: NDArray[np.int64]) -> str:
    if not len(taken):
        return "No users at present."
    low, high = int(taken.min()), int(taken.max())
    span = f"{low:,}" if low == high else f"{low:,} to {high:,}"
    return f"{span} different items (median {np.median(taken):,.0f})."
