"""Is the trial what it claims to be, and can its intervals be trusted?"""

from framework.stats.health.influence import Influence, influence
from framework.stats.health.influence_summary import ArmSummary, influence_from_summary
from framework.stats.health.interference import Interference, interference
from framework.stats.health.missing import Missing, missing_outcomes
from framework.stats.health.missing_bounds import Bounds, Seen, trimming_bounds, worst_case_bounds
from framework.stats.health.novelty import Novelty, novelty
from framework.stats.health.sample_ratio import sample_ratio, sample_ratio_by_segment
from framework.stats.health.sample_ratios import SampleRatios, sample_ratios

__all__ = [
    "ArmSummary",
    "Bounds",
    "Influence",
    "Interference",
    "Missing",
    "Novelty",
    "SampleRatios",
    "Seen",
    "influence",
    "influence_from_summary",
    "interference",
    "missing_outcomes",
    "novelty",
    "sample_ratio",
    "sample_ratio_by_segment",
    "sample_ratios",
    "trimming_bounds",
    "worst_case_bounds",
]
