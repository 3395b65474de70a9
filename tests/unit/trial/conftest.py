"""A small shop and the population of its trials."""

import pytest

from framework.data.tables import Dataset
from framework.testing.tiny import tiny_dataset
from framework.trial.population import Population


@pytest.fixture
def data() -> Dataset:
    return tiny_dataset(users=200)


@pytest.fixture
def population(data: Dataset) -> Population:
    return Population.of(data, positions=3, repeats=True)
