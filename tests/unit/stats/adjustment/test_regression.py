"""Adjusted values against statsmodels' regressions, brute force, and what may not matter: units, order, batches."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm

from framework.errors import TrialError
from framework.stats.adjustment.effects import adjusted_differences
from framework.stats.adjustment.regression import METHODS, adjusted
from framework.stats.adjustment.robust import KINDS, meat_of
from framework.stats.compare import adjusted_effect_of
from framework.stats.moments.measure import Covariate, Measure
from framework.stats.moments.record import Moments, merged, stacked
from framework.stats.moments.two_arms import TwoArms

NAMES = {"control_name": "a", "treatment_name": "b"}
MEAN = Measure("m", "mean", "y", None, (Covariate("x"), Covariate("z")))
RATIO = Measure("r", "ratio", "y", "d", (Covariate("x", "e"), Covariate("z")))


def draw(seed, n, gain=0.0):
    rng = np.random.default_rng(seed)
    x, z = rng.exponential(2, n), rng.normal(size=n)
    d = rng.poisson(3, n) + 1.0
    y = 10 + gain + (1 + gain) * x - 0.5 * z + d + rng.normal(0, 1 + x / 2, n)
    return {"y": y, "x": x + 1, "z": z, "d": d, "e": rng.poisson(5, n) + 1.0}


def two_arms(measure, rows):
    return TwoArms(measure, *(Moments.of(side).pick(measure.columns) for side in rows))


@pytest.fixture
def rows():
    return draw(1, 90), draw(2, 140, 0.4)


def linearised(measure, rows):
    """Return per arm the outcome and the covariates as contributions around that arm's own ratios."""
    sides = []
    for side in rows:
        columns = []
        for part in (measure, *measure.covariates):
            top, below = side[part.numerator], part.denominator
            if below is None:
                columns.append(top)
            else:
                ratio = top.sum() / side[below].sum()
                columns.append(ratio + (top - ratio * side[below]) / side[below].mean())
        sides.append(np.column_stack(columns))
    return sides


def pooled(covariate, rows):
    """Return a covariate's value over both arms, which is where arms are compared."""
    tops = np.concatenate([side[covariate.numerator] for side in rows])
    if covariate.denominator is None:
        return tops.mean()
    return tops.sum() / np.concatenate([side[covariate.denominator] for side in rows]).sum()


def fitted(measure, rows, method, **options):
    """Return statsmodels' fit of the linearised outcome on arm and centred covariates (interacted for Lin)."""
    sides = linearised(measure, rows)
    data = np.concatenate(sides)
    arm = np.repeat([0.0, 1.0], [len(side) for side in sides])
    x = data[:, 1:] - [pooled(covariate, rows) for covariate in measure.covariates]
    parts = [np.ones(len(arm)), arm, x] + ([x * arm[:, None]] if method == "lin" else [])
    return sm.OLS(data[:, 0], np.column_stack(parts)).fit(**options)


@pytest.mark.parametrize("measure", [MEAN, RATIO])
@pytest.mark.parametrize("method", ["lin", "ancova"])
def test_classical_error_as_statsmodels(rows, measure, method):
    expected = fitted(measure, rows, method)
    effect = adjusted_effect_of(two_arms(measure, rows), **NAMES, method=method, error="classical")
    assert effect.estimate == pytest.approx(expected.params[1], rel=1e-9)
    assert effect.control_value == pytest.approx(expected.params[0], rel=1e-9)
    assert effect.standard_error == pytest.approx(expected.bse[1], rel=1e-9)
    assert effect.p_value == pytest.approx(expected.pvalues[1], rel=1e-7)
    assert effect.df == expected.df_resid


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("measure", [MEAN, RATIO])
@pytest.mark.parametrize("method", ["lin", "ancova"])
def test_robust_errors_as_statsmodels(rows, measure, method, kind):
    expected = fitted(measure, rows, method, cov_type=kind.upper())
    arms = two_arms(measure, rows)
    fit = adjusted(arms, method)
    meats = meat_of(fit.control, rows[0]), meat_of(fit.treatment, rows[1])
    effect = adjusted_effect_of(arms, **NAMES, method=method, error=kind, meats=meats)
    assert effect.estimate == pytest.approx(expected.params[1], rel=1e-9)
    assert effect.standard_error == pytest.approx(expected.bse[1], rel=1e-9)
    assert effect.p_value == pytest.approx(expected.pvalues[1], rel=1e-7)
    assert [effect.ci_low, effect.ci_high] == pytest.approx(expected.conf_int()[1], rel=1e-7)


@pytest.mark.parametrize("measure", [MEAN, RATIO])
def test_cuped_is_welch_of_what_one_slope_of_all_units_leaves(rows, measure):
    from scipy import stats

    sides = linearised(measure, rows)
    for part in (measure, *measure.covariates):
        assert part.numerator in rows[0]
    arms = two_arms(measure, rows)
    fit = adjusted(arms, "cuped")
    assert fit.control.slope == pytest.approx(fit.treatment.slope)
    if measure.kind == "mean":
        data = np.concatenate(sides)
        x = data[:, 1:] - data[:, 1:].mean(axis=0)
        assert fit.control.slope == pytest.approx(np.linalg.lstsq(x, data[:, 0] - data[:, 0].mean(), rcond=None)[0])
    left = [side[:, 0] - side[:, 1:] @ fit.control.slope for side in sides]
    expected = stats.ttest_ind(left[1], left[0], equal_var=False)
    effect = adjusted_effect_of(arms, **NAMES, method="cuped")
    assert effect.p_value == pytest.approx(expected.pvalue, rel=1e-7)
    assert effect.df == pytest.approx(expected.df)
    assert [effect.ci_low, effect.ci_high] == pytest.approx(list(expected.confidence_interval(0.95)), rel=1e-7)


@pytest.mark.parametrize("method", ["lin", "ancova"])
def test_error_from_moments_is_what_robust_errors_estimate(method):
    # Where residuals have one variance in each arm: w^2 sigma^2 summed over units, sigma from n - 1 - p.
    rows = draw(1, 90), draw(2, 140, 0.4)
    arms = two_arms(MEAN, rows)
    fit = adjusted(arms, method)
    total = 0.0
    for side, own in zip((fit.control, fit.treatment), rows, strict=True):
        x = np.column_stack([own["x"], own["z"]])
        centred = x - x.mean(axis=0)
        weights = 1 / len(x) + centred @ side.precision @ side.move
        left = own["y"] - own["y"].mean() - centred @ side.slope
        total += (weights**2).sum() * (left**2).sum() / (len(x) - 1 - 2)
        assert side.spread == pytest.approx((weights**2).sum())
    found = adjusted_differences(fit, 0.95)
    assert found.differences.standard_error == pytest.approx(np.sqrt(total), rel=1e-9)
    assert float(found.variances[0] + found.variances[1]) == pytest.approx(total, rel=1e-9)


@pytest.mark.parametrize("measure", [MEAN, RATIO])
@pytest.mark.parametrize("method", METHODS)
def test_batches_are_their_comparisons_one_by_one(measure, method):
    pairs = [(draw(seed, 60), draw(seed + 100, 80, 0.3)) for seed in range(4)]
    singles = [two_arms(measure, pair) for pair in pairs]
    batch = TwoArms(measure, stacked([arms.control for arms in singles]), stacked([a.treatment for a in singles]))
    for error in ("hc2", "classical"):
        together = adjusted_differences(adjusted(batch, method), 0.9, error=error)
        for place, single in enumerate(singles):
            alone = adjusted_differences(adjusted(single, method), 0.9, error=error)
            for name in ("difference", "standard_error", "ci_low", "ci_high", "p_value", "df"):
                found = getattr(together.differences, name)[place]
                assert found == pytest.approx(float(getattr(alone.differences, name)), rel=1e-9)
            assert together.reduction[place] == pytest.approx(float(alone.reduction), rel=1e-9)
            assert together.df[place] == pytest.approx(float(alone.df))


@pytest.mark.parametrize("measure", [MEAN, RATIO])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "scales", [{"y": 1000.0}, {"x": 1000.0}, {"y": 1e-9, "z": 1e6}, {"d": 1000.0, "e": 1e-4}, {"x": -1.0}]
)
def test_units_of_measurement_do_not_matter(rows, measure, method, scales):
    def effect(factors):
        own = [{name: factors.get(name, 1.0) * column for name, column in side.items()} for side in rows]
        arms = two_arms(measure, own)
        fit = adjusted(arms, method)
        meats = meat_of(fit.control, own[0]), meat_of(fit.treatment, own[1])
        return adjusted_effect_of(arms, **NAMES, method=method, meats=meats)

    plain, scaled = effect({}), effect(scales)
    assert scaled.p_value == pytest.approx(plain.p_value, rel=1e-7)
    assert scaled.relative.ci_low == pytest.approx(plain.relative.ci_low, rel=1e-7)
    assert scaled.relative.ci_high == pytest.approx(plain.relative.ci_high, rel=1e-7)
    assert scaled.variance_reduction == pytest.approx(plain.variance_reduction, rel=1e-7)


@pytest.mark.parametrize("method", METHODS)
def test_values_around_1e8_keep_their_digits(rows, method):
    def effect(level):
        own = [{name: level + column for name, column in side.items()} for side in rows]
        parts = [merged([Moments.of({n: c[s::5] for n, c in side.items()}) for s in range(5)]) for side in own]
        arms = TwoArms(MEAN, *(part.pick(MEAN.columns) for part in parts))
        fit = adjusted(arms, method)
        meats = meat_of(fit.control, own[0]), meat_of(fit.treatment, own[1])
        return adjusted_effect_of(arms, **NAMES, method=method, meats=meats)

    far, near = effect(1e8), effect(0.0)
    assert far.estimate == pytest.approx(near.estimate, abs=1e-6)
    assert far.standard_error == pytest.approx(near.standard_error, rel=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_a_useless_covariate_changes_little_and_a_good_one_saves_its_share(method):
    rng = np.random.default_rng(0)
    sides = []
    for gain in (0.0, 0.1):
        x = rng.normal(size=20_000)
        sides.append({"y": gain + x + rng.normal(size=20_000), "x": x, "z": rng.normal(size=20_000)})
    good, useless = (Measure("m", "mean", "y", None, (Covariate(name),)) for name in ("x", "z"))
    # The squared correlation is 0.5, its estimate has an error of 0.005; a useless one removes about 1 / n.
    saved = adjusted_effect_of(two_arms(good, sides), **NAMES, method=method).variance_reduction
    assert saved == pytest.approx(0.5, abs=0.02)
    nothing = adjusted_effect_of(two_arms(useless, sides), **NAMES, method=method).variance_reduction
    assert nothing == pytest.approx(0.0, abs=1e-3)


def refused(measure, sides, method, match):
    with pytest.raises(TrialError, match=match):
        adjusted(two_arms(measure, sides), method)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("value", [0.0, 0.1, 1 / 3, 1e8 + 0.3])
def test_a_constant_covariate_is_refused(rows, method, value):
    sides = [{**side, "z": np.full(len(side["y"]), value)} for side in rows]
    refused(MEAN, sides, method, "a covariate has the same value for every unit")


@pytest.mark.parametrize("method", METHODS)
def test_a_constant_ratio_of_covariates_is_refused(rows, method):
    sides = [{**side, "x": 0.3 * side["e"]} for side in rows]
    refused(RATIO, sides, method, "a covariate has the same value for every unit")


@pytest.mark.parametrize("method", METHODS)
def test_covariates_that_repeat_each_other_are_refused(rows, method):
    for repeat in (lambda s: s["x"], lambda s: 1e8 + 5 * s["x"], lambda s: 1e-9 * s["x"]):
        sides = [{**side, "z": repeat(side)} for side in rows]
        refused(MEAN, sides, method, "covariates repeat each other")
    twice = Measure("m", "mean", "y", None, (Covariate("x"), Covariate("x")))
    refused(twice, rows, method, "covariates repeat each other")


def test_alike_covariates_are_not_refused(rows):
    rng = np.random.default_rng(0)
    sides = [{**side, "z": side["x"] + 1e-3 * rng.normal(size=len(side["x"]))} for side in rows]
    effect = adjusted_effect_of(two_arms(MEAN, sides), **NAMES, error="classical")
    assert effect.estimate == pytest.approx(fitted(MEAN, sides, "lin").params[1], rel=1e-6)


def test_a_covariate_that_is_constant_in_one_arm_has_a_slope_from_both(rows):
    sides = [rows[0], {**rows[1], "z": np.full(len(rows[1]["y"]), 2.0)}]
    refused(MEAN, sides, "lin", "same value for every unit")
    effect = adjusted_effect_of(two_arms(MEAN, sides), **NAMES, method="ancova", error="classical")
    assert effect.estimate == pytest.approx(fitted(MEAN, sides, "ancova").params[1], rel=1e-9)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n", [1, 2, 3])
def test_too_few_units_for_the_covariates_are_refused(method, n):
    refused(MEAN, (draw(1, n), draw(2, 50)), method, rf"{n} unit\(s\) in an arm cannot bear 2 covariate\(s\)")
    assert adjusted(two_arms(MEAN, (draw(1, 4), draw(2, 50))), method).control.residual_squares > 0


@pytest.mark.parametrize("method", ["lin", "ancova"])
def test_covariates_that_give_the_outcome_are_refused(rows, method):
    measure = Measure("m", "mean", "y", None, (Covariate("x"),))
    sides = [{**side, "x": 3 * side["y"] + 7} for side in rows]
    refused(measure, sides, method, "give the outcome without any error")
    # In one arm only it may be: where nothing changes for the control.
    effect = adjusted_effect_of(two_arms(measure, [sides[0], rows[1]]), **NAMES)
    assert effect.standard_error > 0


@pytest.mark.parametrize("error", ["hc2", "hc3", "classical"])
def test_constant_outcomes_leave_a_point_and_the_permutation_test(rows, error):
    from math import comb

    for value in (1.0, 0.1, 1 / 3):
        sides = [{**side, "y": np.full(len(side["y"]), value * gain)} for side, gain in zip(rows, (1, 2), strict=True)]
        arms = two_arms(MEAN, sides)
        fit = adjusted(arms)
        meats = meat_of(fit.control, sides[0]), meat_of(fit.treatment, sides[1])
        effect = adjusted_effect_of(arms, **NAMES, error=error, meats=meats)
        assert (effect.standard_error, effect.ci_low) == (0.0, pytest.approx(value))
        assert effect.p_value == pytest.approx(2 / comb(230, 90), rel=1e-6)
        assert "zero variance" in effect.warnings[0]
        same = adjusted_effect_of(two_arms(MEAN, (sides[0], sides[0])), **NAMES, error=error)
        assert (same.p_value, same.estimate) == (1.0, pytest.approx(0.0))


@pytest.mark.parametrize("method", METHODS)
def test_a_control_of_zeros_has_no_relative_change(rows, method):
    sides = [{**rows[0], "y": np.zeros(90)}, {**rows[1], "y": (rows[1]["z"] > 0).astype(float)}]
    effect = adjusted_effect_of(two_arms(MEAN, sides), **NAMES, method=method)
    assert effect.relative.ci_low is None
    assert effect.relative.reason is not None
    assert effect.p_value < 0.05


def test_what_cannot_be_adjusted_says_so(rows):
    arms = two_arms(MEAN, rows)
    with pytest.raises(TrialError, match=r"method 'linn' is unknown.*Did you mean 'lin'"):
        adjusted(arms, "linn")
    with pytest.raises(TrialError, match="error 'hc1' is unknown"):
        adjusted_differences(adjusted(arms), 0.95, error="hc1")
    with pytest.raises(TrialError, match=r"nothing to adjust for \(no covariate"):
        adjusted(two_arms(Measure("m", "mean", "y"), rows))
    paired = TwoArms(MEAN, arms.control, arms.treatment, joint=arms.control)
    with pytest.raises(TrialError, match="a paired design"):
        adjusted(paired)
