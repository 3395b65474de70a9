"""The record of one effect: a difference between two arms on one metric, and what it rests on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Interval:
    """A point estimate with a two-sided interval; `reason` says why it is absent where it is."""

    estimate: float | None
    ci_low: float | None
    ci_high: float | None
    reason: str | None = None


@dataclass(frozen=True)
class Posterior:
    """What a Bayesian reading says of one effect, in the metric's unit, under the named `prior`.

    `probability_better` is P(treatment > control), or P(<) where lower is better; `expected_loss` is what launching
    the treatment costs on average where it is the worse one, `expected_loss_control` the same of keeping the control.
    `ci_low` and `ci_high` bound the central interval at `confidence`. `rope_low` and `rope_high` bound the region of
    practical equivalence, and `probability_equivalent` is its mass; None where no region was named.
    """

    prior: str
    mean: float
    ci_low: float
    ci_high: float
    confidence: float
    probability_better: float
    expected_loss: float
    expected_loss_control: float
    rope_low: float | None = None
    rope_high: float | None = None
    probability_equivalent: float | None = None


@dataclass(frozen=True)
class Look:
    """What a sequential method says of one effect at this look, of several planned or any number of unplanned ones.

    `information` is the share (0 to 1) of the planned units seen, None where nothing was planned. `ci_low` and
    `ci_high` hold at every look at once; `p_value` may be read at any look; `boundary` is the |z| to exceed now.
    """

    method: str
    look: int
    looks: int | None
    information: float | None
    boundary: float
    crossed: bool
    ci_low: float
    ci_high: float
    p_value: float | None = None


@dataclass(frozen=True)
class Calibration:
    """How the interval and the test did in `replications` of this study with a known answer.

    Shares between 0 and 1, each with its own Clopper-Pearson interval (low, high) at 95 %; `power` is for the planted
    effect `planted` (metric's unit). None where it was not tried.
    """

    replications: int
    coverage: float
    coverage_interval: tuple[float, ...]
    false_positive_rate: float
    false_positive_interval: tuple[float, ...]
    planted: float | None = None
    power: float | None = None
    power_interval: tuple[float, ...] = ()


@dataclass(frozen=True)
class Effect:
    """Treatment minus control on one metric, for all units or for one segment.

    `estimate`, `ci_low` and `ci_high` are in the metric's own unit; `p_value` is two-sided and uncorrected,
    `p_adjusted` is what the named `correction` made of it, over `family` hypotheses. `confidence` is the interval's
    nominal coverage; `df` are the degrees of freedom of the t distribution behind it (None: normal or bootstrap).
    `variance_reduction` is the share of the difference's variance that covariates removed. `posterior`, `look` and
    `calibration` are there where the study asked for a Bayesian reading, a sequential one, or calibrated its plan.
    """

    metric: str
    control: str
    treatment: str
    segment: str | None
    n_control: int
    n_treatment: int
    control_value: float
    treatment_value: float
    estimate: float
    standard_error: float
    ci_low: float
    ci_high: float
    p_value: float
    p_adjusted: float | None
    relative: Interval
    method: str
    design: str
    confidence: float = 0.95
    correction: str | None = None
    evidence: str | None = None
    role: str | None = None
    estimand: str | None = None
    warnings: tuple[str, ...] = ()
    df: float | None = None
    family: int | None = None
    variance_reduction: float | None = None
    posterior: Posterior | None = None
    look: Look | None = None
    calibration: Calibration | None = None
