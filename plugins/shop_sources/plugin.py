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
        Component(
            "source",
            "pairs",
            "shop_sources.pairs:Pairs",
            "train.txt and test.txt with a line a user: a published split of pairs without times",
            needs=("pyarrow",),
            reference="He, Deng, Wang, Li, Zhang, Wang, SIGIR 2020 (the layout)",
        ),
        Component(
            "source",
            "sequences",
            "shop_sources.sequences:Sequences",
            "users' items in time order, a line a user, without times",
            needs=("pyarrow",),
            reference="Kang, McAuley, ICDM 2018 (the layout)",
        ),
        Component(
            "source",
            "open_bandit",
            "shop_sources.open_bandit:OpenBandit",
            "logged decisions of the Open Bandit Dataset, with propensities",
            needs=("pyarrow",),
            reference="Saito, Aihara, Matsutani, Narita, NeurIPS 2021",
        ),
    ]
