"""A segmentation under test: fitted on all users, and fitted again on any choice of them."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.config import ComponentConfig
from framework.data.resampled import take_users
from framework.data.tables import Dataset
from framework.fitting import Bench, fit_model
from framework.records import Context, Segmentation
from framework.stats.groups.stability import Refit


@dataclass(frozen=True)
class Candidate:
    """A model that a study names, fitted: its segments of all users, its name, and how to fit it again."""

    name: str
    choice: ComponentConfig
    segmentation: Segmentation
    refit: Refit


def fit_candidate(bench: Bench, name: str, choice: ComponentConfig, data: Dataset) -> Candidate:
    """Fit the model on the data; `refit` builds it anew for every other choice of users.

    A refit labels users by the places of their segments' names in the refit's own list: only agreement is looked at.
    """
    where = f"segmentations.{name}"

    def fitted(users: Dataset, context: Context) -> Segmentation:
        model: Any = bench.build("model", choice, where)
        fit_model(bench, model, users, context)
        found: Segmentation = model.segment(data)
        return found

    def refit(rows: NDArray[np.intp], rng: np.random.Generator) -> NDArray[np.int64]:
        seed = [int(part) for part in rng.integers(2**32, size=2)]
        # A folder of its own: a neural model would go on from the checkpoint of another one's users.
        context = bench.context(f"segmentation:{name}-{seed[0]:08x}{seed[1]:08x}")
        try:
            again = fitted(take_users(data, rows), replace(context, rng=np.random.default_rng(seed)))
        finally:
            shutil.rmtree(context.folder, ignore_errors=True)
        return again.labels.astype(np.int64)

    return Candidate(name, choice, fitted(data, bench.context(f"segmentation:{name}")), refit)
