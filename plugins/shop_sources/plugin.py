"""What this package offers. Targets are imported only when a study names them."""

from __future__ import annotations

from framework.components import Component
from framework.hookspecs import hookimpl


@hookimpl
def prelaunch_components() -> list[Component]:
    """Offer the sources."""
    return [
        Component(
            "source",
            "log",
            "shop_sources.log:Log",
            "an event log in CSV or Parquet, its columns mapped in the config",
            needs=("pyarrow",),
        ),
        Component(
            "source",
            "online_retail",
            "shop_sources.online_retail:OnlineRetail",
            "the columns and rules of the Online Retail data sets",
            needs=("pyarrow",),
            reference="Chen, Sain, Guo, J. Database Marketing 2012",
        ),
        Component(
            "source",
            "synthetic_shop",
            "shop_sources.synthetic_shop:SyntheticShop",
            "a seeded shop with planted segments, preferences and effect",
            needs=("pyarrow",),
        ),
    ]
