"""Off-policy values: their intervals, how far to shrink weights, and whether a log can be believed."""

from framework.stats.off_policy.buckets import Bootstrapped, BucketSums, bootstrapped, corrected_mean_of, mean_of
from framework.stats.off_policy.health import (
    Health,
    Reason,
    Thresholds,
    effective_number,
    health,
    unsupported_mass,
)
from framework.stats.off_policy.intervals import ValueInterval, standard_error, value_interval
from framework.stats.off_policy.marginal import counted_likelihood, known_likelihood, marginal_weights
from framework.stats.off_policy.refitting import refitted
from framework.stats.off_policy.rows_needed import difference_for_rows, rows_for_difference

__all__ = [
    "Bootstrapped",
    "BucketSums",
    "Health",
    "Reason",
    "Thresholds",
    "ValueInterval",
    "bootstrapped",
    "corrected_mean_of",
    "counted_likelihood",
    "difference_for_rows",
    "effective_number",
    "health",
    "known_likelihood",
    "marginal_weights",
    "mean_of",
    "refitted",
    "rows_for_difference",
    "standard_error",
    "unsupported_mass",
    "value_interval",
]
