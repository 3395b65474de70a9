"""Evidence that failed its check never decides, and a segment's guardrail is measured."""

from dataclasses import replace

import numpy as np
import pytest

from framework.config import ComponentConfig, DecisionConfig, RunConfig, StrategyConfig, TrialConfig
from framework.fitting import RatedMetric
from framework.judging import judge
from framework.records import SimulatorCheck, Trial
from framework.testing.tiny import tiny_outcomes
from shop_metrics.conversion import Conversion
from shop_metrics.revenue_per_user import RevenuePerUser

CONVERSION = RatedMetric(Conversion(Conversion.Config()), "primary", 0.0)
REVENUE = RatedMetric(RevenuePerUser(RevenuePerUser.Config()), "guardrail", 1e9)
UNTRUSTED = SimulatorCheck("Not to be trusted: it was wrong.", False, (), {})


def study(*evidence: str) -> RunConfig:
    return RunConfig(
        study="s",
        strategies={name: StrategyConfig(ComponentConfig(name)) for name in ("control", "treatment")},
        trial=TrialConfig(evidence=list(evidence), segment_floor=20),
        decision=DecisionConfig(),
    )


def trial(evidence: str, share: float) -> Trial:
    """Return a paired trial of 400 units in which `share` more of the treatment's units buy their first item."""
    control = tiny_outcomes(evidence, units=400)
    more = np.random.default_rng(0).random(400) < share
    bought = control.bought.copy()
    bought[:, 0] |= more
    treatment = replace(control, strategy="treatment", bought=bought)
    return Trial(evidence, "paired", "what", "why", {"control": control, "treatment": treatment})


def test_an_untrusted_simulator_leaves_the_verdict_to_the_holdout() -> None:
    trials = (trial("holdout", 0.0), trial("simulated", 0.6))
    judged = judge(study("holdout", "simulated"), trials, [CONVERSION], UNTRUSTED)
    assert judged.verdict.decision == "undecided"
    assert any("The verdict rests on: holdout" in warning for warning in judged.warnings)


@pytest.mark.parametrize(("check", "decision"), [(UNTRUSTED, "undecided"), (replace(UNTRUSTED, trusted=True), "ship")])
def test_an_untrusted_simulator_alone_decides_nothing(check: SimulatorCheck, decision: str) -> None:
    judged = judge(study("simulated"), (trial("simulated", 0.6),), [CONVERSION], check)
    assert judged.verdict.decision == decision
    assert any("rests on: nothing" in warning for warning in judged.warnings) == (decision == "undecided")


def test_guardrails_are_measured_in_segments_and_not_corrected() -> None:
    judged = judge(study("holdout"), (trial("holdout", 0.6),), [CONVERSION, REVENUE], None)
    here = [effect for effect in judged.effects if effect.segment is not None]
    assert {effect.role for effect in here} == {"primary", "guardrail"}
    assert all((effect.p_adjusted is None) == (effect.role == "guardrail") for effect in here)
