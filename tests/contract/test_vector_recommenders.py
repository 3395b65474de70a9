"""The recommenders that learn vectors of users and items pass the shipped suite, in each of their forms."""

from typing import Any, ClassVar

from framework.testing import RecommenderTests


class TestUltraGcn(RecommenderTests):
    component = "shop_recommenders.graphs.ultragcn:UltraGcn"
    name = "ultragcn"


class TestUltraGcnOfGatheredVectors(RecommenderTests):
    component = "shop_recommenders.graphs.ultragcn:UltraGcn"
    params: ClassVar[dict[str, Any]] = {"negatives": 3, "skip_bought": True, "neighbours": 30, "batch_size": 50}


class TestBpr(RecommenderTests):
    component = "shop_recommenders.factors.bpr:Bpr"
    name = "bpr"


class TestBprWithOwnNegatives(RecommenderTests):
    component = "shop_recommenders.factors.bpr:Bpr"
    params: ClassVar[dict[str, Any]] = {"negatives": 2, "shared_negatives": False, "batch_size": 40}


class TestLightGcn(RecommenderTests):
    component = "shop_recommenders.graphs.lightgcn:LightGcn"
    name = "lightgcn"


class TestLightGcnWithoutLayers(RecommenderTests):
    component = "shop_recommenders.graphs.lightgcn:LightGcn"
    params: ClassVar[dict[str, Any]] = {"layers": 0, "negatives": 4, "batch_size": 60}


class TestMultVae(RecommenderTests):
    component = "shop_recommenders.autoencoders.mult_vae:MultVae"
    name = "mult_vae"


class TestSmallMultVae(RecommenderTests):
    component = "shop_recommenders.autoencoders.mult_vae:MultVae"
    params: ClassVar[dict[str, Any]] = {"latent_size": 3, "hidden_size": 5, "batch_size": 16, "dropout": 0.0}


class TestAlsByFrequency(RecommenderTests):
    component = "shop_recommenders.factors.als:Als"
    params: ClassVar[dict[str, Any]] = {"factors": 3, "scaling": "frequency", "regularization": 0.01}
