"""Robust variances of one arm, unit by unit, and where one unit is fitted alone."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from statsmodels.stats.outliers_influence import OLSInfluence

from framework.stats.adjustment.regression import adjusted
from framework.stats.adjustment.robust import meat_of, unit_terms
from framework.stats.moments.measure import Covariate, Measure
from framework.stats.moments.record import Moments
from framework.stats.moments.two_arms import TwoArms

MEASURE = Measure("m", "mean", "y", None, (Covariate("x"), Covariate("z")))


@pytest.fixture
def sides():
    rng = np.random.default_rng(0)
    made = []
    for n in (40, 70):
        x, z = rng.normal(3, 1, n), rng.exponential(size=n)
        made.append({"y": x - z + rng.normal(size=n), "x": x, "z": z})
    return made


def fits(sides, measure=MEASURE, method="lin"):
    arms = TwoArms(measure, *(Moments.of(side).pick(measure.columns) for side in sides))
    found = adjusted(arms, method)
    return found.control, found.treatment


def test_weights_residuals_and_leverages_are_those_of_the_regression(sides):
    for fit, side in zip(fits(sides), sides, strict=True):
        weight, residual, leverage = unit_terms(fit, side)
        design = sm.add_constant(np.column_stack([side["x"], side["z"]]))
        model = sm.OLS(side["y"], design).fit()
        assert residual == pytest.approx(model.resid, abs=1e-12)
        assert leverage == pytest.approx(OLSInfluence(model).hat_matrix_diag)
        assert weight @ side["y"] == pytest.approx(float(fit.value))
        assert (weight**2).sum() == pytest.approx(float(fit.spread))


def test_pooled_slopes_have_the_leverages_of_the_whole_regression(sides):
    data = {name: np.concatenate([side[name] for side in sides]) for name in ("y", "x", "z")}
    arm = np.repeat([0.0, 1.0], [40, 70])
    model = sm.OLS(data["y"], np.column_stack([1 - arm, arm, data["x"], data["z"]])).fit()
    hat = OLSInfluence(model).hat_matrix_diag
    for fit, side, rows in zip(fits(sides, method="ancova"), sides, (arm == 0, arm == 1), strict=True):
        _, residual, leverage = unit_terms(fit, side)
        assert leverage == pytest.approx(hat[rows])
        assert residual == pytest.approx(model.resid[rows], abs=1e-12)


def test_a_unit_that_the_regression_fits_alone_adds_nothing(sides):
    measure = Measure("m", "mean", "y", None, (Covariate("only"),))
    for scale in (1.0, 1e6):
        alone = [{"y": scale * side["y"], "only": (np.arange(len(side["y"])) == 3).astype(float)} for side in sides]
        for fit, side in zip(fits(alone, measure), alone, strict=True):
            weight, residual, leverage = unit_terms(fit, side)
            assert leverage[3] == pytest.approx(1.0, abs=1e-12)
            others = np.arange(len(side["y"])) != 3
            terms, kept = (weight * residual)[others] ** 2, 1 - leverage[others]
            found = meat_of(fit, side)
            assert found.hc0 == pytest.approx(terms.sum(), rel=1e-9)
            assert found.hc2 == pytest.approx((terms / kept).sum(), rel=1e-9)
            assert found.hc3 == pytest.approx((terms / kept**2).sum(), rel=1e-9)
