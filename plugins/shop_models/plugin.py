"""What this package offers. Targets are imported only when a study names them."""

from __future__ import annotations

from framework.components import Component
from framework.hookspecs import hookimpl


@hookimpl
def prelaunch_components() -> list[Component]:
    """Offer the models."""
    return [
        Component(
            "model",
            "rfm",
            "shop_models.rfm:Rfm",
            "named segments by recency, frequency and money",
            reference="Hughes 1994; Fader, Hardie, Lee, JMR 2005",
        ),
        Component(
            "model",
            "kmeans",
            "shop_models.kmeans:Kmeans",
            "compact groups of users; k given, or chosen by stability",
            needs=("sklearn",),
            reference="Lloyd 1982; Ben-Hur, Elisseeff, Guyon, PSB 2002",
        ),
        Component(
            "model",
            "activity",
            "shop_models.activity:Activity",
            "users by how many different items they took: cold, warm, hot",
        ),
    ]
