"""Rates of events: exact tests by hand, statsmodels, and counts that vary more than Poisson."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats import rates

from framework.errors import TrialError
from framework.stats.compare import compare
from framework.stats.kinds.counts import count_rates, dispersion
from framework.stats.kinds.rates import RATE_METHODS, Events, rate_ratio, two_rates
from framework.stats.samples import UnitValues

EVENTS = Events(41, 28010, 15, 19017)
"""Breast cancers per woman-year, with and without fluoroscopy (Ng and Tang 2005; Gu et al. 2008), arms as they come."""


def near(expected, rel=1e-9):
    return pytest.approx(expected, rel=rel)


def arms_of(events):
    return events.events_treatment, events.exposure_treatment, events.events_control, events.exposure_control


@pytest.mark.parametrize(("method", "theirs"), [("score", "score"), ("wald", "wald"), ("e_test", "etest")])
def test_p_values_are_statsmodels(method, theirs):
    expected = rates.test_poisson_2indep(*arms_of(EVENTS), method=theirs, compare="diff").pvalue
    assert two_rates(EVENTS, method=method).p_value == near(expected)


def test_conditional_tests_by_hand():
    """Given 56 events, the treatment's 15 are binomial with its share of the exposure.

    The two-sided p adds up all numbers of events no likelier than 15; mid-p takes half of 15 itself away.
    """
    share = EVENTS.exposure_treatment / (EVENTS.exposure_treatment + EVENTS.exposure_control)
    chances = stats.binom.pmf(np.arange(57), 56, share)
    exact = chances[chances <= chances[15] * (1 + 1e-7)].sum()
    assert two_rates(EVENTS, method="exact").p_value == near(exact)
    assert two_rates(EVENTS, method="mid_p").p_value == near(exact - chances[15] / 2)


@pytest.mark.parametrize(
    ("method", "theirs", "of_width"),
    [
        ("wald", {"method": "wald"}, 1e-9),
        ("score", {"method": "score"}, 1e-5),  # statsmodels stops its search earlier
        ("mid_p", {"method": "mover", "method_mover": "midp-c"}, 1e-5),
    ],
)
def test_intervals_are_statsmodels(method, theirs, of_width):
    found = two_rates(EVENTS, method=method)
    expected = rates.confint_poisson_2indep(*arms_of(EVENTS), compare="diff", **theirs)
    within = of_width * (expected[1] - expected[0])
    assert [found.ci_low, found.ci_high] == pytest.approx(list(expected), abs=within)


def test_exact_interval_is_garwoods():
    """Each arm's ends are chi-square quantiles at sqrt(95 %)."""
    tail = (1 - np.sqrt(0.95)) / 2
    low, high = stats.chi2.ppf(tail, 2 * 15) / 2, stats.chi2.isf(tail, 2 * 16) / 2
    low_c, high_c = stats.chi2.ppf(tail, 2 * 41) / 2, stats.chi2.isf(tail, 2 * 42) / 2
    found = two_rates(EVENTS, method="exact")
    assert [found.ci_low, found.ci_high] == near(
        [low / 19017 - high_c / 28010, high / 19017 - low_c / 28010],
    )


def test_rate_ratio():
    """Wilson's ends of the treatment's share are the score test's: z at both is 1.96 (statsmodels)."""
    found = rate_ratio(EVENTS)
    assert found.estimate == near((15 / 19017) / (41 / 28010))
    for end in (found.ci_low, found.ci_high):
        z = rates.test_poisson_2indep(*arms_of(EVENTS), value=end, method="score", compare="ratio").statistic
        assert abs(z) == near(1.959963984540054)
    exact = rate_ratio(EVENTS, method="exact")
    share = EVENTS.exposure_treatment * exact.ci_low
    share /= share + EVENTS.exposure_control
    assert stats.binom.sf(14, 56, share) == near(0.025, rel=1e-6)


@pytest.mark.parametrize("method", RATE_METHODS)
@pytest.mark.parametrize("table", [(0, 50.0, 0, 50.0), (0, 50.0, 3, 50.0), (1, 1e6, 0, 1e6), (4, 1e-3, 5, 2e-3)])
def test_few_events_have_an_answer(method, table):
    found = two_rates(Events(*table), method=method)
    assert found.ci_low <= found.difference <= found.ci_high
    assert 0 < found.p_value <= 1
    if table[0] + table[2] == 0:
        assert found.p_value == 1
        assert "No arm has any event" in found.warnings[0]


@pytest.mark.parametrize("method", RATE_METHODS)
def test_units_of_exposure_change_nothing(method):
    """Hours or milliseconds: the same p, and rates 1,000 times smaller."""
    one = two_rates(Events(12, 310.0, 31, 420.0), method=method)
    other = two_rates(Events(12, 310e3, 31, 420e3), method=method)
    assert other.p_value == near(one.p_value)
    assert [1000 * other.ci_low, 1000 * other.ci_high] == pytest.approx([one.ci_low, one.ci_high], rel=1e-7)


def test_ratio_edges_say_why():
    assert rate_ratio(Events(0, 10, 0, 10)).reason == "no arm has any event"
    bare = rate_ratio(Events(0, 10, 4, 10))
    assert (bare.estimate, bare.ci_high) == (None, np.inf)
    assert bare.ci_low > 0
    assert rate_ratio(Events(4, 10, 0, 10)).ci_low == 0


@pytest.fixture(scope="module")
def bursts():
    """Orders of users whose own rates differ (gamma): variance 1 + mean times Poisson's."""
    rng = np.random.default_rng(1)
    exposure = rng.uniform(0.5, 2, (2, 400))
    return [(rng.poisson(rng.gamma(1, 3, 400) * weeks).astype(float), weeks) for weeks in exposure]


def test_overdispersion_recommends_the_clustered_error(bursts):
    (y, base), (x, reach) = bursts
    found = count_rates(y, base, x, reach)
    assert found.recommended is found.clustered
    assert found.dispersion > 3
    assert found.dispersion_p < 1e-10
    assert "Poisson test's error is too small" in found.poisson.warnings[0]
    assert found.quasi.standard_error == near(found.poisson.standard_error * np.sqrt(found.dispersion))
    assert found.quasi.standard_error == near(found.clustered.standard_error, rel=0.15)


def test_clustered_is_the_ratio_of_sums(bursts):
    """The delta method of `compare` for ratios: the same error; ours refers to Welch's t."""
    (y, base), (x, reach) = bursts
    house = compare(
        UnitValues("ratio", y, base), UnitValues("ratio", x, reach), metric="m", control_name="a", treatment_name="b"
    )
    found = count_rates(y, base, x, reach).clustered
    assert [found.difference, found.standard_error] == near([house.estimate, house.standard_error])


def test_dispersion_is_statsmodels(bursts):
    """A Poisson regression with an arm's indicator and the exposure as offset; Dean's C test of it."""
    import statsmodels.api as sm
    from statsmodels.discrete.diagnostic import test_poisson_dispersion

    rng = np.random.default_rng(2)
    base = rng.uniform(0.5, 2, 300)
    arm = np.repeat([0.0, 1.0], 150)
    y = rng.poisson(rng.gamma(20, 0.1, 300) * base * (1 + 0.2 * arm)).astype(float)
    fitted = sm.GLM(y, sm.add_constant(arm), family=sm.families.Poisson(), exposure=base).fit()
    found = count_rates(y[:150], base[:150], y[150:], base[150:])
    assert found.dispersion == near(fitted.pearson_chi2 / fitted.df_resid, rel=1e-6)
    _, two_sided = test_poisson_dispersion(fitted).summary_frame().iloc[2][["statistic", "pvalue"]]
    assert found.dispersion_p == near(two_sided / 2, rel=1e-5)
    assert dispersion(y, np.zeros(300), parameters=2) == (1.0, 1.0)


def test_underdispersed_counts_keep_poisson():
    """Every user orders once: no more spread than Poisson's, so the wider Poisson error stays."""
    y, x = np.ones(200), np.ones(210)
    x[:5] = 2
    found = count_rates(y, np.ones(200), x, np.ones(210))
    assert found.recommended is found.poisson
    assert found.dispersion < 1
    assert found.recommended.warnings == ()
    flat = count_rates(np.ones(5), np.ones(5), np.full(5, 2.0), np.ones(5)).clustered
    assert flat.p_value == near(2 / 252)


def test_units_without_exposure_count_for_nothing():
    y, base = np.array([1.0, 2, 0, 3]), np.array([1.0, 1, 0, 2])
    told = base > 0
    assert count_rates(y, base, y, base) == count_rates(y[told], base[told], y[told], base[told])


@pytest.mark.parametrize(
    ("events", "exposure", "text"),
    [
        ([1.0, 2], [1.0], "2 events but 1 exposures"),
        ([1.5, 2], [1.0, 1], "1 of 2 units"),
        ([1.0, 2], [0.0, 1], "without exposure have events"),
        ([0.0, 2], [0.0, 1], "fewer than 2 units"),
        ([1.0, 2], [1.0, -1], "1 of 2 units"),
    ],
)
def test_impossible_units_are_refused(events, exposure, text):
    with pytest.raises(TrialError, match=text):
        count_rates(events, exposure, [1.0, 1], [1.0, 1])


def test_mistakes():
    with pytest.raises(TrialError, match="Did you mean 'score'"):
        two_rates(EVENTS, method="scores")
    with pytest.raises(TrialError, match="exact"):
        rate_ratio(EVENTS, method="wald")
    with pytest.raises(TrialError, match="-1 events"):
        Events(-1, 1, 1, 1)
    with pytest.raises(TrialError, match="exposure of 0"):
        Events(1, 0, 1, 1)
    with pytest.raises(TrialError, match="Use 'score'"):
        two_rates(Events(5000, 10, 5100, 10), method="e_test")
