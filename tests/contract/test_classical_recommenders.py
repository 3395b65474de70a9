"""The classical recommenders pass the shipped suite, with their defaults and with their other forms."""

from typing import Any, ClassVar

from framework.testing import RecommenderTests


class TestEase(RecommenderTests):
    component = "shop_recommenders.ease:Ease"
    name = "ease"


class TestSparseEase(RecommenderTests):
    component = "shop_recommenders.ease:Ease"
    params: ClassVar[dict[str, Any]] = {"keep": 3, "weights": "counts", "regularization": 5.0, "num_threads": 1}


class TestSlim(RecommenderTests):
    component = "shop_recommenders.slim:Slim"
    name = "slim"


class TestDenseSlim(RecommenderTests):
    component = "shop_recommenders.slim:Slim"
    params: ClassVar[dict[str, Any]] = {"l1": 0.0, "l2": 0.5, "weights": "counts"}


class TestUserKnn(RecommenderTests):
    component = "shop_recommenders.user_knn:UserKnn"
    name = "user_knn"


class TestUserKnnOfRareItems(RecommenderTests):
    component = "shop_recommenders.user_knn:UserKnn"
    params: ClassVar[dict[str, Any]] = {"similarity": "jaccard", "weighting": "bm25", "neighbours": 5}


class TestItemKnnByJaccard(RecommenderTests):
    component = "shop_recommenders.item_knn:ItemKnn"
    params: ClassVar[dict[str, Any]] = {"similarity": "jaccard", "weighting": "tfidf", "weights": "counts"}


class TestRp3Beta(RecommenderTests):
    component = "shop_recommenders.rp3beta:Rp3Beta"
    name = "rp3beta"


class TestFewWalks(RecommenderTests):
    component = "shop_recommenders.rp3beta:Rp3Beta"
    params: ClassVar[dict[str, Any]] = {"alpha": 0.5, "beta": 0.0, "neighbours": 2, "weights": "counts"}


class TestPureSvd(RecommenderTests):
    component = "shop_recommenders.pure_svd:PureSvd"
    name = "pure_svd"


class TestSmallPureSvd(RecommenderTests):
    component = "shop_recommenders.pure_svd:PureSvd"
    params: ClassVar[dict[str, Any]] = {"factors": 3, "weights": "counts"}


class TestRandomOrder(RecommenderTests):
    component = "shop_recommenders.random_order:RandomOrder"
    name = "random"
