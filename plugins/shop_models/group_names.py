"""Groups in plain words: what stands out in each against all users."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shop_models.buyers import NO_PURCHASE, money

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

STANDS_OUT = 0.5
"""Standard deviations between a group's centre and the mean of all users from which a feature is worth a word."""

_WORDS = {
    "recency_days": ("active lately", "long away"),
    "frequency": ("few orders", "frequent"),
    "monetary": ("low spending", "high spending"),
    "tenure_days": ("new", "long-standing"),
    "interval_mean_days": ("quick to return", "slow to return"),
    "interval_spread_days": ("regular", "irregular"),
    "basket_size": ("small baskets", "large baskets"),
    "basket_value": ("cheap baskets", "costly baskets"),
    "price_level": ("low prices", "high prices"),
    "returns_rate": ("few returns", "many returns"),
    "distinct_items": ("narrow choice", "wide choice"),
    "views_per_purchase": ("decides fast", "looks around"),
}
_MONEY = ("monetary", "basket_value", "price_level")


def name_groups(features: Sequence[str], centers: NDArray[np.float64]) -> tuple[str, ...]:
    """Return a distinct name for each centre (k, F) of standardised features: its two most striking ones in words.

    Groups that would share a name get their next features, and a number where words do not tell them apart.
    """
    if len(centers) == 1:
        return ("everyone",)
    names = [_words(features, center, 2) for center in centers]
    for shown in range(3, len(features) + 1):
        names = [_words(features, c, shown) if names.count(n) > 1 else n for n, c in zip(names, centers, strict=True)]
    return tuple(
        name if names.count(name) == 1 else f"{name} ({names[: place + 1].count(name)})"
        for place, name in enumerate(names)
    )


def describe_groups(
    names: Sequence[str],
    features: Sequence[str],
    values: NDArray[np.float64],
    labels: NDArray[np.int32],
    currency: str,
) -> tuple[str, ...]:
    """Return one sentence a group: the middle half of its users (quartiles) on every feature, in raw units."""
    return tuple(_describe(name, features, values[labels == place], currency) for place, name in enumerate(names))


def _words(features: Sequence[str], center: NDArray[np.float64], shown: int) -> str:
    order = np.argsort(-np.abs(center), kind="stable")[:shown]
    words = [_word(features[place], bool(center[place] > 0)) for place in order if abs(center[place]) >= STANDS_OUT]
    return ", ".join(words) or "average"


def _word(feature: str, high: bool) -> str:
    if feature in _WORDS:
        return _WORDS[feature][high]
    if feature.startswith("category_share_"):
        return ("little " if not high else "much ") + feature.removeprefix("category_share_")
    return ("low " if not high else "high ") + feature.replace("_", " ")


def _describe(name: str, features: Sequence[str], values: NDArray[np.float64], currency: str) -> str:
    if len(values) == 0:
        return "No users at present."
    if name == NO_PURCHASE:
        return "Seen in the log, but not buying so far."
    parts = []
    for feature, column in zip(features, values.T, strict=True):
        known = column[~np.isnan(column)]
        if len(known):
            low, high = (_show(feature, float(value)) for value in np.quantile(known, [0.25, 0.75]))
            unit = f" {currency}" if feature in _MONEY and currency else ""
            parts.append(f"{feature.replace('_', ' ')} {low if low == high else f'{low} to {high}'}{unit}")
    return f"The middle half: {', '.join(parts)}."


def _show(feature: str, value: float) -> str:
    if feature in _MONEY:
        return money(value, "")
    return f"{value:,.2f}" if abs(value) < 10 and value != round(value) else f"{value:,.0f}"
