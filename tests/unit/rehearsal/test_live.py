"""A live test's rows: users, days and power, by formulas of others and by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from framework.config import PlanConfig, RunConfig
from framework.rehearsal.live import Case, rows_of, stretches
from framework.stats.decision import DecisionRule
from framework.stats.planning.setting import Setting
from framework.stats.planning.traffic import accumulated

TRAFFIC = accumulated(np.repeat(np.arange(100), 50), 100)


def case(role: str = "primary", *, least: float = 0.0, margin: float = 0.0, sign: float = 1.0, **own: Any) -> Case:
    given: dict[str, Any] = {"metric": "m", "kind": "mean", "baseline": 10.0, "sd": 20.0, "treatments": 2}
    correction = "none" if role == "guardrail" else "holm"
    return Case("holdout", role, False, Setting(**(given | {"correction": correction} | own)), least, margin, sign)


def rule(guarded: str = "not harmed") -> DecisionRule:
    return DecisionRule(
        alpha=0.05,
        power=0.8,
        difference=0.0,
        evidence=("holdout",),
        primary=("p",),
        guardrails={"m": 0.0},
        higher_is_better={"p": True, "m": True},
        guarded=guarded,
    )


def study(*effects: float, **plan: Any) -> RunConfig:
    return RunConfig(plan=PlanConfig(effects=list(effects), **plan))


@pytest.mark.reference
def test_users_are_those_of_statsmodels() -> None:
    from statsmodels.stats.power import TTestIndPower

    row = rows_of(case(), study(0.2), rule(), TRAFFIC)[0]
    each = TTestIndPower().solve_power(2.0 / 20.0, alpha=0.025, power=0.8)
    assert row.plan is not None
    assert row.plan.n_control == np.ceil(each)
    assert row.plan.n_total == 3 * np.ceil(each)
    assert row.power == pytest.approx(TTestIndPower().power(2.0 / 20.0, 5000 / 3, alpha=0.025), rel=1e-6)


def test_days_are_the_logs_own_where_it_has_the_users() -> None:
    """Fifty users a day: 3 x 1,904 users after 115 days lie beyond the log, a third as many within it."""
    near, far = rows_of(case(), study(0.4, 0.2), rule(), TRAFFIC)
    for row, beyond in ((near, False), (far, True)):
        assert row.plan is not None
        assert row.duration is not None
        assert row.duration.beyond_log is beyond
        assert row.duration.days == 7 * np.ceil(np.ceil(row.plan.n_total / 50) / 7)


def test_a_share_of_the_traffic_and_a_follow_up_take_longer() -> None:
    whole = rows_of(case(), study(0.4), rule(), TRAFFIC)[0].duration
    slow = rows_of(case(), study(0.4, traffic=0.5, follow_up=14), rule(), TRAFFIC)[0].duration
    assert whole is not None and slow is not None  # noqa: PT018 - for mypy
    assert whole.exact_days is not None and slow.exact_days is not None  # noqa: PT018
    assert slow.exact_days == pytest.approx(2 * whole.exact_days)
    assert slow.days >= slow.exact_days + 14


def test_a_share_cannot_gain_more_than_there_is_room_for() -> None:
    own = case(kind="proportion", sd=None, baseline=0.6)
    fits, too_much = rows_of(own, study(0.5, 0.8), rule(), TRAFFIC)
    assert fits.plan is not None
    assert too_much.plan is None
    assert "a proportion of 1.08" in too_much.reason


def test_what_the_rule_asks_for_is_taken_off_towards_the_good_side() -> None:
    own = case(least=1.0)
    assert own.told_apart(3.0) == 2.0
    assert own.told_apart(-3.0) == -3.0
    assert own.told_apart(0.5) == 0.0
    assert case(least=1.0, sign=-1.0).told_apart(-3.0) == -2.0
    row = rows_of(own, study(0.05), rule(), TRAFFIC)[0]
    assert "less than the difference that the rule asks for" in row.reason


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_guardrail_is_planned_for_harm_beyond_its_margin(sign: float) -> None:
    rows = rows_of(case("guardrail", margin=1.0, sign=sign), study(0.2, -0.2, 0.05), rule(), TRAFFIC)
    assert [row.relative for row in rows] == [-sign * 0.2, -sign * 0.05]
    harm, within = rows
    alone = rows_of(case(treatments=2, correction="none"), study(0.1), rule(), TRAFFIC)[0]
    assert harm.plan is not None and alone.plan is not None  # noqa: PT018
    assert harm.plan.n_total == alone.plan.n_total
    assert harm.plan.alpha_each == 0.05
    assert within.plan is None
    assert "the margin allows it" in within.reason


@pytest.mark.reference
def test_a_guardrail_that_must_be_shown_safe_has_a_row_for_that() -> None:
    from statsmodels.stats.power import TTestIndPower

    last = rows_of(case("guardrail", margin=1.0), study(0.2), rule("non-inferior"), TRAFFIC)[-1]
    assert last.relative is None
    assert last.plan is not None
    each = TTestIndPower().solve_power(1.0 / 20.0, alpha=0.025, power=0.8, alternative="larger")
    assert last.plan.n_control == np.ceil(each)
    none = rows_of(case("guardrail", margin=0.0), study(0.2), rule("non-inferior"), TRAFFIC)[-1]
    assert "a margin of 0" in none.reason


def test_without_traffic_there_are_users_and_no_days() -> None:
    row = rows_of(case(), study(0.2), rule(), None)[0]
    assert row.plan is not None
    assert (row.duration, row.power) == (None, None)


def test_longer_tests_find_smaller_differences() -> None:
    own = case()
    found = stretches((own, case(kind="proportion", sd=None, baseline=0.999)), TRAFFIC, 1.0)
    assert [one.days for one in found] == [7, 14, 28, 56, 91, 100]
    assert [one.users for one in found] == [50.0 * one.days for one in found]
    sizes = [one.smallest[0] or 0.0 for one in found]
    assert sizes == sorted(sizes, reverse=True)
    # The whole log's users find a difference with the power asked for.
    assert own.setting.power_at(sizes[-1], found[-1].users / 3) == pytest.approx(0.8)
    # A share of 99.9 % has too little room for any gain that so few would show.
    assert found[0].smallest[1] is None
    assert case().smallest(3) is None


def test_half_the_traffic_is_half_the_users() -> None:
    assert next(one.users for one in stretches((case(),), TRAFFIC, 0.5)) == 175.0
