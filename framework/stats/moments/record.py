"""Counts, means and centred second moments of units: additive records in place of rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.errors import TrialError

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Moments:
    """Moments of n units' columns, for one group or for a batch of groups (leading axes `...`).

    `n` (...,) counts units, `mean` (..., k) are the columns' means, and `comoments` (..., k, k) the sums over units of
    products of deviations from them (nan where a pair was not asked for). Records merge without loss (Chan, Golub and
    LeVeque 1983, "Algorithms for computing the sample variance", eq. 2.1): what is added are deviations, so values
    around 1e8 with a spread of 1 keep their digits.
    """

    columns: tuple[str, ...]
    n: Numbers
    mean: Numbers
    comoments: Numbers

    @staticmethod
    def of(columns: Mapping[str, NDArray[np.floating] | NDArray[np.integer] | NDArray[np.bool_]]) -> Moments:
        """Return the moments of one group's rows, given as equally long columns; without rows, means are nan."""
        rows = np.stack([np.asarray(column, dtype=np.float64) for column in columns.values()], axis=-1)
        if len(rows) == 0:
            k = len(columns)
            return Moments(tuple(columns), np.zeros(()), np.full(k, np.nan), np.full((k, k), np.nan))
        mean = rows.mean(axis=0)
        centred = rows - mean
        # A second pass over the deviations takes out what rounding left in the mean.
        left = centred.mean(axis=0)
        comoments = centred.T @ centred - len(rows) * np.outer(left, left)
        return Moments(tuple(columns), np.asarray(float(len(rows))), mean + left, comoments)

    @property
    def covariance(self) -> Numbers:
        """The columns' covariance matrix (..., k, k), ddof 1."""
        return np.asarray(self.comoments / (self.n - 1)[..., None, None])

    def index(self, column: str) -> int:
        """Return the place of a column."""
        return self.columns.index(column)

    def mean_of(self, column: str) -> Numbers:
        """Return a column's mean (...,)."""
        return np.asarray(self.mean[..., self.index(column)])

    def pick(self, columns: Sequence[str]) -> Moments:
        """Return the moments of some columns, in that order."""
        missing = [column for column in columns if column not in self.columns]
        if missing:
            raise TrialError(f"no moments of column '{missing[0]}'", allowed=self.columns)
        at = [self.index(column) for column in columns]
        return Moments(tuple(columns), self.n, self.mean[..., at], self.comoments[..., at, :][..., at])

    def at(self, index: NDArray[np.intp] | NDArray[np.bool_] | int) -> Moments:
        """Return some groups of a batch, by index or mask of its first axis."""
        return Moments(
            self.columns, np.asarray(self.n[index]), np.asarray(self.mean[index]), np.asarray(self.comoments[index])
        )

    def projected(self, names: Sequence[str], weights: Numbers, shift: Numbers | float = 0.0) -> Moments:
        """Return the moments of linear combinations: `weights` (..., m, k) times the columns, plus `shift` (..., m)."""
        mean = np.einsum("...mk,...k->...m", weights, self.mean) + shift
        comoments = weights @ self.comoments @ np.swapaxes(weights, -1, -2)
        return Moments(tuple(names), self.n, mean, comoments)

    def scaled(self, factor: Numbers | float, columns: Sequence[str]) -> Moments:
        """Return the moments after the named columns were multiplied by `factor` (a number, or (...,))."""
        by = np.ones(self.mean.shape)
        by[..., [self.index(column) for column in columns]] = np.asarray(factor)[..., None]
        return Moments(self.columns, self.n, self.mean * by, self.comoments * by[..., :, None] * by[..., None, :])

    def shifted(self, by: Numbers | float, column: str) -> Moments:
        """Return the moments after `by` (a number, or (...,)) was added to every unit's value of a column."""
        mean = self.mean.copy()
        mean[..., self.index(column)] += by
        return Moments(self.columns, self.n, mean, self.comoments)

    def pooled(self, weights: Numbers | None = None) -> Moments:
        """Merge a batch of G groups (one leading axis) into one group; a group without units does not touch it.

        `weights` (R, G), where given, say how often each group counts: the result is then a batch of R merged groups,
        such as R bootstrap samples of buckets. A group of weight 0 does not touch the result.
        """
        once = np.ones((1, self.n.shape[0])) if weights is None else np.asarray(weights, dtype=np.float64)
        deviation = np.where((self.n > 0)[:, None], self.mean, 0.0)
        # A median, as groups far away may have weight 0: their distance must not cost the others digits.
        centre = _weighted_median(deviation, self.n)
        deviation = np.where((self.n > 0)[:, None], deviation - centre, 0.0)
        k = len(self.columns)
        squares = np.where((self.n > 0)[:, None, None], self.comoments, 0.0)
        squares = squares + self.n[:, None, None] * deviation[:, :, None] * deviation[:, None, :]
        n = once @ self.n
        with np.errstate(divide="ignore", invalid="ignore"):
            offset = (once @ (self.n[:, None] * deviation)) / n[:, None]
        comoments = (once @ squares.reshape(len(squares), k * k)).reshape(-1, k, k)
        comoments = comoments - n[:, None, None] * offset[:, :, None] * offset[:, None, :]
        merged = Moments(self.columns, n, centre + offset, comoments)
        return merged.at(0) if weights is None else merged


def stacked(groups: Sequence[Moments]) -> Moments:
    """Return groups of the same columns as one batch."""
    first = groups[0]
    same = [group.pick(first.columns) for group in groups]
    return Moments(
        first.columns,
        np.stack([group.n for group in same]),
        np.stack([group.mean for group in same]),
        np.stack([group.comoments for group in same]),
    )


def merged(groups: Sequence[Moments]) -> Moments:
    """Return one group out of several that share no unit."""
    return stacked(groups).pooled()


def both(first: Moments, second: Moments) -> Moments:
    """Return two groups of the same columns merged, or batches (...) of them one by one.

    A group without units does not touch the other; of two such groups comes another.
    """
    other = second.pick(first.columns)
    n = first.n + other.n
    gap = np.where(((first.n > 0) & (other.n > 0))[..., None], other.mean - first.mean, 0.0)
    start = np.where((first.n > 0)[..., None], first.mean, other.mean)
    share = other.n / np.maximum(n, 1)
    mean = start + gap * share[..., None]
    between = gap[..., :, None] * gap[..., None, :] * (first.n * share)[..., None, None]
    own, theirs = (
        np.where((own.n == 0)[..., None, None] & (n > 0)[..., None, None], 0.0, own.comoments) for own in (first, other)
    )
    return Moments(first.columns, n, mean, own + theirs + between)


def _weighted_median(values: Numbers, weights: Numbers) -> Numbers:
    """Return medians (k,) of `values` (G, k), each row counting `weights` (G,) times."""
    if len(values) == 0:
        return np.zeros(values.shape[-1])
    order = np.argsort(values, axis=0)
    reached = np.cumsum(weights[order], axis=0) >= weights.sum() / 2
    place = np.take_along_axis(order, reached.argmax(axis=0)[None, :], axis=0)
    return np.asarray(np.take_along_axis(values, place, axis=0)[0])
