"""Cuts, parts, ties and the seal."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from framework.data.cuts import cut, iso
from framework.data.materialise import dataset, window
from framework.data.sealed import Sealed
from framework.data.settings import FeaturesConfig, SplitConfig
from framework.data.splits import split
from framework.errors import ConfigError, DataError, TrialError

DAY = 86_400_000_000
YEAR = 365 * DAY
MARCH_2021 = 1_614_556_800_000_000  # 2021-03-01T00:00Z


def daily(users: int = 3, days: int = 100) -> list[dict[str, Any]]:
    return [
        {"user": f"u{u}", "time": MARCH_2021 + d * DAY, "item": f"i{(u + d) % 7}", "price": 100, "order": f"o{u}-{d}"}
        for d in range(days)
        for u in range(users)
    ]


def test_a_share_is_of_the_logs_span() -> None:
    cuts = cut(0, 100 * DAY - 1, 0.15, 0.25, "UTC")
    assert (cuts.fit_end, cuts.test_start, cuts.end) == (60 * DAY, 75 * DAY, 100 * DAY)


@pytest.mark.parametrize(
    ("length", "days"), [("28d", 28.0), ("4w", 28.0), ("12h", 0.5), (" 1.5 d", 1.5), ("90min", 1 / 16)]
)
def test_a_length_counts_back_from_the_parts_end(length: str, days: float) -> None:
    cuts = cut(0, YEAR - 1, "7d", length, "UTC")
    assert cuts.test_start == YEAR - round(days * DAY)
    assert cuts.fit_end == cuts.test_start - 7 * DAY


def test_a_date_is_read_in_the_logs_time_zone() -> None:
    cuts = cut(MARCH_2021, MARCH_2021 + YEAR, "2021-07-01", "2021-08-01T12:00", "Europe/Berlin")
    assert iso(cuts.fit_end) == "2021-06-30T22:00:00+00:00"
    assert iso(cuts.test_start) == "2021-08-01T10:00:00+00:00"
    assert cut(MARCH_2021, MARCH_2021 + YEAR, "7d", "2021-08-01T12:00+00:00", "Europe/Berlin").test_start == (
        cuts.test_start + 2 * DAY // 24
    )


@pytest.mark.parametrize(
    ("validation", "test", "error", "words"),
    [
        (0.5, 0.6, DataError, "has not begun"),
        ("2021-08-01", "2021-07-01", ConfigError, "overlap"),
        ("7d", "2020-01-01", DataError, "has not begun"),
        ("2019-01-01", "2021-07-01", DataError, "has not begun"),
        ("7d", "2031-01-01", DataError, "No events after the split"),
        ("7d", 28, ConfigError, "Did you mean '28d'"),
        ("7d", 0, ConfigError, "between 0 and 1"),
        ("7d", -0.1, ConfigError, "between 0 and 1"),
        ("7d", float("nan"), ConfigError, "between 0 and 1"),
        ("7d", None, ConfigError, "a share of the log's time span"),
        ("7d", True, ConfigError, "a share of the log's time span"),
        ("7d", "28 parsecs", ConfigError, "Allowed: min, h, d, w"),
        ("7d", "0d", ConfigError, "no length"),
        ("7d", "tomorrow", ConfigError, "a length such as '28d'"),
    ],
)
def test_nonsense_is_refused(validation: Any, test: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        cut(MARCH_2021, MARCH_2021 + YEAR, validation, test, "UTC")


def test_text_that_is_a_number_is_a_share() -> None:
    assert cut(0, YEAR, "0.1", "0.2", "UTC") == cut(0, YEAR, 0.1, 0.2, "UTC")


def test_an_unknown_kind_names_the_nearest(make_log: Any) -> None:
    with pytest.raises(ConfigError, match="Did you mean 'leave_one_out'"):
        split(make_log(daily()), SplitConfig(kind="leave-one-out"))


def test_parts_add_up_and_a_cut_belongs_to_the_later_part(make_log: Any) -> None:
    log = make_log(daily())
    made = split(log, SplitConfig(validation="2021-04-01", test="2021-05-01"))
    assert [(part["name"], part["events"], part["users"], part["purchases"]) for part in made.summary.parts] == [
        ("fit", 93, 3, 93),
        ("validation", 90, 3, 90),
        ("test", 117, 3, 117),
    ]
    assert made.summary.parts[1]["first"] == "2021-04-01T00:00:00+00:00"
    assert made.summary.parts[1]["last"] == "2021-04-30T00:00:00+00:00"
    assert any("6 events happened exactly at a cut" in note for note in made.summary.notes)
    assert len(log.engine.collect(made.before_test.frame)) == 183


def test_ties_of_a_user_are_counted(make_log: Any) -> None:
    rows = daily()
    rows += [rows[0] | {"item": "other"}, rows[0] | {"item": "third"}, rows[5] | {"item": "other"}]
    made = split(make_log(rows), SplitConfig())
    assert made.summary.ties == 5
    assert any("5 events share their time stamp" in note for note in made.summary.notes)


def test_kinds_that_occur_only_after_the_cut_are_not_known_before(make_log: Any) -> None:
    rows = daily()
    made = split(make_log([*rows, rows[-1] | {"event": "review"}]), SplitConfig())
    assert made.before_test.kinds == ("purchase",)


def test_a_log_of_one_user_or_none(make_log: Any) -> None:
    with pytest.raises(DataError, match="single user"):
        split(make_log(daily(users=1)), SplitConfig())
    with pytest.raises(DataError, match="no events"):
        split(make_log([]), SplitConfig())


def test_an_empty_part_is_named(make_log: Any) -> None:
    rows = [row for row in daily() if not 20 * DAY <= row["time"] - MARCH_2021 < 60 * DAY]
    with pytest.raises(DataError, match="The validation part has no events"):
        split(make_log(rows), SplitConfig(validation=20 / 100, test=50 / 100))


def test_the_seal_opens_once_and_remembers(make_log: Any) -> None:
    made = split(make_log(daily()), SplitConfig())
    assert made.opening is None
    assert made.account().opened is None
    opened = made.test.open("trial.holdout")
    assert len(opened.engine.collect(opened.frame)) == 300
    assert made.account().opened == "trial.holdout"
    assert made.opening is not None
    with pytest.raises(TrialError, match=f"'report'.*'trial.holdout' already opened at {made.opening.time[:10]}"):
        made.test.open("report")
    assert made.opening.reader == "trial.holdout"


def test_the_time_of_opening_stays_out_of_the_account(make_log: Any) -> None:
    log = make_log(daily())
    first, second = split(log, SplitConfig()), split(log, SplitConfig())
    first.test.open("trial")
    second.test.open("trial")
    assert first.account() == second.account()


def test_the_seal_cannot_be_copied() -> None:
    seal = Sealed(None, clock=lambda: datetime(2030, 1, 1, tzinfo=UTC))  # type: ignore[arg-type]
    for copies in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TrialError, match="cannot be copied"):
            copies(seal)
    with pytest.raises(TrialError, match="without a name"):
        seal.open(" ")


def leave_one_out_rows() -> list[dict[str, Any]]:
    def bought(user: str, day: int, item: str, **more: Any) -> dict[str, Any]:
        return {"user": user, "time": MARCH_2021 + day * DAY, "item": item, "price": 100} | more

    return [
        bought("a", 0, "x"),
        bought("a", 1, "y"),
        bought("a", 2, "z"),
        bought("a", 2, "w"),  # the same moment as z: z is later by content
        bought("a", 3, "q", event="view"),  # after the last purchase: part of the test
        bought("b", 5, "x"),
        bought("b", 6, "y"),
        bought("c", 50, "x"),
        bought("d", 9, "x", event="view"),
    ]


def test_leave_one_out_holds_out_each_users_last_purchase(make_log: Any) -> None:
    log = make_log(leave_one_out_rows())
    made = split(log, SplitConfig(kind="leave_one_out"))
    train = dataset(made.before_test, made.fit_end, FeaturesConfig())
    events = train.events

    def pairs(users: Any, chosen: Any) -> set[tuple[str, str]]:
        return {
            (str(users[u]), str(train.items[i]) if i >= 0 else "?")
            for u, i in zip(chosen.user, chosen.item, strict=True)
        }

    assert pairs(train.users, events) == {("a", "x"), ("a", "y"), ("b", "x"), ("c", "x"), ("d", "x")}
    validation = window(made.before_test, made.fit_end, made.test_start, train)
    assert list(validation.user_ids) == ["a"]
    assert validation.start == validation.end - 1 == MARCH_2021 + 2 * DAY
    both = dataset(made.before_test, made.test_start, FeaturesConfig())
    assert list(both.items) == ["w", "x", "y"]
    test = window(made.test.open("trial"), made.test_start, made.end, both)
    assert list(test.user_ids) == ["a", "b"]
    assert [str(both.items[i]) if i >= 0 else "?" for i in test.events.item] == ["?", "?", "y"]
    # Training events are a: days 0, 1, 2; b: 5; c: 50; d: 9. After a's test (day 2) lie 3 of 6, after b's (day 6) 2.
    note = made.summary.notes[0]
    assert "median of 2 tested users, 2 of 6 training events" in note
    assert "3 training events (50.0%) lie after at least one" in note


def test_leave_one_out_needs_three_purchases_of_someone(make_log: Any) -> None:
    log = make_log([row for row in leave_one_out_rows() if row["user"] != "a"])
    with pytest.raises(DataError, match="three purchases"):
        split(log, SplitConfig(kind="leave_one_out"))


def test_cancellations_follow_their_users_held_out_purchases(make_log: Any) -> None:
    rows = leave_one_out_rows()
    late = {"user": "a", "time": MARCH_2021 + 2 * DAY, "item": "x", "event": "cancellation", "price": 100}
    early = late | {"time": MARCH_2021 + 1 * DAY}
    for cancellation, left in ((late, True), (early, False)):
        made = split(make_log([*rows, cancellation]), SplitConfig(kind="leave_one_out"))
        data = dataset(made.before_test, made.test_start, FeaturesConfig())
        first = (data.events.user == 0) & (data.events.time == MARCH_2021)
        assert bool(first.any()) is left


def test_a_window_may_not_overlap_what_was_learned(make_log: Any) -> None:
    made = split(make_log(daily()), SplitConfig())
    data = dataset(made.before_test, made.test_start, FeaturesConfig())
    with pytest.raises(DataError, match="has learned from"):
        window(made.before_test, made.fit_end, made.test_start, data)
    with pytest.raises(DataError, match="no length"):
        window(made.before_test, made.test_start, made.test_start, data)
    with pytest.raises(DataError, match="no events to learn from"):
        dataset(replace(made.before_test), MARCH_2021, FeaturesConfig())
