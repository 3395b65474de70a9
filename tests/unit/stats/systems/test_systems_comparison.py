"""One record of a whole comparison: its parts are those of the functions that it calls."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from framework.errors import TrialError
from framework.stats.multiplicity.adjust import holm
from framework.stats.systems.comparison import compare_systems
from framework.stats.systems.pairwise import pairwise
from framework.stats.systems.ranks import ranks
from framework.stats.systems.seeds import seeded_difference


def near(expected):
    return pytest.approx(expected, rel=1e-9)


@pytest.fixture
def runs():
    rng = np.random.default_rng(1)
    users = rng.gamma(2, 1, (80, 1))

    def system(gain, seeds):
        return users + gain + 0.05 * rng.normal(size=(1, seeds)) + 0.4 * rng.normal(size=(80, seeds))

    return {"popularity": system(0.0, 1)[:, 0], "als": system(0.3, 3), "bpr": system(0.32, 5)}


def test_without_seeds_it_is_pairwise():
    rng = np.random.default_rng(2)
    scores = rng.random((50, 3))
    found = compare_systems(dict(zip("abc", scores.T, strict=True)), deterministic="abc", also=("sign",))
    for one, alone in zip(found.pairs, pairwise(scores, "abc", also=("sign",)), strict=True):
        wide = one.pair.simultaneous_low, one.pair.simultaneous_high
        assert list(wide) == near([alone.simultaneous_low, alone.simultaneous_high])
        assert replace(one.pair, simultaneous_low=0.0, simultaneous_high=0.0) == replace(
            alone, simultaneous_low=0.0, simultaneous_high=0.0
        )
    assert [one.seed_share for one in found.pairs] == [None] * 3
    for column, system in zip(scores.T, found.systems, strict=True):
        low, high = stats.ttest_1samp(column, 0).confidence_interval()
        assert [system.mean.ci_low, system.mean.ci_high] == near([low, high])


def test_pairs_hold_over_users_and_seeds(runs):
    found = compare_systems(runs, metric="ndcg", deterministic=("popularity",))
    raw = []
    for one in found.pairs:
        effect = one.pair.effect
        names = {"control_name": effect.control, "treatment_name": effect.treatment, "deterministic": ()}
        alone = seeded_difference(runs[effect.control], runs[effect.treatment], **names)
        wide = seeded_difference(runs[effect.control], runs[effect.treatment], confidence=1 - 0.05 / 3).estimate
        raw.append(alone.estimate.p_value)
        assert (effect.ci_low, effect.ci_high, effect.df) == (
            alone.estimate.ci_low,
            alone.estimate.ci_high,
            alone.estimate.df,
        )
        assert (one.pair.simultaneous_low, one.pair.simultaneous_high) == (wide.ci_low, wide.ci_high)
        assert one.parts == alone.parts
        assert one.seed_share == near(1 - one.parts[0].share)
        assert effect.metric == "ndcg"
    assert [one.pair.effect.p_adjusted for one in found.pairs] == near(list(holm(raw)))
    # Luck widens the relative interval as it widens the difference's.
    users = pairwise(np.column_stack([runs[n] if runs[n].ndim == 1 else runs[n].mean(1) for n in runs]), tuple(runs))
    for one, bare in zip(found.pairs, users, strict=True):
        luck, alone = one.pair.effect.relative, bare.effect.relative
        assert luck.estimate == near(alone.estimate)
        assert luck.ci_high - luck.ci_low > alone.ci_high - alone.ci_low


def test_order_bars_and_warnings(runs):
    found = compare_systems(runs, with_ranks=True)
    assert found.order == tuple(sorted(runs, key=lambda name: -np.mean(runs[name])))
    assert found.cliques == (tuple(name for name in found.order if name != "popularity"),)
    assert found.ranks == ranks(
        np.column_stack([runs["popularity"], runs["als"].mean(1), runs["bpr"].mean(1)]), tuple(runs)
    )
    assert [system.seeds for system in found.systems] == [1, 3, 5]
    assert found.alpha == 0.05
    texts = [text for one in found.pairs for text in one.pair.effect.warnings]
    assert any("'popularity' was trained once" in text for text in texts)
    assert compare_systems(runs, higher_is_better=False).order == found.order[::-1]


def test_against_a_control_there_are_no_bars(runs):
    found = compare_systems(runs, control="als")
    assert [(one.pair.effect.control, one.pair.effect.treatment) for one in found.pairs] == [
        ("als", "popularity"),
        ("als", "bpr"),
    ]
    assert found.cliques == ()
    assert found.ranks is None


def test_means_and_ranks_that_disagree_are_said():
    rng = np.random.default_rng(3)
    steady, worse = rng.uniform(0.09, 0.11, 300), rng.uniform(0.05, 0.07, 300)
    rare = (rng.random(300) < 0.2) * 1.0
    found = compare_systems({"steady": steady, "rare": rare, "worse": worse}, with_ranks=True)
    assert found.order[0] == "rare"
    assert found.ranks.order[0] == "steady"
    assert any("'rare' has the best mean, 'steady' the best average rank" in text for text in found.warnings)


def test_a_correction_and_a_reference_are_handed_on(runs):
    found = compare_systems(runs, adjust=lambda p: p, correction="none", reference="conservative")
    effects = [one.pair.effect for one in found.pairs]
    assert [e.p_adjusted for e in effects] == [e.p_value for e in effects]
    assert effects[0].correction == "none over all pairs of 3 systems, 3 tests"
    assert all("Cochran-Cox" in e.method for e in effects)


@pytest.mark.parametrize(
    ("scores", "options", "text"),
    [
        ({"a": np.zeros(5)}, {}, "1 system"),
        ({"a": np.zeros(5), "b": np.zeros(6)}, {}, "'a' has 5 users, 'b' 6"),
        ({"a": np.zeros(5), "b": np.zeros(5)}, {"control": "c"}, "system 'c' is unknown"),
        ({"a": np.zeros(5), "b": np.zeros(5)}, {"deterministic": ("c",)}, "system 'c' is unknown"),
        ({"a": np.zeros(5), "b": np.zeros(5)}, {"also": ("t",)}, "test 't' is unknown"),
        ({"a": np.zeros(5), "b": np.zeros(5)}, {"with_ranks": True}, "sign test"),
    ],
)
def test_refusals(scores, options, text):
    with pytest.raises(TrialError, match=text):
        compare_systems(scores, **options)
