"""A small honest tree of effects: segments as rules in words, each with the effect of units that did not shape it.

References: Athey and Imbens, "Recursive partitioning for heterogeneous causal effects", PNAS 2016 (honest trees);
Kennedy 2023 for the pseudo-outcomes that it splits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.errors import ConfigError, PluginError
from shop_models.uplift.pseudo_outcomes import pseudo_outcomes
from shop_models.uplift.regressions import Floats, RegressionConfig, dealt_folds, seed_of


@dataclass(frozen=True)
class EffectTreeConfig(RegressionConfig):
    """The tree: at most `depth` questions a unit, at least the share `smallest` of the units in each segment.

    Pseudo-outcomes of each of `folds` folds come from regressions on the others, as `RegressionConfig` says: `outcomes`
    is "linear" or "boosting"; `trees`, `leaves`, `min_leaf` and `learning_rate` count for boosting.
    """

    depth: int = 2
    smallest: float = 0.1
    folds: int = 5

    def __post_init__(self) -> None:
        """Refuse a tree without questions, segments without units and fewer than two folds."""
        super().__post_init__()
        if self.depth < 1 or self.folds < 2:
            raise ConfigError(f"depth is {self.depth}, folds is {self.folds}", allowed="depth 1, folds 2 or more")
        if not 0 < self.smallest < 0.5:
            raise ConfigError(f"smallest is {self.smallest}", allowed="above 0 and below 0.5")


class EffectTree:
    """Half of the units shape the tree, the other half say what the effect is in each leaf; leaves are segments."""

    Config = EffectTreeConfig

    def __init__(self, config: EffectTreeConfig) -> None:
        self.config = config
        self.tree: Any = None
        self.effects: Floats = np.zeros(0)
        self.order: NDArray[np.intp] = np.zeros(0, dtype=np.intp)

    def fit(
        self,
        features: Floats,
        treated: NDArray[np.bool_],
        outcome: Floats,
        propensity: Floats,
        rng: np.random.Generator,
    ) -> None:
        """Learn from a test's units, each with its known probability of treatment."""
        from sklearn.tree import DecisionTreeRegressor

        config = self.config
        pseudo = pseudo_outcomes(config, config.folds, features, treated, outcome, propensity, rng)
        shaping = dealt_folds(treated, 2, rng) == 0
        self.tree = DecisionTreeRegressor(
            max_depth=config.depth, min_samples_leaf=config.smallest, random_state=seed_of(rng)
        ).fit(features[shaping], pseudo[shaping])
        nodes = self.tree.tree_.node_count
        at = self.tree.apply(features[~shaping])
        units = np.bincount(at, minlength=nodes)
        sums = np.bincount(at, weights=pseudo[~shaping], minlength=nodes)
        # A leaf that the second half does not reach, which a floor makes rare, is everybody.
        self.effects = np.where(units > 0, sums / np.maximum(units, 1), pseudo.mean())
        leaves = np.flatnonzero(self.tree.tree_.children_left < 0)
        self.order = leaves[np.argsort(-self.effects[leaves], kind="stable")]

    def effect(self, features: Floats) -> Floats:
        """Return the predicted effect (n,): that of the leaf. Raises PluginError before `fit`."""
        return np.asarray(self.effects[self._leaf(features)])

    def groups(self, features: Floats) -> NDArray[np.int32]:
        """Return each unit's leaf (n,), 0 the one with the largest effect. Raises PluginError before `fit`."""
        place = np.zeros(self.effects.size, dtype=np.int32)
        place[self.order] = np.arange(self.order.size, dtype=np.int32)
        return np.asarray(place[self._leaf(features)])

    def rules(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return each leaf's rule in words, in the order of `groups`; `names` (d,) are the features'.

        A feature named "channel=Web" holds 1 for that value and 0 for others. Raises PluginError before `fit`.
        """
        self._leaf(np.zeros((1, len(names))))
        tree = self.tree.tree_
        found: dict[int, str] = {}

        def walk(node: int, bounds: dict[int, tuple[float, float]]) -> None:
            if tree.children_left[node] < 0:
                said = [_in_words(names[feature], *own) for feature, own in bounds.items()]
                found[node] = " and ".join(said) or "everybody"
                return
            feature, cut = int(tree.feature[node]), float(tree.threshold[node])
            low, high = bounds.get(feature, (-np.inf, np.inf))
            walk(int(tree.children_left[node]), {**bounds, feature: (low, min(high, cut))})
            walk(int(tree.children_right[node]), {**bounds, feature: (max(low, cut), high)})

        walk(0, {})
        return tuple(found[int(leaf)] for leaf in self.order)

    def _leaf(self, features: Floats) -> NDArray[np.intp]:
        if self.tree is None:
            raise PluginError("uplift 'effect_tree' was asked before it was fitted", hint="Call fit first.")
        return np.asarray(self.tree.apply(features), dtype=np.intp)


def _in_words(name: str, low: float, high: float) -> str:
    column, equals, value = name.partition("=")
    if equals:
        return f"{column} is {value}" if low > -np.inf else f"{column} is not {value}"
    if low == -np.inf:
        return f"{name} up to {high:.4g}"
    if high == np.inf:
        return f"{name} above {low:.4g}"
    return f"{name} above {low:.4g}, up to {high:.4g}"
