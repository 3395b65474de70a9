from __future__ import annotations

import pytest

from framework.config import TrainerConfig
from framework.data.tables import Dataset
from framework.testing import tiny_dataset


@pytest.fixture
def data() -> Dataset:
    return tiny_dataset()


@pytest.fixture
def settings() -> TrainerConfig:
    return TrainerConfig(accelerator="cpu")
