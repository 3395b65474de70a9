"""What a trial shows of its arms and tests nothing of: the baselines' values, ties in rankings, groups of items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from framework.kinds import Metric, Summary
from framework.records import ArmValue, Trial
from framework.trial.effects import arm_values, measure
from framework.trial.item_groups import item_groups_of, ranking_metric


@dataclass(frozen=True)
class Described:
    """The baselines' own values, and for the result's health the `ties` by arm and the `item_groups`."""

    arms: tuple[ArmValue, ...]
    ties: tuple[dict[str, Any], ...]
    item_groups: tuple[dict[str, Any], ...]


def described(
    trial: Trial, metrics: Sequence[Metric | Summary], roles: Mapping[str, str], confidence: float
) -> Described:
    """Return what is described of a trial; the groups of items are read by its first primary metric of rankings."""
    alone = replace(trial, outcomes=trial.baselines)
    arms = arm_values(alone, measure(alone, metrics), metrics, confidence) if trial.baselines else ()
    ties = tuple(
        {"evidence": trial.evidence, "strategy": name, "tied": own.tied, "tied_at_cut": own.tied_at_cut}
        for name, own in trial.ranked.items()
    )
    primary = [metric for metric in metrics if roles[metric.label] == "primary"]
    groups = item_groups_of(trial, ranking_metric(primary))
    return Described(arms, ties, () if groups is None else (groups,))
