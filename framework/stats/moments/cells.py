"""The table of moments by arm, segment and bucket, as one pass over unit outcomes gives it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.errors import TrialError
from framework.stats.moments.record import Moments, Numbers


@dataclass(frozen=True)
class Cells:
    """G groups of units: `arm` (G,), `segment` (G,) and `bucket` (G,) say which, `moments` (G, ...) what they hold.

    Buckets split units by a hash of their id, whatever their arm: resampling buckets resamples units, and their spread
    says how far any statistic of the cells is from its truth.
    """

    arm: NDArray[np.str_]
    segment: NDArray[np.str_]
    bucket: NDArray[np.int64]
    moments: Moments

    @property
    def arms(self) -> tuple[str, ...]:
        """The arms, sorted as text."""
        return tuple(sorted(set(self.arm.tolist())))

    @property
    def segments(self) -> tuple[str, ...]:
        """The segments, sorted as text."""
        return tuple(sorted(set(self.segment.tolist())))

    def of(self, arm: str, segment: str | None = None) -> Moments:
        """Return the moments of one arm, overall or in one segment.

        Raises:
            TrialError: where nobody is there.
        """
        chosen = self._chosen(arm, segment)
        if not chosen.any():
            place = f"arm '{arm}'" if segment is None else f"arm '{arm}', segment '{segment}'"
            raise TrialError(f"{place} has no unit", allowed=self.arms)
        return self.moments.at(chosen).pooled()

    def units(self, arm: str, segment: str | None = None) -> int:
        """Return how many units an arm has, overall or in one segment."""
        return int(self.moments.n[self._chosen(arm, segment)].sum())

    def by_bucket(self, arm: str, segment: str | None = None) -> Moments:
        """Return an arm's moments as a batch over all buckets of the table, in their order; n is 0 where none is.

        The same place is the same bucket in every arm.
        """
        buckets = np.unique(self.bucket)
        chosen = self._chosen(arm, segment)
        k = len(self.moments.columns)
        member: Numbers = (self.bucket[chosen][None, :] == buckets[:, None]).astype(np.float64)
        if not chosen.any():
            return Moments(
                self.moments.columns,
                np.zeros(len(buckets)),
                np.zeros((len(buckets), k)),
                np.zeros((len(buckets), k, k)),
            )
        found = self.moments.at(chosen).pooled(member)
        empty = found.n == 0
        mean = np.where(empty[:, None], 0.0, found.mean)
        return Moments(found.columns, found.n, mean, np.where(empty[:, None, None], 0.0, found.comoments))

    def _chosen(self, arm: str, segment: str | None) -> NDArray[np.bool_]:
        chosen: NDArray[np.bool_] = self.arm == arm
        return chosen if segment is None else chosen & (self.segment == segment)
