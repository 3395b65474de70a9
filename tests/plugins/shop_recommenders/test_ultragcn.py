"""UltraGCN against its equations written out pair by pair, and on planted preferences."""

import numpy as np
import pytest
import torch

from framework.config import TrainerConfig
from framework.errors import ConfigError, DataError
from framework.testing import tiny_context, tiny_dataset
from framework.training.fit import fit
from shop_recommenders.graphs.ultragcn import UltraGcn, UltraGcnConfig, items_bought_together
from shop_recommenders.pairs.candidate_scores import candidate_scores

CONFIG = {"w1": 0.1, "w2": 0.7, "w3": 0.2, "w4": 0.5, "negative_weight": 6.0, "item_weight": 0.4, "neighbours": 3}


def _logistic(x):
    return 1.0 / (1.0 + np.exp(-x))


def _loss(module, bought, batch, config):
    """Section 3, one purchase after the other, with the degrees counted from the dense matrix."""
    users, items = (part.astype(np.float64) for part in module.vectors())
    d_user, d_item = bought.sum(axis=1), bought.sum(axis=0)
    b = np.sqrt(d_user + 1)[:, None] / np.maximum(d_user, 1)[:, None] / np.sqrt(d_item + 1)[None, :]
    together = bought.T @ bought
    g = together.sum(axis=1)
    omega = together * (np.sqrt(g + 1) / np.maximum(g, 1))[:, None] / np.sqrt(g + 1)[None, :]
    total = 0.0
    users_, items_, sampled_ = (np.asarray(part) for part in batch[:3])
    for row, (u, i) in enumerate(zip(users_, items_, strict=True)):
        sampled = sampled_[row] if sampled_.ndim == 2 else sampled_
        if config.skip_bought and sampled_.ndim == 1:
            sampled = sampled[bought[u, sampled] == 0]
        scores = items @ users[u]
        total -= (config.w1 + config.w2 * b[u, i]) * np.log(_logistic(scores[i]))
        for j in sampled:
            weight = (config.w3 + config.w4 * b[u, j]) * config.negative_weight / len(sampled)
            total -= weight * np.log(_logistic(-scores[j]))
        for k in np.argsort(-omega[i], kind="stable")[: config.neighbours]:
            total -= config.item_weight * omega[i, k] * np.log(_logistic(scores[k]))
    return total


@pytest.mark.reference
@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize("whole", [False, True])
def test_loss_is_the_papers(context, monkeypatch, shared, skip, whole):
    import shop_recommenders.pairs.candidate_scores as scores

    if not whole:
        monkeypatch.setattr(scores, "_WHOLE", 0)  # gathered, as where the catalogue is large
    config = UltraGcnConfig(
        **CONFIG,
        negatives=4,
        embedding_size=4,
        initial_scale=0.8,
        batch_size=30,
        shared_negatives=shared,
        skip_bought=skip,
    )
    model = UltraGcn(config)
    data = tiny_dataset(1)
    training = model.training(data, context)
    batch = next(iter(training.loader))
    bought = data.matrix(binary=True).toarray().astype(np.float64)
    expected = _loss(training.module, bought, batch, config)
    assert float(training.module.training_step(batch, 0).detach()) == pytest.approx(expected, rel=1e-5)


def test_both_ways_to_score_agree_and_so_do_their_gradients(monkeypatch):
    import shop_recommenders.pairs.candidate_scores as scores

    generator = torch.Generator().manual_seed(0)
    users, items = (torch.randn(9, 5, generator=generator, requires_grad=True) for _ in range(2))
    user = torch.tensor([3, 3, 0, 8])
    candidates = torch.randint(9, (4, 6), generator=generator)
    weights = torch.randn(4, 6, generator=generator)
    found = []
    for whole in (0, 1000):
        monkeypatch.setattr(scores, "_WHOLE", whole)
        value = candidate_scores(users, user, items, candidates)
        found.append((value.detach(), *torch.autograd.grad((weights * value).sum(), (users, items))))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)
    expected = (users[user][:, None] * items[candidates]).sum(dim=2).detach()
    torch.testing.assert_close(found[0][0], expected)


def test_penalty_is_the_gradient_of_half_the_squared_length(context):
    """Adam with weight decay against Adam on the loss with the penalty written into it."""
    config = UltraGcnConfig(negatives=3, embedding_size=4, regularization=0.3, learning_rate=0.01, decay=False)
    data = tiny_dataset(1)
    training = UltraGcn(config).training(data, context)
    module, batch = training.module, next(iter(training.loader))
    other = [part.detach().clone().requires_grad_() for part in (module.users, module.items)]
    optimizer, written_out = module.configure_optimizers(), torch.optim.Adam(other, lr=0.01)
    for _ in range(3):
        optimizer.zero_grad()
        loss = module.training_step(batch, 0)
        loss.backward()
        gradients = [part.grad.clone() for part in (module.users, module.items)]
        for part, gradient in zip(other, gradients, strict=True):
            part.grad = gradient + torch.autograd.grad(0.15 * part.square().sum(), part)[0]
        optimizer.step()
        written_out.step()
    for one, two in zip((module.users, module.items), other, strict=True):
        torch.testing.assert_close(one.detach(), two.detach())


def test_items_bought_together_by_hand(log_of):
    """Items 0 and 1 share two buyers, 1 and 2 one; the numbers follow from the sums of rows 5, 6, 2."""
    data = log_of([(0, 0), (0, 1), (1, 0), (1, 1), (2, 1), (2, 2), (3, 0)], users=4, items=4)
    items, weights = items_bought_together(data.matrix(), 2)
    # G = [[3, 2, 0], [2, 3, 1], [0, 1, 1]]; g = (5, 6, 2); omega_ij = G_ij sqrt(g_i + 1) / g_i / sqrt(g_j + 1)
    left, right = np.sqrt([6, 7, 3]) / [5, 6, 2], 1 / np.sqrt([6, 7, 3])
    expected = [[3 * left[0] * right[0], 2 * left[0] * right[1]], [3 * left[1] * right[1], 2 * left[1] * right[0]]]
    np.testing.assert_allclose(weights[:2], expected, rtol=1e-6)
    assert items.tolist()[:2] == [[0, 1], [1, 0]]
    assert sorted(items[2].tolist()) == [1, 2]
    assert weights[3].tolist() == [0.0, 0.0]


def _planted(rng):
    return [(user, int(item) + 10 * (user // 30)) for user in range(60) for item in rng.choice(10, 5, replace=False)]


def test_planted_blocks_are_recovered(log_of, ask, context):
    """Users of each half bought a random half of their own ten items; their slates must hold the rest of them."""
    data = log_of(_planted(np.random.default_rng(0)), users=60, items=20)
    config = UltraGcnConfig(
        embedding_size=4, negatives=10, negative_weight=10.0, batch_size=20, learning_rate=0.02, decay=False
    )
    model = UltraGcn(config)
    fit(model, data, context, TrainerConfig(accelerator="cpu", epochs=40))
    slates = model.recommend(ask(list(range(60))), 10)
    assert (slates.items // 10 == np.arange(60)[:, None] // 30).mean() > 0.98


def test_seed_comes_from_the_context(tmp_path):
    vectors = []
    for seed in (1, 1, 2):
        model = UltraGcn(UltraGcnConfig(embedding_size=3))
        model.training(tiny_dataset(), tiny_context(tmp_path, seed))
        model.learned()
        vectors.append(model.state()["items"].tobytes())
    assert vectors[0] == vectors[1] != vectors[2]


def test_no_purchases_are_refused(log_of, context):
    data = log_of([(0, 1)], users=2, items=3)
    with pytest.raises(DataError, match="ultragcn learns from events of the kind view"):
        UltraGcn(UltraGcnConfig(kinds=["view"])).training(data, context)


@pytest.mark.parametrize(
    "wrong", [{"negatives": 0}, {"w4": -1.0}, {"learning_rate": 0.0}, {"regularization": float("nan")}]
)
def test_wrong_parameters_are_refused(wrong):
    with pytest.raises(ConfigError, match=f"ultragcn's {next(iter(wrong))}"):
        UltraGcnConfig(**wrong)
