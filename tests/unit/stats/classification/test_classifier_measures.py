import numpy as np
import pytest
from sklearn import metrics

from framework.errors import DataError
from framework.stats.classification import accuracy, auc, auc_by_fold, brier, difference, f1, precision, recall


def drawn(rng, n=200, share=0.3, apart=1.0, step=0.0):
    label = rng.random(n) < share
    score = rng.normal(size=n) + apart * label
    return label, np.round(score / step) * step if step else score


@pytest.mark.parametrize("step", [0.0, 0.5])
def test_estimates_are_those_of_scikit_learn(step):
    rng = np.random.default_rng(0)
    for _ in range(20):
        label, score = drawn(rng, step=step)
        said = score > 0.4
        assert auc(label, score).estimate == pytest.approx(metrics.roc_auc_score(label, score), abs=1e-12)
        for ours, theirs in (
            (accuracy, metrics.accuracy_score),
            (precision, metrics.precision_score),
            (recall, metrics.recall_score),
            (f1, metrics.f1_score),
        ):
            assert ours(label, said).estimate == pytest.approx(theirs(label, said), abs=1e-12)
        probability = 1 / (1 + np.exp(-score))
        assert brier(label, probability).estimate == pytest.approx(metrics.brier_score_loss(label, probability))


def delong(label, scores):
    """DeLong's covariance of several areas, pair by pair, as the paper has it."""
    positive, negative = scores[:, label], scores[:, ~label]
    m, n = positive.shape[1], negative.shape[1]
    kernel = (positive[:, :, None] > negative[:, None, :]) + 0.5 * (positive[:, :, None] == negative[:, None, :])
    return kernel.mean(axis=(1, 2)), np.cov(kernel.mean(axis=2)) / m + np.cov(kernel.mean(axis=1)) / n


def test_error_and_paired_error_are_delongs():
    rng = np.random.default_rng(1)
    label, score = drawn(rng, n=400, step=0.25)
    other = score + rng.normal(size=400)
    areas, covariance = delong(label, np.stack([score, other]))
    first, second = auc(label, score), auc(label, other)
    assert [first.estimate, second.estimate] == pytest.approx(areas)
    assert first.error**2 == pytest.approx(covariance[0, 0], rel=0.01)  # n/(n-1) in place of m/(m-1)
    found = difference(first, second)
    assert found.error**2 == pytest.approx(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1], rel=0.01)
    assert found.estimate == pytest.approx(areas[0] - areas[1])


def test_f1_influence_is_the_jackknifes():
    rng = np.random.default_rng(2)
    label, score = drawn(rng, n=150)
    said = score > 0.3
    left_out = np.array([metrics.f1_score(np.delete(label, i), np.delete(said, i)) for i in range(150)])
    jackknife = np.sqrt(149 / 150 * np.sum((left_out - left_out.mean()) ** 2))
    assert f1(label, said).error == pytest.approx(jackknife, rel=0.02)


def test_folds_are_never_compared():
    rng = np.random.default_rng(3)
    label, score = drawn(rng, n=300)
    fold = np.arange(300) % 3
    shifted = score + 100.0 * fold  # a scale of its own in every fold
    found = auc_by_fold(label, shifted, fold)
    alone = [auc(label[fold == k], score[fold == k]) for k in range(3)]
    assert found.estimate == pytest.approx(np.mean([one.estimate for one in alone]))
    assert found.error == pytest.approx(np.sqrt(sum(one.error**2 for one in alone)) / 3, rel=0.01)


def test_copies_of_rows_in_one_group_add_nothing():
    rng = np.random.default_rng(4)
    label, score = drawn(rng, n=100)
    twice, group = np.tile(np.arange(100), 2), np.tile(np.arange(100), 2)
    once, copied = auc(label, score), auc(label[twice], score[twice], group)
    assert copied.estimate == pytest.approx(once.estimate)
    assert copied.error == pytest.approx(once.error)
    assert f1(label[twice], score[twice] > 0, group).error == pytest.approx(f1(label, score > 0).error)


def test_perfect_equal_and_empty_answers():
    label = np.array([True, True, False, False])
    perfect = auc(label, label.astype(float))
    assert perfect.estimate == 1.0
    assert perfect.interval() == (1.0, 1.0)
    assert auc(label, np.zeros(4)).estimate == 0.5
    same = difference(perfect, perfect)
    assert (same.estimate, same.p_value) == (0.0, 1.0)
    assert np.isnan(precision(label, np.zeros(4, dtype=bool)).estimate)
    assert recall(label, np.zeros(4, dtype=bool)).estimate == 0.0
    with pytest.raises(DataError, match="both classes"):
        auc(np.ones(4, dtype=bool), np.arange(4.0))
    with pytest.raises(DataError, match="same rows"):
        difference(perfect, auc(label[[0, 1, 2, 3, 0]], np.arange(5.0)))


def coverage(replications, n, seed):
    """How often 95 % intervals hold the truth: AUC, F1, and the difference of two AUCs that are equal."""
    from scipy.stats import norm

    rng = np.random.default_rng(seed)
    share, apart, cut = 0.3, 1.2, 0.6
    hit, false = norm.sf(cut - apart), norm.sf(cut)
    truth = {
        "auc": norm.cdf(apart / np.sqrt(2)),
        "f1": 2 * share * hit / (share * (1 + hit) + (1 - share) * false),
    }
    held = dict.fromkeys((*truth, "difference"), 0)
    for _ in range(replications):
        label, score = drawn(rng, n, share, apart)
        other = apart * label + 0.6 * (score - apart * label) + 0.8 * rng.normal(size=n)
        for name, found in (("auc", auc(label, score)), ("f1", f1(label, score > cut))):
            low, high = found.interval()
            held[name] += low <= truth[name] <= high
        between = difference(auc(label, score), auc(label, other))
        held["difference"] += between.low <= 0 <= between.high
    return {name: number / replications for name, number in held.items()}


def test_intervals_hold_the_truth_as_often_as_they_say():
    # 400 replications: 0.95 +- 0.011; three errors.
    for share in coverage(400, 150, 0).values():
        assert share == pytest.approx(0.95, abs=0.033)


@pytest.mark.slow
@pytest.mark.parametrize("n", [60, 150, 600])
def test_coverage_at_many_sizes(n):
    for name, share in coverage(4_000, n, n).items():
        assert share == pytest.approx(0.95, abs=0.015), name
