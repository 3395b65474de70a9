"""Average ranks and their tests: the numbers of outside software, one test a key, exact cases, and their error."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from framework.errors import TrialError
from framework.stats.systems.ranks import NO_EFFECT_SIZE, POOL, ranks

NAMES = ("popularity", "itemknn", "als", "bpr", "sasrec")


def near(expected):
    return pytest.approx(expected, rel=1e-9)


@pytest.fixture(scope="module")
def expected(reference):
    return reference("paired.json")


@pytest.fixture(scope="module")
def found(reference):
    table = reference("paired_ndcg.csv")
    return ranks(np.column_stack([table[name].astype(float) for name in NAMES]), NAMES, metric="ndcg")


@pytest.mark.reference
@pytest.mark.parametrize("name", NAMES)
def test_avg_rank(expected, found, name):
    assert found.average_ranks[NAMES.index(name)] == near(expected["avg_rank(1=best)"][name])


@pytest.mark.reference
def test_friedman(expected, found):
    assert [found.friedman.statistic, found.friedman.p_value] == near([expected["friedman"][k] for k in ("stat", "p")])
    assert (found.friedman.df, found.friedman.df2) == (4, None)


@pytest.mark.reference
def test_iman_davenport(expected, found):
    test = found.iman_davenport
    assert [test.statistic, test.p_value] == near([expected["iman_davenport"][key] for key in ("F", "p")])
    assert (test.df, test.df2) == (4, 4 * 299)


@pytest.mark.reference
def test_nemenyi_critical_difference(expected, found):
    assert found.critical_difference == near(expected["nemenyi_cd_.05"])


@pytest.mark.reference
@pytest.mark.parametrize("row", range(5))
@pytest.mark.parametrize("column", range(5))
def test_nemenyi_p(expected, found, row, column):
    # The smallest, 1.8e-7, is an integral's tail: the two agree to its absolute error.
    assert found.nemenyi_p[row][column] == pytest.approx(expected["nemenyi_p"][row][column], rel=1e-9, abs=1e-14)


@pytest.mark.reference
def test_bars_are_the_pairs_that_p_does_not_tell_apart(found):
    assert found.order == ("sasrec", "bpr", "itemknn", "als", "popularity")
    assert found.cliques == (("sasrec", "bpr", "itemknn", "als"),)
    apart = {(a, b) for i, a in enumerate(NAMES) for j, b in enumerate(NAMES) if found.nemenyi_p[i][j] <= 0.05}
    assert {frozenset(pair) for pair in apart} == {frozenset(("popularity", other)) for other in NAMES[1:]}


def test_demsars_worked_example():
    # Demsar 2006, table 6 and section 3.2.2: 4 classifiers on 14 data sets; chi2 9.28, F 3.69 with (3, 39) df,
    # critical difference 1.25 at 0.05 and 1.12 at 0.10. In the row before the last he ranks the third system above the
    # fourth, which three decimals hide.
    auc = [
        [0.763, 0.768, 0.771, 0.798],
        [0.599, 0.591, 0.590, 0.569],
        [0.954, 0.971, 0.968, 0.967],
        [0.628, 0.661, 0.654, 0.657],
        [0.882, 0.888, 0.886, 0.898],
        [0.936, 0.931, 0.916, 0.931],
        [0.661, 0.668, 0.609, 0.685],
        [0.583, 0.583, 0.563, 0.625],
        [0.775, 0.838, 0.866, 0.875],
        [1.000, 1.000, 1.000, 1.000],
        [0.940, 0.962, 0.965, 0.962],
        [0.619, 0.666, 0.614, 0.669],
        [0.972, 0.981, 0.9751, 0.975],
        [0.957, 0.978, 0.946, 0.970],
    ]
    names = ("C4.5", "C4.5+m", "C4.5+cf", "C4.5+m+cf")
    found = ranks(auc, names)
    assert found.average_ranks == pytest.approx((3.143, 2.000, 2.893, 1.964), abs=5e-4)
    # He leaves ties uncorrected: 12 n / (K (K + 1)) (sum R^2 - K (K + 1)^2 / 4).
    uncorrected = found.friedman.statistic * (1 - found.tie_share)
    assert uncorrected == pytest.approx(9.28, abs=0.01)
    assert 13 * uncorrected / (14 * 3 - uncorrected) == pytest.approx(3.69, abs=0.01)
    assert found.critical_difference == pytest.approx(1.25, abs=0.005)
    assert ranks(auc, names, alpha=0.1).critical_difference == pytest.approx(1.12, abs=0.005)
    assert found.iman_davenport.df2 == 39


def test_lower_is_better_turns_the_ranks():
    scores = np.random.default_rng(1).random((30, 4))
    up, down = ranks(scores, "abcd"), ranks(scores, "abcd", higher_is_better=False)
    assert [a + b for a, b in zip(up.average_ranks, down.average_ranks, strict=True)] == near([5.0] * 4)
    assert down.order == up.order[::-1]
    assert down.friedman.p_value == near(up.friedman.p_value)


@pytest.mark.parametrize("factor", [1000.0, 1e-9, 3.7])
def test_the_unit_changes_nothing(factor):
    scores = np.random.default_rng(2).random((50, 4)).round(1) + 0.1
    assert ranks(scores * factor, "abcd") == ranks(scores, "abcd")
    # 0.1 + 0.2 and 0.3 are one score.
    scores[:, 0], scores[:, 1] = 0.1 + 0.2, 0.3
    assert ranks(scores, "abcd").average_ranks[0] == ranks(scores, "abcd").average_ranks[1]


def test_every_user_agrees():
    found = ranks(np.tile([3.0, 2.0, 1.0], (4, 1)), "abc")
    assert found.friedman.statistic == pytest.approx(8.0)
    assert found.iman_davenport.statistic == float("inf")
    assert found.iman_davenport.p_value == near(6.0**-3)
    tied = ranks(np.tile([3.0, 1.0, 1.0], (4, 1)), "abc")
    assert tied.iman_davenport.p_value == near(3.0**-3)


def test_nobody_ranks():
    found = ranks(np.zeros((20, 3)), "abc")
    assert found.average_ranks == (2.0, 2.0, 2.0)
    assert (found.friedman.p_value, found.iman_davenport.p_value, found.tie_share) == (1.0, 1.0, 1.0)
    assert found.cliques == (("a", "b", "c"),)
    assert found.nemenyi_p[0][1] == 1.0


def test_warnings_are_always_there_and_ties_and_few_users_add_theirs():
    scores = np.random.default_rng(3).random((40, 3))
    assert ranks(scores, "abc").warnings == (NO_EFFECT_SIZE, POOL)
    half = ranks(scores * (scores > 0.6), "abc")
    assert any("Ties take" in text for text in half.warnings)
    assert any("Only 5 users" in text for text in ranks(scores[:5], "abc").warnings)


@pytest.mark.parametrize(
    ("scores", "names", "options", "text"),
    [
        (np.zeros((5, 2)), "ab", {}, "sign test"),
        (np.zeros((5, 3)), "aba", {}, "two systems are called 'a'"),
        (np.zeros((5, 3)), "abc", {"alpha": 5}, "alpha is 5"),
        (np.full((5, 3), np.nan), "abc", {}, "metric 'score', system 'a': 5 of 5 scores are missing"),
        (np.zeros(5), "abc", {}, "shape"),
        (np.zeros((5, 4)), "abc", {}, "4 columns of scores but 3 names"),
        (np.zeros((1, 3)), "abc", {}, "1 user"),
    ],
)
def test_refusals(scores, names, options, text):
    with pytest.raises(TrialError, match=text):
        ranks(scores, tuple(names), **options)


def test_equal_means_that_rank_apart():
    # What the warning says: means are equal, yet ranks tell the systems apart almost surely.
    rng = np.random.default_rng(4)
    steady = rng.uniform(0.09, 0.11, (400, 2))
    rare = (rng.random(400) < 0.1) * 1.0
    found = ranks(np.column_stack([steady, rare]), "abc")
    assert stats.ttest_rel(rare, steady[:, 0]).pvalue > 0.05
    assert found.iman_davenport.p_value < 1e-10
    assert found.order[-1] == "c"


def told_apart(reps, seed, zeros, n=100, systems=5):
    """Return how often Nemenyi's bars, and Iman and Davenport's F, tell equal systems apart at 5 %."""
    rng = np.random.default_rng(seed)
    names = [f"s{i}" for i in range(systems)]
    bars = omnibus = 0
    for _ in range(reps):
        scores = rng.random((n, systems)) * (rng.random((n, systems)) >= zeros)
        found = ranks(scores, names)
        bars += found.cliques != (found.order,)
        omnibus += found.iman_davenport.p_value <= 0.05
    return bars / reps, omnibus / reps


def test_error_of_bars_and_omnibus():
    # Expected 0.05 each without ties; 4 binomial standard errors are 0.05 at 300 replications.
    bars, omnibus = told_apart(300, 1, 0.0)
    assert bars == pytest.approx(0.05, abs=0.05)
    assert omnibus == pytest.approx(0.05, abs=0.05)


@pytest.mark.slow
def test_error_of_bars_and_omnibus_at_length(capsys):
    reps = 4000
    off = 4 * np.sqrt(0.05 * 0.95 / reps)
    bars, omnibus = told_apart(reps, 2, 0.0)
    tied_bars, tied_omnibus = told_apart(reps, 3, 0.9)
    with capsys.disabled():
        print(f"\nequal systems told apart, no ties: bars {bars:.4f}, Iman-Davenport {omnibus:.4f}")
        print(f"90 % zeros: bars {tied_bars:.4f}, Iman-Davenport {tied_omnibus:.4f}")
    assert bars == pytest.approx(0.05, abs=off + 0.003)
    assert omnibus == pytest.approx(0.05, abs=off)
    # Nemenyi makes no allowance for ties: hardly any error is left, nor power. Friedman's correction keeps its 5 %.
    assert tied_bars < 0.005
    assert tied_omnibus == pytest.approx(0.05, abs=off + 0.003)
