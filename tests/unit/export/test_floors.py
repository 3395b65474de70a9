"""No cell under the floor, alone and crossed with what left before: exact cases, and whatever hypothesis thinks of."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from framework.errors import ConfigError
from framework.export.floors import cells, floored, smallest_cell


def labels(*sizes: int) -> np.ndarray:
    """Return as many users of label 0, 1, 2 ... as said."""
    return np.repeat(np.arange(len(sizes)), sizes).astype(np.int64)


def test_small_groups_are_merged():
    found = floored(labels(100, 30, 25, 7), ["a", "b", "c", "d"], 50)
    assert found.names == ("a", "other")
    assert found.merged == ("b", "c", "d")
    assert np.bincount(found.labels).tolist() == [100, 62]
    assert (found.suppressed, found.crossed) == (0, 0)


def test_smallest_large_group_joins_those_that_stay_small():
    found = floored(labels(100, 60, 7), ["a", "b", "c"], 50)
    assert found.names == ("a", "other")
    assert np.bincount(found.labels).tolist() == [100, 67]
    assert found.merged == ("b", "c")


def test_small_groups_are_suppressed_where_asked():
    found = floored(labels(100, 30, 7), ["a", "b", "c"], 50, method="suppress")
    assert found.names == ("a",)
    assert found.suppressed == 37
    assert (found.labels[100:] == -1).all()


def test_nothing_is_left_where_all_together_are_few():
    found = floored(labels(20, 20), ["a", "b"], 50)
    assert found.names == ()
    assert found.suppressed == 40


def test_other_is_another_name_where_a_large_group_has_it():
    assert floored(labels(60, 30, 30), ["other", "b", "c"], 50).names == ("other", "other_")


def test_one_who_moved_is_hidden_with_others():
    # 200 users left as "a" and 100 as "b"; now one of a is in b. Who crosses the two must not find that one: it is left
    # out, and 49 more of a with it.
    before = labels(200, 100)
    now = before.copy()
    now[0] = 1
    found = floored(now, ["a", "b"], 50, earlier=[before])
    crossed = [np.array([before == 0, found.labels == label]).all(axis=0).sum() for label in (-1, 0, 1)]
    assert crossed == [50, 150, 0]
    assert found.crossed == 50
    assert smallest_cell([before, found.labels], 300) == 50


def test_cell_too_small_to_be_split_goes_as_a_whole():
    before = labels(80, 100)
    now = before.copy()
    now[:3] = 1
    found = floored(now, ["a", "b"], 50, earlier=[before])
    assert (found.labels[:80] == -1).all()
    assert found.names == ("b",)


def test_users_who_are_gone_are_hidden_too():
    # 200 left; three of them closed their accounts since.
    before = labels(200)
    now = before.copy()
    now[:3] = -1
    found = floored(now, ["a"], 50, earlier=[before])
    assert (found.labels == -1).sum() == 50


def test_the_same_again_is_free():
    before = labels(60, 70)
    assert floored(before, ["a", "b"], 50, earlier=[before]).crossed == 0


def test_new_users_in_a_small_number_wait():
    # 60 known users of "a", and 5 that no export has: as the only new ones they would be a cell of 5.
    before = np.concatenate([np.zeros(60), -np.ones(5)]).astype(np.int64)
    found = floored(np.zeros(65, dtype=np.int64), ["a"], 50, earlier=[before])
    assert (found.labels[60:] == -1).all()
    assert (found.labels[:60] == 0).all()


def test_three_exports_are_crossed_at_once():
    # Any two cross in cells of 50, all three in cells of 25.
    place = np.arange(400)
    one, two = place // 200, (place // 100) % 2
    three = (place // 75) % 2
    found = floored(three, ["a", "b"], 50, earlier=[one, two])
    assert smallest_cell([one, two, found.labels], 400) >= 50


def test_refusals():
    with pytest.raises(ConfigError, match="floor is 1"):
        floored(labels(5), ["a"], 1)
    with pytest.raises(ConfigError, match="method is 'drop'"):
        floored(labels(5), ["a"], 2, method="drop")
    with pytest.raises(ConfigError, match="1 cell\\(s\\) under the floor of 50, the smallest of 10"):
        floored(labels(100, 100), ["a", "b"], 50, earlier=[labels(190, 10)])


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, 2**31),
    st.integers(1, 4),
    st.integers(2, 6),
    st.integers(2, 12),
    st.sampled_from(["merge", "suppress"]),
)
def test_no_crossing_is_ever_under_the_floor(seed, exports, groups, floor, method):
    rng = np.random.default_rng(seed)
    users = int(rng.integers(1, 200))
    left: list[np.ndarray] = []
    own = rng.integers(-1, groups, users)
    for _ in range(exports):
        moved = rng.random(users) < rng.choice([0.02, 0.2, 1.0])
        own = np.where(moved, rng.integers(-1, groups, users), own)
        found = floored(
            own.astype(np.int64), [str(place) for place in range(groups)], floor, method=method, earlier=left
        )
        assert not (found.labels[own < 0] >= 0).any()
        assert set(np.unique(found.labels[found.labels >= 0])) == set(range(len(found.names)))
        left.append(found.labels)
        smallest = smallest_cell(left, users)
        assert smallest is None or smallest >= floor
    assert cells(left, users).shape == (users,)
