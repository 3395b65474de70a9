"""Outcomes of nobody in particular: metrics that cannot read them fail before anything is trained."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from framework.kinds import Metric, Summary
from framework.records import Outcomes


def try_metrics(metrics: Sequence[Metric | Summary], evidence: Sequence[str], positions: int) -> None:
    """Let every metric read two units with pages of `positions` items; whatever it raises is the study's fault."""
    for name in evidence:
        outcomes = blank_outcomes(name, positions)
        for metric in metrics:
            if name not in metric.evidence:
                continue
            if isinstance(metric, Metric):
                metric.measure(outcomes)
            else:
                metric.summarise(outcomes)


def blank_outcomes(evidence: str, positions: int) -> Outcomes:
    """Return two units that were shown a page each, of which the first bought the first item."""
    items = np.tile(np.arange(positions, dtype=np.int32), (2, 1))
    bought = np.zeros((2, positions), dtype=bool)
    bought[0, 0] = True
    return Outcomes(
        evidence=evidence,
        strategy="dry run",
        units=np.array(["a", "b"]),
        segment=np.zeros(2, dtype=np.int32),
        segment_names=("all",),
        items=items,
        bought=bought,
        amount=bought.astype(np.int64) * 100,
        orders=bought[:, 0].astype(np.int32),
        relevant=np.ones(2, dtype=np.int32) if evidence == "holdout" else None,
        popularity=np.ones(positions, dtype=np.int64),
        fallback=np.zeros(2, dtype=bool),
    )
