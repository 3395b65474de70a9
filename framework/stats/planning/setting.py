"""What a test is planned for: the record of metric, design, hypothesis and error rates, and its power."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

from framework.errors import TrialError
from framework.stats.planning.arguments import check_above, check_level, check_option, check_share
from framework.stats.planning.counts import count_sd
from framework.stats.planning.levels import CORRECTIONS, level_each
from framework.stats.planning.margins import GOALS, power_margin
from framework.stats.planning.means import DESIGNS
from framework.stats.planning.proportions import power_proportion
from framework.stats.planning.statistic import power_of_statistic
from framework.stats.planning.variance import variance_factor

KINDS = ("mean", "proportion", "ratio", "count")
HYPOTHESES = ("difference", *GOALS)


@dataclass(frozen=True)
class Setting:
    """A comparison with the control to be planned.

    `kind` is "mean", "proportion", "ratio" or "count"; `baseline` the control's value, needed for a proportion and a
    count, and for relative differences. `sd` is one unit's standard deviation: of its value (mean), of its
    delta-method contribution (ratio, `variance.unit_sd`), of the differences within units (every paired design); a
    proportion and a count have theirs from `baseline`. `sd_treatment` is the treatment's, where it differs.

    `alpha` is two-sided for "difference" and the level of each one-sided test for "non-inferiority" and
    "equivalence", whose `margin` (above 0) is in the metric's unit. `treatments` and `metrics` count the family,
    `correction` (`levels.level_each`) and `alpha_share` say what each test gets of alpha. `ratio` is treatment units
    per control unit, the same for every treatment.

    `variance_reduction` is covariates' R^2; `design_effect` what clusters, strata or blocks of `group_size` units make
    of the variance (group_size above 1: the test has the groups' degrees of freedom); `inflation` a group-sequential
    design's maximum over the fixed sample.

    Raises:
        TrialError: naming the argument that cannot be.
    """

    metric: str
    kind: str = "mean"
    design: str = "independent"
    hypothesis: str = "difference"
    baseline: float | None = None
    sd: float | None = None
    sd_treatment: float | None = None
    margin: float | None = None
    alpha: float = 0.05
    power: float = 0.8
    treatments: int = 1
    metrics: int = 1
    correction: str = "holm"
    alpha_share: float = 1.0
    ratio: float = 1.0
    variance_reduction: float = 0.0
    design_effect: float = 1.0
    group_size: float = 1.0
    inflation: float = 1.0
    dispersion: float = 1.0

    def __post_init__(self) -> None:
        check_option("kind", self.kind, KINDS)
        check_option("design", self.design, DESIGNS)
        check_option("hypothesis", self.hypothesis, HYPOTHESES)
        check_option("correction", self.correction, CORRECTIONS)
        check_level(self.alpha, self.power)
        check_above("ratio", self.ratio)
        check_above("group_size", self.group_size, 1.0, included=True)
        check_above("dispersion", self.dispersion)
        for name, number in (("sd", self.sd), ("sd_treatment", self.sd_treatment), ("margin", self.margin)):
            if number is not None:
                check_above(name, number)
        if self.design == "paired" and (self.ratio != 1 or self.sd_treatment is not None):
            raise TrialError("a paired design has one sd and a ratio of 1", hint="Give the sd of the differences.")
        if self.correction == "dunnett" and self.hypothesis != "difference" and self.treatments > 1:
            raise TrialError("correction 'dunnett' is planned two-sided", allowed="holm or bonferroni with a margin")
        if self.by_baseline:
            if self.baseline is None:
                raise TrialError(f"metric '{self.metric}': a {self.kind} needs its baseline, the control's value")
            if self.kind == "proportion":
                check_share("baseline", self.baseline)
            else:
                check_above("baseline", self.baseline)
        elif self.sd is None:
            raise TrialError(f"metric '{self.metric}': a {self.design} {self.kind} needs sd, one unit's")
        # These refuse what is wrong in the rest.
        _ = self.factor, self.level

    @property
    def by_baseline(self) -> bool:
        """Say whether the spread follows from the baseline: a proportion, or a count without an sd of its own."""
        independent = self.design == "independent"
        return independent and (self.kind == "proportion" or (self.kind == "count" and self.sd is None))

    @cached_property
    def factor(self) -> float:
        """Return what the variance is multiplied by."""
        return variance_factor(self.variance_reduction, self.design_effect, self.inflation)

    @cached_property
    def level(self) -> float:
        """Return the level of one comparison."""
        return level_each(
            self.alpha,
            treatments=self.treatments,
            metrics=self.metrics,
            correction=self.correction,
            share=self.alpha_share,
            ratio=self.ratio,
        )

    def spreads(self, difference: float) -> tuple[float, float]:
        """Return one unit's standard deviation in control and treatment where the true difference is `difference`."""
        if self.by_baseline:
            before = float(self.baseline or 0.0)
            after = before + difference
            if self.kind == "count":
                return (count_sd(before, dispersion=self.dispersion), count_sd(after, dispersion=self.dispersion))
            if not 0 < after < 1:
                raise TrialError(
                    f"metric '{self.metric}': difference {difference:g} makes {before:g} a proportion of {after:g}",
                    allowed="a proportion between 0 and 1",
                )
            return math.sqrt(before * (1 - before)), math.sqrt(after * (1 - after))
        sd = float(self.sd or 0.0)
        return sd, sd if self.sd_treatment is None else self.sd_treatment

    def error_and_df(self, difference: float, n_control: float) -> tuple[float, float | None]:
        """Return the planned standard error, and the degrees of freedom (None: normal) with `n_control` units."""
        n_treatment = n_control * self.ratio
        control, treatment = self.spreads(difference)
        stretch = math.sqrt(self.factor)
        groups_control, groups_treatment = n_control / self.group_size, n_treatment / self.group_size
        if self.design == "paired":
            return control * stretch / math.sqrt(n_control), groups_control - 1
        error = stretch * math.hypot(control / math.sqrt(n_control), treatment / math.sqrt(n_treatment))
        grouped = self.group_size > 1
        if self.kind != "mean" and not grouped:
            return error, None
        df = groups_control + groups_treatment - 2
        if self.sd_treatment is not None:
            one, two = control**2 / groups_control, treatment**2 / groups_treatment
            df = (one + two) ** 2 / (one**2 / (groups_control - 1) + two**2 / (groups_treatment - 1))
        return error, df

    def power_at(self, difference: float, n_control: float, margin: float | None = None) -> float:
        """Return the power of one comparison with `n_control` units in the control (paired: units), real numbers.

        Raises:
            TrialError: fewer units than the test's degrees of freedom need, or no margin for a hypothesis about one.
        """
        check_above("n_control", n_control, self.least * (1 - 1e-12), included=True)
        if self.hypothesis != "difference":
            margin = self.margin if margin is None else margin
            if margin is None:
                raise TrialError(f"metric '{self.metric}': {self.hypothesis} needs a margin")
            error, df = self.error_and_df(difference, n_control)
            return power_margin(margin, error, df, goal=self.hypothesis, difference=difference, alpha=self.level)
        if self.kind == "proportion" and self.design == "independent" and self.group_size == 1:
            self.spreads(difference)
            before, shrunk = float(self.baseline or 0.0), n_control / self.factor
            return power_proportion(before, before + difference, shrunk, shrunk * self.ratio, self.level)
        error, df = self.error_and_df(difference, n_control)
        return power_of_statistic(difference / error, df, self.level)

    @property
    def least(self) -> float:
        """Return the control's units below which there is nothing to test with: 2 groups, and more than 1 an arm."""
        if self.design == "paired":
            return 2.0 * self.group_size
        return (1.0 + 1.0 / min(1.0, self.ratio)) * self.group_size
