"""A softmax-linear policy as strategies use it: pages drawn by exp(x' w_item), for items that its log knew."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.errors import ConfigError, TrialError
from framework.records import Actions, Queries, Slates, TargetPolicy
from shop_policies.bandits.contexts import contexts_of, on_grid
from shop_policies.bandits.plackett_luce import plackett_luce_pages
from shop_policies.learned.counterfactual_risk import chances


class SoftmaxLinear:
    """Weights of each action, and what can be asked of them; before any are learned, every page is as likely.

    A page draws one position after the other among the candidates left, with chance proportional to exp(x' w). Items
    that the log did not know have the mean weight of those it knew.
    """

    def __init__(self, propensity_draws: int, file: str | None) -> None:
        self._draws = propensity_draws
        self._weights = np.zeros((0, 0))
        self._items = np.zeros(0, dtype=np.int32)
        if file is not None:
            self.load(Path(file).expanduser())

    @property
    def weights(self) -> NDArray[np.float64]:
        """Weights (A, 1 + F) of the constant and of each feature, by action."""
        return self._weights

    def probabilities(self, context: NDArray[np.float64] | None, rows: int = 1) -> NDArray[np.float64]:
        """Return the chance (n, A) of every action of the log, for contexts (n, F); without features, for `rows`."""
        features = np.zeros((rows, 0)) if context is None else on_grid(context)
        return chances(np.concatenate([np.ones((len(features), 1)), features], axis=1), self._weights)

    def target(self, name: str, positions: int = 1) -> TargetPolicy:
        """Return the policy for off-policy evaluation on a log of its actions; it must have no features.

        Raises TrialError where it has.
        """
        if self._weights.shape[1] != 1:
            raise TrialError(
                f"'{name}' decides by {self._weights.shape[1] - 1} features, and a target has one law for everybody",
                hint="Evaluate it by `probabilities` of the log's own contexts.",
            )
        table = np.repeat(self.probabilities(None).T, positions, axis=1)
        return TargetPolicy(name, table, "learned from a log of decisions", estimated=False)

    def take(self, weights: NDArray[np.float64], items: NDArray[np.int32] | None) -> None:
        """Take weights (A, 1 + F); `items` (A,) are the actions' indexes in the catalogue, None: their own order."""
        self._weights = weights
        self._items = np.arange(len(weights), dtype=np.int32) if items is None else np.array(items, dtype=np.int32)
        if len(self._items) != len(weights):
            raise TrialError(f"{len(self._items)} items for {len(weights)} actions", allowed="one item an action")

    def act(self, queries: Queries, slates: Slates, rng: np.random.Generator) -> Actions:
        """Return distinct candidates with propensities; -1 with propensity 1 where there are none.

        Raises TrialError where the queries' features are not those that it learned by.
        """
        return plackett_luce_pages(queries, slates, self.logits(queries, slates.items), self._draws, rng)

    def logits(self, queries: Queries, items: NDArray[np.int32]) -> NDArray[np.float64]:
        """Return x' w of items (n, C)."""
        if not len(self._weights):
            return np.zeros(items.shape)
        width = self._weights.shape[1]
        contexts = contexts_of(queries) if width > 1 else np.ones((len(queries), 1))
        if contexts.shape[1] != width:
            raise TrialError(
                f"A policy learned by {width - 1} features is given {contexts.shape[1] - 1}",
                hint="Its log's contexts must be the features that queries have, in their order.",
            )
        order = np.argsort(self._items, kind="stable")
        place = np.searchsorted(self._items[order], items).clip(max=len(order) - 1)
        own = order[place]
        known = self._items[own] == items
        found = np.einsum("nd,ncd->nc", contexts, self._weights[own])
        return np.asarray(np.where(known, found, (contexts @ self._weights.mean(axis=0))[:, None]))

    def state(self) -> Mapping[str, NDArray[Any]]:
        """Return the weights, and whose they are."""
        return {"weights": self._weights.copy(), "items": self._items.copy()}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take what an equal policy learned."""
        self._weights = np.array(state["weights"], dtype=np.float64)
        self._items = np.array(state["items"], dtype=np.int32)

    def save(self, path: Path) -> None:
        """Write what was learned to a file that the parameter `file` can name."""
        with path.open("wb") as stream:
            np.savez(stream, weights=self._weights, items=self._items)

    def load(self, path: Path) -> None:
        """Read what `save` wrote. Raises ConfigError where there is no such file."""
        try:
            with np.load(path, allow_pickle=False) as found:
                self.restore({name: found[name] for name in ("weights", "items")})
        except (OSError, ValueError, KeyError) as error:
            raise ConfigError(
                f"{path} holds no learned policy: {error}", hint="Name a file that the policy's `save` wrote."
            ) from error
