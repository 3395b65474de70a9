"""Losses against their formulas written out state by state, and negatives against the shares they promise."""

import numpy as np
import pytest
import torch

from shop_recommenders.sequences.losses import bce, bpr_max, full_softmax, gbce, sampled_softmax
from shop_recommenders.sequences.negatives import Negatives

N, K, ITEMS, SIZE = 7, 5, 11, 4


def _sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def _inputs(shared):
    rng = np.random.default_rng(4)
    hidden, items = rng.normal(size=(N, SIZE)), rng.normal(size=(ITEMS, SIZE))
    target = rng.integers(ITEMS, size=N)
    negatives = rng.integers(ITEMS, size=K if shared else (N, K))
    negatives[..., 0] = target[0]
    return hidden, target, negatives, items


def _by_state(shared):
    """Give each state's score of the target, and of those negatives that are not it."""
    hidden, target, negatives, items = _inputs(shared)
    for h, t, own in zip(hidden, target, np.broadcast_to(negatives, (N, K)), strict=True):
        yield h @ items[t], items[own[own != t]] @ h


def _tensors(shared):
    return tuple(torch.from_numpy(part) for part in _inputs(shared))


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize(("loss", "by_hand"), [
    (bce, lambda s, n: -(np.log(_sigmoid(s)) + np.log(1 - _sigmoid(n)).sum()) / (K + 1)),
    (sampled_softmax, lambda s, n: -s + np.log(np.exp(s) + np.exp(n).sum())),
    (bpr_max, lambda s, n: -np.log((w := np.exp(n) / np.exp(n).sum()) @ _sigmoid(s - n)) + w @ n**2),
])  # fmt: skip
def test_loss_is_its_formula(shared, loss, by_hand):
    expected = np.mean([by_hand(s, n) for s, n in _by_state(shared)])
    assert float(loss(*_tensors(shared))) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("calibration", "beta"), [(0.0, 1.0), (1.0, K / (ITEMS - 1)), (0.5, (1 + K / (ITEMS - 1)) / 2)]
)
def test_gbce_weighs_the_target_by_beta(calibration, beta):
    expected = np.mean(
        [-(beta * np.log(_sigmoid(s)) + np.log(1 - _sigmoid(n)).sum()) / (K + 1) for s, n in _by_state(True)]
    )
    value = gbce(*_tensors(True), calibration=calibration, catalogue=ITEMS)
    assert float(value) == pytest.approx(expected, rel=1e-12)


def test_full_softmax_is_that_of_every_item_as_a_negative():
    hidden, target, _, items = _tensors(True)
    every = torch.arange(ITEMS)
    expected = float(sampled_softmax(hidden, target, every, items))
    assert float(full_softmax(hidden, target, None, items)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("sampling", ["uniform", "popularity"])
def test_corrected_sampling_comes_to_the_full_softmax(sampling):
    """With 200,000 negatives the sum over the catalogue is estimated to some 0.3 percent; uncorrected it is far off."""
    hidden, target, _, items = _tensors(True)
    taken = np.arange(1, ITEMS + 1) ** 2
    sampler = Negatives.by(sampling, 200_000, taken, power=1.0, shared=True)
    negatives = torch.from_numpy(sampler.draw(target.numpy(), np.random.default_rng(0)))
    full = float(full_softmax(hidden, target, None, items))
    log_share = torch.from_numpy(np.log(sampler.share))
    assert float(sampled_softmax(hidden, target, negatives, items, log_share=log_share)) == pytest.approx(
        full, abs=0.01
    )
    assert float(sampled_softmax(hidden, target, negatives, items)) > full + 5.0


def test_a_state_all_of_whose_negatives_are_its_target_gives_no_infinity():
    hidden = torch.randn(2, SIZE, dtype=torch.float64, requires_grad=True)
    items, target = torch.randn(ITEMS, SIZE, dtype=torch.float64), torch.tensor([3, 3])
    for loss in (bce, sampled_softmax, bpr_max):
        value = loss(hidden, target, torch.tensor([3, 3]), items)
        value.backward()
        assert torch.isfinite(value)
        assert torch.isfinite(hidden.grad).all()


@pytest.mark.parametrize(("sampling", "power", "weights"), [
    ("uniform", 0.75, [1, 1, 1, 1]), ("popularity", 0.5, [0, 1, 2, 3]), ("in_batch", 0.5, [0, 1, 4, 9]),
])  # fmt: skip
@pytest.mark.parametrize("shared", [True, False])
def test_negatives_come_as_often_as_their_share_says(sampling, power, weights, shared):
    """80,000 draws: a share is within 0.01 of the expected one, which is more than 5 standard errors."""
    taken = np.array([0, 1, 4, 9])
    sampler = Negatives.by(sampling, 80_000 if shared else 800, taken, power=power, shared=shared)
    targets = (
        np.repeat(np.arange(4), taken * 8)[:100] if sampling != "in_batch" else np.repeat(np.arange(4), taken * 10)
    )
    drawn = sampler.draw(targets, np.random.default_rng(1))
    assert drawn.shape == ((80_000,) if shared else (len(targets), 800))
    expected = np.array(weights) / sum(weights)
    np.testing.assert_allclose(sampler.share, expected)
    np.testing.assert_allclose(np.bincount(drawn.ravel(), minlength=4) / drawn.size, expected, atol=0.01)
    np.testing.assert_array_equal(drawn, sampler.draw(targets, np.random.default_rng(1)))
