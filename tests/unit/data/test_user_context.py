"""Features made comparable, by numpy on each column alone, and carried by queries."""

import numpy as np

from framework.data.tables import FeatureTable
from framework.data.user_context import comparable
from framework.testing.tiny import tiny_dataset
from framework.trial.population import Population


def _table(*columns):
    return FeatureTable(tuple(f"f{place}" for place in range(len(columns))), np.column_stack(columns).astype(float))


def test_z_scores_of_shares_and_of_logarithms():
    share, money = np.array([0.1, 0.4, 0.7, 0.1]), np.array([-20.0, 0.0, 5.0, 900.0])
    found = comparable(_table(share, money))
    log = np.array([-np.log(21), 0.0, np.log(6), np.log(901)])
    for column, raw in zip(found.T, (share, log), strict=True):
        np.testing.assert_allclose(column, (raw - raw.mean()) / raw.std(), rtol=1e-12)


def test_unknown_values_are_the_mean_and_constants_say_nothing():
    holes, constant, unknown = np.array([0.2, np.nan, 0.8, np.nan]), np.full(4, 0.1), np.full(4, np.nan)
    found = comparable(_table(holes, constant, unknown))
    np.testing.assert_allclose(found[:, 0], [-1, 0, 1, 0])
    assert (found[:, 1:] == 0).all()
    assert comparable(_table(np.zeros(0))).shape == (0, 1)


def test_queries_of_a_population_carry_them():
    data = tiny_dataset()
    population = Population.of(data, positions=3, repeats=True)
    user = np.array([4, -1, 9, 4], dtype=np.int32)
    queries = population.queries(user, np.array(["a", "b", "c", "d"]))
    expected = comparable(data.features)
    np.testing.assert_array_equal(queries.features[[0, 2, 3]], expected[[4, 9, 4]])
    assert (queries.features[1] == 0).all()
    np.testing.assert_array_equal(queries.take(np.array([2, 1])).features, queries.features[[2, 1]])
    assert np.abs(queries.features).max() > 0
