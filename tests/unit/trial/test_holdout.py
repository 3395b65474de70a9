"""Holdout evidence against a plain reading of the same purchases, user by user."""

import numpy as np
import pytest

from framework.data.tables import Dataset, Window
from framework.errors import TrialError
from framework.records import NEW_USERS
from framework.testing.tiny import tiny_window
from framework.trial.holdout import holdout_trial
from framework.trial.population import Population
from tests.unit.trial.arms import strategy

ITEMS = (0, 4, 7)


@pytest.fixture
def later(data: Dataset) -> Window:
    return tiny_window(data)


def hold(data: Dataset, population: Population, later: Window, users: str = "all"):
    strategies = {"a": strategy("a", ITEMS, data), "b": strategy("b", (1, 2, 3), data)}
    return holdout_trial(strategies, population, later, users=users, candidates=5, seed=0)


def test_outcomes_are_those_of_the_purchases(data: Dataset, population: Population, later: Window) -> None:
    outcomes = hold(data, population, later).outcomes["a"]
    events = later.events.of_kind("purchase")
    units = {unit: row for row, unit in enumerate(outcomes.units)}
    assert set(units) == {str(later.user_ids[user]) for user in events.user}
    for user in np.unique(events.user):
        row = units[str(later.user_ids[user])]
        own = events.where(events.user == user)
        for position, item in enumerate(ITEMS):
            lines = own.item == item
            assert outcomes.bought[row, position] == lines.any()
            assert outcomes.amount[row, position] == own.amount[lines].sum()
        shown = np.isin(own.item, ITEMS)
        assert outcomes.orders[row] == len(set(own.order[shown]))
        known = own.item[own.item >= 0]
        assert outcomes.relevant[row] == len(set(known)) + (own.item < 0).sum()


def test_all_strategies_are_scored_on_the_same_users(data: Dataset, population: Population, later: Window) -> None:
    trial = hold(data, population, later)
    assert trial.design == "paired"
    np.testing.assert_array_equal(trial.outcomes["a"].units, trial.outcomes["b"].units)


def test_new_users_are_a_segment_of_their_own(data: Dataset, population: Population, later: Window) -> None:
    outcomes = hold(data, population, later).outcomes["a"]
    new = np.char.startswith(outcomes.units, "v")
    assert new.any()
    assert outcomes.segment_names[-1] == NEW_USERS
    assert (outcomes.segment[new] == len(outcomes.segment_names) - 1).all()
    assert (outcomes.fallback == new).all()
    places = data.user_index(outcomes.units[~new])
    np.testing.assert_array_equal(outcomes.segment[~new], data.segments[places])


def test_known_users_only_where_asked(data: Dataset, population: Population, later: Window) -> None:
    units = hold(data, population, later, users="known").outcomes["a"].units
    assert not np.char.startswith(units, "v").any()


def test_nobody_to_score_is_an_error(data: Dataset, population: Population, later: Window) -> None:
    from dataclasses import replace

    empty = replace(later, events=later.events.where(np.zeros(len(later.events), dtype=bool)))
    with pytest.raises(TrialError, match="no user bought anything"):
        hold(data, population, empty)


def test_what_was_bought_before_can_be_kept_out(data: Dataset) -> None:
    population = Population.of(data, positions=3, repeats=False)
    queries = population.known_queries(None)
    np.testing.assert_array_equal(queries.exclude.toarray(), data.matrix(("purchase",), binary=True).toarray())
    stranger = population.queries(np.array([-1], dtype=np.int32), np.array(["x"]))
    assert stranger.exclude.nnz == 0
