"""Users crossed with seeds: mean squares by statsmodels, special cases, and how often the interval covers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from framework.errors import TrialError
from framework.stats.effects import Interval
from framework.stats.estimates import SMALLEST_P
from framework.stats.systems.seeds import SHORTFALL, seeded_difference, seeded_mean, seeded_relative


def near(expected):
    return pytest.approx(expected, rel=1e-9)


def made_up(seed, n, seeds, luck=0.1):
    rng = np.random.default_rng(seed)
    users = rng.gamma(2, 1, (n, 1))
    return [1 + users + luck * rng.normal(size=(1, s)) + 0.3 * rng.normal(size=(n, s)) for s in seeds]


def mean_squares(runs):
    """Return the mean squares of users, seeds and residuals by statsmodels' analysis of variance, with their df."""
    import pandas as pd
    from statsmodels.formula.api import ols
    from statsmodels.stats.anova import anova_lm

    user, seed = np.indices(runs.shape)
    frame = pd.DataFrame({"y": runs.ravel(), "user": user.ravel(), "seed": seed.ravel()})
    table = anova_lm(ols("y ~ C(user) + C(seed)", frame).fit())
    return [(row["sum_sq"] / row["df"], row["df"]) for _, row in table.iterrows()]


@pytest.mark.reference
def test_parts_are_the_mean_squares_of_statsmodels():
    y, x = made_up(1, 12, (3, 4))
    found = seeded_difference(y, x)
    n = 12
    squares, parts = [], []
    gaps = x.mean(axis=1) - y.mean(axis=1)
    squares.append((gaps.var(ddof=1) / n, n - 1))
    parts.append(squares[0][0])
    for runs in (y, x):
        _, (seeds, seeds_df), (rest, rest_df) = mean_squares(runs)
        cells = runs.size
        squares += [(seeds / cells, seeds_df), (rest / cells, rest_df)]
        parts.append((seeds - rest) / cells)
    assert min(parts) > 0
    variance = sum(parts)
    df = variance**2 / sum(square**2 / own for square, own in squares)
    assert [part.variance for part in found.parts] == near(parts)
    assert sum(part.share for part in found.parts) == near(1.0)
    assert found.estimate.standard_error == near(np.sqrt(variance))
    assert found.estimate.df == near(df)
    reach = stats.t.ppf(0.975, df) * np.sqrt(variance)
    assert [found.estimate.ci_low, found.estimate.ci_high] == near([gaps.mean() - reach, gaps.mean() + reach])
    assert found.estimate.p_value == near(2 * stats.t.sf(abs(gaps.mean()) / np.sqrt(variance), df))
    # A model's own deviation is the root of var(T) = (MS_seeds - MS_rest) / n.
    assert found.parts[2].deviation == near(np.sqrt(parts[2] * 4))


@pytest.mark.reference
def test_one_systems_mean_by_statsmodels():
    (runs,) = made_up(2, 9, (4,))
    (users, _), (seeds, _), (rest, _) = mean_squares(runs)
    interval, parts = seeded_mean(runs, name="als")
    assert [part.variance for part in parts] == near([users / 36, (seeds - rest) / 36])
    assert [part.source for part in parts] == ["users", "seeds of als"]
    assert interval.estimate == near(runs.mean())
    assert (interval.ci_low + interval.ci_high) / 2 == near(runs.mean())


def test_one_seed_each_is_the_paired_t_test_and_says_what_it_leaves_out():
    y, x = made_up(3, 40, (1, 1))
    found = seeded_difference(y[:, 0], x)
    test = stats.ttest_rel(x[:, 0], y[:, 0])
    low, high = test.confidence_interval()
    assert [found.estimate.p_value, found.estimate.ci_low, found.estimate.ci_high] == near([test.pvalue, low, high])
    assert found.estimate.df == 39
    assert any("the interval covers users, not training luck" in text for text in found.estimate.warnings)
    assert [part.source for part in found.parts] == ["users"]


def test_one_seed_of_one_system_is_named_unless_it_has_no_luck():
    y, x = made_up(4, 400, (1, 5))
    names = {"control_name": "popularity", "treatment_name": "sasrec"}
    assert any("'popularity' was trained once" in text for text in seeded_difference(y, x, **names).estimate.warnings)
    quiet = seeded_difference(y, x, **names, deterministic=("popularity",))
    assert quiet.estimate.warnings == ()
    assert [part.source for part in quiet.parts] == ["users", "seeds of sasrec"]


@pytest.mark.parametrize("seeds", [2, 3, 4])
def test_few_seeds_are_warned_of(seeds):
    found = seeded_difference(*made_up(5, 400, (5, seeds)))
    assert any(
        f"Only {seeds} training seeds" in text and f"{SHORTFALL[seeds]} %" in text for text in found.estimate.warnings
    )
    assert seeded_difference(*made_up(5, 400, (5, seeds)), reference="conservative").estimate.warnings == ()
    assert seeded_difference(*made_up(5, 400, (5, 5))).estimate.warnings == ()


def test_shared_seeds_are_one_system_of_differences():
    y, x = made_up(6, 30, (4, 4))
    luck = np.array([3.0, -2.0, 0.5, -1.5])
    found = seeded_difference(y + luck, x + luck, shared_seeds=True)
    alone, parts = seeded_mean(x - y)
    assert [found.estimate.ci_low, found.estimate.ci_high] == near([alone.ci_low, alone.ci_high])
    assert [part.variance for part in found.parts] == near([part.variance for part in parts])
    assert found.parts[1].source == "shared seeds"
    # Luck that both share cancels; as independent seeds it would drown the effect.
    assert seeded_difference(y + luck, x + luck).estimate.standard_error > 5 * found.estimate.standard_error


def test_conservative_weighs_critical_values_and_p_meets_its_interval():
    y, x = made_up(7, 25, (2, 3), luck=0.3)
    found = seeded_difference(y, x, reference="conservative")
    n = 25
    parts = [(x.mean(1) - y.mean(1)).var(ddof=1) / n, y.mean(0).var(ddof=1) / 2, x.mean(0).var(ddof=1) / 3]
    assert [part.variance for part in found.parts] == near(parts)
    critical = np.average(stats.t.ppf(0.975, [24, 1, 2]), weights=parts)
    reach = critical * np.sqrt(sum(parts))
    assert found.estimate.ci_high - found.estimate.difference == near(reach)
    assert stats.t.ppf(0.975, found.estimate.df) == near(critical)
    edge = seeded_difference(y, x, reference="conservative", confidence=1 - found.estimate.p_value).estimate
    assert min(abs(edge.ci_low), abs(edge.ci_high)) < 1e-6 * reach


def test_conservative_p_at_its_ends():
    y, x = made_up(8, 25, (2, 2))
    centred = x - x.mean() + y.mean()
    assert seeded_difference(y, centred, reference="conservative").estimate.p_value == pytest.approx(1.0)
    # Some t of 10^6 on 199 degrees of freedom, next to no luck: beyond what a float holds.
    y, x = np.zeros((2000, 2)), 1e9 + np.random.default_rng(1).normal(size=(2000, 2))
    assert seeded_difference(y, x, reference="conservative").estimate.p_value >= SMALLEST_P


@pytest.mark.parametrize("reference", ["satterthwaite", "conservative"])
@pytest.mark.parametrize("factor", [1000.0, 1e-9])
def test_the_unit_changes_nothing(factor, reference):
    y, x = made_up(9, 30, (3, 2))
    one = seeded_difference(y, x, reference=reference)
    other = seeded_difference(y * factor, x * factor, reference=reference)
    assert other.estimate.p_value == near(one.estimate.p_value)
    assert other.estimate.df == near(one.estimate.df)
    assert other.estimate.ci_low == near(one.estimate.ci_low * factor)


def test_nothing_varies():
    same = seeded_difference(np.full((20, 3), 0.3), np.full((20, 2), 0.3))
    assert (same.estimate.p_value, same.estimate.ci_low, same.estimate.ci_high) == (1.0, 0.0, 0.0)
    shifted = seeded_difference(np.full((20, 3), 0.3), np.full((20, 2), 0.4))
    assert shifted.estimate.p_value == near(2.0**-19)
    interval, _ = seeded_mean(np.full((20, 3), 0.3))
    assert (interval.ci_low, interval.reason is None) == (None, False)


def test_users_alike_but_seeds_not():
    # Only luck varies: Welch's test over the trained models.
    y, x = np.tile([0.2, 0.3, 0.25], (50, 1)), np.tile([0.4, 0.42], (50, 1))
    found = seeded_difference(y, x)
    welch = stats.ttest_ind(x[0], y[0], equal_var=False)
    assert found.estimate.p_value == near(welch.pvalue)
    assert found.estimate.df == near(welch.df)


def test_relative_is_the_delta_method_of_the_log_ratio():
    y, x = made_up(10, 400, (3, 4), luck=0.5)
    users = Interval(x.mean() / y.mean() - 1, 0.0, 0.1)
    found = seeded_relative(y, x, users, confidence=0.95)
    scaled = seeded_difference(y / y.mean(), x / x.mean()).estimate
    assert [
        np.log1p(found.ci_low) - np.log1p(found.estimate),
        np.log1p(found.ci_high) - np.log1p(found.estimate),
    ] == near([scaled.ci_low, scaled.ci_high])
    refused = Interval(None, None, None, "no")
    assert seeded_relative(y, x, refused, confidence=0.95) is refused
    wild = np.full((400, 4), 0.1) + np.array([40.0, -39.0, 20.0, -20.0])
    boundless = seeded_relative(y, wild, users, confidence=0.95)
    assert (boundless.ci_high, boundless.reason) == (None, "training luck leaves the ratio without a bound")
    once = seeded_relative(y[:, :1], x[:, :1], users, confidence=0.95)
    assert once == users


@pytest.mark.parametrize(
    ("control", "treatment", "options", "text"),
    [
        (np.zeros((5, 2)), np.zeros((6, 2)), {}, "'control' has 5 users, 'treatment' 6"),
        (np.zeros((5, 2)), np.zeros((5, 3)), {"shared_seeds": True}, "2 seeds of 'control' cannot be shared with 3"),
        (np.zeros((5, 2)), np.zeros((5, 3)), {"deterministic": ("control",)}, "deterministic but has 2 seeds"),
        (np.zeros((5, 2)), np.zeros((5, 3)), {"reference": "satterthwait"}, "Did you mean 'satterthwaite'"),
        (np.zeros((5, 0)), np.zeros((5, 3)), {}, "system 'control': scores have shape"),
        (np.full((5, 2), np.inf), np.zeros((5, 3)), {}, "10 of 10 scores are missing or infinite"),
        (np.zeros((5, 2)), np.zeros((5, 3)), {"confidence": 95}, "confidence is 95"),
        (np.zeros((1, 2)), np.zeros((1, 3)), {}, "1 user"),
    ],
)
def test_refusals(control, treatment, options, text):
    with pytest.raises(TrialError, match=text):
        seeded_difference(control, treatment, **options)


def normal_scores(rng, n, seeds, share):
    """Return scores of two systems without a difference, seeds making `share` of their mean difference's variance."""
    users = (1 + sum(1 / s for s in seeds)) / n
    luck = [np.sqrt(share / (1 - share) * users / 2 * s) for s in seeds]
    level, own = rng.normal(size=(n, 1)), rng.normal(0, np.sqrt(0.5), (2, n, 1))
    return [
        10 + level + own[i] + luck[i] * rng.normal(size=(1, s)) + rng.normal(size=(n, s)) for i, s in enumerate(seeds)
    ]


def hits(rng, n, seeds, share):
    """Return NDCG@10 of one held-out item, nine in ten 0, with a model's luck in all its users' chances."""
    easy = rng.beta(0.4, 3.6, (n, 1))
    found = []
    for s in seeds:
        chance = easy * np.exp(0.25 * rng.normal(size=(1, s)) - 0.25**2 / 2) if share else easy
        rank = 1 + (10 * rng.random((n, s)) ** 2).astype(int)
        found.append((rng.random((n, s)) < chance) / np.log2(1 + rank))
    return found


def coverage(draw, seeds, share, reps, *, reference="satterthwaite", n=200):
    """Return how often the interval over users and seeds, and the paired t test's, hold the true difference 0."""
    rng = np.random.default_rng([n, *seeds, int(100 * share)])
    aware = naive = 0
    for _ in range(reps):
        found = seeded_difference(*draw(rng, n, seeds, share), reference=reference)
        aware += found.estimate.ci_low <= 0 <= found.estimate.ci_high
        naive += found.users_only.ci_low <= 0 <= found.users_only.ci_high
    return aware / reps, naive / reps


def off(reps, share=0.95):
    return 4 * np.sqrt(share * (1 - share) / reps)


@pytest.mark.parametrize(("seeds", "share"), [((2, 2), 0.5), ((5, 5), 0.5), ((3, 3), 0.0)])
def test_coverage_with_and_without_luck(seeds, share):
    # Expected 0.95 to 0.97 (Satterthwaite is a little wide without luck); naive P(|Z| < 1.97 sqrt(1 - share)).
    reps = 300
    aware, naive = coverage(normal_scores, seeds, share, reps)
    assert 0.95 - off(reps) <= aware <= 0.975 + off(reps, 0.975)
    missed = 2 * stats.norm.sf(1.972 * np.sqrt(1 - share))
    assert naive == pytest.approx(1 - missed, abs=off(reps, missed))


SLOW = [
    # draw, seeds, share of luck, lowest and highest expected coverage of the interval over users and seeds
    (normal_scores, (2, 2), 0.0, 0.950, 0.980),
    (normal_scores, (3, 3), 0.0, 0.950, 0.975),
    (normal_scores, (5, 5), 0.0, 0.950, 0.970),
    (normal_scores, (2, 2), 0.5, 0.945, 0.965),
    (normal_scores, (3, 3), 0.5, 0.945, 0.965),
    (normal_scores, (5, 5), 0.5, 0.945, 0.960),
    (normal_scores, (2, 5), 0.5, 0.945, 0.965),
    (normal_scores, (2, 2), 0.8, 0.935, 0.950),
    (normal_scores, (5, 5), 0.8, 0.945, 0.960),
    (hits, (3, 3), 0.5, 0.945, 0.975),
    (hits, (3, 3), 0.0, 0.960, 0.985),  # a user's hits differ by chance from model to model: on the wide side
]


@pytest.mark.slow
@pytest.mark.parametrize(("draw", "seeds", "share", "lowest", "highest"), SLOW)
def test_coverage_at_length(draw, seeds, share, lowest, highest, capsys):
    reps = 3000
    aware, naive = coverage(draw, seeds, share, reps)
    with capsys.disabled():
        print(f"\n{draw.__name__}, seeds {seeds}, luck {share:g}: over seeds {aware:.4f}, users only {naive:.4f}")
    assert lowest - off(reps) <= aware <= highest + off(reps)
    if draw is normal_scores:
        missed = 2 * stats.norm.sf(1.972 * np.sqrt(1 - share))
        assert naive == pytest.approx(1 - missed, abs=off(reps, missed))
    elif share:
        assert naive < aware - 0.03


def lone_luck(rng, n, seeds, share):
    """Return scores where only the treatment, of `seeds[1]` models, has luck; the control has one and none."""
    luck = np.sqrt(share / (1 - share) / n * seeds[1])
    return [np.zeros(n), rng.normal(size=(n, 1)) + luck * rng.normal(size=(1, seeds[1])) + np.zeros((n, seeds[1]))]


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [2, 3, 4])
def test_where_satterthwaite_falls_short_as_warned_and_the_conservative_one_does_not(seeds, capsys):
    reps = 3000
    aware, _ = coverage(lone_luck, (1, seeds), 0.93, reps)
    careful, _ = coverage(lone_luck, (1, seeds), 0.93, reps, reference="conservative")
    with capsys.disabled():
        print(f"\none system's luck, {seeds} seeds: Satterthwaite {aware:.4f}, conservative {careful:.4f}")
    assert aware == pytest.approx(SHORTFALL[seeds] / 100, abs=off(reps, SHORTFALL[seeds] / 100) + 0.007)
    assert careful >= 0.94 - off(reps)
