"""Every recommender of the package passes the shipped suite, with its defaults and with its other forms."""

from typing import Any, ClassVar

from framework.testing import RecommenderTests


class TestPopular(RecommenderTests):
    component = "shop_recommenders.popularity.popular:Popular"
    name = "popular"


class TestPopularByEvents(RecommenderTests):
    component = "shop_recommenders.popularity.popular:Popular"
    params: ClassVar[dict[str, Any]] = {"weights": "counts", "kinds": ["view", "purchase"]}


class TestRecentPopular(RecommenderTests):
    component = "shop_recommenders.popularity.recent_popular:RecentPopular"
    name = "recent_popular"


class TestSegmentPopular(RecommenderTests):
    component = "shop_recommenders.popularity.segment_popular:SegmentPopular"
    name = "segment_popular"


class TestItemKnn(RecommenderTests):
    component = "shop_recommenders.neighbours.item_knn:ItemKnn"
    name = "item_knn"


class TestItemKnnOfOtherItems(RecommenderTests):
    component = "shop_recommenders.neighbours.item_knn:ItemKnn"
    params: ClassVar[dict[str, Any]] = {"own_items": False, "weights": "counts", "neighbours": 2}


class TestAls(RecommenderTests):
    component = "shop_recommenders.factors.als:Als"
    name = "als"


class TestSmallAls(RecommenderTests):
    component = "shop_recommenders.factors.als:Als"
    params: ClassVar[dict[str, Any]] = {"factors": 3, "weights": "binary", "iterations": 2, "num_threads": 1}
