"""What this package offers. Targets are imported only when a study names them."""

from __future__ import annotations

from framework.components import Component
from framework.hookspecs import hookimpl


@hookimpl
def prelaunch_components() -> list[Component]:
    """Offer the simulators."""
    return [
        Component(
            "simulator",
            "purchase_response",
            "shop_simulators.purchase_response:PurchaseResponse",
            "who buys again, and which of the shown items, fitted to the log",
            needs=("sklearn", "scipy"),
            reference="McCullagh, Nelder, Generalized Linear Models, 1989",
        ),
        Component(
            "simulator",
            "synthetic_shop",
            "shop_simulators.synthetic_shop:SyntheticShop",
            "responses by the truth of the source synthetic_shop: for proofs of the machinery",
            needs=("pyarrow",),
        ),
        Component(
            "simulator",
            "planted_arms",
            "shop_simulators.planted_arms:PlantedArms",
            "a bandit's world: arms with planted chances, by segment and visitor, drifting, with late feedback",
            reference="Lattimore, Szepesvari, Bandit Algorithms, 2020, chapters 4, 19 and 31",
        ),
    ]
