"""A trial's effects corrected as the rule says: where it asks for max-T, from the units' own differences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from framework.records import Trial
from framework.stats.decision import DecisionRule
from framework.stats.effects import Effect
from framework.stats.moments.record import Moments
from framework.stats.moments.rows import columns_of, measure_of
from framework.stats.moments.shape import contributions_of
from framework.stats.multiplicity import controls, correct
from framework.stats.multiplicity.families import FAMILY_ROLES, MAX_T
from framework.stats.multiplicity.maxt import max_t
from framework.trial.effects import Measured


def corrected_effects(
    trial: Trial, measured: Measured, effects: Sequence[Effect], rule: DecisionRule, seed: int
) -> tuple[Effect, ...]:
    """Return one trial's effects with their corrected p-values.

    Max-T replaces Holm for the primary metrics over all units against the control, where the trial is paired: all of a
    unit's differences flip together, so what the comparisons have in common costs nothing.
    Shares of alpha go before it.
    """
    corrected = list(correct(effects, rule.alpha, rule.corrections))
    if rule.corrections.overall != MAX_T or rule.corrections.shares or trial.design != "paired":
        return tuple(corrected)
    study_controls = controls(effects)
    members = [
        place
        for place, effect in enumerate(effects)
        if effect.segment is None and effect.role in FAMILY_ROLES and effect.control in study_controls
    ]
    if not members:
        return tuple(corrected)
    differences = np.column_stack([_differences(measured, effects[place]) for place in members])
    found = max_t(differences, rng=np.random.default_rng([seed, 11]))
    text = f"max-T over primary metrics x treatments, {len(members)} tests at {rule.alpha:g}"
    for place, p in zip(members, found.p_adjusted, strict=True):
        corrected[place] = replace(corrected[place], p_adjusted=float(p), correction=text, family=len(members))
    return tuple(corrected)


def _differences(measured: Measured, effect: Effect) -> np.ndarray:
    """Return each unit's contribution to the difference, moved so that their mean is the difference itself."""
    parts = []
    for arm in (effect.treatment, effect.control):
        values = measured[effect.metric][arm]
        columns = columns_of(values)
        parts.append(contributions_of(measure_of(values, effect.metric), Moments.of(columns), columns))
    return np.asarray(parts[0] - parts[1] + effect.estimate)
