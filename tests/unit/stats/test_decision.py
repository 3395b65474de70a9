"""The rule as a table: what each evidence shows, and what must follow."""

from __future__ import annotations

from dataclasses import replace

import pytest

from framework.errors import TrialError
from framework.stats.decision import DecisionRule, Verdict, decide, headline_verdict, rule_digest, rule_text
from framework.stats.multiplicity import correct

RULE = DecisionRule(
    evidence=("holdout", "simulated"),
    primary=("revenue",),
    guardrails={"returns": 1.0},
    higher_is_better={"revenue": True, "returns": False},
)


@pytest.fixture(scope="module")
def trial(make_effect):
    """Return a maker of corrected effects: z of revenue in both evidences, and of the guardrail in holdout."""

    def make(holdout=None, simulated=None, returns=0.0, **fields):
        effects = []
        if holdout is not None:
            effects.append(make_effect(holdout, evidence="holdout", **fields))
        if simulated is not None:
            effects.append(make_effect(simulated, evidence="simulated", **fields))
        if returns is not None:
            effects.append(make_effect(returns, 0.4, metric="returns", role="guardrail"))
        return correct(effects)

    return make


@pytest.mark.parametrize(
    ("holdout", "simulated", "returns", "decision"),
    [
        (4, 4, 0, "ship"),
        (4, None, 0, "ship"),  # an evidence that does not measure it is silent
        (4, 1, 0, "undecided"),
        (1, 1, 0, "undecided"),
        (-1, 1, 0, "undecided"),
        (0, 0, 0, "undecided"),
        (None, None, 0, "undecided"),
        (4, -4, 0, "hold"),
        (-4, 4, 0, "hold"),
        (4, 4, 3, "hold"),  # 3 -+ 0.78 lies beyond the margin of 1
        (4, 4, 1.5, "ship"),  # 1.5 -+ 0.78 does not
        (4, 4, -3, "ship"),  # fewer returns are no harm
        (1, 1, 3, "hold"),
        (4, 4, None, "undecided"),  # the guardrail was not measured
        (-4, -4, 0, "stop"),
        (-4, 0, 0, "stop"),
        (-4, None, 0, "stop"),
        (-4, -4, 3, "stop"),
    ],
)
def test_table(trial, holdout, simulated, returns, decision):
    verdict = decide(trial(holdout, simulated, returns), RULE, "new")
    assert verdict.decision == decision
    assert verdict.treatment == "new"
    assert "new" in verdict.headline
    assert (verdict.more_units is None) or decision == "undecided"


def test_lower_is_better_is_honoured(make_effect):
    rule = DecisionRule(primary=("latency",), higher_is_better={"latency": False})
    for estimate, decision in ((-4, "ship"), (4, "stop")):
        effects = correct([make_effect(estimate, metric="latency")])
        assert decide(effects, rule, "new").decision == decision


def test_one_primary_of_several_is_enough_unless_another_is_worse(make_effect):
    rule = DecisionRule(primary=("revenue", "orders"))
    for orders, decision in ((0.5, "ship"), (-4, "hold")):
        effects = correct([make_effect(4.0), make_effect(orders, metric="orders")])
        assert decide(effects, rule, "new").decision == decision


def test_the_decision_follows_the_corrected_p(make_effect):
    rule = DecisionRule(primary=("revenue", "orders", "clicks"))
    # z = 2.2: p = 0.028 alone, 0.083 as the smallest of three; beside two clear ones Holm leaves it at 0.028.
    weak = correct([make_effect(2.2), make_effect(0.1, metric="orders"), make_effect(0.2, metric="clicks")])
    assert decide(weak, rule, "new").decision == "undecided"
    strong = correct([make_effect(-2.2), make_effect(4.0, metric="orders"), make_effect(4.1, metric="clicks")])
    assert decide(strong, rule, "new").decision == "hold"


def test_a_difference_asks_the_simultaneous_interval(make_effect):
    rule = DecisionRule(primary=("revenue", "orders"), difference=1.0)
    for estimate, decision in ((4.0, "ship"), (3.1, "undecided"), (0.5, "undecided"), (-4.0, "stop")):
        effects = correct([make_effect(estimate), make_effect(0.0, metric="orders")])
        # Two tests: 3.1 - 2.24 = 0.86 is not beyond 1, though 3.1 - 1.96 = 1.14 is.
        verdict = decide(effects, rule, "new")
        assert verdict.decision == decision
    small = decide(correct([make_effect(0.5), make_effect(0.0, metric="orders")]), rule, "new")
    assert small.more_units is None
    assert any("not above the difference of 1" in reason for reason in small.reasons)


def test_more_units_would_decide(trial):
    verdict = decide(trial(1.0, 4.0), RULE, "new")
    # 100 pairs at z = 1: (1.96 + 0.84)^2 = 7.85 times as many for 80 % power.
    assert verdict.more_units == 785
    assert "785 units" in verdict.headline
    assert "holdout" in verdict.headline
    none = decide(trial(0.01, 4.0), RULE, "new")
    assert none.more_units is None
    assert any("about zero" in reason for reason in none.reasons)
    assert decide(trial(1.0, 0.001), RULE, "new").more_units is None


def test_silent_evidence_is_named(trial):
    verdict = decide(trial(4.0, None), RULE, "new")
    assert "Silent on it: simulated." in verdict.headline
    assert any(reason.startswith("simulated: measures no primary") for reason in verdict.reasons)


def test_a_segment_is_judged_by_the_same_rule(make_effect):
    def segment(name, z, evidence="holdout", **fields):
        return make_effect(z, segment=name, evidence=evidence, **fields)

    def guard(name, z=0.0):
        return segment(name, z, metric="returns", role="guardrail")

    effects = correct(
        [
            make_effect(1.0),
            *(segment("vip", 5.0), segment("vip", 4.0, "simulated"), guard("vip")),
            *(segment("one evidence of two", 5.0), segment("one evidence of two", 0.5, "simulated")),
            *(segment("only in holdout", 5.0), guard("only in holdout")),
            *(segment("torn", -5.0), segment("torn", 5.0, "simulated")),
            segment("lost", -5.0),
            segment("new", 0.5),
            segment("guardrail not measured", 5.0),
            *(segment("returners", 5.0), guard("returners", 9.0)),
        ]
    )
    assert decide(effects, RULE, "new").segments == {
        "vip": "ship",
        "only in holdout": "ship",
        "torn": "hold",
        "lost": "stop",
        "returners": "hold",
    }


def test_a_guardrail_must_be_measured_in_every_evidence_that_can(trial):
    effects = trial(4.0, 4.0)  # the guardrail in holdout only
    assert decide(effects, RULE, "new").decision == "ship"
    everywhere = replace(RULE, measurable={"returns": ("holdout", "simulated")})
    verdict = decide(effects, everywhere, "new")
    assert verdict.decision == "undecided"
    assert "returns in simulated was not measured" in verdict.headline


def test_uncorrected_effects_are_refused(make_effect):
    with pytest.raises(TrialError, match="metric 'revenue', new against old, segment all: the p-value was not"):
        decide([make_effect(4.0)], RULE, "new")


def test_other_evidence_and_treatments_do_not_count(make_effect):
    effects = correct(
        [
            make_effect(4.0),
            make_effect(-9.0, evidence="logged"),
            make_effect(-9.0, treatment="other"),
            make_effect(-9.0, treatment="new", control="other"),
        ]
    )
    assert decide(effects, replace(RULE, guardrails={}), "new").decision == "ship"


@pytest.mark.parametrize(
    "fields",
    [
        {"alpha": 0.0},
        {"alpha": 5.0},
        {"power": 0.01},
        {"difference": -1.0},
        {"primary": ()},
        {"guardrails": {"returns": -1.0}},
        {"guardrails": {"revenue": 1.0}},
    ],
)
def test_rules_that_cannot_be_are_refused(fields):
    with pytest.raises(TrialError):
        replace(RULE, **fields)


def test_margins_and_differences_are_scaled_to_the_metrics_unit(trial):
    effects = trial(4.0, 4.0, 3.0)  # 3 -+ 0.78 of the guardrail
    assert decide(effects, RULE, "new").decision == "hold"
    assert decide(effects, replace(RULE, scale={"returns": 100.0}), "new").decision == "ship"
    assert decide(trial(4.0, 4.0), replace(RULE, difference=0.1, scale={"revenue": 1e6}), "new").decision == "undecided"


def test_rule_in_words_and_digest():
    text = rule_text(RULE)
    assert "Ship where each of holdout and simulated that measures it shows revenue (higher is better) better" in text
    assert "returns must not be shown worse by more than 1" in text
    assert rule_digest(RULE) == rule_digest(replace(RULE, higher_is_better={"returns": False, "revenue": True}))
    assert rule_digest(RULE) != rule_digest(replace(RULE, alpha=0.01))
    assert len(rule_digest(RULE)) == 64
    # By hand: printf '<canonical JSON>' | sha256sum
    assert (
        rule_digest(DecisionRule(primary=("revenue",)))
        == "161006a6c87f36a38bf593912e3e87e7875057378c117a9fa758935ebae26be7"
    )


def arms(make_effect, first, second, between=None):
    effects = [make_effect(first), make_effect(second, treatment="newer")]
    if between is not None:
        effects.append(make_effect(between, control="new", treatment="newer"))
    effects = correct(effects)
    rule = DecisionRule(primary=("revenue",))
    verdicts = [decide(effects, rule, name) for name in ("new", "newer")]
    return headline_verdict(verdicts, effects, rule)


@pytest.mark.parametrize(
    ("between", "words"), [(None, "not compared"), (1.0, "cannot be told apart"), (4.0, "the difference is shown")]
)
def test_of_several_that_ship_the_best_leads(make_effect, between, words):
    verdict = arms(make_effect, 4.0, 6.0, between)
    assert (verdict.decision, verdict.treatment) == ("ship", "newer")
    assert words in verdict.headline
    assert any(reason.startswith("Ship new:") for reason in verdict.reasons)


@pytest.mark.parametrize(
    ("first", "second", "decision", "leader"),
    [(4, 1, "ship", "new"), (1, 0.5, "undecided", "new"), (-4, 1, "undecided", "newer"), (-4, -5, "stop", "new")],
)
def test_the_leading_decision_answers_for_the_study(make_effect, first, second, decision, leader):
    verdict = arms(make_effect, first, second)
    assert (verdict.decision, verdict.treatment) == (decision, leader)


def test_a_study_without_treatments_has_no_verdict():
    with pytest.raises(TrialError):
        headline_verdict([], [], RULE)
    assert isinstance(headline_verdict([Verdict("new", "hold", "Hold new.", ())], [], RULE), Verdict)


def test_guardrails_that_must_be_non_inferior_hold_a_launch_back(trial):
    strict = replace(RULE, guarded="non-inferior")
    assert "harm of every guardrail beyond its margin must be ruled out" in rule_text(strict)
    unclear = trial(4.0, 4.0, 0.5)  # 0.5 -+ 0.78 of returns, margin 1: neither harmed nor ruled out
    assert decide(unclear, RULE, "new").decision == "ship"
    verdict = decide(unclear, strict, "new")
    assert verdict.decision == "undecided"
    assert "harm to guardrail returns is not ruled out" in verdict.headline
    assert decide(trial(4.0, 4.0, 0.0), strict, "new").decision == "ship"
    with pytest.raises(TrialError, match="Did you mean 'non-inferior'"):
        replace(RULE, guarded="non-inferor")
