"""A segmentation under test: fitted on all users, and fitted again on any choice of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.config import ComponentConfig
from framework.data.resampled import take_users
from framework.data.tables import Dataset
from framework.fitting import Bench, fit_model
from framework.records import Segmentation
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

    def fitted(users: Dataset, seed: list[int] | None) -> Segmentation:
        model: Any = bench.build("model", choice, where)
        context = bench.context(f"segmentation:{name}")
        if seed is not None:
            context = replace(context, rng=np.random.default_rng(seed))
        fit_model(bench, model, users, context)
        found: Segmentation = model.segment(data)
        return found

    def refit(rows: NDArray[np.intp], rng: np.random.Generator) -> NDArray[np.int64]:
        return fitted(take_users(data, rows), rng.integers(2**32, size=4).tolist()).labels.astype(np.int64)

    return Candidate(name, choice, fitted(data, None), refit)
