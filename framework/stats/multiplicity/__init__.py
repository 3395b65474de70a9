"""Many comparisons at once: adjusted p-values, families of effects, simultaneous intervals."""

from framework.stats.multiplicity.adjust import CORRECTIONS, adjust, benjamini_hochberg, holm
from framework.stats.multiplicity.families import Corrections, controls, correct
from framework.stats.multiplicity.simultaneous import interval_at

__all__ = ["CORRECTIONS", "Corrections", "adjust", "benjamini_hochberg", "controls", "correct", "holm", "interval_at"]
