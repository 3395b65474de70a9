"""Counting replications: coverage, false positives, power and decisions, each share with its own exact interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from framework.stats.replication.replay import WORDS, Asked, Replay, Replayed


@dataclass(frozen=True)
class Share:
    """`hits` of `n` replications, with the Clopper-Pearson interval of the share at 95 %."""

    hits: int
    n: int
    share: float
    low: float
    high: float


@dataclass(frozen=True)
class EffectTally:
    """One effect over all replications: coverage of its interval, raw and corrected p-values at most alpha."""

    asked: Asked
    coverage: Share
    rejected: Share
    rejected_after_correction: Share | None


@dataclass(frozen=True)
class Tally:
    """All effects and decisions over R replications.

    `any_corrected` counts replications with any corrected p at most alpha among the primary effects against the
    control, over all units, of one evidence (the family-wise error, where nothing is planted); `any_ship` those in
    which any treatment would ship.
    """

    replications: int
    effects: tuple[EffectTally, ...]
    decisions: dict[str, dict[str, Share]]
    any_corrected: dict[str, Share]
    any_ship: Share


def share_of(hits: int, n: int, confidence: float = 0.95) -> Share:
    """Return a share with its exact interval (Clopper and Pearson 1934; statsmodels)."""
    from statsmodels.stats.proportion import proportion_confint

    low, high = proportion_confint(hits, n, alpha=1 - confidence, method="beta")
    return Share(hits, n, hits / n, float(low), float(high))


def tallied(plan: Replay, found: Replayed) -> Tally:
    """Return the counts of replications."""
    n = found.p_value.shape[1]
    rows = []
    for row, asked in enumerate(plan.asked):
        adjusted = found.p_adjusted[row]
        corrected = None if np.isnan(adjusted).all() else share_of(int((adjusted <= plan.alpha).sum()), n)
        rejected = share_of(int((found.p_value[row] <= plan.alpha).sum()), n)
        rows.append(EffectTally(asked, share_of(int(found.covered[row].sum()), n), rejected, corrected))
    decisions = {
        treatment: {word: share_of(int((codes == place).sum()), n) for place, word in enumerate(WORDS)}
        for treatment, codes in found.decisions.items()
    }
    families = {}
    for evidence in dict.fromkeys(asked.evidence for asked in plan.asked):
        family = [
            row
            for row, asked in enumerate(plan.asked)
            if asked.evidence == evidence
            and asked.segment is None
            and asked.role == "primary"
            and asked.control not in found.decisions
        ]
        if family:
            any_one = (found.p_adjusted[family] <= plan.alpha).any(axis=0)
            families[evidence] = share_of(int(any_one.sum()), n)
    shipped = np.any([codes == WORDS.index("ship") for codes in found.decisions.values()], axis=0)
    return Tally(n, tuple(rows), decisions, families, share_of(int(np.sum(shipped)), n))
