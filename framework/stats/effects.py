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
class Effect:
    """Treatment minus control on one metric, for all units or for one segment.

    `estimate`, `ci_low` and `ci_high` are in the metric's own unit; `p_value` is two-sided and uncorrected,
    `p_adjusted` is what the named `correction` made of it, over `family` hypotheses. `confidence` is the interval's
    nominal coverage; `df` are the degrees of freedom of the t distribution behind it (None: normal or bootstrap).
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
