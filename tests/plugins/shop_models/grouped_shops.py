"""Users with planted groups, and without any, for the tests of models that find groups."""

from __future__ import annotations

import dataclasses

import numpy as np

from framework.config import TrainerConfig
from framework.data.tables import FeatureTable
from framework.testing import tiny_context, tiny_dataset
from framework.training.fit import fit

NAMES = ("recency_days", "frequency", "monetary", "tenure_days")
CENTERS = np.array([[0, 1, 2, 0], [1, 0, 0, 1], [2, 2, 1, 0], [0, 0, 1.5, 2]])


def users(values, names=NAMES):
    """A data set whose users have these features; their events are those of the tiny shop's first users."""
    tiny = tiny_dataset()
    events = tiny.events.where(tiny.events.user < len(values))
    ids = np.array([f"u{place:06d}" for place in range(len(values))])
    features = FeatureTable(names, np.asarray(values, dtype=float))
    return dataclasses.replace(tiny, users=ids, events=events, features=features, segments=None, segment_names=())


def blobs(seed, sizes=(200, 200, 200), apart=7.0, spread=1.0):
    """Gaussian groups, the first one the most profitable, and which one each user is of."""
    rng = np.random.default_rng(seed)
    truth = np.repeat(np.arange(len(sizes)), sizes)
    noise = rng.normal(size=(len(truth), 4)) * np.asarray(spread)
    return users(noise + CENTERS[truth] * apart + 20), truth


def cloud(seed, n=500, correlation=0.0):
    """One Gaussian cloud."""
    rng = np.random.default_rng(seed)
    covariance = np.full((4, 4), correlation) + np.eye(4) * (1 - correlation)
    return users(rng.multivariate_normal(np.full(4, 20.0), covariance, size=n))


def fitted(model, data, folder, seed=0, epochs=None):
    """Return the model, fitted as a run fits it."""
    fit(model, data, tiny_context(folder, seed), TrainerConfig(accelerator="cpu", epochs=epochs))
    return model
