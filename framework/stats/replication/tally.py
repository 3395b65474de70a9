"""Counting replications: coverage, false positives, power and decisions, each share with its own exact interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from framework.stats.multiplicity.families import FAMILY_ROLES
from framework.stats.replication.replay import Asked, Replay, Replayed
from framework.stats.replication.verdicts import WORDS


@dataclass(frozen=True)
class Share:
    """`hits` of `n` replications, with the Clopper-Pearson interval of the share at 95 %; nothing known: 0 to 1."""

    hits: int
    n: int
    share: float
    low: float
    high: float


@dataclass(frozen=True)
class EffectTally:
    """One effect over the replications that could compare it: coverage, raw and corrected p-values at most alpha.

    `truth` and `standard_error` are means over the replications, in the metric's unit.
    """

    asked: Asked
    truth: float
    standard_error: float
    coverage: Share
    rejected: Share
    rejected_after_correction: Share | None


@dataclass(frozen=True)
class Tally:
    """All effects and decisions over R replications.

    `any_corrected` counts, by evidence, replications with any corrected p at most alpha among the primary effects
    against the control over all units (the family-wise error, where nothing is planted), `any_segment` those with one
    among segments; `any_ship` those in which any treatment would ship.
    """

    replications: int
    effects: tuple[EffectTally, ...]
    decisions: dict[str, dict[str, Share]]
    any_corrected: dict[str, Share]
    any_segment: dict[str, Share]
    any_ship: Share


def share_of(hits: int, n: int, confidence: float = 0.95) -> Share:
    """Return a share with its exact interval (Clopper and Pearson 1934; statsmodels)."""
    from statsmodels.stats.proportion import proportion_confint

    if n == 0:
        return Share(0, 0, 0.0, 0.0, 1.0)
    low, high = proportion_confint(hits, n, alpha=1 - confidence, method="beta")
    return Share(hits, n, hits / n, float(low), float(high))


def tallied(plan: Replay, found: Replayed) -> Tally:
    """Return the counts of replications."""
    n = found.p_value.shape[1]
    decisions = {
        treatment: {word: share_of(int((codes == place).sum()), n) for place, word in enumerate(WORDS)}
        for treatment, codes in found.decisions.items()
    }
    shipped = np.any([codes == WORDS.index("ship") for codes in found.decisions.values()], axis=0)
    return Tally(
        replications=n,
        effects=tuple(_effect(plan, found, row) for row in range(len(plan.asked))),
        decisions=decisions,
        any_corrected=_any(plan, found, [row for row, one in enumerate(plan.asked) if one.segment is None]),
        any_segment=_any(plan, found, [row for row, one in enumerate(plan.asked) if one.segment is not None]),
        any_ship=share_of(int(np.sum(shipped)), n),
    )


def _effect(plan: Replay, found: Replayed, row: int) -> EffectTally:
    known = np.isfinite(found.p_value[row])
    n, adjusted = int(known.sum()), found.p_adjusted[row]
    tested = np.isfinite(adjusted)
    return EffectTally(
        asked=plan.asked[row],
        truth=float(found.truth[row].mean()),
        standard_error=float(found.standard_error[row, known].mean()) if n else 0.0,
        coverage=share_of(int(found.covered[row].sum()), n),
        rejected=share_of(int((found.p_value[row] <= plan.alpha).sum()), n),
        rejected_after_correction=share_of(int((adjusted <= plan.alpha).sum()), n) if tested.any() else None,
    )


def _any(plan: Replay, found: Replayed, rows: Sequence[int]) -> dict[str, Share]:
    """Return how often any of these effects is shown, by evidence, of those that are tested against the control."""
    tested = [
        row for row in rows if plan.asked[row].role in FAMILY_ROLES and plan.asked[row].control not in found.decisions
    ]
    families: dict[str, list[int]] = {}
    for row in tested:
        families.setdefault(plan.asked[row].evidence, []).append(row)
    n = found.p_value.shape[1]
    return {
        evidence: share_of(int((found.p_adjusted[own] <= plan.alpha).any(axis=0).sum()), n)
        for evidence, own in families.items()
    }
