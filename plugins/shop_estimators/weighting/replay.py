"""Replay: the mean reward of the logged rows that the policy would have taken as well.

A row is kept with probability w / max(w): von Neumann's rejection sampling, after which the rows kept are decisions of
the policy itself. Where the logger is uniform and the policy deterministic, a row is kept exactly if both do the same:
Li, Chu, Langford, Wang, "Unbiased offline evaluation of contextual-bandit-based news article recommendation
algorithms", WSDM 2011. Its expectation over the thinning is SNIPS, which wastes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from framework.data.randomness import keyed_uniform
from framework.records import PolicyValue, WeightedRows
from shop_estimators.given import checked_rows, total_weight

KEEP = 0x5265706C6179


@dataclass(frozen=True)
class ReplayConfig:
    """`seed`: by it and a row's number a row of middling weight is kept or not; nothing else is drawn."""

    seed: int = 0


class Replay:
    """The simplest to explain, and the fewest rows: n / max(w) of them are kept, `details` says how many.

    The largest weight seen stands for the largest there is. A row's place in the log enters its chance, so another
    order of rows keeps others.
    """

    Config = ReplayConfig
    label: str = "replay"
    takes: str = "rows"
    needs_reward_model: bool = False
    uses_weights: bool = True
    order_matters: bool = True

    def __init__(self, config: ReplayConfig) -> None:
        self.config = config

    def estimate(self, logged: WeightedRows) -> PolicyValue:
        """Return the mean reward of the rows kept. Raises TrialError where every weight is 0."""
        rows = checked_rows(logged, self.label)
        total_weight(rows.weight, self.label)
        chance = rows.weight / rows.weight.max()
        kept = keyed_uniform(KEEP ^ self.config.seed, np.arange(len(rows))) < chance
        number = int(kept.sum())
        value = float(rows.reward[kept].mean())
        terms = value + np.where(kept, rows.reward - value, 0.0) * (len(rows) / number)
        return PolicyValue(value, terms, {"kept": float(number)})
