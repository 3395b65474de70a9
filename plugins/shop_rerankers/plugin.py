"""What this package offers. Targets are imported only when a study names them."""

from __future__ import annotations

from framework.components import Component
from framework.hookspecs import hookimpl


@hookimpl
def prelaunch_components() -> list[Component]:
    """Offer the rerankers."""
    return [
        Component(
            "reranker",
            "mmr",
            "shop_rerankers.mmr:Mmr",
            "relevant items that are not alike",
            needs=("scipy", "sklearn"),
            reference="Carbonell, Goldstein, SIGIR 1998",
        ),
        Component(
            "reranker",
            "calibrated",
            "shop_rerankers.calibrated:Calibrated",
            "categories in the shares in which the user, or the segment, buys them",
            reference="Steck, RecSys 2018",
        ),
        Component(
            "reranker",
            "business_rules",
            "shop_rerankers.business_rules:BusinessRules",
            "what is in stock and earns enough, boosts and caps by category",
            needs=("pyarrow",),
        ),
    ]
