"""Fixtures for plugin authors; enable them by `pytest_plugins = ["framework.testing.pytest_plugin"]`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from framework.testing import tiny

if TYPE_CHECKING:
    from pathlib import Path

    from framework.data.tables import Dataset
    from framework.records import Context, Outcomes


@pytest.fixture
def tiny_dataset() -> Dataset:
    """Return a data set of 60 users and 20 items; see `framework.testing.tiny_dataset`."""
    return tiny.tiny_dataset()


@pytest.fixture
def tiny_outcomes() -> Outcomes:
    """Return holdout outcomes of 40 units; see `framework.testing.tiny_outcomes`."""
    return tiny.tiny_outcomes()


@pytest.fixture
def context(tmp_path: Path) -> Context:
    """Return a context with generator seed 0 and a folder of the test's own."""
    return tiny.tiny_context(tmp_path)
