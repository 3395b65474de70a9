"""What this package offers. Targets are imported only when a study names them."""

from __future__ import annotations

from framework.components import Component
from framework.hookspecs import hookimpl


@hookimpl
def prelaunch_components() -> list[Component]:
    """Offer the recommenders."""
    return [
        Component(
            "recommender",
            "popular",
            "shop_recommenders.popular:Popular",
            "what most users bought, for everybody",
            reference="Cremonesi, Koren, Turrin, RecSys 2010",
        ),
        Component(
            "recommender",
            "recent_popular",
            "shop_recommenders.recent_popular:RecentPopular",
            "what most users bought in the last days: the baseline to beat",
            reference="Ji, Sun, Zhang, Li, SIGIR 2020",
        ),
        Component(
            "recommender",
            "segment_popular",
            "shop_recommenders.segment_popular:SegmentPopular",
            "what most users of the same segment bought, shrunk towards everybody's choice",
            reference="Efron, Morris, JASA 1975",
        ),
        Component(
            "recommender",
            "item_knn",
            "shop_recommenders.item_knn:ItemKnn",
            "items bought by the users who bought what this user bought",
            needs=("scipy",),
            reference="Deshpande, Karypis, TOIS 2004",
        ),
        Component(
            "recommender",
            "als",
            "shop_recommenders.als:Als",
            "matrix factorisation of purchases by alternating least squares",
            needs=("implicit", "threadpoolctl"),
            reference="Hu, Koren, Volinsky, ICDM 2008",
        ),
    ]
