"""Users drawn anew, some several times: their events and baskets stay theirs."""

import numpy as np
import pytest

from framework.data.resampled import take_users
from framework.testing import tiny_dataset


@pytest.fixture
def data():
    return tiny_dataset()


def test_each_copy_has_its_users_events_in_their_order(data):
    rows = np.array([3, 0, 3, 3, 7], dtype=np.intp)
    drawn = take_users(data, rows)
    assert len(drawn.users) == len(np.unique(drawn.users)) == 5
    assert list(drawn.users) == sorted(drawn.users)
    for place, old in enumerate(rows):
        own, before = drawn.events.user == place, data.events.user == old
        for name in ("item", "kind", "time", "amount", "quantity"):
            np.testing.assert_array_equal(getattr(drawn.events, name)[own], getattr(data.events, name)[before])
    np.testing.assert_array_equal(drawn.features.values, data.features.values[rows])


def test_copies_have_baskets_of_their_own(data):
    drawn = take_users(data, np.array([3, 3], dtype=np.intp))
    first, second = (set(drawn.events.order[drawn.events.user == place].tolist()) for place in (0, 1))
    assert first
    assert not first & second
    assert len(first) == len(second)


def test_rising_rows_keep_ids(data):
    rows = np.array([1, 4, 6], dtype=np.intp)
    assert list(take_users(data, rows).users) == list(data.users[rows])


def test_nobody_is_a_data_set_too(data):
    assert len(take_users(data, np.array([], dtype=np.intp)).events) == 0
