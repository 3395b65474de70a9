"""Every estimator of the package passes the shipped suite in its other forms; defaults are in tests/contract."""

from typing import Any, ClassVar

from framework.testing import EstimatorTests


class TestSelfNormalisedMips(EstimatorTests):
    component = "shop_estimators.weighting.mips:Mips"
    params: ClassVar[dict[str, Any]] = {"self_normalised": True}


class TestSelfNormalisedSips(EstimatorTests):
    component = "shop_estimators.slates.sips:Sips"
    params: ClassVar[dict[str, Any]] = {"self_normalised": True}


class TestSelfNormalisedIips(EstimatorTests):
    component = "shop_estimators.slates.iips:Iips"
    params: ClassVar[dict[str, Any]] = {"self_normalised": True}


class TestSelfNormalisedRips(EstimatorTests):
    component = "shop_estimators.slates.rips:Rips"
    params: ClassVar[dict[str, Any]] = {"self_normalised": True}


class TestSelfNormalisedPerDecision(EstimatorTests):
    component = "shop_estimators.sequential.per_decision:PerDecision"
    params: ClassVar[dict[str, Any]] = {"discount": 0.9, "self_normalised": True}


class TestSwitchAtAConstant(EstimatorTests):
    component = "shop_estimators.doubly_robust.switch_dr:SwitchDr"
    params: ClassVar[dict[str, Any]] = {"constant": 1.5}


class TestSubGaussianAtAConstant(EstimatorTests):
    component = "shop_estimators.weighting.sg_ips:SgIps"
    params: ClassVar[dict[str, Any]] = {"constant": 0.2}
