"""The recommenders of features, of ratings and of networks by turns pass the shipped suite, in each of their forms."""

from typing import Any, ClassVar

from framework.testing import RecommenderTests


class TestLightFm(RecommenderTests):
    component = "shop_recommenders.factors.lightfm:LightFm"
    name = "lightfm"


class TestLightFmByWarp(RecommenderTests):
    component = "shop_recommenders.factors.lightfm:LightFm"
    params: ClassVar[dict[str, Any]] = {
        "loss": "warp",
        "tries": 4,
        "batch_size": 40,
        "optimizer": "adagrad",
        "user_features": ["frequency", "segment"],
        "bands": 3,
    }


class TestLightFmOfFeaturesAlone(RecommenderTests):
    component = "shop_recommenders.factors.lightfm:LightFm"
    params: ClassVar[dict[str, Any]] = {"loss": "bpr", "ids": False, "negatives": 7, "batch_size": 50}


class TestCfgan(RecommenderTests):
    component = "shop_recommenders.autoencoders.cfgan:Cfgan"
    name = "cfgan"


class TestCfganOfUsers(RecommenderTests):
    component = "shop_recommenders.autoencoders.cfgan:Cfgan"
    params: ClassVar[dict[str, Any]] = {"rows": "users", "batch_size": 16, "hidden_size": 5, "generator_steps": 2}


class TestSlopeOneOfEveryPair(RecommenderTests):
    component = "shop_recommenders.neighbours.slope_one:SlopeOne"
    params: ClassVar[dict[str, Any]] = {"min_common": 1, "kinds": ["purchase"]}
