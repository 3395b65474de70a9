"""Segment cards: what a product owner should know of each group of users."""

from __future__ import annotations

import numpy as np

from framework.data.tables import Dataset
from framework.records import Segmentation, SegmentCard

_TYPICAL = ("recency_days", "frequency", "monetary", "basket_value", "tenure_days", "returns_rate")


def segment_cards(data: Dataset, segmentation: Segmentation) -> tuple[SegmentCard, ...]:
    """Return a card for every segment that has users, in the model's order.

    Revenue is that of the training part, net of cancellations known at its end; typical values are medians.
    """
    purchases = data.events.of_kind("purchase")
    spent = np.bincount(purchases.user, weights=purchases.amount.astype(np.float64), minlength=len(data.users))
    total = float(spent.sum())
    cards = []
    for index, (name, description) in enumerate(zip(segmentation.names, segmentation.descriptions, strict=True)):
        members = segmentation.labels == index
        if not members.any():
            continue
        cards.append(
            SegmentCard(
                name=name,
                description=description,
                users=int(members.sum()),
                share_of_users=float(members.mean()),
                share_of_revenue=float(spent[members].sum()) / total if total else 0.0,
                typical=_medians(data, members),
            )
        )
    return tuple(cards)


def _medians(data: Dataset, members: np.ndarray) -> dict[str, float]:
    medians = {}
    for feature in _TYPICAL:
        if feature in data.features:
            values = data.features.column(feature)[members]
            values = values[np.isfinite(values)]
            if len(values):
                medians[feature] = round(float(np.median(values)), 4)
    return medians
