"""Hot, warm and cold items on data small enough to count by hand, and against a plain loop."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from framework.data.tables import Dataset, Interactions
from framework.records import Trial
from framework.testing.tiny import tiny_outcomes, tiny_window
from framework.trial.holdout import holdout_trial
from framework.trial.item_groups import GROUPS, bought_by_group, groups_of, item_groups_of, ranking_metric
from framework.trial.population import Population
from shop_metrics.conversion import Conversion
from shop_metrics.hit_rate import HitRate
from shop_metrics.recall import Recall
from tests.unit.trial.arms import strategy

HOT, WARM, COLD = range(3)
RECALL = Recall(Recall.Config(k=2))


@pytest.mark.parametrize(
    ("popularity", "groups"),
    [
        ([6, 3, 2, 1, 0], [HOT, WARM, WARM, WARM, COLD]),  # 6 of 12 are half
        ([5, 3, 2, 1, 0], [HOT, HOT, WARM, WARM, COLD]),  # 5 of 11 are less than half
        ([4, 2, 2, 2, 2], [HOT, HOT, HOT, HOT, HOT]),  # an equal of the last hot one is hot
        ([0, 0], [COLD, COLD]),
        ([], []),
    ],
)
def test_the_head_has_half_of_what_was_bought(popularity: list[int], groups: list[int]) -> None:
    assert groups_of(np.array(popularity, dtype=np.int64)).tolist() == groups


def purchases(user: list[int], item: list[int]) -> Interactions:
    n = len(user)
    zeros = np.zeros(n, dtype=np.int64)
    return Interactions(
        np.array(user, dtype=np.int32),
        np.array(item, dtype=np.int32),
        np.zeros(n, dtype=np.int8),
        zeros,
        np.ones(n),
        zeros,
        zeros,
        ("purchase",),
    )


def test_items_count_once_a_user_and_new_ones_are_cold() -> None:
    groups = np.array([HOT, HOT, WARM, COLD], dtype=np.int8)
    found = bought_by_group(purchases([0, 0, 0, 2, 2, 2], [0, 0, 1, 2, -1, 3]), groups, 4)
    assert found.tolist() == [[2, 0, 0], [0, 0, 0], [0, 1, 2], [0, 0, 0]]


def shown() -> Trial:
    """Three users, five items; item 0 is hot, 4 is cold."""
    outcomes = replace(
        tiny_outcomes(units=3, positions=2),
        items=np.array([[0, 1], [0, -1], [4, 2]], dtype=np.int32),
        bought=np.array([[True, True], [False, False], [True, False]]),
        amount=np.zeros((3, 2), dtype=np.int64),
        relevant=np.array([3, 1, 2], dtype=np.int32),
        popularity=np.array([6, 3, 2, 1, 0]),
    )
    # The first bought 0, 1 and 3; the second 0; the third 4 and an item nobody knew.
    wanted = np.array([[1, 2, 0], [1, 0, 0], [0, 0, 2]], dtype=np.int32)
    other = replace(outcomes, bought=np.zeros((3, 2), dtype=bool))
    return Trial("holdout", "paired", "", "", {"a": outcomes}, baselines={"b": other}, bought_by_group=wanted)


def test_figures_by_hand() -> None:
    found = item_groups_of(shown(), RECALL)
    assert found is not None
    assert [(row["group"], row["items"], row["purchases"], row["users"]) for row in found["groups"]] == [
        ("hot", 1, 2, 2),
        ("warm", 3, 2, 1),
        ("cold", 1, 2, 1),
    ]
    assert [row["share_before"] for row in found["groups"]] == [0.5, 0.5, 0.0]
    assert [row["share"] for row in found["groups"]] == [pytest.approx(1 / 3)] * 3
    a = [row for row in found["arms"] if row["strategy"] == "a"]
    assert [row["found"] for row in a] == [1, 1, 1]
    assert [row["recall"] for row in a] == [0.5, 0.5, 0.5]
    # Recall by user: hot 1 and 0, warm 1 of 2, cold 1 of 2.
    assert [row["value"] for row in a] == [0.5, 0.5, 0.5]
    hits = item_groups_of(shown(), HitRate(HitRate.Config(k=2)))
    assert hits is not None
    assert [row["value"] for row in hits["arms"][:3]] == [0.5, 1.0, 1.0]
    assert [row["recall"] for row in found["arms"] if row["strategy"] == "b"] == [0.0, 0.0, 0.0]


def test_without_a_metric_of_rankings_the_shares_found_remain() -> None:
    found = item_groups_of(shown(), None)
    assert found is not None
    assert found["metric"] is None
    assert {row["value"] for row in found["arms"]} == {None}
    assert item_groups_of(replace(shown(), bought_by_group=None), RECALL) is None


def test_an_empty_group_has_no_recall() -> None:
    trial = replace(shown(), bought_by_group=np.array([[1, 2, 0], [1, 0, 0], [0, 0, 0]], dtype=np.int32))
    found = item_groups_of(trial, RECALL)
    assert found is not None
    assert [(row["recall"], row["value"]) for row in found["arms"] if row["group"] == "cold"] == [(None, None)] * 2


def test_the_first_metric_that_reads_rankings_is_taken() -> None:
    conversion = Conversion(Conversion.Config())
    assert ranking_metric([conversion, RECALL, HitRate(HitRate.Config())]) is RECALL
    assert ranking_metric([conversion]) is None


def test_groups_add_up_to_the_trial(data: Dataset, population: Population) -> None:
    later = tiny_window(data)
    strategies = {"a": strategy("a", (0, 4, 7), data)}
    baselines = {"plain": strategy("plain", (1, 2, 3), data)}
    trial = holdout_trial(strategies, population, later, users="all", candidates=5, seed=0, baselines=baselines)
    assert set(trial.outcomes) == {"a"}
    assert set(trial.baselines) == {"plain"}
    assert set(trial.ranked) == {"a", "plain"}
    assert all((own.tied, own.tied_at_cut) == (0.0, 0.0) for own in trial.ranked.values())
    outcomes = trial.outcomes["a"]
    wanted = trial.bought_by_group
    assert wanted is not None
    np.testing.assert_array_equal(wanted.sum(axis=1), outcomes.relevant)
    found = item_groups_of(trial, RECALL)
    assert found is not None
    groups = groups_of(population.popularity)
    for place, name in enumerate(GROUPS):
        shares = []
        for row in range(len(outcomes)):
            hits = sum(
                bool(bought) and groups[item] == place
                for item, bought in zip(outcomes.items[row, :2], outcomes.bought[row, :2], strict=True)
            )
            if wanted[row, place]:
                shares.append(hits / wanted[row, place])
        (own,) = [row for row in found["arms"] if (row["strategy"], row["group"]) == ("a", name)]
        assert own["value"] == (pytest.approx(np.mean(shares)) if shares else None)
    assert sum(row["found"] for row in found["arms"] if row["strategy"] == "a") == outcomes.bought.sum()
