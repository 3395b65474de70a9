"""Decisions beside a policy to be evaluated: how often it would have taken each, over how often it was taken."""

from __future__ import annotations

import numpy as np

from framework.counterfactual.reward_model import RewardModel
from framework.errors import DataError
from framework.records import LoggedDecisions, TargetPolicy, WeightedRows


def weighted(
    decisions: LoggedDecisions,
    policy: TargetPolicy,
    model: RewardModel | None = None,
) -> WeightedRows:
    """Return the rows as an estimator takes them, with what a reward model foretells where there is one.

    Raises DataError where the log has no propensities.
    """
    if decisions.propensity is None:
        raise DataError(
            "the log has no propensities, so its rows cannot be weighed",
            hint="Log the probability with which each item was shown.",
        )
    weight = policy.probabilities[decisions.action, decisions.position] / decisions.propensity
    fitted = None if model is None else model.fitted()
    expected = None if model is None else model.expected(policy.probabilities)
    return WeightedRows(decisions.reward, weight, fitted, expected, decisions.unit)


def unsupported(decisions: LoggedDecisions, policy: TargetPolicy) -> float:
    """Return the policy's mass, averaged over places, on actions that the log never shows at that place."""
    shown = np.zeros(policy.probabilities.shape, dtype=bool)
    shown[decisions.action, decisions.position] = True
    return float(np.where(shown, 0.0, policy.probabilities).sum() / policy.probabilities.shape[1])
