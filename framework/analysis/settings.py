"""What `analyse` was asked: a file, its columns' meaning, the metrics and the test's plan."""

from __future__ import annotations

from dataclasses import dataclass, field

from framework.stats.kinds.proportions import METHODS as PROPORTIONS
from framework.stats.kinds.rates import RATE_METHODS

KINDS = ("mean", "sum", "proportion", "ratio", "quantile", "rate", "retention")
DESIGNS = ("independent", "paired", "switchback")
ROLES = ("primary", "secondary", "guardrail")
PRIORS = ("jeffreys", "uniform")
MISSING = ("refuse", "drop", "zero")
UNITS = ("score", "share", "count")
FROM_MOMENTS = ("mean", "sum", "proportion", "ratio")
"""Kinds of metrics that are functions of means."""
ADJUSTED = ("lin", "ancova", "cuped", "cupac")
METHODS = {
    "mean": ("welch", *ADJUSTED, "bootstrap", "mann_whitney"),
    "sum": ("welch", *ADJUSTED, "bootstrap", "mann_whitney"),
    "proportion": tuple(PROPORTIONS),
    "ratio": ("delta", "lin", "ancova", "cuped", "bootstrap"),
    "quantile": ("order_statistics",),
    "rate": ("recommended", *RATE_METHODS),
    "retention": ("curve",),
}
"""Methods by kind of metric, the default first; a metric with covariates takes "lin"."""


@dataclass(frozen=True)
class MetricSettings:
    """One metric of the file.

    `kind`: mean, sum (per unit), proportion (0 and 1, or true and false), ratio (of `numerator` and `denominator`
    summed over units), quantile (of `column`, at `quantile`), rate (events in `column` per `denominator`), retention
    (`columns` of 0 and 1, one for each of `days`: a curve with a band, no effect of its own). `column` defaults to the
    metric's name. `covariates` are columns from before the test, or two joined by "/" for a ratio.
    `method`: see METHODS; `error` is the robust error of a regression, hc0, hc2, hc3 or classical. `role` is primary,
    secondary or guardrail with its `margin`; without any primary there is no verdict, beside one metrics without a role
    are secondary. `higher_is_better` false turns what is good; `unit` is how it is printed: score, share or count.
    """

    kind: str
    column: str | None = None
    numerator: str | None = None
    denominator: str | None = None
    covariates: tuple[str, ...] = ()
    method: str | None = None
    error: str = "hc2"
    quantile: float = 0.5
    columns: tuple[str, ...] = ()
    days: tuple[float, ...] = ()
    role: str | None = None
    margin: float = 0.0
    higher_is_better: bool = True
    unit: str | None = None


@dataclass(frozen=True)
class SequentialSettings:
    """A look of a running test.

    `method` "mixture": any number of looks, tightest around `planned` units in all; "bernoulli" the same for
    proportions, exact at any size. Else a rule of
    `stats.sequential.design.RULES` with `looks` planned at equal distances; `information` holds the shares of the
    planned units that were in at every look so far, this one last.
    """

    method: str = "mixture"
    planned: int | None = None
    looks: int = 5
    information: tuple[float, ...] = ()
    parameter: float | None = None


@dataclass(frozen=True)
class AnalysisSettings:
    """What `analyse FILE` takes besides the file.

    `unit` names the column of unit ids (absent: each row is a unit), `arm` the arms', `control` the arm to compare
    with; `compare` "all" compares every two treatments too. `segment` asks for effects in each group, `stratum` for
    post-stratification, `cluster` for clustered errors, `time` (when units came) for the effect by day. `shares` are
    the planned shares of the arms (default: equal). `design` is "independent", "paired" where every unit has one row an
    arm, or "switchback" where all units of a `period` had one arm (`burn_in` periods of a stretch are dropped).
    `correction` and `segment_correction` are names of `stats.multiplicity.CORRECTIONS`; with `gatekeeping` a segment is
    tested only where the whole was shown. `relative` is "log" or "fieller". `missing` says what a missing outcome
    means. `prior` asks for a posterior beside each effect, `rope` for the mass within that distance of 0, `sequential`
    for a look of a running test. `power` and `difference` enter the rule where a metric is primary. `experiment` and
    `count` read counted input, a row an arm with `count` units; `group` sums up its experiments. `separator` parts a
    CSV file's columns (default: a comma, a tab in a .tsv). `out` is the folder of `result.json` and `report.html`.
    """

    metrics: dict[str, MetricSettings]
    unit: str | None = None
    arm: str | None = None
    control: str | None = None
    segment: str | None = None
    stratum: str | None = None
    cluster: str | None = None
    experiment: str | None = None
    count: str | None = None
    group: str | None = None
    out: str | None = None
    shares: dict[str, float] = field(default_factory=dict)
    confidence: float = 0.95
    power: float = 0.8
    difference: float = 0.0
    design: str = "independent"
    compare: str = "control"
    time: str | None = None
    period: str | None = None
    burn_in: int = 0
    correction: str = "holm"
    segment_correction: str = "benjamini_hochberg"
    gatekeeping: bool = False
    relative: str = "log"
    missing: str = "refuse"
    prior: str | None = None
    rope: float | None = None
    sequential: SequentialSettings | None = None
    separator: str | None = None
    seed: int = 0
    memory_limit: str | None = None

    @property
    def alpha(self) -> float:
        """The two-sided error rate."""
        return round(1.0 - self.confidence, 12)

    @property
    def is_plain(self) -> bool:
        """Whether every row is a unit of its own, in an arm that chance gave to it alone."""
        return self.design == "independent" and self.cluster is None
