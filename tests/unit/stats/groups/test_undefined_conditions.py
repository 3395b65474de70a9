"""A split between defined and undefined values: an infinite threshold, in words and as SQL."""

import duckdb
import numpy as np
import pytest

from framework.stats.groups.rules import Condition

VALUES = np.array([1.0, np.nan, -3.0, np.nan])


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        (Condition("gap", True, np.inf, or_undefined=True), "gap undefined"),
        (Condition("gap", False, np.inf), "gap defined"),
    ],
)
def test_sql_takes_whom_the_condition_takes(condition, text):
    assert condition.text() == text
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE users (place INTEGER, gap DOUBLE)")
        rows = [(place, None if np.isnan(value) else value) for place, value in enumerate(VALUES.tolist())]
        connection.executemany("INSERT INTO users VALUES (?, ?)", rows)
        found = connection.execute(f"SELECT place FROM users WHERE {condition.sql()}").fetchall()  # noqa: S608 - our own words
    assert sorted(place for (place,) in found) == np.flatnonzero(condition.holds(VALUES)).tolist()
