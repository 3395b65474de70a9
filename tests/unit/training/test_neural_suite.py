"""The shipped suite accepts a neural recommender that keeps the contract, and catches those that do not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from framework.data.tables import Dataset
from framework.records import Context, Queries, Slates, Training
from framework.testing import RecommenderTests
from tests.unit.training.factors import Factors


class TestFactors(RecommenderTests):
    component = Factors


def suite(made_by: type) -> RecommenderTests:
    class Suite(RecommenderTests):
        component = made_by

    return Suite()


class Drifts(Factors):
    """Draws its batches from a generator that nobody sets back."""

    def training(self, data: Dataset, context: Context) -> Training:
        training = super().training(data, context)
        sampler: Any = training.loader.sampler
        order = np.random.default_rng(0)

        class Shuffled:
            def __iter__(self) -> Any:
                return iter(order.permutation(len(sampler)).tolist())

            def __len__(self) -> int:
                return len(sampler)

        training.loader.batch_sampler.sampler = Shuffled()
        return training


class Unseeded(Factors):
    """Starts from weights that no seed decides."""

    def training(self, data: Dataset, context: Context) -> Training:
        training = super().training(data, context)
        self.module.users.weight.data.add_(float(np.random.default_rng().random()))
        return training


class Meddles(Factors):
    """Changes its module when it is asked to take in what that knows."""

    def learned(self) -> None:
        self.module.users.weight.data.mul_(0.5)
        super().learned()


class Forgets(Factors):
    """Leaves the popularity that strangers get out of its state."""

    def restore(self, state: dict[str, Any]) -> None:
        super().restore({**state, "popular": np.zeros_like(state["popular"])})


class Objects(Factors):
    """Writes objects into its state."""

    def state(self) -> dict[str, Any]:
        return {**super().state(), "config": np.array([self.config], dtype=object)}


class Mixes(Factors):
    """Takes one query's history for everybody's."""

    def recommend(self, queries: Queries, k: int) -> Slates:
        found = super().recommend(queries, k)
        return found if queries.history is None else Slates(found.items[:, ::-1], found.scores, found.fallback)


def searching(**space: Any) -> type:
    return type("Searching", (Factors,), {"SEARCH": space})


@pytest.mark.parametrize(
    ("made_by", "test"),
    [
        (Drifts, "test_same_epoch_same_batches"),
        (Unseeded, "test_same_seed_same_weights"),
        (Meddles, "test_looks_change_nothing"),
        (Forgets, "test_state_answers_alike"),
        (Objects, "test_state_answers_alike"),
        (Mixes, "test_history_is_that_of_its_own_query"),
    ],
)
def test_suite_catches(made_by: type, test: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        getattr(suite(made_by), test)(tmp_path)


@pytest.mark.parametrize(
    "made_by",
    [
        searching(),
        searching(speed={"low": 1, "high": 2}),
        searching(learning_rate={"low": 0.1, "high": 0.2}),
        searching(learning_rate={"low": 0.1, "high": 0.01}),
        searching(learning_rate={"low": 0.0, "high": 0.1, "log": True}),
        searching(learning_rate={"low": 0.01, "high": 0.1, "log": True, "step": 0.01}),
        searching(learning_rate={"low": 0.01, "top": 0.1}),
        searching(embedding_size={"low": 1.5, "high": 8}),
        searching(embedding_size={"choices": [8, 16]}),
        searching(embedding_size={"choices": [4]}),
    ],
)
def test_suite_catches_a_search(made_by: type) -> None:
    with pytest.raises(AssertionError):
        suite(made_by).test_search_is_over_parameters()
