"""Replications judged by the study's rule: `decide`'s own word for each of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from framework.stats.decision import DecisionRule
from framework.stats.decision.decide import decision_on
from framework.stats.effects import Effect
from framework.stats.multiplicity import controls

WORDS = ("ship", "hold", "stop", "undecided")


def decisions(
    effects: Sequence[Effect],
    measured: NDArray[np.bool_],
    rule: DecisionRule,
    effect_in: Callable[[int, int], Effect],
) -> dict[str, NDArray[np.int8]]:
    """Return each treatment's decision in every replication (R,), as a place in `WORDS`.

    `effects` (E,) say what is compared; `measured` (E, R) where there was something to compare; `effect_in(e, r)`
    gives a corrected effect. Only effects over all units against the control, of primary metrics and guardrails, say
    anything on a decision: no others are asked for.
    """
    study_controls = controls(effects)
    treatments = list(dict.fromkeys(effect.treatment for effect in effects if effect.control in study_controls))
    named = rule.evidence or tuple(dict.fromkeys(str(effect.evidence) for effect in effects))
    rule = replace(rule, evidence=named)
    weighed = [
        row
        for row, effect in enumerate(effects)
        if effect.segment is None
        and effect.control in study_controls
        and (effect.metric in rule.primary or effect.metric in rule.guardrails)
    ]
    found = {treatment: np.zeros(measured.shape[1], dtype=np.int8) for treatment in treatments}
    for place in range(measured.shape[1]):
        own = [effect_in(row, place) for row in weighed if measured[row, place]]
        for treatment in treatments:
            found[treatment][place] = WORDS.index(decision_on(own, rule, treatment))
    return found
