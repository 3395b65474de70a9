"""The log's traffic is read back from the test part: each user once, no day extrapolated."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from framework.data.tables import MICROSECONDS_PER_DAY as DAY
from framework.rehearsal.rehearse import _traffic
from framework.stats.planning.traffic import accumulated


def parts(user: Any, time: Any, as_of: int, users: int) -> Any:
    class Events(SimpleNamespace):
        def __len__(self) -> int:
            return len(self.user)

    events = Events(user=np.asarray(user), time=np.asarray(time))
    return SimpleNamespace(train=SimpleNamespace(events=events, as_of=as_of, users=np.arange(users)))


def test_users_of_the_last_days_are_counted_once_for_every_length() -> None:
    rng = np.random.default_rng(0)
    as_of = 1_000 * DAY
    user = rng.integers(80, size=600)
    time = as_of - 1 - rng.integers(60 * DAY, size=600)
    time[0] = as_of - 60 * DAY
    ago, days = _traffic(parts(user, time, as_of, 80))
    assert days == 60
    curve = accumulated(ago, days).uniques
    for length in (1, 7, 30, 60):
        assert curve[length - 1] == len(set(user[time >= as_of - length * DAY]))


def test_a_day_that_is_not_whole_does_not_count() -> None:
    as_of = 100 * DAY
    ago, days = _traffic(parts([0, 1, 2], [as_of - 5 * DAY // 2, as_of - DAY - 1, as_of - 1], as_of, 4))
    assert days == 2
    assert sorted(ago) == [0, 1]


def test_unknown_users_do_not_count_and_an_empty_log_has_no_traffic() -> None:
    as_of = 100 * DAY
    ago, days = _traffic(parts([-1, 0], [as_of - 1, as_of - 3 * DAY], as_of, 1))
    assert (days, ago.tolist()) == (3, [2])
    ago, days = _traffic(parts([], [], as_of, 0))
    assert (days, ago.size) == (0, 0)
