"""Interaction tests: statsmodels, scipy, published tables, and how often they reject where nothing differs."""

from __future__ import annotations

import math

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats
from statsmodels.stats.meta_analysis import combine_effects
from statsmodels.stats.oneway import anova_oneway

from framework.errors import TrialError
from framework.stats.compare import compare
from framework.stats.samples import UnitValues
from framework.stats.segments import (
    classical_interaction,
    interaction,
    interaction_of_effects,
    qualitative_interaction,
)


def near(expected):
    return pytest.approx(expected, rel=1e-9)


def cells(values, segment, arm):
    """Return counts, means and squared deviations (segments, arms)."""
    shape = np.unique(segment).size, np.unique(arm).size
    moments = np.zeros((3, *shape))
    for row, name in enumerate(np.unique(segment)):
        for column, label in enumerate(np.unique(arm)):
            part = values[(segment == name) & (arm == label)]
            moments[:, row, column] = part.size, part.mean(), ((part - part.mean()) ** 2).sum()
    return moments


def by_segment(values, segment, arm, kind="mean"):
    return [
        compare(
            UnitValues(kind, values[(segment == name) & (arm == np.unique(arm)[0])]),
            UnitValues(kind, values[(segment == name) & (arm == np.unique(arm)[1])]),
            metric="m",
            control_name="a",
            treatment_name="b",
            segment=str(name),
        )
        for name in np.unique(segment)
    ]


@pytest.mark.reference
@pytest.mark.parametrize("key", ["segment_x_variant_F"])
def test_classical_f_as_statsmodels_printed_it(reference, key):
    users, expected = reference("users.csv"), reference("statsmodels_scipy.json")[key]
    found = classical_interaction(*cells(users["minutes"].astype(float), users["segment"], users["variant"]))
    assert found.statistic == near(expected["F"])
    assert found.p_value == near(expected["p"])
    assert (found.df, found.df_denominator) == (2, 1194)


@pytest.fixture(scope="module")
def unbalanced():
    rng = np.random.default_rng(1)
    segment, arm = rng.choice(5, 400, p=[0.5, 0.25, 0.15, 0.06, 0.04]), rng.choice(3, 400, p=[0.6, 0.3, 0.1])
    segment[:30], arm[:30] = np.tile(np.arange(5), 6), np.tile(np.repeat(np.arange(3), 5), 2)
    return rng.normal(10, 1 + segment) + 0.3 * segment * arm, segment, arm


def rss(values, *factors):
    design = sm.add_constant(np.column_stack(factors))
    return sm.OLS(values, design).fit()


def dummies(codes):
    return (codes[:, None] == np.unique(codes)[None, 1:]).astype(float)


def test_classical_f_of_unbalanced_cells_is_the_f_of_nested_regressions(unbalanced):
    values, segment, arm = unbalanced
    a, b = dummies(segment), dummies(arm)
    product = np.column_stack([a[:, [i]] * b[:, [j]] for i in range(4) for j in range(2)])
    expected = rss(values, a, b, product).compare_f_test(rss(values, a, b))
    found = classical_interaction(*cells(values, segment, arm))
    assert (found.statistic, found.p_value, found.df) == near(expected)


def test_an_empty_cell_is_left_out(unbalanced):
    values, segment, arm = unbalanced
    kept = ~((segment == 4) & (arm == 2))
    values, segment, arm = values[kept], segment[kept], arm[kept]
    moments = np.zeros((3, 5, 3))
    for row in range(5):
        for column in range(3):
            part = values[(segment == row) & (arm == column)]
            if part.size:
                moments[:, row, column] = part.size, part.mean(), ((part - part.mean()) ** 2).sum()
    full = sm.OLS(values, dummies(np.r_[-1, 3 * segment + arm])[1:]).fit()
    expected = full.compare_f_test(rss(values, dummies(segment), dummies(arm)))
    found = classical_interaction(*moments)
    assert found.df == 7
    assert (found.statistic, found.p_value) == near(expected[:2])


def test_levels_and_units_cost_no_digits(unbalanced):
    n, means, deviations = cells(*unbalanced)
    one = classical_interaction(n, means, deviations)
    other = classical_interaction(n, 1e7 + 1000 * means, 1e6 * deviations)
    assert other.p_value == pytest.approx(one.p_value, rel=1e-6)
    y, error = np.array([0.1, 0.4, -0.2]), np.array([0.1, 0.2, 0.15])
    assert interaction(1000 * y, 1000 * error).p_value == near(interaction(y, error).p_value)
    assert qualitative_interaction(1000 * y, 1000 * error).p_value == near(qualitative_interaction(y, error).p_value)


def test_q_is_statsmodels_test_of_homogeneity():
    rng = np.random.default_rng(2)
    y, error = rng.normal(1, 2, 7), rng.uniform(0.5, 2, 7)
    expected = combine_effects(y, error**2, method_re="dl")
    found = interaction(y, error)
    assert found.statistic == near(expected.q)
    assert found.p_value == near(expected.test_homogeneity().pvalue)
    assert found.heterogeneity == near(expected.i2)
    assert found.method == "Cochran's Q"


def test_with_degrees_of_freedom_it_is_welchs_anova():
    rng = np.random.default_rng(3)
    groups = [rng.normal(mean, spread, n) for mean, spread, n in ((1, 1, 8), (2, 3, 15), (1, 0.5, 30), (0, 5, 6))]
    means, errors = [group.mean() for group in groups], [stats.sem(group) for group in groups]
    expected = anova_oneway(groups, use_var="unequal")
    found = interaction(means, errors, df=[group.size - 1 for group in groups])
    assert (found.statistic, found.p_value) == near((expected.statistic, expected.pvalue))
    assert found.df_denominator == near(expected.df_denom)
    assert found.method == "Welch F"


def test_two_segments_are_a_z_test_of_their_difference():
    found = interaction([1.0, 3.0], [0.6, 0.8])
    assert found.p_value == near(2 * stats.norm.sf(2.0))


def test_several_treatments_are_a_wald_test_of_all_contrasts(unbalanced):
    values, segment, arm = unbalanced
    n, means, deviations = cells(values, segment, arm)
    variance = deviations / (n - 1) / n
    estimates = means[:, 1:] - means[:, :1]
    covariances = variance[:, :1, None] + np.einsum("ka,ab->kab", variance[:, 1:], np.eye(2))
    found = interaction(estimates, covariances=covariances)
    # The same from one regression on cells with a covariance that gives each cell its own variance.
    effects = estimates.ravel()
    whole = np.zeros((10, 10))
    for k in range(5):
        whole[2 * k : 2 * k + 2, 2 * k : 2 * k + 2] = covariances[k]
    contrast = np.kron(np.eye(5)[1:] - np.eye(5)[:1], np.eye(2))
    gap = contrast @ effects
    expected = float(gap @ np.linalg.solve(contrast @ whole @ contrast.T, gap))
    assert found.statistic == near(expected)
    assert found.df == 8


def test_effects_carry_their_errors_and_degrees_of_freedom(unbalanced):
    values, segment, arm = unbalanced
    two = arm < 2
    effects = by_segment(values[two], segment[two], arm[two])
    found = interaction_of_effects(effects)
    same = interaction([e.estimate for e in effects], [e.standard_error for e in effects], df=[e.df for e in effects])
    assert found == same
    assert found.method == "Welch F"
    hits = by_segment((values[two] > 10).astype(float), segment[two], arm[two], "proportion")
    assert interaction_of_effects(hits).method == "Cochran's Q"
    with pytest.raises(TrialError, match="every segment once"):
        interaction_of_effects([effects[0], effects[0]])
    with pytest.raises(TrialError, match="several metrics"):
        interaction_of_effects([])


@pytest.mark.reference
@pytest.mark.parametrize(("segments", "critical"), [(2, 2.71), (3, 4.23), (4, 5.43), (5, 6.50), (6, 7.48)])
def test_gail_and_simon_table_1(segments, critical):
    """Critical values at 5 % of Gail and Simon 1985, table 1, to their two decimals."""
    z = math.sqrt(critical)
    y = np.r_[z, -z, np.full(segments - 2, 1e-9)]
    assert qualitative_interaction(y, np.ones(segments)).p_value == pytest.approx(0.05, abs=2e-4)


@pytest.mark.reference
def test_gail_and_simon_breast_cancer_example():
    """Disease-free survival at 3 years by age and receptor: their statistic 4.28, p 0.088."""
    found = qualitative_interaction([0.163, -0.114, -0.047, -0.151], [0.0788, 0.0689, 0.0614, 0.0547])
    assert found.statistic == pytest.approx(4.28, abs=0.005)
    assert found.p_value == pytest.approx(0.088, abs=5e-4)


def test_one_sign_is_no_qualitative_interaction():
    found = qualitative_interaction([1.0, 50.0], [0.1, 0.1])
    assert (found.statistic, found.p_value) == (0.0, 1.0)
    assert interaction([1.0, 50.0], [0.1, 0.1]).p_value < 1e-300
    assert interaction([1.0, 500.0], [0.1, 0.1]).p_value > 0


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (([1.0], [1.0]), {}, "1 segments"),
        (([1.0, 2.0], [1.0]), {}, "shape"),
        (([1.0, 2.0], [1.0, 0.0]), {}, "no standard error"),
        (([1.0, np.inf], [1.0, 1.0]), {}, "missing or infinite"),
        (([1.0, 2.0],), {}, "one of the two"),
        (([1.0, 2.0], [1.0, 1.0]), {"df": [0.5, 9]}, "degrees of freedom of 0.5"),
        (([1.0, 2.0], [1.0, 1.0]), {"df": [9]}, "1 degrees of freedom for 2"),
        (([[1.0, 2.0]] * 2,), {"covariances": np.ones((2, 2, 2))}, "not positive definite"),
    ],
)
def test_unusable_segments_are_refused(arguments, options, message):
    with pytest.raises(TrialError, match=message):
        interaction(*arguments, **options)


@pytest.mark.parametrize(
    ("n", "deviations", "message"),
    [
        (np.full((1, 2), 5), np.ones((1, 2)), "2 of each or more"),
        (np.full((2, 2), 5), np.zeros((2, 2)), "0 squared deviations"),
        (np.full((2, 2), 5), -np.ones((2, 2)), "negative"),
        (np.array([[5, 5], [5, 0]]), np.ones((2, 2)), "0 and 12 degrees of freedom"),
    ],
)
def test_unusable_cells_are_refused(n, deviations, message):
    with pytest.raises(TrialError, match=message):
        classical_interaction(n, np.zeros(n.shape), deviations)


SIZES = np.array([[400, 400], [150, 150], [60, 60], [25, 25]])
SKEWED_SIZES = np.array([[1000, 1000], [400, 400], [200, 200], [100, 100]])


def simulated(draw, sizes, trials, rng, spread):
    """Return counts, means, squared deviations (trials, segments, arms) of cells without any interaction."""
    n = np.broadcast_to(sizes, (trials, *sizes.shape))
    means, deviations = np.empty(n.shape), np.empty(n.shape)
    for row, column in np.ndindex(sizes.shape):
        values = spread[row] * draw(rng, (trials, sizes[row, column])) + 5 * row
        means[:, row, column] = values.mean(axis=1)
        deviations[:, row, column] = ((values - values.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
    return n, means, deviations


def rejections(n, means, deviations):
    """Return the shares that Welch's F, Cochran's Q and the classical F reject at 5 %."""
    counts = np.zeros(3)
    for size, mean, squares in zip(n, means, deviations, strict=True):
        variance = squares / (size - 1) / size
        error = np.sqrt(variance.sum(axis=1))
        df = variance.sum(axis=1) ** 2 / (variance**2 / (size - 1)).sum(axis=1)
        gain = mean[:, 1] - mean[:, 0]
        counts[0] += interaction(gain, error, df=df.tolist()).p_value <= 0.05
        counts[1] += interaction(gain, error).p_value <= 0.05
        counts[2] += classical_interaction(size, mean, squares).p_value <= 0.05
    return counts / len(n)


@pytest.mark.parametrize("trials", [250, pytest.param(10_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("name", "sizes", "slack"),
    [("normal", SIZES, 0.0), ("t with 3 df", SIZES, 0.01), ("lognormal", SKEWED_SIZES, 0.01)],
)
def test_the_size_of_the_interaction_test(name, sizes, slack, trials):
    """Segments of very different size and spread, no interaction: Welch's F rejects 5 % of normal trials, and up to 1
    point off where tails are heavy (lognormal with sigma 1 and at least 100 units a cell). Four binomial errors are
    allowed. The classical F, which assumes one spread, does not keep its size here."""
    draw = {
        "normal": lambda r, shape: r.normal(size=shape),
        "t with 3 df": lambda r, shape: r.standard_t(3, shape),
        "lognormal": lambda r, shape: r.lognormal(0, 1, shape),
    }[name]
    rng = np.random.default_rng(trials)
    welch, q, classical = rejections(*simulated(draw, sizes, trials, rng, spread=np.array([1.0, 1.5, 2.0, 4.0])))
    print(f"\ninteraction, {name}: Welch F {welch:.2%}, Q {q:.2%}, classical F {classical:.2%} rejected at 5 %")
    error = 4 * math.sqrt(0.05 * 0.95 / trials)
    assert welch == pytest.approx(0.05, abs=slack + error)
    assert classical > 0.08


@pytest.mark.parametrize("trials", [500, pytest.param(20_000, marks=pytest.mark.slow)])
def test_the_size_of_the_qualitative_test(trials):
    """It is largest where one segment's effect is 0 and the others' are far above it: 5 %.
    Without any effect it rejects less. Four binomial errors are allowed."""
    rng = np.random.default_rng(trials)
    shares = []
    for truth in (np.array([0.0, 8.0]), np.zeros(4)):
        y = truth + rng.normal(size=(trials, truth.size))
        shares.append(np.mean([qualitative_interaction(row, np.ones(truth.size)).p_value <= 0.05 for row in y]))
    print(f"\nqualitative interaction: {shares[0]:.2%} at the edge, {shares[1]:.2%} without any effect, at 5 %")
    error = 4 * math.sqrt(0.05 * 0.95 / trials)
    assert shares[0] == pytest.approx(0.05, abs=error)
    assert shares[1] < 0.05 + error
