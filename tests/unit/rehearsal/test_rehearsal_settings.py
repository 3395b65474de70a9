"""What a plan or a calibration cannot be made of is refused before anything is read."""

from __future__ import annotations

import math
from typing import Any

import pytest

from framework.config import CalibrateConfig, PlanConfig, RunConfig
from framework.errors import ConfigError
from framework.rehearsal.calibrate import _check as check_calibration
from framework.rehearsal.plan import SPENDINGS
from framework.rehearsal.plan import _check as check_plan
from framework.rehearsal.rehearse import check_rehearsal


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"effects": []}, "plan.effects is empty"),
        ({"effects": [0.1, 0.0]}, "plan.effects holds 0"),
        ({"effects": [math.nan]}, "plan.effects holds nan"),
        ({"effects": [math.inf]}, "plan.effects holds inf"),
        ({"traffic": 2.0}, "plan.traffic is 2"),
        ({"traffic": 0.0}, "plan.traffic is 0"),
        ({"traffic": math.nan}, "plan.traffic is nan"),
        ({"looks": 0}, "plan.looks is 0"),
        ({"follow_up": -1}, "plan.follow_up is -1"),
        ({"spending": "obrien_flemming"}, "Did you mean 'obrien_fleming'"),
        ({"spending": "wang_tsiatis"}, "plan.spending is 'wang_tsiatis'"),
    ],
)
def test_a_plan(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check_plan(PlanConfig(**settings))


@pytest.mark.parametrize("spending", SPENDINGS)
def test_every_spending_that_is_allowed_works(spending: str) -> None:
    check_plan(PlanConfig(spending=spending, looks=3))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"replications": 5}, "calibrate.replications is 5"),
        ({"planted": 0.0}, "calibrate.planted is 0"),
        ({"planted": math.nan}, "calibrate.planted is nan"),
        ({"planted": math.inf}, "calibrate.planted is inf"),
        ({"jobs": 0}, "calibrate.jobs is 0"),
        ({"jobs": -2}, "calibrate.jobs is -2"),
    ],
)
def test_a_calibration(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check_calibration(CalibrateConfig(**settings))


def test_what_is_fine_passes() -> None:
    check_plan(PlanConfig())
    check_calibration(CalibrateConfig(replications=100, planted=-0.1, jobs=1))


def test_a_study_that_compares_nothing_is_told_so() -> None:
    with pytest.raises(ConfigError, match="no test to plan or calibrate"):
        check_rehearsal(RunConfig(study="segments only"))
