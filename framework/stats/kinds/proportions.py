"""Two independent shares from counts: a test and an interval that go together, by one name."""

from __future__ import annotations

from dataclasses import dataclass

from framework.errors import TrialError, did_you_mean
from framework.stats.estimates import Estimate
from framework.stats.kinds.counted import FEW_EVENTS, Counted
from framework.stats.kinds.exact import INTERVAL_TABLES, tables
from framework.stats.kinds.proportion_intervals import INTERVALS
from framework.stats.kinds.proportion_tests import EXACT, p_value


@dataclass(frozen=True)
class Method:
    """A test of `proportion_tests.TESTS`, an interval of `proportion_intervals.INTERVALS`, and the pair's label."""

    test: str
    interval: str
    label: str


METHODS: dict[str, Method] = {
    "newcombe": Method("pooled_z", "newcombe", "pooled z, Newcombe interval"),
    "wald": Method("wald", "wald", "Wald z and interval"),
    "agresti_caffo": Method("agresti_caffo", "agresti_caffo", "Agresti-Caffo z and interval"),
    "score": Method("score", "score", "Miettinen-Nurminen score test and interval"),
    "pooled": Method("pooled_z", "pooled", "pooled z and interval"),
    "pooled_corrected": Method("pearson_corrected", "pooled_corrected", "pooled z and interval, continuity corrected"),
    "pearson": Method("pearson", "newcombe", "Pearson chi-square, Newcombe interval"),
    "pearson_corrected": Method("pearson_corrected", "newcombe", "Yates chi-square, Newcombe interval"),
    "likelihood_ratio": Method("likelihood_ratio", "newcombe", "likelihood ratio (G), Newcombe interval"),
    "likelihood_ratio_corrected": Method(
        "likelihood_ratio_corrected", "newcombe", "likelihood ratio (G), continuity corrected, Newcombe interval"
    ),
    "fisher": Method("fisher", "clopper_pearson", "Fisher exact, Clopper-Pearson difference"),
    "barnard": Method("barnard", "exact", "Barnard exact, exact unconditional interval"),
    "boschloo": Method("boschloo", "exact", "Boschloo exact, exact unconditional interval"),
}
"""What to ask `two_proportions` for. "newcombe" is the house's default and equals `designs.independent`."""


def two_proportions(counts: Counted, *, method: str = "newcombe", confidence: float = 0.95) -> Estimate:
    """Return the treatment's share minus the control's, with the named method's interval and two-sided p-value.

    The standard error is the unpooled one whatever the method. Of the pairs in `METHODS`, "wald", "agresti_caffo",
    "score", "pooled" and "pooled_corrected" have an interval that leaves 0 out exactly where p is below
    1 - confidence; with the others the two can differ in a close call, and p decides. Where all units of both arms
    agree p is 1, with a warning. Exact for small arms: "barnard" (the strongest whose interval inverts the same
    ordering), "boschloo", and "fisher" (conservative, arms of any size).

    Raises:
        TrialError: an unknown method, a confidence outside (0, 1), or arms too large for "barnard" and "boschloo".
    """
    if method not in METHODS:
        raise TrialError(f"method '{method}' is unknown", allowed=METHODS, hint=did_you_mean(method, METHODS))
    if not 0 < confidence < 1:
        raise TrialError(f"confidence is {confidence:g}", allowed="a number between 0 and 1, such as 0.95")
    chosen = METHODS[method]
    warnings = []
    interval, label = chosen.interval, chosen.label
    p = p_value(counts, chosen.test)
    if interval == "exact" and tables(counts) > INTERVAL_TABLES:
        interval = "clopper_pearson"
        label = label.replace("exact unconditional interval", "Clopper-Pearson difference")
        warnings.append("Too many tables for the exact interval: a conservative one (Clopper-Pearson) is given.")
    if counts.all_agree:
        warnings.append("All units of both arms have the same outcome: p is 1.")
    elif chosen.test not in EXACT and counts.fewest < FEW_EVENTS:
        warnings.append(f"Only {counts.fewest} successes or failures in an arm: the p-value is rough.")
    low, high = (min(1.0, max(-1.0, end)) for end in INTERVALS[interval](counts, confidence))
    if low == high:
        warnings.append("Within each arm all units have the same outcome: the interval is a point, do not trust it.")
    return Estimate(counts.difference, counts.unpooled_error, low, high, p, None, label, tuple(warnings))
