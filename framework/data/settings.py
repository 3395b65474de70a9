"""Settings of the data stage; part of the schema of every run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class CleaningConfig:
    """Which rows the cleaning removes or flags.

    `implausible_quantity` is the quantity of one line above which it is flagged; null takes `implausible_factor` times
    the log's 99.9th percentile. `implausible_action` is "keep" (flag only) or "remove". `earliest` and `latest` are ISO
    dates that bound believable times.
    """

    repeats: bool = True
    missing_users: bool = True
    cancellations: bool = True
    not_products: bool = True
    zero_prices: bool = True
    implausible_quantity: float | None = None
    implausible_factor: float = 10.0
    implausible_action: str = "keep"
    earliest: str | None = None
    latest: str | None = None


@dataclass
class SplitConfig:
    """Where the log is cut.

    `validation` and `test` are a share of the log's time span (0.15), a length ("28d") or
    the ISO date at which the part starts. `kind` is "time" or "leave_one_out".
    """

    kind: str = "time"
    validation: Any = 0.15
    test: Any = 0.15


@dataclass
class FeaturesConfig:
    """How features are computed: length of the session gap in minutes, number of category shares kept."""

    session_gap_minutes: float = 30.0
    categories: int = 8


@dataclass
class DataConfig:
    """The engine ("duckdb", "spark", "polars") with its limits, and the settings of each data stage."""

    engine: str = "duckdb"
    memory_limit: str | None = None
    threads: int | None = None
    cleaning: CleaningConfig = field(default_factory=CleaningConfig)
    split: SplitConfig = field(default_factory=SplitConfig)
    features: FeaturesConfig = field(default_factory=FeaturesConfig)
