"""BG/NBD, gamma-gamma and the tiers made of them: published figures, simulated customers, exact integrals."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy import integrate, special, stats

from framework.data.tables import MICROSECONDS_PER_DAY
from framework.errors import ConfigError, DataError, PluginError
from framework.testing import tiny_context, tiny_dataset
from shop_models.bg_nbd import (
    BgNbdParameters,
    expected_purchases,
    expected_purchases_interval,
    fit_bg_nbd,
    next_order,
    probability_alive,
)
from shop_models.customer_value import GONE, CustomerValue, CustomerValueConfig
from shop_models.gamma_gamma import (
    GammaGammaParameters,
    expected_value,
    expected_value_interval,
    fit_gamma_gamma,
)
from shop_models.order_history import order_history

PUBLISHED = BgNbdParameters(0.243, 4.414, 0.793, 2.426, -9582.4, np.eye(4))
TRUTH = np.array([0.5, 8.0, 1.2, 3.0])


def customers(seed, n=3000, truth=TRUTH, weeks=52.0, ahead=0.0):
    """Simulated histories, and what each buys in `ahead` after them."""
    r, alpha, a, b = truth
    rng = np.random.default_rng(seed)
    rate, leaves = rng.gamma(r, 1 / alpha, n), rng.beta(a, b, n)
    T = rng.uniform(weeks / 2, weeks, n)
    x, t_x, later, now = np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n)
    there = np.ones(n, dtype=bool)
    while there.any():
        now = now + rng.exponential(1 / np.maximum(rate, 1e-12))
        there &= now <= T + ahead
        early = there & (now <= T)
        x[early] += 1
        t_x[early] = now[early]
        later[there & ~early] += 1
        there &= rng.random(n) >= leaves
    return x, t_x, T, later


@pytest.mark.reference
def test_the_papers_example():
    # Fader, Hardie, Lee 2005, section 4 and their spreadsheet: CDNOW's customer of x = 2, t_x = 30.43, T = 38.86.
    assert expected_purchases(PUBLISHED, 39, 2, 30.43, 38.86) == pytest.approx(1.226, abs=5e-4)
    assert probability_alive(PUBLISHED, 2, 30.43, 38.86) == pytest.approx(0.7266, abs=5e-4)


def test_expected_purchases_by_the_papers_own_formula():
    r, alpha, a, b = PUBLISHED.values
    for x, t_x, T, t in ((0, 0.0, 20.0, 10.0), (2, 30.43, 38.86, 39.0), (7, 12.0, 38.0, 5.0), (26, 30.0, 31.0, 39.0)):
        z = t / (alpha + T + t)
        series = special.hyp2f1(r + x, b + x, a + b + x - 1, z)
        top = (a + b + x - 1) / (a - 1) * (1 - ((alpha + T) / (alpha + T + t)) ** (r + x) * series)
        odds = a / (b + x - 1) * ((alpha + T) / (alpha + t_x)) ** (r + x) if x else 0.0
        assert expected_purchases(PUBLISHED, t, x, t_x, T) == pytest.approx(top / (1 + odds), rel=1e-8)


def test_expected_purchases_where_a_is_one_and_where_orders_are_many():
    at = [expected_purchases(BgNbdParameters(0.5, 8, a, 3, 0, np.eye(4)), 20, 3, 30, 40) for a in (0.999, 1.0, 1.001)]
    assert at[1] == pytest.approx((at[0] + at[2]) / 2, rel=1e-5)
    many = expected_purchases(PUBLISHED, 10, 2000, 399.0, 400.0)
    # Who ordered 5 times a week for 400 weeks leaves hardly ever: a little less than 50 in 10 weeks.
    assert 45 < many < 50
    assert expected_purchases(PUBLISHED, 10, 2000, 100.0, 400.0) == pytest.approx(0.0, abs=1e-9)


def test_the_likelihood_is_that_of_the_integrals_over_rates_and_leaving():
    from shop_models.bg_nbd import _negated

    r, alpha, a, b = TRUTH

    def over_rates(x, t):
        return integrate.quad(lambda v: v**x * np.exp(-v * t) * stats.gamma.pdf(v, r, scale=1 / alpha), 0, np.inf)[0]

    def over_leaving(left, stayed):
        return integrate.quad(lambda p: p**left * (1 - p) ** stayed * stats.beta.pdf(p, a, b), 0, 1)[0]

    for x, t_x, T in ((0, 0.0, 12.0), (1, 5.0, 20.0), (3, 15.0, 18.0)):
        # Section 3.3: alive up to T, or left right after the last order.
        exact = over_leaving(0, x) * over_rates(x, T)
        exact += over_leaving(1, x - 1) * over_rates(x, t_x) if x else 0.0
        found, _ = _negated(np.log(TRUTH), np.array([float(x)]), np.array([t_x]), np.array([T]))
        assert np.exp(-found) == pytest.approx(exact, rel=1e-6)


def test_the_gradient_is_that_of_the_likelihood():
    from scipy.optimize import approx_fprime

    from shop_models.bg_nbd import _negated

    x, t_x, T, _ = customers(0, n=200)
    theta = np.log([0.4, 6.0, 0.7, 2.0])
    slope = approx_fprime(theta, lambda at: _negated(at, x, t_x, T)[0], 1e-6)
    np.testing.assert_allclose(_negated(theta, x, t_x, T)[1], slope, rtol=1e-3, atol=1e-2)


def test_planted_parameters_come_back_and_time_has_no_unit():
    x, t_x, T, later = customers(1, n=20_000, ahead=26.0)
    weeks = fit_bg_nbd(x, t_x, T)
    low, high = weeks.intervals(0.999).T
    assert np.all((low < TRUTH) & (high > TRUTH))
    days = fit_bg_nbd(x, 7 * t_x, 7 * T)
    np.testing.assert_allclose(days.values, weeks.values * [1, 7, 1, 1], rtol=1e-3)
    np.testing.assert_allclose(np.diag(days.covariance), np.diag(weeks.covariance) * [1, 49, 1, 1], rtol=2e-2)
    # A density of x moments in days is 7^-x of that in weeks.
    assert days.log_likelihood == pytest.approx(weeks.log_likelihood - x.sum() * np.log(7), abs=1e-3)
    foretold = expected_purchases(weeks, 26.0, x, t_x, T)
    assert foretold.sum() == pytest.approx(later.sum(), rel=0.03)
    alive_by_decile = np.argsort(foretold).reshape(10, -1)
    # By deciles of what was foretold, within 4 Poisson errors (counts spread more than that, so times 2).
    for rows in alive_by_decile:
        assert abs(foretold[rows].sum() - later[rows].sum()) < 8 * np.sqrt(max(later[rows].sum(), 25))


def test_next_orders_come_when_they_are_said_to():
    rng = np.random.default_rng(0)
    rate = rng.gamma(TRUTH[0] + 4, 1 / (TRUTH[1] + 30), 200_000)
    parameters = BgNbdParameters(*TRUTH, 0, np.eye(4))
    for share in (0.5, 0.9):
        # By simulation of the rates that such a customer may have; 3 errors of a share of 200,000.
        by_then = (rng.exponential(1 / rate) <= next_order(parameters, 4, 30.0, share)).mean()
        assert by_then == pytest.approx(share, abs=3 * np.sqrt(share * (1 - share) / 200_000))


def test_histories_that_cannot_be_are_refused():
    for x, t_x, T in (
        ([1], [5], [4]),
        ([0], [1], [4]),
        ([1], [0], [4]),
        ([-1], [0], [4]),
        ([0.5], [1], [4]),
        ([0], [0], [0]),
    ):
        with pytest.raises(DataError, match=r"cannot be|outside the time"):
            fit_bg_nbd(x, t_x, T)
    with pytest.raises(DataError, match="no customer has a repeat order"):
        fit_bg_nbd([0, 0], [0, 0], [3, 4])


def test_a_flat_likelihood_has_no_covariance():
    # Nobody ever leaves: what a and b are cannot be told.
    rng = np.random.default_rng(0)
    T = np.full(500, 50.0)
    x = rng.poisson(rng.gamma(2.0, 5.0, 500))
    found = fit_bg_nbd(x, np.where(x > 0, 49.9, 0.0), T)
    assert np.isnan(found.covariance).all()
    assert probability_alive(found, 5, 49.0, 50.0) > 0.99


def spent(seed, n=4000, p=4.0, q=3.5, gamma=800.0):
    rng = np.random.default_rng(seed)
    nu = rng.gamma(q, 1 / gamma, n)
    x = rng.integers(1, 9, n)
    return x, rng.gamma(p * x, 1 / nu) / x, p / nu


def test_planted_spending_comes_back():
    x, mean, true_mean = spent(0, n=8000)
    found = fit_gamma_gamma(x, mean)
    error = np.sqrt(np.diagonal(found.log_covariance))
    assert np.all(np.abs(np.log(found.values / [4.0, 3.5, 800.0])) < 3.5 * error)
    assert found.population_mean == pytest.approx(4.0 * 800 / 2.5, rel=0.05)
    foretold = expected_value(found, x, mean)
    # Unbiased among those with any mean seen: the regression of the truth on it has slope 1.
    slope = np.cov(foretold, true_mean)[0, 1] / np.var(foretold)
    assert slope == pytest.approx(1.0, abs=0.08)
    assert expected_value(found, 0, 0.0) == pytest.approx(found.population_mean)
    # In pence or in pounds.
    pounds = fit_gamma_gamma(x, mean / 100)
    np.testing.assert_allclose(pounds.values * [1, 1, 100], found.values, rtol=1e-3)


def test_spending_likelihood_by_its_integral():
    from shop_models.gamma_gamma import _negated

    p, q, gamma = 2.0, 3.0, 5.0
    for x, mean in ((1, 2.0), (4, 3.5)):

        def given(nu, x=x, mean=mean):
            return stats.gamma.pdf(mean, p * x, scale=1 / (nu * x)) * stats.gamma.pdf(nu, q, scale=1 / gamma)

        exact = integrate.quad(given, 0, np.inf)[0]
        found, _ = _negated(np.log([p, q, gamma]), np.array([float(x)]), np.array([mean]))
        assert np.exp(-found) == pytest.approx(exact, rel=1e-6)


def test_spending_that_cannot_be_is_refused():
    for x, mean in (([0, 1], [1.0, 2.0]), ([1, 1], [-1.0, 2.0]), ([1], [1.0, 2.0])):
        with pytest.raises(DataError, match="cannot be"):
            fit_gamma_gamma(x, mean)
    with pytest.raises(DataError, match="does not vary"):
        fit_gamma_gamma([1, 2, 3], [5.0, 5.0, 5.0])
    assert GammaGammaParameters(1.0, 0.9, 2.0, 0.0, np.eye(3)).population_mean == np.inf


def shop_of(seed, n=400):
    """A data set whose purchases are simulated: a day is a unit of time."""
    x, t_x, T, _ = customers(seed, n=n, truth=np.array([1.0, 20.0, 1.0, 4.0]), weeks=300.0)
    rng = np.random.default_rng(seed)
    tiny = tiny_dataset()
    user, day = [], []
    for place in range(n):
        first = 1000 - int(T[place])
        times = {first}
        if x[place]:
            times |= {first + int(t_x[place])} | set(first + rng.integers(0, int(t_x[place]) + 1, int(x[place]) - 1))
        user += [place] * len(times)
        day += sorted(times)
    order = np.argsort(np.array(day), kind="stable")
    user, day = np.array(user)[order].astype(np.int32), np.array(day)[order]
    m = len(user)
    worth = rng.lognormal(8, 0.7, n)
    events = dataclasses.replace(
        tiny.events,
        user=user,
        item=np.zeros(m, dtype=np.int32),
        kind=np.full(m, tiny.events.kinds.index("purchase"), dtype=np.int8),
        time=day.astype(np.int64) * MICROSECONDS_PER_DAY + 3_600_000_000,
        quantity=np.ones(m),
        amount=(worth[user] * rng.gamma(4, 0.25, m)).astype(np.int64) + 1,
        order=np.arange(m),
        rating=None,
    )
    ids = np.array([f"u{place:06d}" for place in range(n + 1)])
    return dataclasses.replace(
        tiny, users=ids, events=events, as_of=1000 * MICROSECONDS_PER_DAY, segments=None, segment_names=()
    )


def test_order_histories_by_hand():
    data = tiny_dataset()
    seen = order_history(data)
    bought = data.events.of_kind("purchase")
    row = 0
    for user in range(len(data.users)):
        mine = bought.where(bought.user == user)
        assert seen.chosen[user] == bool(len(mine))
        if len(mine):
            days = sorted({int(moment) // MICROSECONDS_PER_DAY for moment in mine.time})
            assert seen.repeats[row] == len(days) - 1
            assert seen.last[row] == days[-1] - days[0]
            assert seen.observed[row] == max(data.as_of / MICROSECONDS_PER_DAY - days[0], 0.5, days[-1] - days[0])
            assert seen.day_value[row] == pytest.approx(mine.amount.sum() / len(days))
            row += 1


def test_tiers_of_value_and_who_has_gone(tmp_path):
    data = shop_of(0)
    model = CustomerValue(CustomerValueConfig())
    model.fit(data, tiny_context(tmp_path))
    found = model.segment(data)
    assert found.names == ("high value", "middle value", "low value", GONE, "no purchase yet")
    assert found.labels[-1] == 4
    seen = order_history(data)
    values = model.values(seen)
    own = found.labels[:-1]
    alive = own < 3
    np.testing.assert_array_equal(alive, values.alive >= 0.3)
    assert np.mean(own[alive] == 0) == pytest.approx(0.2, abs=0.01)
    assert np.mean(own[alive] <= 1) == pytest.approx(0.5, abs=0.01)
    assert values.value[own == 0].min() > values.value[own == 1].max() >= values.value[own == 2].max()
    np.testing.assert_allclose(
        values.value,
        expected_purchases(model.frequency, 90.0, seen.repeats, seen.last, seen.observed)
        * expected_value(model.spending, seen.days, seen.day_value),
    )
    assert np.all((values.low < values.value) & (values.value < values.high))
    assert "in the next 90 days" in found.descriptions[0]
    assert found.notes[0].startswith("BG/NBD over days")


def test_what_customer_value_refuses(tmp_path):
    with pytest.raises(ConfigError, match="one name more"):
        CustomerValueConfig(names=("a", "b"), shares=(0.2, 0.4))
    with pytest.raises(ConfigError, match="ascending"):
        CustomerValueConfig(shares=(0.6, 0.4))
    with pytest.raises(ConfigError, match="horizon_days"):
        CustomerValueConfig(horizon_days=0.0)
    with pytest.raises(ConfigError, match="alive"):
        CustomerValueConfig(alive=1.0)
    with pytest.raises(PluginError, match="before it was fitted"):
        CustomerValue(CustomerValueConfig()).segment(tiny_dataset())
    small = tiny_dataset(users=12)
    with pytest.raises(DataError, match="users ordered on more than one day"):
        CustomerValue(CustomerValueConfig()).fit(small, tiny_context(tmp_path))


@pytest.mark.slow
def test_intervals_hold_the_truth_in_95_of_100_replications():
    # 1,000 replications: 93 to 97 % is 95 % plus and minus 2.9 standard errors.
    truth = BgNbdParameters(*TRUTH, 0.0, np.eye(4))
    asked = (26.0, 2, 30.0, 40.0)
    exact = expected_purchases(truth, *asked)
    held, of_expected, known = np.zeros(4), 0, 0
    for seed in range(1000):
        x, t_x, T, _ = customers([9, seed], n=2000)
        found = fit_bg_nbd(x, t_x, T)
        if np.isnan(found.covariance).any():
            continue
        known += 1
        low, high = found.intervals().T
        held += (low <= TRUTH) & (high >= TRUTH)
        low, high = expected_purchases_interval(found, *asked)
        of_expected += low <= exact <= high
    print(f"of {known}: parameters {held / 1000}, expected purchases {of_expected / 1000}")
    assert known >= 999
    assert np.all((held >= 930) & (held <= 970))
    assert 930 <= of_expected <= 970


@pytest.mark.slow
def test_intervals_of_spending_hold_the_truth():
    # 500 replications: 95 % plus and minus 3 standard errors of 1 %.
    truth = GammaGammaParameters(4.0, 3.5, 800.0, 0.0, np.eye(3))
    exact, held = expected_value(truth, 3, 900.0), 0
    for seed in range(500):
        x, mean, _ = spent([7, seed], n=1000)
        low, high = expected_value_interval(fit_gamma_gamma(x, mean), 3, 900.0)
        held += low <= exact <= high
    print(f"expected value held in {held / 500:.1%}")
    assert 0.92 <= held / 500 <= 0.98
