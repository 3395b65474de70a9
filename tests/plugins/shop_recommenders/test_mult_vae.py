"""Mult-VAE against its equations written out with dense vectors, and on planted preferences."""

import dataclasses

import numpy as np
import pytest
import torch

from framework.config import TrainerConfig
from framework.errors import ConfigError, DataError
from framework.testing import fingerprint, tiny_dataset, tiny_queries
from framework.training.fit import fit
from shop_recommenders.autoencoders.mult_vae import MultVae, MultVaeConfig

SMALL = {"latent_size": 3, "hidden_size": 5, "batch_size": 20}


def _networks(weights, x):
    """Section 2.1: mean, log variance, and the way back."""
    w = {name: array.astype(np.float64) for name, array in weights.items()}
    hidden = np.tanh(x / np.sqrt((x**2).sum(axis=1, keepdims=True)) @ w["encoder"] + w["encoder_bias"])
    both = hidden @ w["latent"].T + w["latent_bias"]
    mean, log_variance = both[:, :3], both[:, 3:]

    def back(z):
        return np.tanh(z @ w["hidden"].T + w["hidden_bias"]) @ w["decoder"].T + w["decoder_bias"]

    return mean, log_variance, back


@pytest.mark.reference
@pytest.mark.parametrize("beta", [0.0, 0.7])
def test_loss_is_the_papers(context, beta):
    config = MultVaeConfig(**SMALL, dropout=0.0, kl_weight=beta, annealing_epochs=0)
    model, data = MultVae(config), tiny_dataset(1)
    training = model.training(data, context)
    module, (items, starts) = training.module, next(iter(training.loader))
    x = np.zeros((len(starts), len(data.items)))
    for row, part in enumerate(np.split(items.numpy(), starts.numpy()[1:])):
        x[row, part] = 1.0
    mean, log_variance, back = _networks(module.weights(), x)
    torch.manual_seed(0)
    noise = torch.randn(len(starts), 3).numpy()
    scores = back(mean + noise * np.exp(log_variance / 2))
    likelihood = (x * (scores - np.log(np.exp(scores).sum(axis=1, keepdims=True)))).sum(axis=1)
    divergence = -0.5 * (1 + log_variance - mean**2 - np.exp(log_variance)).sum(axis=1)
    torch.manual_seed(0)
    found = float(module.training_step((items, starts), 0).detach())
    assert found == pytest.approx((beta * divergence - likelihood).mean(), rel=1e-5)


def test_scores_are_those_at_the_mean_without_dropout(context):
    model, data = MultVae(MultVaeConfig(**SMALL)), tiny_dataset(1)
    fit(model, data, context, TrainerConfig(accelerator="cpu", epochs=2))
    taken = data.matrix(binary=True)
    users = np.flatnonzero(np.diff(taken.indptr))
    state = {name: array for name, array in model.state().items() if not name.startswith("purchases.")}
    mean, _, back = _networks(state, taken[users].toarray().astype(np.float64))
    slates = model.recommend(tiny_queries(data).take(users), 3)
    scores = back(mean)
    scores[:, taken.getnnz(axis=0) == 0] = -np.inf
    np.testing.assert_allclose(slates.scores, -np.sort(-scores, axis=1)[:, :3], rtol=1e-4, atol=1e-5)


def test_beta_rises_with_the_steps(context, monkeypatch):
    config = MultVaeConfig(**SMALL, kl_weight=0.6, annealing_epochs=5)
    training = MultVae(config).training(tiny_dataset(1), context)
    steps = 5 * len(training.loader)
    seen = []
    for step in (0, steps // 5, steps, steps + 9):
        monkeypatch.setattr(type(training.module), "global_step", step)
        seen.append(training.module.beta())
    assert seen == pytest.approx([0.0, 0.12, 0.6, 0.6])


def test_dropout_keeps_the_expected_strength(context):
    """Over 4,000 masks the first layer's mean input is what it is without dropout, within five standard errors."""
    training = MultVae(MultVaeConfig(**SMALL, dropout=0.4)).training(tiny_dataset(1), context)
    module = training.module
    seen = []

    def bag(items, weight, starts, mode, per_sample_weights):
        seen.append(per_sample_weights)
        return torch.zeros(len(starts), weight.shape[1])

    import shop_recommenders.autoencoders.mult_vae_module as of_module

    whole, of_module.embedding_bag = of_module.embedding_bag, bag
    try:
        torch.manual_seed(0)
        for _ in range(4000):
            module.encode(torch.tensor([0, 1, 2, 3]), torch.tensor([0]))
    finally:
        of_module.embedding_bag = whole
    strengths = torch.stack(seen)
    np.testing.assert_allclose(np.unique(strengths.numpy()), [0.0, 0.5 / 0.6], rtol=1e-6)
    np.testing.assert_allclose(strengths.mean(dim=0), 0.5, atol=5 * 0.5 * np.sqrt(0.4 / 0.6 / 4000))


def _planted(rng):
    return [(user, int(item) + 10 * (user // 30)) for user in range(60) for item in rng.choice(10, 5, replace=False)]


def test_planted_blocks_are_recovered_for_strangers_with_a_history_too(log_of, ask, context):
    data = log_of(_planted(np.random.default_rng(0)), users=60, items=20)
    model = MultVae(MultVaeConfig(latent_size=4, hidden_size=20, batch_size=10, learning_rate=0.01))
    fit(model, data, context, TrainerConfig(accelerator="cpu", epochs=15))
    slates = model.recommend(ask(list(range(60))), 10)
    assert (slates.items // 10 == np.arange(60)[:, None] // 30).mean() > 0.98
    told = dataclasses.replace(ask([-1, -1, -1]), history=np.array([[-1, 2, 7], [-1, 12, 17], [-1, -1, -1]], np.int32))
    slates = model.recommend(told, 10)
    assert (slates.items[:2] // 10 == [[0], [1]]).all()
    assert slates.fallback.tolist() == [False, False, True]


def test_a_users_own_history_says_what_was_learned_and_a_restored_one_answers_alike(context):
    model, data = MultVae(MultVaeConfig(**SMALL)), tiny_dataset(1)
    fit(model, data, context, TrainerConfig(accelerator="cpu", epochs=2))
    queries = tiny_queries(data)
    learned = model.recommend(queries, 20)
    events = data.events.of_kind("purchase")
    history = np.full((len(queries), 40), -1, dtype=np.int32)
    for user in range(len(data.users)):
        items = events.item[events.user == user]
        history[user, 40 - len(items) :] = items
    told = dataclasses.replace(queries, history=history)
    assert fingerprint(model.recommend(told, 20)) == fingerprint(learned)
    restored = MultVae(model.config)
    restored.restore(dict(model.state()))
    assert fingerprint(restored.recommend(queries, 20)) == fingerprint(learned)


def test_what_cannot_be_learned_from_is_refused(log_of, context):
    with pytest.raises(DataError, match="mult_vae learns from events of the kind view"):
        MultVae(MultVaeConfig(kinds=["view"])).training(log_of([(0, 1)], users=2, items=3), context)
    for wrong in ({"dropout": 1.0}, {"learning_rate": 0.0}, {"kl_weight": -1.0}, {"latent_size": 0}):
        with pytest.raises(ConfigError, match=f"mult_vae's {next(iter(wrong))}"):
            MultVaeConfig(**wrong)
