"""A ridge regression of the reward on the context for each item: the linear bandits' common part.

With x the contexts (d) at which an item was seen and r its rewards: A = regularization I + sum x x', b = sum r x,
theta = A^-1 b. References: Li, Chu, Langford and Schapire, WWW 2010, algorithm 1; Bishop, "Pattern Recognition and
Machine Learning", 2006, section 3.3, for the posterior N(theta, noise^2 A^-1).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.errors import TrialError


class RidgeArms:
    """Sums of every item that was seen, solved when they are read. Items that were never seen share the prior.

    Contexts must lie on the grid of `contexts` for sums to be exact whatever their order.
    """

    def __init__(self, regularization: float) -> None:
        self.regularization = regularization
        self._items = np.zeros(0, dtype=np.int32)
        self._gram = np.zeros((0, 0, 0))
        self._moment = np.zeros((0, 0))
        self._count = np.zeros(0, dtype=np.int64)
        self._square = np.zeros(0)
        self._solved: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None

    def add(self, items: NDArray[np.int32], contexts: NDArray[np.float64], rewards: NDArray[np.int64]) -> None:
        """Take in m rewards (m,) of items (m,) seen in contexts (m, d). Raises TrialError for another d than before."""
        if not len(items):
            return
        width = contexts.shape[1]
        if len(self._items):
            check_width(self._gram.shape[1], width)
        known = np.union1d(self._items, items).astype(np.int32)
        self._spread(known, width)
        place = np.searchsorted(known, items)
        order = np.argsort(place, kind="stable")
        ends = np.flatnonzero(np.diff(place[order])) + 1
        for rows in np.split(order, ends):
            own, x, r = int(place[rows[0]]), contexts[rows], rewards[rows].astype(np.float64)
            self._gram[own] += x.T @ x
            self._moment[own] += x.T @ r
            self._count[own] += len(rows)
            self._square[own] += r @ r
        self._solved = None

    def read(
        self, items: NDArray[np.int32], contexts: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return x' theta and sqrt(x' A^-1 x) of items (n, C) in contexts (n, d); the prior's for an unseen item."""
        if len(self._items):
            check_width(self._gram.shape[1], contexts.shape[1])
        theta, inverse = self._solve()
        mean = np.zeros(items.shape)
        # The same numbers for all unseen items of a query, so that they tie exactly.
        norm = np.sqrt((contexts**2).sum(axis=1) / self.regularization)
        width = np.repeat(norm[:, None], items.shape[1], axis=1)
        place = self.places(items)
        flat = np.flatnonzero(place.reshape(-1) >= 0)
        if not len(flat):
            return mean, width
        own = place.reshape(-1)[flat]
        order = np.argsort(own, kind="stable")
        for cells in np.split(order, np.flatnonzero(np.diff(own[order])) + 1):
            arm, at = int(own[cells[0]]), flat[cells]
            x = contexts[at // items.shape[1]]
            mean.reshape(-1)[at] = (x * theta[arm]).sum(axis=1)
            width.reshape(-1)[at] = np.sqrt(np.maximum(((x @ inverse[arm]) * x).sum(axis=1), 0.0))
        return mean, width

    def evidence(self, items: NDArray[np.int32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return how often items were seen, and sum r^2 - b' theta: what their regression leaves, with its penalty."""
        theta, _ = self._solve()
        place = self.places(items)
        seen = place >= 0
        count, rest = np.zeros(items.shape), np.zeros(items.shape)
        count[seen] = self._count[place[seen]]
        left = np.maximum(self._square - (self._moment * theta).sum(axis=1), 0.0)
        rest[seen] = left[place[seen]]
        return count, rest

    def places(self, items: NDArray[np.int32]) -> NDArray[np.intp]:
        """Return where the items stand among those seen, -1 for others."""
        if not len(self._items):
            return np.full(items.shape, -1, dtype=np.intp)
        found = np.searchsorted(self._items, items).clip(max=len(self._items) - 1)
        return np.where(self._items[found] == items, found, -1)

    def state(self) -> Mapping[str, NDArray[Any]]:
        """Return the sums by name."""
        return {
            "items": self._items.copy(),
            "gram": self._gram.copy(),
            "moment": self._moment.copy(),
            "count": self._count.copy(),
            "square": self._square.copy(),
        }

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take sums that another one had."""
        self._items, self._count = np.array(state["items"], np.int32), np.array(state["count"], np.int64)
        self._gram, self._moment = np.array(state["gram"], np.float64), np.array(state["moment"], np.float64)
        self._square = np.array(state["square"], np.float64)
        self._solved = None

    def _solve(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        if self._solved is None:
            ridge = self._gram + self.regularization * np.eye(self._gram.shape[1])
            theta = np.linalg.solve(ridge, self._moment[:, :, None])[:, :, 0]
            self._solved = np.asarray(theta, np.float64), np.asarray(np.linalg.inv(ridge), np.float64)
        return self._solved

    def _spread(self, known: NDArray[np.int32], width: int) -> None:
        """Make room for the items `known`, which hold all that were seen before."""
        if len(known) == len(self._items):
            return
        old, place = len(self._items), np.searchsorted(known, self._items)
        for name, shape in (("_gram", (width, width)), ("_moment", (width,)), ("_count", ()), ("_square", ())):
            before = getattr(self, name)
            after = np.zeros((len(known), *shape), dtype=before.dtype)
            if old:
                after[place] = before
            setattr(self, name, after)
        self._items = known


def check_width(learned: int, given: int) -> None:
    """Raise TrialError where a policy is given other contexts than it learned from."""
    if given != learned:
        raise TrialError(
            f"A linear policy learned from {learned} numbers a visitor and is now given {given}",
            hint="Queries must have the same features, or all of them none and the same segments.",
        )
