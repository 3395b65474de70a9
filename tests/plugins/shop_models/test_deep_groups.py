"""autoencoder_kmeans, dec, vade: trained by the engine, on users and on plain arrays."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment
from scipy.stats import multivariate_normal
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.metrics import adjusted_rand_score

from framework.config import TrainerConfig
from framework.errors import ConfigError, PluginError
from framework.kinds import NeuralModel
from framework.stats.groups.matching import match_groups
from framework.testing import tiny_context, tiny_dataset
from framework.training.fit import fit
from shop_models.deep.autoencoder_kmeans import AutoencoderKmeans, AutoencoderKmeansConfig, autoencoder_kmeans
from shop_models.deep.autoencoder_module import AutoencoderModule, apply_in_batches
from shop_models.deep.dec import Dec, DecConfig, dec
from shop_models.deep.dec_module import DecModule, sharpened
from shop_models.deep.vade import Vade, VadeConfig, vade
from shop_models.deep.vade_module import VadeModule
from tests.plugins.shop_models.grouped_shops import NAMES, blobs, cloud, fitted, users

SMALL = {
    "features": NAMES,
    "log": [],
    "hidden_sizes": (16,),
    "latent_size": 3,
    "corruption": 0.0,
    "pretraining_steps": 120,
    "pretraining_rate": 1e-2,
    "splits": 2,
    "restarts": 2,
    "k_max": 4,
}
MODELS = [(AutoencoderKmeans, {}), (Dec, {"steps": 30}), (Vade, {"steps": 30})]


@dataclass
class RowsConfig:
    """The algorithm, its Config and the rows."""

    algorithm: Any
    settings: Any
    points: Any
    k: int


class Rows:
    """A neural model of plain rows: what it takes to put an array into one of the algorithms."""

    Config = RowsConfig

    def __init__(self, config: RowsConfig) -> None:
        self.config = config

    def trainings(self, data: Any, context: Any) -> Any:
        config = self.config
        self.groups = yield from config.algorithm(config.points, config.k, config.settings, context.rng)

    def segment(self, data: Any) -> Any:
        raise NotImplementedError


def grouped_rows(algorithm, settings, points, k, folder, seed=0):
    model = Rows(RowsConfig(algorithm, settings, points, k))
    fit(model, tiny_dataset(), tiny_context(folder, seed), TrainerConfig(accelerator="cpu"))
    return model.groups


@pytest.mark.parametrize(("model", "params"), MODELS)
def test_planted_groups_are_found_and_named(model, params, tmp_path):
    data, truth = blobs(0, (150, 150, 150))
    made = model(model.Config(**SMALL, **params))
    assert isinstance(made, NeuralModel)
    found = fitted(made, data, tmp_path).segment(data)
    assert adjusted_rand_score(truth, found.labels) > 0.95
    assert found.notes[0].startswith("k = 3, chosen by stability")
    worth = [data.features.column("monetary")[found.labels == place].mean() for place in range(3)]
    assert worth == sorted(worth, reverse=True)
    # Users that no training saw go where their like went.
    fresh, others = blobs(5, (50, 50, 50))
    assert adjusted_rand_score(others, made.segment(fresh).labels) > 0.95


@pytest.mark.parametrize(("model", "params"), MODELS)
def test_a_cloud_and_a_handful_are_one_group(model, params, tmp_path):
    found = fitted(model(model.Config(**SMALL, **params)), cloud(0, n=300), tmp_path)
    assert found.segment(cloud(1, n=20)).names == ("everyone", "no purchase yet")
    few = users(np.random.default_rng(0).normal(20, 1, (5, 4)))
    assert fitted(model(model.Config(**SMALL, **params)), few, tmp_path).segment(few).labels.tolist() == [0] * 5


def test_a_training_killed_between_its_two_phases_comes_to_the_same(tmp_path):
    data, _ = blobs(1, (60, 60, 60))
    made = {**SMALL, "k": 3, "steps": 20, "pretraining_steps": 40}
    whole = fitted(Dec(DecConfig(**made)), data, tmp_path / "whole").segment(data)

    class Killed(Dec):
        Config = DecConfig

        def trainings(self, data, context):
            coming = super().trainings(data, context)
            yield next(coming)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fitted(Killed(DecConfig(**made)), data, tmp_path / "killed")
    again = fitted(Dec(DecConfig(**made)), data, tmp_path / "killed").segment(data)
    np.testing.assert_array_equal(again.labels, whole.labels)


def test_the_engine_names_each_training_a_folder_and_counts_their_epochs(tmp_path):
    data, _ = blobs(1, (60, 60, 60))
    model = Dec(DecConfig(**{**SMALL, "k": 3, "batch_size": 64}))
    record = fit(model, data, tiny_context(tmp_path), TrainerConfig(accelerator="cpu", epochs=2))
    assert record.epochs == 4
    assert {path.name for path in tmp_path.glob("training-*")} == {"training-0", "training-1"}
    assert not list(tmp_path.glob("training-*/checkpoints"))


def test_dec_memberships_and_targets_are_the_papers(tmp_path):
    rng = np.random.default_rng(0)
    rows, centers = rng.normal(size=(7, 4)).astype(np.float32), rng.normal(size=(3, 2))
    autoencoder = AutoencoderModule(4, (5,), 2, corruption=0.0, learning_rate=1e-3, seed=0)
    module = DecModule(autoencoder, centers, rows, update_epochs=1, reconstruction=0.5, learning_rate=1e-3)
    latent = apply_in_batches(autoencoder.encoder, rows)
    q = np.array([[1 / (1 + ((z - c) ** 2).sum()) for c in centers] for z in latent])
    q /= q.sum(axis=1, keepdims=True)
    p = q**2 / q.sum(axis=0)
    p /= p.sum(axis=1, keepdims=True)
    with torch.no_grad():
        found = module.memberships(module.encoder(torch.from_numpy(rows)))
        np.testing.assert_allclose(found, q, rtol=1e-4)
        np.testing.assert_allclose(sharpened(found), p, rtol=1e-4)
        module.target.copy_(torch.from_numpy(p))
        loss = module.training_step((torch.arange(7), torch.from_numpy(rows)), 0)
        made_anew = module.decoder(module.encoder(torch.from_numpy(rows))).numpy()
    expected = (p * np.log(p / q)).sum(axis=1).mean() + 0.5 * ((made_anew - rows) ** 2).mean()
    assert float(loss) == pytest.approx(expected, rel=1e-4)


def vade_module(noise=1.0):
    rng = np.random.default_rng(0)
    autoencoder = AutoencoderModule(4, (5,), 2, corruption=0.0, learning_rate=1e-3, seed=0)
    weights, means, variances = np.array([0.2, 0.5, 0.3]), rng.normal(size=(3, 2)), rng.uniform(0.3, 2, (3, 2))
    module = VadeModule(autoencoder, weights, means, variances, noise=noise, learning_rate=1e-3, decay=0.9)
    return module, weights, means, variances


def test_vade_memberships_are_those_of_the_mixture():
    module, weights, means, variances = vade_module()
    rows = np.random.default_rng(1).normal(size=(6, 4)).astype(np.float32)
    with torch.no_grad():
        z = module.encode(torch.from_numpy(rows))[0].numpy()
        found = module.memberships(torch.from_numpy(rows)).numpy()
    density = np.stack(
        [w * multivariate_normal(m, np.diag(v)).pdf(z) for w, m, v in zip(weights, means, variances, strict=True)],
        axis=1,
    )
    np.testing.assert_allclose(found, density / density.sum(axis=1, keepdims=True), rtol=1e-4)


def test_the_bound_of_vade_by_simulation_of_its_terms():
    # The bound is E_q[log p(x|z) + log p(z|c) + log p(c) - log q(z|x) - log q(c|x)], averaged here by plain draws.
    module, weights, means, variances = vade_module(noise=0.7)
    row = torch.from_numpy(np.random.default_rng(1).normal(size=(1, 4)).astype(np.float32))
    torch.manual_seed(0)
    draws = 20_000
    with torch.no_grad():
        loss = float(module.training_step((torch.zeros(draws), row.repeat(draws, 1)), 0))
        mean, log_variance = (part.numpy()[0] for part in module.encode(row))
        rng = np.random.default_rng(0)
        z = mean + rng.normal(size=(draws, 2)) * np.exp(0.5 * log_variance)
        made = module.decoder(torch.from_numpy(z.astype(np.float32))).numpy()
    density = np.stack(
        [multivariate_normal(m, np.diag(v)).pdf(z) for m, v in zip(means, variances, strict=True)], axis=1
    )
    gamma = weights * density
    gamma /= gamma.sum(axis=1, keepdims=True)
    log_x = -0.5 * (((made - row.numpy()) ** 2).sum(axis=1) / 0.7 + 4 * np.log(2 * np.pi * 0.7))
    log_q = multivariate_normal(mean, np.diag(np.exp(log_variance))).logpdf(z)
    # The prior's term is taken over q(z|x) by itself, as the paper's equation 9 does, with gamma at the drawn z.
    under = np.stack(
        [
            -0.5 * (np.log(2 * np.pi * v) + (np.exp(log_variance) + (mean - m) ** 2) / v).sum()
            for m, v in zip(means, variances, strict=True)
        ]
    )
    prior = (gamma * (under + np.log(weights) - np.log(gamma))).sum(axis=1)
    bound = log_x.mean() + prior.mean() - log_q.mean()
    assert -loss == pytest.approx(bound, abs=0.03)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Dec(DecConfig(hidden_sizes=())), "hidden_sizes is"),
        (lambda: Dec(DecConfig(reconstruction=-1.0)), "reconstruction is -1"),
        (lambda: Dec(DecConfig(steps=0)), "steps is 0"),
        (lambda: Vade(VadeConfig(decay=0.0)), "decay is 0"),
        (lambda: Vade(VadeConfig(noise=0.0)), "noise is 0"),
        (lambda: Vade(VadeConfig(corruption=1.0)), "corruption is 1"),
        (lambda: AutoencoderKmeans(AutoencoderKmeansConfig(pretraining_rate=0.0)), "pretraining_rate is 0"),
        (lambda: AutoencoderKmeans(AutoencoderKmeansConfig(latent_size=0)), "latent_size is 0"),
        (lambda: AutoencoderKmeans(AutoencoderKmeansConfig(reference_draws=3)), "reference_draws is 3"),
    ],
)
def test_impossible_configs_are_refused(make, message):
    with pytest.raises(ConfigError, match=message):
        make()


@pytest.mark.parametrize(("model", "params"), MODELS)
def test_segments_need_a_training(model, params):
    with pytest.raises(PluginError, match="before it was fitted"):
        model(model.Config()).segment(tiny_dataset())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("algorithm", "config"),
    [(autoencoder_kmeans, AutoencoderKmeansConfig()), (dec, DecConfig()), (vade, VadeConfig())],
    ids=["autoencoder_kmeans", "dec", "vade"],
)
def test_digits_are_told_apart(algorithm, config, tmp_path):
    # The share of scikit-learn's 1,797 digits that are in the group of their kind, by the best matching; 5 seeds.
    pixels, digit = load_digits(return_X_y=True)
    points = (pixels / 16.0 - 0.3) / 0.376
    config = dataclasses.replace(config, hidden_sizes=(256, 128, 64), corruption=0.3, batch_size=256)
    found = []
    for seed in range(5):
        labels = grouped_rows(algorithm, config, points, 10, tmp_path / str(seed), seed).assign(points)
        cost = np.zeros((10, 10))
        np.add.at(cost, (digit, labels), -1)
        rows, columns = linear_sum_assignment(cost)
        found.append(-cost[rows, columns].sum() / len(digit))
        assert found[-1] == match_groups(digit, labels).agreement
    plain = np.mean(
        [match_groups(digit, KMeans(10, n_init=10, random_state=s).fit_predict(pixels)).agreement for s in range(5)]
    )
    print(f"{algorithm.__name__}: {np.mean(found):.3f} {np.round(found, 3)}, k-means {plain:.3f}")
    assert np.mean(found) >= (0.70 if algorithm is autoencoder_kmeans else 0.80)
