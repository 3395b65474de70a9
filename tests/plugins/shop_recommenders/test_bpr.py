"""BPR and LightGCN against their equations written out with dense matrices, and on planted preferences."""

import dataclasses

import numpy as np
import pytest
import torch

from framework.config import TrainerConfig
from framework.errors import ConfigError, DataError
from framework.testing import fingerprint, tiny_dataset, tiny_queries
from framework.training.fit import fit
from shop_recommenders.factors.bpr import Bpr, BprConfig
from shop_recommenders.graphs.lightgcn import LightGcn, LightGcnConfig


def _written_out(scored, learned, batch, regularization):
    """The mean over purchases and their sampled items, one after the other."""
    users, items = scored
    losses, lengths = [], [[], [], []]
    for place, (u, i) in enumerate(zip(batch[0].tolist(), batch[1].tolist(), strict=True)):
        sampled = batch[2] if batch[2].ndim == 1 else batch[2][place]
        unbought = [j for n, j in enumerate(sampled.tolist()) if len(batch) == 3 or not batch[3][place, n]]
        losses.append(np.mean([np.log1p(np.exp(-(users[u] @ items[i] - users[u] @ items[j]))) for j in unbought]))
        lengths[2] += [(learned[1][j] ** 2).sum() for j in sampled.tolist()]
        lengths[0].append((learned[0][u] ** 2).sum())
        lengths[1].append((learned[1][i] ** 2).sum())
    return np.mean(losses) + regularization / 2 * sum(np.mean(part) for part in lengths)


FORMS = [
    {"negatives": 1, "shared_negatives": False},
    {"negatives": 4, "shared_negatives": False},
    {"negatives": 7, "shared_negatives": True},
]


@pytest.mark.reference
@pytest.mark.parametrize("form", FORMS)
def test_loss_of_bpr_is_the_papers(context, form):
    model = Bpr(BprConfig(embedding_size=4, initial_scale=0.8, regularization=0.3, batch_size=30, **form))
    training = model.training(tiny_dataset(1), context)
    batch = next(iter(training.loader))
    vectors = [part.astype(np.float64) for part in training.module.vectors()]
    expected = _written_out(vectors, vectors, batch, 0.3)
    assert float(training.module.training_step(batch, 0).detach()) == pytest.approx(expected, rel=1e-5)


@pytest.mark.reference
@pytest.mark.parametrize("layers", [0, 1, 3])
@pytest.mark.parametrize("form", FORMS)
def test_loss_of_lightgcn_is_the_papers(context, form, layers):
    config = LightGcnConfig(
        embedding_size=4, layers=layers, initial_scale=0.8, regularization=0.3, batch_size=30, **form
    )
    model, data = LightGcn(config), tiny_dataset(1)
    module = (training := model.training(data, context)).module
    learned = [part.detach().numpy().astype(np.float64) for part in (module.users, module.items)]
    averaged = _averaged(learned, data.matrix(binary=True).toarray().astype(np.float64), layers)
    for found, expected in zip(module.vectors(), averaged, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
    batch = next(iter(training.loader))
    expected = _written_out(averaged, learned, batch, 0.3)
    assert float(module.training_step(batch, 0).detach()) == pytest.approx(expected, rel=1e-5)


def _averaged(learned, bought, layers):
    """Equations 6 to 8 of He et al. with the whole adjacency matrix."""
    users, items = bought.shape
    adjacency = np.block([[np.zeros((users, users)), bought], [bought.T, np.zeros((items, items))]])
    root = 1.0 / np.sqrt(np.maximum(adjacency.sum(axis=1), 1))
    step = root[:, None] * adjacency * root
    mean = sum(np.linalg.matrix_power(step, power) for power in range(layers + 1)) / (layers + 1)
    found = mean @ np.vstack(learned)
    return found[:users], found[users:]


def test_gradients_of_lightgcn_go_back_over_the_graph(context):
    """Against torch's own gradient through dense matrices."""
    data = tiny_dataset(1)
    training = LightGcn(LightGcnConfig(embedding_size=3, layers=2, initial_scale=0.5)).training(data, context)
    module, batch = training.module, next(iter(training.loader))
    module.training_step(batch, 0).backward()
    bought = data.matrix(binary=True).toarray().astype(np.float64)
    root = [1.0 / np.sqrt(np.maximum(bought.sum(axis=axis), 1)) for axis in (1, 0)]
    step = torch.from_numpy((root[0][:, None] * bought * root[1]).astype(np.float32))
    users, items = (part.detach().clone().requires_grad_() for part in (module.users, module.items))
    all_users = (users + step @ items + step @ (step.T @ users)) / 3
    all_items = (items + step.T @ users + step.T @ (step @ items)) / 3
    user, item, other = batch[0], batch[1], batch[2][:, 0]
    difference = (all_users[user] * (all_items[item] - all_items[other])).sum(dim=1)
    penalty = sum(part.square().sum(dim=1).mean() for part in (users[user], items[item], items[other]))
    (torch.nn.functional.softplus(-difference).mean() + 0.5e-4 * penalty).backward()
    torch.testing.assert_close(module.users.grad, users.grad)
    torch.testing.assert_close(module.items.grad, items.grad)


SMALL = {
    "bpr": (Bpr, BprConfig(embedding_size=4, batch_size=50, learning_rate=0.05, negatives=1, shared_negatives=False)),
    "shared": (Bpr, BprConfig(embedding_size=4, batch_size=50, learning_rate=0.05, negatives=9)),
    "lightgcn": (LightGcn, LightGcnConfig(embedding_size=4, batch_size=50, learning_rate=0.05, layers=2)),
}


@pytest.mark.parametrize("which", SMALL)
def test_planted_blocks_are_recovered(log_of, ask, context, which):
    """Users of each half bought a random half of their own ten items; their slates must hold the rest of them."""
    rng = np.random.default_rng(0)
    events = [(user, int(item) + 10 * (user // 30)) for user in range(60) for item in rng.choice(10, 5, replace=False)]
    recommender, config = SMALL[which]
    model = recommender(config)
    fit(model, log_of(events, users=60, items=20), context, TrainerConfig(accelerator="cpu", epochs=15))
    slates = model.recommend(ask(list(range(60))), 10)
    assert (slates.items // 10 == np.arange(60)[:, None] // 30).mean() > 0.98


@pytest.mark.parametrize("which", SMALL)
def test_unbought_items_come_last_and_strangers_fall_back_whatever_their_history(log_of, ask, context, which):
    events = [(0, 3), (0, 1), (1, 3), (2, 0, 1, "view")]
    recommender, config = SMALL[which]
    model = recommender(config)
    fit(model, log_of(events, users=3, items=5), context, TrainerConfig(accelerator="cpu", epochs=1))
    queries = ask([0, 1, 2, -1])
    slates = model.recommend(queries, 5)
    assert slates.items[:, 2:].tolist() == [[0, 2, 4]] * 4
    assert slates.items[2:, :2].tolist() == [[3, 1]] * 2
    assert slates.fallback.tolist() == [False, False, True, True]
    told = dataclasses.replace(queries, history=np.array([[-1, 1]] * 4, dtype=np.int32))
    assert fingerprint(model.recommend(told, 5)) == fingerprint(slates)


@pytest.mark.parametrize("which", SMALL)
def test_company_does_not_change_a_byte(context, which):
    recommender, config = SMALL[which]
    model, data = recommender(dataclasses.replace(config, embedding_size=16)), tiny_dataset(5, users=400, items=90)
    fit(model, data, context, TrainerConfig(accelerator="cpu", epochs=1))
    queries = tiny_queries(data)
    whole = model.recommend(queries, 50)
    for rows in (np.array([9]), np.array([9, 300]), np.arange(3, 77)):
        part = model.recommend(queries.take(rows), 50)
        assert part.scores.tobytes() == whole.scores[rows].tobytes()
        assert part.items.tobytes() == whole.items[rows].tobytes()


@pytest.mark.parametrize(("recommender", "name"), [(Bpr, "bpr"), (LightGcn, "lightgcn")])
def test_what_cannot_be_learned_from_is_refused(log_of, context, recommender, name):
    with pytest.raises(DataError, match=f"{name} learns from events of the kind view"):
        recommender(recommender.Config(kinds=["view"])).training(log_of([(0, 1)], users=2, items=3), context)
    for wrong in ({"negatives": 0}, {"learning_rate": 0.0}, {"regularization": -1.0}, {"initial_scale": np.inf}):
        with pytest.raises(ConfigError, match=f"{name}'s {next(iter(wrong))}"):
            recommender.Config(**wrong)
