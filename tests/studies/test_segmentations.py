"""Segmentations compared in one study, as a user runs it."""

import json

import numpy as np
import pytest

from framework.errors import ConfigError
from framework.plugins import load_plugins
from framework.run import run
from tests.studies.composing import composed

STUDY = """
defaults:
  - /source@source: synthetic_shop
  - /model@segmentations.rfm: rfm
  - /model@segmentations.kmeans: kmeans
  - /model@segmentations.activity: activity
  - _self_
question: Which groups should we work with?
source: {params: {users: 400, items: 60, days: 120}}
segmentations:
  kmeans: {params: {k: 3, restarts: 2}}
segmentation: {resamples: 4, splits: 2, floor: 10}
data: {split: {validation: 14d, test: 28d}}
"""


@pytest.fixture
def home(tmp_path, monkeypatch):
    file = tmp_path / "experiments" / "groups" / "config.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(STUDY)
    monkeypatch.setenv("PRELAUNCH_EXPERIMENTS", str(tmp_path / "experiments"))
    monkeypatch.setenv("PRELAUNCH_CACHE", str(tmp_path / "cache"))
    return tmp_path


def compared(home, name, *words):
    folder = home / name
    folder.mkdir()
    return run(composed("groups", *words), folder, load_plugins())


def test_segmentations_are_ranked_and_described(home, capsys):
    result = compared(home, "first")
    table = result.health["segmentations"]
    rows = {row["name"]: row for row in table["rows"]}
    assert set(rows) == {"rfm", "kmeans", "activity"}
    assert rows["kmeans"]["groups"] == 3
    for row in rows.values():
        assert row["adjusted_rand_low"] <= row["adjusted_rand"] <= row["adjusted_rand_high"] + 1e-12
        assert row["explained_low"] <= row["explained"] <= row["explained_high"]
        assert 0 <= row["prediction_strength"] <= 1
        assert 0 < row["fidelity"] <= 1
    assert len(table["pairs"]) == 3
    assert sum(card.users for card in result.segments) == table["users"]
    assert all(card.sql for card in result.segments)
    assert result.times["test_opened"] is not None
    out, page = capsys.readouterr().out, (home / "first" / "report.html").read_text()
    for text in ("Segmentations side by side", result.verdict.headline):
        assert text in " ".join(out.split())
        assert text in page
    again = compared(home, "second")
    assert json.dumps(again.health) == json.dumps(result.health)


def test_a_segmentation_that_is_too_small_or_unstable_cannot_win(home):
    table = compared(home, "run", "segmentation.floor=399", "segmentation.stable=1").health["segmentations"]
    assert table["winner"] is None
    assert all(row["objections"] for row in table["rows"])


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("segmentation.outcome=revenu", "log_revenue"),
        ("segmentation.splits=1", "2 or more"),
        ("segmentation.users=everybody", "buyers"),
        ("segmentation.stable=2", "from 0 to 1"),
    ],
)
def test_what_is_wrong_is_named(home, word, said):
    with pytest.raises(ConfigError, match=said):
        compared(home, "run", word)


def test_one_segmentation_is_no_comparison(home):
    with pytest.raises(ConfigError, match="two or more"):
        compared(home, "run", "~segmentations.rfm", "~segmentations.kmeans")


def test_the_later_period_did_not_make_the_groups(home):
    """The same groups come of a log whose sealed part is longer: only what is before the seal is learned from."""
    one = compared(home, "one").health["segmentations"]["rows"]
    other = compared(home, "other", "segmentation.outcome=revenue").health["segmentations"]["rows"]
    stable = {row["name"]: row["adjusted_rand"] for row in one}
    assert stable == {row["name"]: row["adjusted_rand"] for row in other}
    assert not np.allclose([row["explained"] for row in one], [row["explained"] for row in other])
