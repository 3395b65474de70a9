"""An interval at another coverage, so that all of a family hold at once."""

from __future__ import annotations

from framework.stats.effects import Effect
from framework.stats.estimates import quantile


def interval_at(effect: Effect, confidence: float) -> tuple[float, float]:
    """Return the effect's interval at another coverage, its two halves scaled by the ratio of critical values.

    Exact for t and normal intervals; for Newcombe's and the bootstrap's an approximation that keeps their asymmetry.
    At 1 - alpha / family it is the Bonferroni interval: all intervals of the family hold at once with 1 - alpha.
    """
    stretch = quantile(confidence, effect.df) / quantile(effect.confidence, effect.df)
    return (
        effect.estimate - stretch * (effect.estimate - effect.ci_low),
        effect.estimate + stretch * (effect.ci_high - effect.estimate),
    )
