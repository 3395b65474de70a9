"""Pairs of systems: the numbers of outside software, one test a key, and how the family is corrected."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from framework.errors import TrialError
from framework.stats.compare import compare
from framework.stats.multiplicity.adjust import benjamini_hochberg, holm
from framework.stats.multiplicity.maxt import differences_of, max_t
from framework.stats.samples import UnitValues
from framework.stats.systems.pairwise import pairwise

NAMES = ("popularity", "itemknn", "als", "bpr", "sasrec")
PAIRS = [(a, b) for i, a in enumerate(NAMES) for b in NAMES[i + 1 :]]


def near(expected):
    return pytest.approx(expected, rel=1e-9)


@pytest.fixture(scope="module")
def expected(reference):
    return reference("paired.json")


@pytest.fixture(scope="module")
def scores(reference):
    table = reference("paired_ndcg.csv")
    return np.column_stack([table[name].astype(float) for name in NAMES])


@pytest.fixture(scope="module")
def found(scores):
    pairs = pairwise(scores, NAMES, metric="ndcg", also=("wilcoxon", "pratt", "sign"))
    return {(pair.effect.control, pair.effect.treatment): pair for pair in pairs}


def printed(expected, a, b):
    return next(row for row in expected["pairs"] if (row["a"], row["b"]) == (a, b))


READ = {
    "diff": lambda pair: pair.effect.estimate,
    "t": lambda pair: pair.effect.estimate / pair.effect.standard_error,
    "p_t": lambda pair: pair.effect.p_value,
    "p_t_holm": lambda pair: pair.effect.p_adjusted,
    "cohen_dz": lambda pair: pair.cohen_dz,
    "p_wilcoxon": lambda pair: pair.others[0].p_value,
    "p_wilcoxon_holm": lambda pair: pair.others[0].p_adjusted,
    "p_wilcoxon_pratt": lambda pair: pair.others[1].p_value,
}


@pytest.mark.reference
@pytest.mark.parametrize(("a", "b"), PAIRS)
@pytest.mark.parametrize("key", READ)
def test_pairs_as_printed(expected, found, key, a, b):
    assert READ[key](found[a, b]) == near(printed(expected, a, b)[key])


@pytest.mark.reference
def test_pairs_are_all_there_in_their_order(expected, found):
    assert list(found) == [(row["a"], row["b"]) for row in expected["pairs"]] == PAIRS


@pytest.mark.reference
@pytest.mark.parametrize("name", NAMES)
def test_mean(expected, found, name):
    pair = next(pair for pair in found.values() if name in {pair.effect.control, pair.effect.treatment})
    value = pair.effect.control_value if pair.effect.control == name else pair.effect.treatment_value
    assert value == near(expected["mean"][name])


@pytest.mark.reference
@pytest.mark.parametrize(("name", "key"), [("bonferroni", "p_t_bonferroni"), ("bh", "p_t_fdr_bh")])
def test_another_correction(expected, scores, name, key):
    adjust = {"bonferroni": lambda p: np.minimum(1, np.array(p) * len(p)), "bh": benjamini_hochberg}[name]
    for pair, row in zip(pairwise(scores, NAMES, adjust=adjust), expected["pairs"], strict=True):
        assert pair.effect.p_adjusted == near(row[key])


@pytest.mark.reference
@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_boot_ci95(expected, scores, found, a, b):
    # Two bootstraps of some thousand resamples each: their ends differ by about 0.03 standard errors, here up to 0.15.
    # The t interval differs by the differences' shape as well: another 0.05.
    row = printed(expected, a, b)["boot_ci95"]
    error = found[a, b].effect.standard_error
    control, treatment = (UnitValues("mean", scores[:, NAMES.index(name)]) for name in (a, b))
    boot = compare(
        control,
        treatment,
        metric="ndcg",
        control_name=a,
        treatment_name=b,
        design="paired",
        interval="bootstrap",
        rng=np.random.default_rng(3),
        resamples=5000,
    )
    assert [boot.ci_low, boot.ci_high] == pytest.approx(row, abs=0.15 * error)
    effect = found[a, b].effect
    assert [effect.ci_low, effect.ci_high] == pytest.approx(row, abs=0.2 * error)


@pytest.mark.reference
@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_p_unpaired_welch_is_another_question(expected, scores, found, a, b):
    x, y = scores[:, NAMES.index(b)], scores[:, NAMES.index(a)]
    welch = printed(expected, a, b)["p_unpaired_welch"]
    assert stats.ttest_ind(x, y, equal_var=False).pvalue == near(welch)
    # The users are the same, so a system's scores move together and the paired test sees more.
    assert found[a, b].effect.p_value < welch


@pytest.mark.reference
@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_p_tukey_hsd_of_independent_groups_is_not_what_we_do(expected, scores, found, a, b):
    tukey = printed(expected, a, b)["p_tukey_hsd_independent_groups(ranx-style)"]
    by_scipy = stats.tukey_hsd(*scores.T).pvalue[NAMES.index(a), NAMES.index(b)]
    assert by_scipy == pytest.approx(tukey, rel=1e-6)
    assert found[a, b].effect.p_value < tukey


def made_up(seed=0, n=60, systems=4, zeros=0.5):
    rng = np.random.default_rng(seed)
    scores = rng.random((n, systems)) * (rng.random((n, systems)) > zeros)
    return scores, [f"s{i}" for i in range(systems)]


def test_against_a_control_the_family_is_smaller():
    scores, names = made_up()
    pairs = pairwise(scores, names, control="s2", metric="ndcg")
    assert [(p.effect.control, p.effect.treatment) for p in pairs] == [("s2", "s0"), ("s2", "s1"), ("s2", "s3")]
    raw = [stats.ttest_rel(scores[:, i], scores[:, 2]).pvalue for i in (0, 1, 3)]
    assert [p.effect.p_value for p in pairs] == near(raw)
    assert [p.effect.p_adjusted for p in pairs] == near(list(holm(raw)))
    assert pairs[0].effect.family == 3
    assert pairs[0].effect.correction == "Holm over systems against 's2', 3 tests"


def test_simultaneous_intervals_are_bonferronis():
    scores, names = made_up()
    for pair in pairwise(scores, names):
        effect = pair.effect
        test = stats.ttest_rel(scores[:, names.index(effect.treatment)], scores[:, names.index(effect.control)])
        wide = test.confidence_interval(1 - 0.05 / 6)
        assert [pair.simultaneous_low, pair.simultaneous_high] == near([wide.low, wide.high])


def test_max_t_closed_over_the_scores():
    scores, names = made_up()
    scores[:, 3] += 0.2

    def adjust(p_values):
        return max_t(differences_of(scores), rng=np.random.default_rng(1), draws=999).p_adjusted

    pairs = pairwise(scores, names, adjust=adjust, correction="max-T")
    found = max_t(differences_of(scores), rng=np.random.default_rng(1), draws=999)
    assert [p.effect.p_adjusted for p in pairs] == near(list(found.p_adjusted))
    assert [p.effect.estimate for p in pairs] == near(list(found.differences))
    assert pairs[0].effect.correction == "max-T over all pairs of 4 systems, 6 tests"
    # What shuffles know of the scores does not enter the other tests.
    signs = pairwise(scores, names, adjust=adjust, also=("sign",))
    assert [p.others[0].p_adjusted for p in signs] == near(list(holm([p.others[0].p_value for p in signs])))


@pytest.mark.parametrize(
    ("adjust", "text"),
    [
        (lambda p: p[:-1], "gave 5 p-values for 6 pairs"),
        (lambda p: [float("nan")] * len(p), "gave p = nan"),
        (lambda p: [2.0] * len(p), "gave p = 2"),
    ],
)
def test_a_correction_that_is_none(adjust, text):
    with pytest.raises(TrialError, match=text):
        pairwise(*made_up(), adjust=adjust)


def test_a_correction_is_named():
    scores, names = made_up()
    texts = [
        pairwise(scores, names, adjust=adjust, correction=text)[0].effect.correction
        for adjust, text in ((benjamini_hochberg, None), (lambda p: p, None), (lambda p: p, "none"))
    ]
    assert [text.split(" over")[0] for text in texts] == ["Benjamini hochberg", "a given correction", "none"]


@pytest.mark.parametrize("factor", [1000.0, 1e-6, 3.7])
def test_the_unit_changes_nothing(factor):
    scores, names = made_up(zeros=0.7)
    scores = scores.round(1)
    for one, other in zip(
        pairwise(scores, names, also=("wilcoxon", "pratt", "sign")),
        pairwise(scores * factor, names, also=("wilcoxon", "pratt", "sign")),
        strict=True,
    ):
        assert other.effect.p_value == near(one.effect.p_value)
        assert other.cohen_dz == near(one.cohen_dz)
        assert other.effect.estimate == near(one.effect.estimate * factor)
        assert [test.p_value for test in other.others] == [test.p_value for test in one.others]


def test_systems_that_do_not_differ_and_that_differ_by_a_constant():
    base = np.linspace(0.1, 0.9, 12)
    same, constant, _ = pairwise(np.column_stack([base, base, base + 0.05]), ["a", "b", "c"], also=("pratt",))
    assert (same.effect.p_value, same.cohen_dz, same.others[0].p_value) == (1.0, None, 1.0)
    assert constant.cohen_dz is None
    assert constant.effect.p_value == near(2.0**-11)
    assert constant.effect.p_adjusted == near(3 * 2.0**-11)


def zero_inflated(rng, reps, n, systems):
    """NDCG@10 of one held-out item: nine users in ten miss, a user's own luck is in all systems, so is the rank."""
    easy = rng.beta(0.4, 3.6, (reps, n, 1))
    rank = 1 + (10 * rng.random((reps, n, systems)) ** 2).astype(int)
    return (rng.random((reps, n, systems)) < easy) / np.log2(1 + rank)


def family_error(reps, seed, n=200, systems=5):
    """Return the share of replications of equal systems in which any pair is told apart at 5 %."""
    rng = np.random.default_rng(seed)
    names = [f"s{i}" for i in range(systems)]
    rejected = 0
    for scores in zero_inflated(rng, reps, n, systems):
        rejected += min(pair.effect.p_adjusted for pair in pairwise(scores, names)) <= 0.05
    return rejected / reps


def test_family_wise_error_with_nine_in_ten_scores_zero():
    # Expected 0.03 to 0.05 (Holm is conservative for pairs that hang together); 4 binomial standard errors of 0.05.
    reps = 150
    assert family_error(reps, 1) <= 0.05 + 4 * np.sqrt(0.05 * 0.95 / reps)


@pytest.mark.slow
def test_family_wise_error_at_length(capsys):
    reps = 4000
    rate = family_error(reps, 2)
    with capsys.disabled():
        print(f"\nfamily-wise error, 5 systems, 200 users, 90 % zeros, Holm: {rate:.4f}")
    # Expected between 0.025 and 0.05; 4 standard errors are 0.014.
    assert 0.02 <= rate <= 0.05 + 4 * np.sqrt(0.05 * 0.95 / reps)
