"""Independent and paired arms against scipy and statsmodels, in batches, at 1e8, in other units, without spread."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep, proportions_ztest

from framework.stats.compare import ESTIMATORS, compare
from framework.stats.designs.independent import permutation_p, satterthwaite
from framework.stats.moments.measure import Measure
from framework.stats.moments.record import Moments, stacked
from framework.stats.moments.rows import arms_of
from framework.stats.moments.two_arms import TwoArms
from framework.stats.samples import UnitValues

NAMES = {"metric": "m", "control_name": "a", "treatment_name": "b"}
CASES = [(design, kind) for design in ("independent", "paired") for kind in ("mean", "proportion", "ratio")]


def draw(seed, kind, n=60, gain=0.0):
    rng = np.random.default_rng(seed)
    if kind == "proportion":
        return UnitValues(kind, (rng.random(n) < 0.4 + gain).astype(float))
    below = rng.poisson(3, n) + 1.0
    top = rng.exponential(2, n) + gain + (below if kind == "ratio" else 0)
    return UnitValues(kind, top, below if kind == "ratio" else None)


def pair(seed, design, kind):
    return draw(seed, kind), draw(seed + 50, kind, 60 if design == "paired" else 85, 0.1)


def test_means_as_scipy():
    control, treatment = pair(1, "independent", "mean")
    expected = stats.ttest_ind(treatment.numerator, control.numerator, equal_var=False)
    found = compare(control, treatment, **NAMES, design="independent")
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-9)
    assert [found.ci_low, found.ci_high] == pytest.approx(list(expected.confidence_interval(0.95)), rel=1e-9)
    control, treatment = pair(1, "paired", "mean")
    expected = stats.ttest_rel(treatment.numerator, control.numerator)
    found = compare(control, treatment, **NAMES, design="paired")
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-9)
    assert [found.ci_low, found.ci_high] == pytest.approx(list(expected.confidence_interval(0.95)), rel=1e-9)


def test_proportions_as_statsmodels():
    control, treatment = pair(1, "independent", "proportion")
    counts = [int(treatment.numerator.sum()), int(control.numerator.sum())]
    found = compare(control, treatment, **NAMES, design="independent")
    assert found.p_value == pytest.approx(proportions_ztest(counts, [85, 60])[1], rel=1e-9)
    low, high = confint_proportions_2indep(counts[0], 85, counts[1], 60, method="newcomb", compare="diff")
    assert [found.ci_low, found.ci_high] == pytest.approx([low, high], rel=1e-9)


@pytest.mark.parametrize("design", ["independent", "paired"])
def test_ratios_are_means_of_linearised_values(design):
    control, treatment = pair(1, design, "ratio")
    sides = []
    for own in (control, treatment):
        ratio = own.numerator.sum() / own.denominator.sum()
        sides.append((own.numerator - ratio * own.denominator) / own.denominator.mean())
    found = compare(control, treatment, **NAMES, design=design)
    if design == "paired":
        error, df = (sides[1] - sides[0]).std(ddof=1) / np.sqrt(60), 59
    else:
        error, df = np.hypot(*[side.std(ddof=1) / np.sqrt(side.size) for side in sides]), np.inf
    assert found.standard_error == pytest.approx(error, rel=1e-9)
    assert found.p_value == pytest.approx(2 * stats.t.sf(abs(found.estimate) / error, df), rel=1e-9)


@pytest.mark.parametrize(("design", "kind"), CASES)
def test_batches_are_their_comparisons_one_by_one(design, kind):
    singles = [arms_of(*pair(seed, design, kind), metric="m", design=design) for seed in range(5)]
    sides = [stacked([getattr(arms, side) for arms in singles]) for side in ("control", "treatment")]
    measure = singles[0].measure
    joint = stacked([arms.joint for arms in singles]) if design == "paired" else None
    batch = TwoArms(measure, *sides) if joint is None else TwoArms.paired(measure, joint)
    together = ESTIMATORS[design, kind](batch, 0.9)
    for place, single in enumerate(singles):
        alone = ESTIMATORS[design, kind](single, 0.9)
        for name in ("difference", "standard_error", "ci_low", "ci_high", "p_value", "df"):
            assert getattr(together, name)[place] == pytest.approx(float(getattr(alone, name)), rel=1e-9)
        assert {text for text, mask in together.warnings.items() if mask[place]} == set(alone.single().warnings)


@pytest.mark.parametrize(("design", "kind"), [case for case in CASES if case[1] != "proportion"])
@pytest.mark.parametrize("scale", [1000.0, 1e-9, 1e9])
def test_units_of_measurement_do_not_matter(design, kind, scale):
    control, treatment = pair(1, design, kind)
    plain = compare(control, treatment, **NAMES, design=design)
    scaled = compare(
        *(UnitValues(kind, scale * own.numerator, own.denominator) for own in (control, treatment)),
        **NAMES,
        design=design,
    )
    assert scaled.p_value == pytest.approx(plain.p_value, rel=1e-9)
    assert scaled.relative.ci_low == pytest.approx(plain.relative.ci_low, rel=1e-9)
    assert scaled.ci_high == pytest.approx(scale * plain.ci_high, rel=1e-9)
    assert scaled.warnings == plain.warnings


@pytest.mark.parametrize("design", ["independent", "paired"])
def test_values_around_1e8_keep_their_digits(design):
    control, treatment = pair(1, design, "mean")
    near = compare(control, treatment, **NAMES, design=design)
    far = compare(*(UnitValues("mean", 1e8 + own.numerator) for own in (control, treatment)), **NAMES, design=design)
    assert far.estimate == pytest.approx(near.estimate, abs=1e-7)
    assert far.standard_error == pytest.approx(near.standard_error, rel=1e-7)
    assert far.p_value == pytest.approx(near.p_value, rel=1e-5)
    # Relative to 1e8 the interval is the difference's, and no point.
    assert far.relative.ci_low * 1e8 == pytest.approx(near.ci_low, rel=0.02)
    assert far.relative.ci_high * 1e8 == pytest.approx(near.ci_high, rel=0.02)


def test_constant_arms_leave_the_permutation_test():
    control, treatment = UnitValues("mean", np.full(5, 0.1)), UnitValues("mean", np.full(4, 0.3))
    found = compare(control, treatment, **NAMES, design="independent")
    assert found.p_value == pytest.approx(2 / comb(9, 4))
    assert found.ci_low == found.ci_high == pytest.approx(0.2)
    arms = arms_of(control, treatment, metric="m", design="independent")
    assert permutation_p(arms, arms) == pytest.approx(2 / comb(9, 4) ** 2)
    one_each = TwoArms(arms.measure, *(Moments.of({"numerator": np.ones(1)}) for _ in range(2)))
    assert permutation_p(one_each) == 1.0


def test_pairs_that_all_differ_by_the_same_leave_the_sign_test():
    values = np.random.default_rng(0).normal(size=8)
    found = compare(UnitValues("mean", 1e6 + values), UnitValues("mean", 1e6 + values + 0.1), **NAMES, design="paired")
    assert (found.standard_error, found.p_value) == (0.0, pytest.approx(2 / 2**8))


def test_satterthwaite_is_scipys_and_safe_without_spread():
    sides = [np.random.default_rng(place).normal(size=size) for place, size in enumerate((5, 40))]
    x, y = (side.var(ddof=1) / side.size for side in sides)
    assert satterthwaite(x, 5, y, 40) == pytest.approx(stats.ttest_ind(*sides, equal_var=False).df)
    found = satterthwaite(np.array([0.0, 0.0]), np.array([5, 5]), np.array([0.0, 2.0]), np.array([9, 9]))
    assert found.tolist() == [np.inf, 8.0]


def test_pairs_are_needed_for_a_joint_variance():
    from framework.stats.designs.paired import paired_mean

    own = Moments.of({"y": np.arange(3.0)})
    with pytest.raises(ValueError, match="no joint moments"):
        paired_mean(TwoArms(Measure("m", "mean", "y"), own, own), 0.95)
