"""All strategies of a paired trial side by side: every pair on the same users, and who cannot be told apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from framework.records import Trial
from framework.stats.systems.comparison import Comparison, compare_systems
from framework.trial.effects import Measured

FEWEST = 3
"""Strategies from which a picture of all of them says more than their pairs."""


def side_by_side(
    trial: Trial, measured: Measured, *, roles: Mapping[str, str], higher: Mapping[str, bool], confidence: float
) -> list[dict[str, Any]]:
    """Return a comparison of all strategies for each primary metric that is a mean or share of users.

    Plain mappings, as `health` keeps them; empty for independent arms or fewer than 3 strategies.
    """
    if trial.design != "paired" or len(trial.outcomes) < FEWEST:
        return []
    found = []
    for metric, values in measured.items():
        if roles[metric] != "primary" or any(arm.kind == "ratio" for arm in values.values()):
            continue
        scores = {name: values[name].numerator for name in trial.outcomes}
        said = compare_systems(
            scores, metric=metric, higher_is_better=higher[metric], confidence=confidence, with_ranks=True
        )
        found.append(_plain(said, trial.evidence))
    return found


def _plain(said: Comparison, evidence: str) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "metric": said.metric,
        "evidence": evidence,
        "n": said.n,
        "order": list(said.order),
        "cliques": [list(clique) for clique in said.cliques],
        "systems": [
            {"name": own.name, "mean": own.mean.estimate, "ci_low": own.mean.ci_low, "ci_high": own.mean.ci_high}
            for own in said.systems
        ],
        "pairs": [
            {
                "control": own.pair.effect.control,
                "treatment": own.pair.effect.treatment,
                "estimate": own.pair.effect.estimate,
                "ci_low": own.pair.effect.ci_low,
                "ci_high": own.pair.effect.ci_high,
                "p_value": own.pair.effect.p_value,
                "p_adjusted": own.pair.effect.p_adjusted,
                "cohen_dz": own.pair.cohen_dz,
                "correction": own.pair.effect.correction,
            }
            for own in said.pairs
        ],
        "warnings": list(said.warnings),
    }
    if said.ranks is not None:
        plain["ranks"] = {
            "average": dict(zip(said.ranks.names, said.ranks.average_ranks, strict=True)),
            "critical_difference": said.ranks.critical_difference,
            "cliques": [list(clique) for clique in said.ranks.cliques],
            "friedman_p": said.ranks.friedman.p_value,
            "tie_share": said.ranks.tie_share,
        }
    return plain
