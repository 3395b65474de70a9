"""Which arm is best, by posteriors of all arms at once: its probability, and what launching another would cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from framework.analysis.settings import AnalysisSettings
from framework.stats.bayes import NormalMarginal, best_arm, beta_arm
from framework.stats.moments.cells import Cells
from framework.stats.moments.measure import Measure, mean_variance, value_of

MOST_ARMS = 30
"""Arms beyond which quadrature takes too long."""


def standings(settings: AnalysisSettings, cells: Cells, measures: Mapping[str, Measure]) -> list[dict[str, Any]]:
    """Return, where a prior was asked for, how all arms stand on each metric, as plain mappings.

    Shares have the Beta prior of that name, means and ratios a flat normal one, with their own errors as known. Left
    out: metrics without any spread, and more than 30 arms.
    """
    if settings.prior is None or len(cells.arms) > MOST_ARMS:
        return []
    found = []
    for name, measure in measures.items():
        arms = {arm: cells.of(arm).pick(measure.own_columns) for arm in cells.arms}
        if measure.kind == "proportion":
            marginals: list[Any] = [
                beta_arm(round(float(value_of(measure, own) * own.n)), float(own.n), settings.prior)
                for own in arms.values()
            ]
        else:
            errors = [float(mean_variance(measure, own)) ** 0.5 for own in arms.values()]
            if min(errors) <= 0:
                continue
            values = (float(value_of(measure, own)) for own in arms.values())
            marginals = [NormalMarginal(value, error) for value, error in zip(values, errors, strict=True)]
        said = best_arm(marginals, higher_is_better=settings.metrics[name].higher_is_better)
        found.append(
            {
                "metric": name,
                "method": said.method,
                "probability_best": dict(zip(arms, said.probability_best, strict=True)),
                "expected_loss": dict(zip(arms, said.expected_loss, strict=True)),
            }
        )
    return found
