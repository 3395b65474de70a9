"""A run and its trials, as hooks see them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.records.outcomes import Outcomes


@dataclass(frozen=True)
class Run:
    """One execution of a study: its name, folder, seed and whole config (plain dicts and lists)."""

    study: str
    folder: Path
    seed: int
    config: dict[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Ranked:
    """How an arm ranked all units: wall `seconds`, and shares of units with ties (None: not known).

    `tied` are units with equal scores among the items shown, `tied_at_cut` those whose last item shown scores as the
    next one does.
    """

    seconds: float
    tied: float | None
    tied_at_cut: float | None


@dataclass(frozen=True)
class Trial:
    """One kind of evidence, measured: the outcomes of every strategy, by name.

    `baselines` are outcomes of arms that are described and never tested, on the same units; `ranked` says by arm how
    its rankings went; `bought_by_group` (n, 3) counts what each unit bought later of hot, warm and cold items
    (`framework.trial.item_groups`). Evidence that ranks nothing has none of the three.
    """

    evidence: str
    design: str
    estimand: str
    assumption: str
    outcomes: dict[str, Outcomes]
    warnings: tuple[str, ...] = ()
    baselines: dict[str, Outcomes] = field(default_factory=dict)
    ranked: dict[str, Ranked] = field(default_factory=dict)
    bought_by_group: NDArray[np.int32] | None = None
