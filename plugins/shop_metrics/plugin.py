"""What this package offers. Targets are imported only when a study names them."""

from __future__ import annotations

from framework.components import Component
from framework.hookspecs import hookimpl

_HERLOCKER = "Herlocker et al., TOIS 2004"
_KOHAVI = "Kohavi, Tang, Xu 2020, chapter 6"


def _metric(name: str, class_name: str, summary: str, reference: str) -> Component:
    return Component("metric", name, f"shop_metrics.{name}:{class_name}", summary, reference=reference)


@hookimpl
def prelaunch_components() -> list[Component]:
    """Offer the metrics."""
    return [
        _metric("recall", "Recall", "share of later purchases that the first k positions held", _HERLOCKER),
        _metric(
            "capped_recall",
            "CappedRecall",
            "share of what k positions could hold of the later purchases",
            "Liang, Krishnan, Hoffman, Jebara, WWW 2018",
        ),
        _metric("precision", "Precision", "share of the first k positions that was bought later", _HERLOCKER),
        _metric(
            "ndcg", "Ndcg", "discounted gain of the first k positions, 1 at best", "Järvelin, Kekäläinen, TOIS 2002"
        ),
        _metric("mrr", "Mrr", "one over the rank of the first purchase, within k", "Voorhees, TREC-8 1999"),
        _metric(
            "hit_rate", "HitRate", "share of users with a purchase in the first k", "Deshpande, Karypis, TOIS 2004"
        ),
        _metric(
            "catalogue_coverage",
            "CatalogueCoverage",
            "share of the catalogue that anybody is shown",
            "Ge et al., RecSys 2010",
        ),
        _metric("novelty", "Novelty", "how little known the shown items are, in bits", "Vargas, Castells, RecSys 2011"),
        _metric(
            "gini", "Gini", "how unequally exposure falls on the catalogue", "Fleder, Hosanagar, Mgmt Science 2009"
        ),
        _metric("conversion", "Conversion", "share of users who bought a shown item", _KOHAVI),
        _metric("orders_per_user", "OrdersPerUser", "baskets with a shown item, per user", _KOHAVI),
        _metric("revenue_per_user", "RevenuePerUser", "money for shown items, per user", _KOHAVI),
        _metric(
            "average_order_value", "AverageOrderValue", "money for shown items, per order", "Deng et al., KDD 2018"
        ),
    ]
