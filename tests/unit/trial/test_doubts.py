"""What else outcomes say: units by name, margins and posteriors by hand, arms of wrong sizes, items that all show."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy import integrate, stats

from framework.config import ComponentConfig, RunConfig, SimulatedConfig, StrategyConfig, TrialConfig
from framework.fitting import RatedMetric
from framework.judging import judge
from framework.records import Trial, UnitValues
from framework.stats.decision import DecisionRule
from framework.stats.effects import Effect
from framework.testing.tiny import tiny_outcomes
from framework.trial.doubts import influences_of, margins_of, shared_items, with_posterior
from framework.trial.effects import Pair, effects_of
from shop_metrics.conversion import Conversion

N = 200
RULE = DecisionRule(primary=("m",), guardrails={"g": 0.5}, higher_is_better={"late": False})
ROLES = {"m": "primary", "g": "guardrail", "other": "secondary", "rate": "primary", "late": "primary"}


def _trial(design: str = "paired", arms: tuple[str, ...] = ("old", "new"), n: int = N) -> Trial:
    outcomes = tiny_outcomes("holdout", units=n)
    named = {
        arm: replace(outcomes, strategy=arm, units=np.array([f"{arm}-user-{row}" for row in range(n)])) for arm in arms
    }
    return Trial("holdout", design, "what", "why", named)


def _values(gain: float = 0.0, *, whale: float = 0.0, n: int = N) -> dict[str, UnitValues]:
    """Return plain values of two arms; row 17 of the treatment spends `whale` more."""
    rng = np.random.default_rng(4)
    old = rng.normal(10.0, 2.0, n)
    new = rng.normal(10.0 + gain, 2.0, n)
    if whale:
        new[17] += whale
    return {"old": UnitValues("mean", old), "new": UnitValues("mean", new)}


def _effect(metric: str = "m", gain: float = 1.0, **changes: object) -> Effect:
    trial = _trial("independent")
    measured = {metric: _values(gain)}
    (effect,), _ = effects_of(trial, measured, [Pair(metric, "old", "new")], roles=ROLES, confidence=0.95)
    return replace(effect, **changes)


def _influence(design: str, values: dict[str, UnitValues], metric: str = "m") -> list[dict]:
    return influences_of(_trial(design), {metric: values}, control="old", roles=ROLES, confidence=0.95)


@pytest.mark.parametrize(("design", "name"), [("independent", "new-user-17"), ("paired", "old-user-17")])
def test_the_unit_that_makes_the_effect_is_named_by_its_id(design: str, name: str) -> None:
    (own,) = _influence(design, _values(whale=5000.0))
    assert [unit["unit"] for unit in own["units"]] == [name]
    assert f" {name} " in own["text"]
    assert own["level"] != "ok"
    assert (own["metric"], own["control"], own["treatment"], own["evidence"]) == ("m", "old", "new", "holdout")


def test_without_the_top_unit_the_effect_is_that_of_the_others() -> None:
    """The error is that of a trimmed comparison (Yuen 1974)."""
    values = _values(whale=5000.0)
    (own,) = _influence("independent", values)
    kept, errors = [], []
    for arm in (values["old"].numerator, values["new"].numerator):
        most = np.abs(arm - np.median(arm)).argmax()
        stays = np.delete(arm, most)
        drawn = np.append(stays, stays[np.abs(stays - arm[most]).argmin()])
        kept.append(stays)
        errors.append((drawn.size - 1) * drawn.var(ddof=1) / (stays.size * (stays.size - 1)))
    error = np.sqrt(sum(errors))
    df = sum(errors) ** 2 / sum(own**2 / (N - 2) for own in errors)
    difference = kept[1].mean() - kept[0].mean()
    step = own["without"][0]
    assert (step["share"], step["left_out_control"], step["left_out_treatment"]) == (None, 1, 1)
    assert step["estimate"] == pytest.approx(difference)
    assert (step["ci_low"], step["ci_high"]) == pytest.approx(stats.t.interval(0.95, df, difference, error))
    assert step["p_value"] == pytest.approx(2 * stats.t.sf(abs(difference) / error, df))


def test_an_effect_that_hangs_on_no_unit_is_ok_and_names_none() -> None:
    (own,) = _influence("independent", _values(2.0))
    assert (own["level"], own["units"]) == ("ok", [])
    assert json.loads(json.dumps(own, allow_nan=False)) == own


def test_an_effect_that_one_unit_hides_is_an_alert() -> None:
    (own,) = _influence("independent", _values(1.0, whale=5000.0))
    assert own["level"] == "alert"
    assert "reads differently" in own["text"]


def test_guardrails_are_looked_at_and_shares_secondary_metrics_and_tiny_arms_are_not() -> None:
    assert len(_influence("paired", _values(), "g")) == 1
    assert _influence("paired", _values(), "other") == []
    bought = {arm: UnitValues("proportion", (own.numerator > 10).astype(float)) for arm, own in _values().items()}
    assert _influence("paired", bought, "rate") == []
    small = influences_of(_trial(n=2), {"m": _values(n=2)}, control="old", roles=ROLES, confidence=0.95)
    assert small == []


def test_every_treatment_is_held_against_the_control() -> None:
    values = {**_values(), "newer": _values(1.0)["new"]}
    trial = _trial(arms=("old", "new", "newer"))
    found = influences_of(trial, {"m": values}, control="old", roles=ROLES, confidence=0.95)
    assert [(own["control"], own["treatment"]) for own in found] == [("old", "new"), ("old", "newer")]


@pytest.mark.parametrize(("margin", "verdict"), [(3.0, "non-inferior"), (0.5, "inferior"), (1.02, "undecided")])
def test_a_guardrail_is_tested_one_sided_at_half_of_alpha(margin: float, verdict: str) -> None:
    effect = _effect("g", gain=-1.0)
    (own,) = margins_of([effect], replace(RULE, guardrails={"g": margin}))
    below = stats.t.sf((effect.estimate + margin) / effect.standard_error, effect.df)
    assert own["p_value"] == pytest.approx(below, rel=1e-6)
    assert own["ci_low"] == pytest.approx(effect.ci_low), "one-sided 2.5 % is the low end of the 95 % interval"
    assert own["alpha"] == 0.025
    assert own["verdict"] == verdict
    assert own["text"].startswith(verdict)


def test_where_lower_is_better_the_margin_lies_above() -> None:
    rule = DecisionRule(primary=("m",), guardrails={"late": 2.0}, higher_is_better={"late": False})
    (own,) = margins_of([_effect("late", gain=1.0)], rule)
    assert (own["low"], own["high"], own["verdict"]) == (None, 2.0, "non-inferior")
    (own,) = margins_of([_effect("late", gain=1.0)], replace(rule, scale={"late": 0.1}))
    assert (own["high"], own["verdict"]) == (0.2, "inferior")


def test_margins_are_for_guardrails_over_all_units_that_scatter() -> None:
    assert margins_of([_effect("m")], RULE) == []
    assert margins_of([_effect("g", segment="loyal"), _effect("g", standard_error=0.0)], RULE) == []
    assert len(margins_of([_effect("g")], RULE)) == 1
    assert margins_of([], RULE) == []


def test_a_flat_prior_repeats_the_effect_and_a_sceptical_one_draws_it_in_as_precisions_say() -> None:
    effect = _effect(gain=1.0)
    flat = with_posterior(effect, "flat", RULE).posterior
    assert flat.mean == pytest.approx(effect.estimate)
    assert flat.probability_better == pytest.approx(stats.norm.cdf(effect.estimate / effect.standard_error))
    sceptical = with_posterior(effect, "sceptical", RULE).posterior
    weight, prior = effect.standard_error**-2, (0.1 * effect.control_value) ** -2
    assert sceptical.mean == pytest.approx(effect.estimate * weight / (weight + prior))
    assert sceptical.ci_high - sceptical.mean == pytest.approx(stats.norm.ppf(0.975) / np.sqrt(weight + prior))


def test_what_a_launch_costs_is_the_integral_of_the_losses() -> None:
    effect = _effect(gain=0.1)
    found = with_posterior(effect, "flat", RULE).posterior
    normal = stats.norm(effect.estimate, effect.standard_error)
    cost = integrate.quad(lambda x: -x * normal.pdf(x), -3, 0)[0]
    kept = integrate.quad(lambda x: x * normal.pdf(x), 0, 3)[0]
    assert found.expected_loss == pytest.approx(cost, rel=1e-6)
    assert found.expected_loss_control == pytest.approx(kept, rel=1e-6)
    turned = with_posterior(replace(effect, metric="late"), "flat", RULE).posterior
    assert turned.expected_loss == pytest.approx(kept, rel=1e-6)
    assert turned.probability_better == pytest.approx(1 - found.probability_better)


def test_no_posterior_where_none_is_asked_for_or_none_exists() -> None:
    for effect, prior in (
        (_effect(), None),
        (_effect(segment="loyal"), "flat"),
        (_effect(standard_error=0.0), "flat"),
        (_effect(control_value=0.0), "sceptical"),
    ):
        assert with_posterior(effect, prior, RULE) is effect
    assert with_posterior(_effect(control_value=0.0), "flat", RULE).posterior is not None


def _showing(**items: list[list[int]]) -> Trial:
    rows = {arm: np.array(own, dtype=np.int32) for arm, own in items.items()}
    outcomes = tiny_outcomes("simulated", units=2)
    arms = {arm: replace(outcomes, strategy=arm, items=own) for arm, own in rows.items()}
    return Trial("simulated", "independent", "what", "why", arms)


def test_shared_items_are_counted_by_position_and_the_least_arm_speaks() -> None:
    assert shared_items(_showing(a=[[1, 2], [1, 3]], b=[[1, 4], [5, 6]])) == 0.25
    assert shared_items(_showing(a=[[1, 2], [1, 3]], b=[[4, 5], [6, 7]])) == 0.0
    assert shared_items(_showing(a=[[1, 2], [2, 1]], b=[[2, 1], [1, 2]])) == 1.0
    assert shared_items(_showing(a=[[1, -1], [1, -1]], b=[[1, -1], [-1, -1]])) == 1.0, "empty positions show nothing"
    assert shared_items(_showing(a=[[1, 2], [3, 4]], b=[[1, 2], [9, 9]], c=[[3, 4], [9, 9]])) == 1.0


def test_an_arm_alone_or_without_items_shares_nothing() -> None:
    assert shared_items(_showing(a=[[1, 2], [3, 4]])) == 0.0
    assert shared_items(_showing(a=[[-1, -1], [-1, -1]], b=[[1, 2], [3, 4]])) == 0.0
    assert shared_items(Trial("simulated", "independent", "what", "why", {})) == 0.0


def _health(old: int, new: int, shares: dict[str, float] | None = None) -> dict:
    """Return the health of a trial of independent arms with so many units."""
    outcomes = {
        arm: replace(tiny_outcomes("simulated", units=n), strategy=arm) for arm, n in (("old", old), ("new", new))
    }
    trial = Trial("simulated", "independent", "what", "why", outcomes)
    study = RunConfig(
        study="s",
        control="old",
        strategies={arm: StrategyConfig(ComponentConfig(arm)) for arm in outcomes},
        trial=TrialConfig(evidence=["simulated"], segment_floor=20, simulated=SimulatedConfig(shares=shares or {})),
    )
    metric = RatedMetric(Conversion(Conversion.Config()), "primary", 0.0)
    return judge(study, (trial,), [metric], None).health


@pytest.mark.parametrize(("old", "new", "level"), [(500, 500, "ok"), (500, 590, "notice"), (400, 600, "alert")])
def test_arms_of_wrong_sizes_are_told_with_chi_squares_own_p(old: int, new: int, level: str) -> None:
    own = _health(old, new)["sample_ratio"]
    assert own["level"] == level
    assert own["p_value"] == pytest.approx(stats.chisquare([old, new]).pvalue)
    assert own["counts"] == {"old": old, "new": new}


def test_sizes_are_held_against_the_planned_shares() -> None:
    assert _health(200, 800, {"old": 0.2, "new": 0.8})["sample_ratio"]["level"] == "ok"
    own = _health(500, 500, {"old": 0.2, "new": 0.8})["sample_ratio"]
    assert own["level"] == "alert"
    assert own["p_value"] == pytest.approx(max(stats.chisquare([500, 500], [200, 800]).pvalue, 1e-300), rel=1e-6)


def test_items_that_both_arms_show_are_a_warning() -> None:
    (own,) = _health(300, 300)["interference"]
    assert "Items are shown by both arms" in own["text"]
