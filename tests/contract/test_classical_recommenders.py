"""The classical recommenders pass the shipped suite in their other forms too (their defaults: test_builtins.py)."""

from typing import Any, ClassVar

from framework.testing import RecommenderTests


class TestSparseEase(RecommenderTests):
    component = "shop_recommenders.linear.ease:Ease"
    params: ClassVar[dict[str, Any]] = {"keep": 3, "weights": "counts", "regularization": 5.0, "num_threads": 1}


class TestDenseSlim(RecommenderTests):
    component = "shop_recommenders.linear.slim:Slim"
    params: ClassVar[dict[str, Any]] = {"l1": 0.0, "l2": 0.5, "weights": "counts"}


class TestUserKnnOfRareItems(RecommenderTests):
    component = "shop_recommenders.neighbours.user_knn:UserKnn"
    params: ClassVar[dict[str, Any]] = {"similarity": "jaccard", "weighting": "bm25", "neighbours": 5}


class TestItemKnnByJaccard(RecommenderTests):
    component = "shop_recommenders.neighbours.item_knn:ItemKnn"
    params: ClassVar[dict[str, Any]] = {"similarity": "jaccard", "weighting": "tfidf", "weights": "counts"}


class TestFewWalks(RecommenderTests):
    component = "shop_recommenders.neighbours.rp3beta:Rp3Beta"
    params: ClassVar[dict[str, Any]] = {"alpha": 0.5, "beta": 0.0, "neighbours": 2, "weights": "counts"}


class TestSmallPureSvd(RecommenderTests):
    component = "shop_recommenders.factors.pure_svd:PureSvd"
    params: ClassVar[dict[str, Any]] = {"factors": 3, "weights": "counts"}
