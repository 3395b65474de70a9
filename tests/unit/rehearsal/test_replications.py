"""Tasks, processes and planted gains of a calibration."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from framework.errors import ConfigError
from framework.rehearsal.replications import AT_ONCE, planting, replicated, tasks_of, with_gains
from framework.stats.decision import DecisionRule
from framework.stats.replication.pool import pool_of
from framework.stats.replication.replay import Asked, Replay
from framework.stats.samples import UnitValues

SEED = (4, 0)


def plan(base: float = 0.3, units: int = 300, *, higher: bool = True, difference: float = 0.0) -> Replay:
    rng = np.random.default_rng(0)
    arms = ("old", "new", "newer")
    values = {
        "share": {arm: UnitValues("proportion", (rng.random(units) < base) * 1.0) for arm in arms},
        "spend": {arm: UnitValues("mean", rng.gamma(1.0, size=units)) for arm in arms},
    }
    pool = pool_of(values, {arm: np.full(units, "all") for arm in arms}, design="paired")
    metrics = ("share",) if difference else ("share", "spend")
    rule = DecisionRule(
        alpha=0.05,
        power=0.8,
        difference=difference,
        evidence=("holdout",),
        primary=metrics,
        guardrails={},
        higher_is_better={"share": higher, "spend": True},
    )
    asked = tuple(Asked("holdout", metric, "old", arm, None, "primary") for metric in metrics for arm in arms[1:])
    asked += tuple(Asked("holdout", metric, "new", "newer", None, "primary") for metric in metrics)
    return Replay({"holdout": pool}, asked, rule, 0.95, 0.05)


def nothing() -> None:
    pass


@pytest.mark.parametrize(("replications", "tasks"), [(100, [100]), (250, [250]), (600, [250, 250, 100])])
def test_tasks_hang_on_the_replications_alone(replications: int, tasks: list[int]) -> None:
    assert tasks_of(replications) == tasks
    assert max(tasks) <= AT_ONCE


def test_any_number_of_processes_gives_the_same_bytes_and_every_task_advances() -> None:
    steps: list[int] = []
    own = plan(units=80)
    one = replicated(own, 600, SEED, jobs=1, advance=lambda: steps.append(1))
    assert len(steps) == 3
    two = replicated(own, 600, SEED, jobs=2, advance=nothing)
    for name in ("estimate", "p_value", "p_adjusted", "standard_error", "truth"):
        assert getattr(one, name).tobytes() == getattr(two, name).tobytes(), name
    for treatment, codes in one.decisions.items():
        assert codes.tobytes() == two.decisions[treatment].tobytes()


def test_what_is_planted_is_found_with_the_rules_power_at_its_first_step() -> None:
    """Planned for 80 % at 0.05 / 4; 1,500 replications: sd 1.0 %. A shift of shares would be found in 70 to 75 %."""
    own = plan()
    null = replicated(own, 500, SEED, jobs=1, advance=nothing)
    chosen = planting(own, null, None, (4,))
    assert set(chosen.levels.values()) == {0.05 / 4}
    assert chosen.notes == ()
    found = replicated(with_gains(own, chosen.gains), 1500, (4, 1), jobs=1, advance=nothing)
    for row, asked in enumerate(own.asked):
        power = (found.p_value[row] <= 0.05 / 4).mean()
        if asked.control == "old":
            assert power == pytest.approx(0.8, abs=0.04)
            assert found.truth[row].mean() == pytest.approx(chosen.gains["holdout", asked.metric], abs=1e-4)
        else:
            assert found.truth[row].mean() == pytest.approx(0.0, abs=1e-4)


def test_gains_go_towards_the_good_side() -> None:
    own = plan(higher=False)
    null = replicated(own, 250, SEED, jobs=1, advance=nothing)
    gains = planting(own, null, None, (4,)).gains
    assert gains["holdout", "share"] < 0 < gains["holdout", "spend"]


def test_a_difference_that_the_rule_asks_for_is_planted_on_top() -> None:
    own, plain = plan(difference=0.05), plan(difference=0.05)
    plain = replace(plain, rule=replace(plain.rule, difference=0.0))
    null = replicated(own, 250, SEED, jobs=1, advance=nothing)
    more, less = (planting(one, null, None, (4,)).gains["holdout", "share"] for one in (own, plain))
    assert more - less == pytest.approx(0.05, abs=0.005)


def test_a_share_near_its_end_gains_what_it_can_and_says_so() -> None:
    own = plan(base=0.99)
    null = replicated(own, 250, SEED, jobs=1, advance=nothing)
    chosen = planting(own, null, None, (4,))
    share = float(np.mean([values.numerator.mean() for values in own.pools["holdout"].values["share"].values()]))
    assert chosen.gains["holdout", "share"] == pytest.approx(0.98 * (1 - share))
    assert ("holdout", "share") not in chosen.levels
    assert "less is planted" in chosen.notes[0]
    replicated(with_gains(own, chosen.gains), 250, (4, 1), jobs=1, advance=nothing)


def test_a_relative_gain_is_of_the_value_where_nothing_differs() -> None:
    own = plan()
    null = replicated(own, 250, SEED, jobs=1, advance=nothing)
    for relative in (0.1, -0.1):
        chosen = planting(own, null, relative, (4,))
        for metric, by_arm in own.pools["holdout"].values.items():
            value = float(np.mean([values.numerator.mean() for values in by_arm.values()]))
            assert chosen.gains["holdout", metric] == pytest.approx(0.1 * value)
        assert chosen.levels == {}


def test_a_relative_gain_beyond_a_share_is_refused() -> None:
    own = plan()
    null = replicated(own, 250, SEED, jobs=1, advance=nothing)
    with pytest.raises(ConfigError, match=r"calibrate.planted is 5.*at most"):
        planting(own, null, 5.0, (4,))


def test_tasks_do_not_hang_on_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each task computes with one thread, in this process as in another."""
    from threadpoolctl import threadpool_info

    from framework.rehearsal import replications

    seen: list[int] = []

    def spied(*arguments: Any) -> Any:
        seen.extend(pool["num_threads"] for pool in threadpool_info())
        return before(*arguments)

    before = replications.replay
    monkeypatch.setattr(replications, "replay", spied)
    replicated(plan(units=40), 100, SEED, jobs=1, advance=nothing)
    assert set(seen) == {1}
