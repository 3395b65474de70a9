"""Business rules: what must not be shown goes out first, then what is left is ordered by relevance, margin and boosts.

Hard rules: stock and margin below a floor, and items beyond a category's cap. Score of the others:
relevance(i) + margin_weight * margin(i) / (largest margin of the catalogue) + boosts[category of i].
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from framework.data.tables import UNKNOWN, Dataset
from framework.errors import ConfigError, DataError, did_you_mean
from framework.records import Context, Queries, Slates
from shop_rerankers.item_facts import item_facts
from shop_rerankers.relevance import Relevance, relevance, reordered

_NO_CAP = np.iinfo(np.int64).max


@dataclass(frozen=True)
class BusinessRulesConfig:
    """Which items must not be shown, and what lifts the others.

    `table`: a CSV or Parquet file with a row an item; `item`, `stock` and `margin` are its columns, the latter two read
    only where a rule needs them. `min_stock`: items with less are taken out (1: what is sold out). `min_margin`: items
    that earn less are taken out, in the table's unit. `margin_weight`: added to an item's relevance (0 to 1) in the
    share that its margin has of the catalogue's largest. `boosts`: added by category, negative ones take away. `caps`:
    how many items of a category are left in a list at most; `cap`: of every category that `caps` does not name.
    `missing`: what becomes of an item of the log of which the table does not know what a rule needs: "error", "remove",
    or "keep" (no rule removes it, its margin is 0). `relevance`: "score" scales the recommender's scores between a
    query's worst and best candidate; "rank" goes by the order alone.
    """

    table: Path | None = None
    item: str = "item"
    stock: str = "stock"
    margin: str = "margin"
    min_stock: float | None = None
    min_margin: float | None = None
    margin_weight: float = 0.0
    boosts: Mapping[str, float] = field(default_factory=dict)
    caps: Mapping[str, int] = field(default_factory=dict)
    cap: int | None = None
    missing: Literal["error", "remove", "keep"] = "error"
    relevance: Relevance = "score"

    def __post_init__(self) -> None:
        for name in ("min_stock", "min_margin", "margin_weight"):
            value = getattr(self, name)
            if value is not None and not np.isfinite(value):
                raise ConfigError(f"business_rules' {name} is {value}", allowed="a finite number")
            asked = bool(value) if name == "margin_weight" else value is not None
            if asked and self.table is None:
                raise ConfigError(
                    f"business_rules' {name} is {value}, and there is no table to read it from",
                    hint="Set table to a CSV or Parquet file with a row an item.",
                )
        for category, boost in self.boosts.items():
            if not np.isfinite(boost):
                raise ConfigError(f"business_rules' boosts.{category} is {boost}", allowed="a finite number")
        for name, cap in {**{f"caps.{key}": cap for key, cap in self.caps.items()}, "cap": self.cap}.items():
            if cap is not None and cap < 0:
                raise ConfigError(f"business_rules' {name} is {cap}", allowed="an integer from 0")


class BusinessRules:
    """Rules of the shop, the same for every user; a slate that they leave short stays short.

    Items without a category are boosted and capped by none. Ties stay in the recommender's order.
    """

    Config = BusinessRulesConfig

    def __init__(self, config: BusinessRulesConfig) -> None:
        self.config = config

    def fit(self, data: Dataset, context: Context) -> None:
        """Read the table.

        Raises:
            ConfigError: a boost or a cap names a category that the log does not have.
            DataError: the table cannot be used, or does not know of an item what a rule needs.
        """
        self._category = data.item_table.category
        categories = data.item_table.categories
        self._allowed, self._lift = np.ones(len(data.items), dtype=bool), np.zeros(len(data.items))
        cap = _NO_CAP if self.config.cap is None else self.config.cap
        boosts = self._by_category("boosts", self.config.boosts, categories, 0.0)
        caps = self._by_category("caps", self.config.caps, categories, cap)
        self._lift += np.append(boosts, 0.0)[self._category]  # the last for -1
        self._caps = np.append(caps, _NO_CAP).astype(np.int64)
        self._apply_table(data)
        context.log.info("business_rules takes out %d of %d items", int((~self._allowed).sum()), len(data.items))

    def rerank(self, queries: Queries, slates: Slates, k: int) -> Slates:  # noqa: ARG002 - the same for all
        """Return the best min(k, candidates) of each query's candidates that the rules leave."""
        there = slates.items != UNKNOWN
        worth = relevance(slates, self.config.relevance)
        worth = np.where(there & self._allowed[slates.items], worth + self._lift[slates.items], -np.inf)
        places = np.argsort(-worth, axis=1, kind="stable")
        values = np.take_along_axis(worth, places, axis=1)
        beyond = self._beyond_caps(np.take_along_axis(slates.items, places, axis=1), np.isfinite(values))
        kept = np.isfinite(values) & ~beyond
        order = np.argsort(~kept, axis=1, kind="stable")[:, :k]
        values = np.where(np.take_along_axis(kept, order, axis=1), np.take_along_axis(values, order, axis=1), -np.inf)
        return reordered(slates, np.take_along_axis(places, order, axis=1), values)

    def state(self) -> Mapping[str, NDArray[Any]]:
        """Return what the rules come to for each item and category."""
        return {"category": self._category, "caps": self._caps, "allowed": self._allowed, "lift": self._lift}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take the state of an equal one; the table is not read again."""
        self._category, self._caps = np.asarray(state["category"]), np.asarray(state["caps"])
        self._allowed, self._lift = np.asarray(state["allowed"]), np.asarray(state["lift"])

    def _apply_table(self, data: Dataset) -> None:
        config = self.config
        floors = {config.stock: config.min_stock, config.margin: config.min_margin}
        needed = [name for name, floor in floors.items() if floor is not None]
        if config.margin_weight and config.margin not in needed:
            needed.append(config.margin)
        if config.table is None or not needed:
            return
        facts = item_facts(config.table, config.item, needed, data)
        for name, values in facts.items():
            unknown = np.isnan(values)
            if unknown.any() and config.missing == "error":
                raise DataError(
                    f"{config.table} does not know the {name} of {unknown.sum()} of the log's {len(data.items)} items: "
                    f"{', '.join(data.items[unknown][:5].tolist())}",
                    hint="Add them, or say what becomes of them (missing: remove, or keep).",
                )
            floor = floors[name]
            if floor is not None:
                self._allowed &= (values >= floor) | unknown
            if config.missing == "remove":
                self._allowed &= ~unknown
        if config.margin_weight:
            margin = np.nan_to_num(facts[config.margin], nan=0.0)
            self._lift += config.margin_weight * margin / max(float(margin.max(initial=0.0)), np.finfo(float).tiny)

    def _beyond_caps(self, items: NDArray[np.int32], there: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return which candidates (n, C), best first, come after as many of their category as its cap allows."""
        category = np.where(there, self._category[items], UNKNOWN)
        beyond = np.zeros(items.shape, dtype=bool)
        for index in np.flatnonzero(self._caps < _NO_CAP):
            own = category == index
            beyond |= own & (np.cumsum(own, axis=1) > self._caps[index])
        return beyond

    def _by_category(
        self, name: str, given: Mapping[str, float], categories: tuple[str, ...], default: float
    ) -> NDArray[Any]:
        for category in given:
            if category not in categories:
                raise ConfigError(
                    f"business_rules' {name} names the category '{category}', which the log does not have",
                    allowed=categories[:20],
                    hint=did_you_mean(category, categories),
                )
        return np.array([given.get(category, default) for category in categories])
