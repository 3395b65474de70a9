"""Batches of purchases and sampled items: complete, alike for the same epoch, and uniform over what was not bought."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from shop_recommenders.autoencoders.basket_batches import BasketBatches
from shop_recommenders.pairs.pair_batches import PairBatches, Unbought

BOUGHT = csr_matrix(
    np.array(
        [
            [1, 0, 0, 1, 0, 1],
            [0, 0, 0, 0, 0, 0],
            [1, 1, 1, 1, 1, 1],
            [0, 1, 0, 0, 0, 0],
            [0, 0, 0, 0, 1, 1],
        ],
        dtype=np.float32,
    )
)


def _epoch(batches):
    return [batches[place] for place in range(len(batches))]


@pytest.mark.parametrize("form", [{"skip_bought": True}, {"skip_bought": False}, {"shared": True}])
def test_every_purchase_comes_once_an_epoch_in_another_order(form):
    batches = PairBatches(BOUGHT, batch_size=5, negatives=2, seed=3, **form)
    orders = []
    for epoch in range(3):
        batches.set_epoch(epoch)
        drawn = _epoch(batches)
        pairs = [(u, i) for user, item, *_ in drawn for u, i in zip(user.tolist(), item.tolist(), strict=True)]
        assert sorted(pairs) == sorted(zip(*(part.tolist() for part in BOUGHT.nonzero()), strict=True))
        assert [len(batch[0]) for batch in drawn] == [5, 5, 2]
        assert [batch[2].shape for batch in drawn] == ([(2,)] * 3 if "shared" in form else [(5, 2), (5, 2), (2, 2)])
        orders.append(pairs)
    assert orders[0] != orders[1] != orders[2]


def test_an_epoch_is_alike_whenever_it_is_drawn_and_in_whichever_order():
    batches = PairBatches(BOUGHT, batch_size=4, negatives=3, seed=1)
    batches.set_epoch(2)
    straight = _epoch(batches)
    again = PairBatches(BOUGHT, batch_size=4, negatives=3, seed=1)
    again.set_epoch(5)
    again.set_epoch(2)
    for place in (2, 0, 1):
        for one, other in zip(again[place], straight[place], strict=True):
            np.testing.assert_array_equal(one, other)
    other_seed = PairBatches(BOUGHT, batch_size=4, negatives=3, seed=2)
    other_seed.set_epoch(2)
    assert any((a[2] != b[2]).any() for a, b in zip(_epoch(other_seed), straight, strict=True))


def test_sampled_items_are_uniform_over_those_that_the_user_did_not_buy():
    """20,000 draws each; a share has a standard error of at most 0.0035, so five of them are allowed."""
    users = np.array([0, 1, 2, 3, 4])
    drawn = Unbought(BOUGHT).draw(users, 20_000, np.random.default_rng(0))
    dense = BOUGHT.toarray()
    for user in users:
        share = np.bincount(drawn[user], minlength=6) / 20_000
        free = 1.0 - dense[user] if user != 2 else np.ones(6)  # who bought everything is given any item
        np.testing.assert_allclose(share, free / free.sum(), atol=0.018)
        assert not share[free == 0].any()


def test_sampled_items_on_random_matrices_were_never_bought():
    rng = np.random.default_rng(1)
    for density in (0.02, 0.5, 0.97):
        bought = csr_matrix((rng.random((40, 31)) < density).astype(np.float32))
        users = np.flatnonzero(np.diff(bought.indptr) < 31)
        drawn = Unbought(bought).draw(users, 500, rng)
        assert drawn.min() >= 0
        assert drawn.max() < 31
        assert not bought.toarray()[users[:, None], drawn].any()


def test_shared_items_differ_and_say_who_bought_them():
    batches = PairBatches(BOUGHT, batch_size=7, negatives=4, seed=0, shared=True)
    counts = np.zeros(6)
    for epoch in range(500):
        batches.set_epoch(epoch)
        user, _, shared, barred = batches[0]
        assert len(set(shared.tolist())) == 4
        np.testing.assert_array_equal(barred, BOUGHT.toarray()[user][:, shared] != 0)
        counts[shared] += 1
    np.testing.assert_allclose(counts / 500, 4 / 6, atol=5 * np.sqrt(2 / 9 / 500))
    assert PairBatches(BOUGHT, batch_size=7, negatives=40, seed=0, shared=True)[0][2].shape == (6,)


def test_sampled_without_a_look_may_be_bought_items():
    batches = PairBatches(BOUGHT, batch_size=12, negatives=500, seed=0, skip_bought=False)
    user, _, negatives = batches[0]
    share = np.bincount(negatives[user == 0].reshape(-1), minlength=6) / (500 * 3)
    np.testing.assert_allclose(share, 1 / 6, atol=5 * np.sqrt(5 / 36 / 1500))


def test_loader_gives_tensors_of_the_same_numbers():
    import torch

    batches = PairBatches(BOUGHT, batch_size=5, negatives=2, seed=3)
    loader = batches.loader()
    assert len(loader) == 3
    for tensors, arrays in zip(loader, _epoch(batches), strict=True):
        for tensor, array in zip(tensors, arrays, strict=True):
            assert isinstance(tensor, torch.Tensor)
            np.testing.assert_array_equal(tensor.numpy(), array)


def test_baskets_hold_each_user_with_a_purchase_once():
    batches = BasketBatches(BOUGHT, batch_size=3, seed=0)
    found = []
    for items, starts in _epoch(batches):
        found += [tuple(part.tolist()) for part in np.split(items, starts[1:])]
    assert sorted(found) == [(0, 1, 2, 3, 4, 5), (0, 3, 5), (1,), (4, 5)]
    assert [len(starts) for _, starts in _epoch(batches)] == [3, 1]
