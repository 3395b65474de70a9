"""What each estimator may be off by, where it cannot hold, and where a report warns although it does: each with why."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Slack:
    """How far from nominal coverage and size may be in truth, as a share, at the sizes of the table.

    `at_least`: the estimator promises 95 % or more, so there is no upper limit.
    """

    slack: float
    why: str
    at_least: bool = False


SLACK = {
    "mean: Welch t": Slack(0.002, "exact for normal values but for Welch's df; skewness s takes 0.247 s^2, warned of"),
    "share: Newcombe, pooled z": Slack(0.006, "discrete: O(n^-1/2) jumps, half a point at 25 units"),
    "ratio of sums: delta method": Slack(0.006, "normal for t: 0.6 points at 25 v 25; first order, bias O(1/n)"),
    "paired mean: t": Slack(0.002, "exact for normal differences; arms' skewness cancels within units"),
    "paired ratio of sums: delta method, t": Slack(0.003, "first order, bias O(1/n)"),
    "mean, 1 covariate: Lin, HC2": Slack(0.006, "normal for t: 0.6 points at 25 v 25; slopes fitted, O(1/n)"),
    "mean, 1 covariate: CUPED": Slack(0.003, "the slope taken as known, O(1/n)"),
    "ratio of sums, ratio covariate: Lin, HC2": Slack(0.006, "as the two above, O(1/n) each"),
    "mean of clusters: sandwich": Slack(0.006, "the sandwich is too small by O(1/clusters); df of effective clusters"),
    "mean: post-stratified": Slack(0.008, "Satterthwaite's df over strata of 8 units is low: too wide by 0.8 points"),
    "quantile: order statistics": Slack(0.008, "density from two order statistics, whole ranks: O(n^-1/2)"),
    "count rate: recommended": Slack(0.01, "takes the larger of two errors, so a point too wide; discrete"),
    "relative mean: log ratio": Slack(0.003, "logarithm of a mean to first order, bias O(1/n)"),
    "relative mean: Fieller": Slack(0.002, "exact for normal values, else as Welch's"),
    "mean: bootstrap of rows": Slack(0.01, "percentile: normal for t and n for n - 1, a point at 25 v 25"),
    "mean: bootstrap of 200 buckets": Slack(0.005, "percentile of 200 buckets: 0.2 points; 1,000 resamples: 0.2"),
    "mean: posterior, flat prior": Slack(0.006, "normal for t: 0.6 points at 25 v 25"),
    "mean: always valid, one look": Slack(0.0, "holds at every look at once", at_least=True),
    "segment of 8: shrunken": Slack(0.01, "Morris's allowance for 8 segments is too wide by about half a point"),
}
"""Every estimator's slack."""

TAIL = "95 % zeros, 200 v 5,000"
LEVEL = "95 % zeros, 5,000 v 5,000"
FALLS_SHORT = {
    ("segment of 8: shrunken", "25 v 25"): "3 units of a segment in an arm, their errors taken as known",
    **{
        (name, TAIL): "10 units of the small arm spend: where the large baskets miss, so do estimate and error together"
        for name in SLACK
        if name.startswith(("mean", "ratio", "relative", "segment"))
    },
}
"""Where an estimator cannot hold, and why: these must warn."""
WARNS_ANYWAY = {
    ("*", "25 v 25"): (1.0, "25 units cannot show whether values are near enough to normal; these are"),
    ("*", LEVEL): (0.2, "where the large baskets fall unevenly the sample looks skewed; such intervals miss 7 %"),
    ("mean of clusters: sandwich", LEVEL): (0.45, "the same of 1,000 v 1,000 clusters; such intervals miss 6 %"),
    ("segment of 8: shrunken", LEVEL): (0.75, "the same of 625 v 625 units; it holds as Morris's interval is wide"),
    ("share: Newcombe, pooled z", TAIL): (0.6, "10 events are expected in an arm, the rule's own edge"),
    ("count rate: recommended", TAIL): (0.6, "10 events are expected in an arm, the rule's own edge"),
    ("quantile: order statistics", TAIL): (1.0, "4 units beyond the quantile: misses are 4.6 % above, 0.3 % below"),
    ("mean of clusters: sandwich", "200 v 5,000"): (0.25, "of 40 clusters of 1 to 5 units one may carry a quarter"),
    ("segment of 8: shrunken", "200 v 5,000"): (1.0, "25 units of a segment in an arm"),
}
"""Where a report warns although the interval holds: the largest share of replications, and why; "*": any estimator."""

TOO_WIDE = {
    ("paired mean: t", TAIL): "heavy tails on both sides: an outlier widens the interval more than it moves it",
    ("paired ratio of sums: delta method, t", TAIL): "as the paired mean",
}
"""Where the interval holds more than it says."""
