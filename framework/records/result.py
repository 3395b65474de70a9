"""The result of a run, as the report shows it and `result.json` keeps it. Plain numbers, texts and tuples only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from framework.data.account import Cleaning, SplitSummary
from framework.stats.decision import Verdict
from framework.stats.effects import Effect

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class SegmentCard:
    """One segment for the reader: size, shares between 0 and 1, a description in plain words, typical features.

    `rule` says in words who is in it by a few conditions, `sql` the same as what follows WHERE; of the users that the
    rule takes, the share `precision` is in the segment, and it takes the share `recall` of the segment. `apart` holds,
    by feature, how far the segment stands from all other users, in standard deviations of both. `examples` are users
    near its middle.
    """

    name: str
    description: str
    users: int
    share_of_users: float
    share_of_revenue: float
    typical: dict[str, float] = field(default_factory=dict)
    rule: str = ""
    sql: str = ""
    precision: float | None = None
    recall: float | None = None
    apart: dict[str, float] = field(default_factory=dict)
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class StrategySummary:
    """What one strategy is made of, in words and as config, and what it cost to fit."""

    name: str
    description: str
    model: str
    recommender: str
    policy: str
    params: dict[str, Any]
    fallback_share: float | None = None
    fit_seconds: float | None = None


@dataclass(frozen=True)
class ArmValue:
    """One strategy's own value on one metric (segment None: all units); bounds None where none is honest."""

    strategy: str
    metric: str
    evidence: str
    segment: str | None
    n: int
    value: float
    ci_low: float | None
    ci_high: float | None
    note: str | None = None


@dataclass(frozen=True)
class Evidence:
    """One kind of evidence: what it estimates, what it assumes, how units were compared."""

    name: str
    design: str
    estimand: str
    assumption: str
    units: int
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class SimulatorCheck:
    """How well the simulator foresaw the later log, and one sentence on how far to trust it.

    `rows` hold {segment, quantity, predicted, actual, ci_low, ci_high}; `scores` are by name (log loss, AUC,
    calibration slope beside a baseline).
    """

    sentence: str
    trusted: bool
    rows: tuple[dict[str, Any], ...]
    scores: dict[str, float]


@dataclass(frozen=True)
class Result:
    """Everything a run found out. `verdict` answers for the study; `verdicts` holds one a treatment.

    `cleaning` and `split` are None where no log was read: outcomes came as they are.

    `times` and `paths` hold all that may differ between two runs with the same seed; everything else is the same
    byte for byte. `metrics` holds the holdout values, by label, of the recommender that the study is about, where it is
    about one.
    """

    study: str
    question: str
    seed: int
    control: str
    verdict: Verdict
    verdicts: tuple[Verdict, ...]
    rule: str
    rule_digest: str
    effects: tuple[Effect, ...]
    arms: tuple[ArmValue, ...]
    evidence: tuple[Evidence, ...]
    strategies: tuple[StrategySummary, ...]
    cleaning: Cleaning | None
    split: SplitSummary | None
    segments: tuple[SegmentCard, ...]
    segment_notes: tuple[str, ...]
    simulator: SimulatorCheck | None
    health: dict[str, Any]
    warnings: tuple[str, ...]
    config: dict[str, Any]
    versions: dict[str, str]
    data_digest: str
    times: dict[str, Any] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    schema_version: int = SCHEMA_VERSION
