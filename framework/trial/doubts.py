"""What else a trial's outcomes say of its effects: top users, margins, posteriors, arms that touch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from framework.records import Trial
from framework.stats.bayes import FLAT, NormalPrior, normal_posterior
from framework.stats.decision import DecisionRule, non_inferiority
from framework.stats.effects import Effect
from framework.stats.health.influence import influence
from framework.stats.health.named import as_record, named
from framework.trial.effects import Measured

SCEPTICAL = NormalPrior(0.0, 0.1, "relative")
"""Most changes of a shop move a metric by a few per cent: a relative effect of 10 % is one standard deviation."""
PRIORS = {"flat": FLAT, "sceptical": SCEPTICAL}


def with_posterior(effect: Effect, prior: str | None, rule: DecisionRule) -> Effect:
    """Return an effect over all units with its posterior under the named prior; as it is where none is asked for."""
    if prior is None or effect.segment is not None or effect.standard_error <= 0:
        return effect
    chosen = PRIORS[prior]
    if chosen.scale == "relative" and effect.control_value == 0:
        return effect
    posterior = normal_posterior(
        effect.estimate,
        effect.standard_error,
        prior=chosen,
        control_value=effect.control_value if chosen.scale == "relative" else None,
        confidence=effect.confidence,
        higher_is_better=rule.sign(effect.metric) > 0,
    )
    return replace(effect, posterior=posterior)


def influences_of(
    trial: Trial, measured: Measured, *, control: str, roles: Mapping[str, str], confidence: float
) -> list[dict[str, Any]]:
    """Return, for primary metrics and guardrails, what each treatment's effect becomes without its top units.

    Shares of units are no matter here: a proportion has no extreme unit. Plain mappings, as `health` keeps them.
    """
    found = []
    for metric, values in measured.items():
        if roles[metric] not in {"primary", "guardrail"} or values[control].kind == "proportion":
            continue
        for treatment in (name for name in trial.outcomes if name != control):
            arms = values[control], values[treatment]
            if min(arm.numerator.size for arm in arms) < 3:
                continue
            ids = {
                "control": trial.outcomes[control].units,
                "treatment": trial.outcomes[treatment].units,
                "pair": trial.outcomes[control].units,
            }
            said = named(influence(*arms, design=trial.design, confidence=confidence), ids)
            where = {"metric": metric, "control": control, "treatment": treatment, "evidence": trial.evidence}
            found.append(as_record(said, **where))
    return found


def margins_of(effects: Sequence[Effect], rule: DecisionRule) -> list[dict[str, Any]]:
    """Return the non-inferiority test of every guardrail over all units, one-sided at half of alpha."""
    found = []
    for effect in effects:
        if effect.metric not in rule.guardrails or effect.segment is not None or effect.standard_error <= 0:
            continue
        test = non_inferiority(
            effect.estimate,
            effect.standard_error,
            margin=rule.tolerated(effect.metric),
            df=effect.df,
            higher_is_better=rule.sign(effect.metric) > 0,
            alpha=rule.alpha / 2,
        )
        names = {"metric": effect.metric, "control": effect.control, "treatment": effect.treatment}
        found.append({**names, "evidence": effect.evidence, **asdict(test)})
    return found


def shared_items(trial: Trial) -> float:
    """Return the share of shown positions whose item other arms showed too, the smallest over the arms (one arm: 0)."""
    if len(trial.outcomes) < 2:
        return 0.0
    shown = {name: np.unique(own.items[own.items >= 0]) for name, own in trial.outcomes.items()}
    shares = []
    for name, own in trial.outcomes.items():
        others = np.concatenate([items for other, items in shown.items() if other != name])
        items = own.items[own.items >= 0]
        shares.append(float(np.isin(items, others).mean()) if items.size else 0.0)
    return min(shares, default=0.0)
