"""Who has bought at all, and money as text: what both segment models need to say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from framework.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from framework.data.tables import FeatureTable

NO_PURCHASE = "no purchase yet"
"""Name of the segment of users that the log never saw buy."""


def buyers(features: FeatureTable) -> NDArray[np.bool_]:
    """Return which users (U,) have bought: a frequency above 0 and a recency that is defined."""
    frequency = features.column("frequency")
    return (np.nan_to_num(frequency) > 0) & ~np.isnan(features.column("recency_days"))


def require(features: FeatureTable, names: Iterable[str], model: str) -> None:
    """Raise DataError where the data set lacks a feature that the model needs, and name those it has."""
    for name in names:
        if name not in features:
            raise DataError(
                f"model '{model}' needs the feature '{name}', which this log does not give",
                allowed=features.names,
                hint="Choose among these, or map the columns that the feature is computed from.",
            )


def money(minor: float, currency: str) -> str:
    """Return an amount in minor units as text: 12.5 thousand pence of GBP as "125.00 GBP"."""
    return f"{minor / 100:,.2f} {currency}".rstrip()
