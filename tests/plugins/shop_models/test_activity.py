"""Activity: users by how many different items they took."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from framework.errors import ConfigError, PluginError
from framework.testing.tiny import tiny_context, tiny_dataset
from shop_models.activity import Activity, ActivityConfig


def test_segments_are_cut_at_quantiles_of_the_users(tmp_path: Path) -> None:
    data = tiny_dataset()
    taken = np.diff(data.matrix(("purchase",), binary=True).indptr)
    model = Activity(ActivityConfig(names=("few", "many"), quantiles=(0.5,)))
    model.fit(data, tiny_context(tmp_path))
    found = model.segment(data)
    cut = np.sort(taken)[int(np.ceil(len(taken) * 0.5)) - 1]
    np.testing.assert_array_equal(found.labels, taken > cut)
    assert found.names == ("few", "many")
    assert f"{taken.max():,} different items" in found.descriptions[1]


def test_equal_users_are_never_parted_and_an_empty_segment_is_said(tmp_path: Path) -> None:
    model = Activity(ActivityConfig(names=("a", "b", "c"), quantiles=(0.01, 0.02)))
    model.fit(tiny_dataset(), tiny_context(tmp_path))
    found = model.segment(tiny_dataset())
    assert found.descriptions[1] == "No users at present."
    assert "coincide" in found.notes[0]


def test_what_is_refused() -> None:
    with pytest.raises(ConfigError, match="one name more"):
        ActivityConfig(names=("a", "b"), quantiles=(0.2, 0.4))
    with pytest.raises(ConfigError, match="ascending"):
        ActivityConfig(quantiles=(0.6, 0.4))
    with pytest.raises(PluginError, match="before it was fitted"):
        Activity(ActivityConfig()).segment(tiny_dataset())
