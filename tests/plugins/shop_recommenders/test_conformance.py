"""Every recommender of the package passes the shipped suite, with its defaults and with its other forms."""

from typing import Any, ClassVar

from framework.testing import RecommenderTests


class TestPopular(RecommenderTests):
    component = "shop_recommenders.popular:Popular"
    name = "popular"


class TestPopularByEvents(RecommenderTests):
    component = "shop_recommenders.popular:Popular"
    params: ClassVar[dict[str, Any]] = {"weights": "counts", "kinds": ["view", "purchase"]}


class TestRecentPopular(RecommenderTests):
    component = "shop_recommenders.recent_popular:RecentPopular"
    name = "recent_popular"


class TestSegmentPopular(RecommenderTests):
    component = "shop_recommenders.segment_popular:SegmentPopular"
    name = "segment_popular"


class TestItemKnn(RecommenderTests):
    component = "shop_recommenders.item_knn:ItemKnn"
    name = "item_knn"


class TestItemKnnOfOtherItems(RecommenderTests):
    component = "shop_recommenders.item_knn:ItemKnn"
    params: ClassVar[dict[str, Any]] = {"own_items": False, "weights": "counts", "neighbours": 2}


class TestAls(RecommenderTests):
    component = "shop_recommenders.als:Als"
    name = "als"


class TestSmallAls(RecommenderTests):
    component = "shop_recommenders.als:Als"
    params: ClassVar[dict[str, Any]] = {"factors": 3, "weights": "binary", "iterations": 2, "num_threads": 1}
