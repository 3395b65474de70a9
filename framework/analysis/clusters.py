"""Effects whose error is clustered: the engine sums each cluster, the estimate rests on clusters."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from framework.analysis.left_out import LeftOut
from framework.analysis.outcomes_file import OutcomeFrame
from framework.analysis.settings import AnalysisSettings
from framework.data.engine import Engine
from framework.stats.designs.clustered import (
    CONTROL,
    SIZE,
    TOTAL,
    TREATMENT,
    cluster_arms,
    cluster_shape,
    clustered,
)
from framework.stats.effects import Effect
from framework.stats.health.cautions import cautions
from framework.stats.moments.record import Moments
from framework.stats.relative import relative_interval


def clustered_effects(
    engine: Engine, outcomes: OutcomeFrame, settings: AnalysisSettings, left_out: LeftOut
) -> list[Effect]:
    """Return the effects over all rows and in every segment, errors clustered by `settings.cluster`.

    Segments that cannot bear an estimate go to `left_out`. Raises TrialError where all rows cannot.
    """
    import narwhals as nw

    keys = ["cluster", "arm", *(["segment"] if settings.segment is not None else [])]
    sums = [nw.col(name).sum().alias(f"sum_{name}") for name in outcomes.numbers.values()]
    table = engine.collect(outcomes.frame.group_by(*keys).agg(nw.len().alias("rows"), *sums)).sort_by("cluster")
    text = {key: table.column(key).to_numpy(zero_copy_only=False).astype(np.str_) for key in keys}
    names = ("rows", *(f"sum_{name}" for name in outcomes.numbers.values()))
    values = {name: table.column(name).to_numpy().astype(np.float64) for name in names}
    treatments = sorted(set(text["arm"].tolist()) - {str(settings.control)})
    segments = sorted(set(text["segment"].tolist())) if settings.segment is not None else []
    found = []
    for segment in (None, *segments):
        for name in settings.metrics:
            for treatment in treatments:
                there = np.isin(text["arm"], [str(settings.control), treatment])
                if segment is not None:
                    there &= text["segment"] == segment
                with left_out.at(name, treatment, segment):
                    found.append(_effect(name, treatment, segment, settings, outcomes, text, values, there))
    return found


def _effect(
    name: str,
    treatment: str,
    segment: str | None,
    settings: AnalysisSettings,
    outcomes: OutcomeFrame,
    text: dict[str, Any],
    values: dict[str, Any],
    there: Any,
) -> Effect:
    own = settings.metrics[name]
    top = outcomes.numbers[str(own.numerator or own.column or name)]
    below = None if own.denominator is None else outcomes.numbers[own.denominator]
    total = values[f"sum_{top}"][there]
    size = values["rows"][there] if below is None else values[f"sum_{below}"][there]
    _, place = np.unique(text["cluster"][there], return_inverse=True)
    is_control = text["arm"][there] == settings.control
    columns = {
        prefix + word: np.bincount(place, weights=np.where(mask, numbers, 0.0)).astype(np.float64)
        for prefix, mask in ((CONTROL, is_control), (TREATMENT, ~is_control))
        for word, numbers in ((TOTAL, total), (SIZE, size))
    }
    arms = cluster_arms(Moments.of(columns), name)
    arms = replace(arms, shapes=(cluster_shape(arms, columns),))
    rows = values["rows"][there]
    estimate = clustered(arms, int(rows.sum()), settings.confidence).single()
    sides = [float(value) for value in arms.values]
    return Effect(
        metric=name,
        control=str(settings.control),
        treatment=treatment,
        segment=segment,
        n_control=int(rows[is_control].sum()),
        n_treatment=int(rows[~is_control].sum()),
        control_value=sides[0],
        treatment_value=sides[1],
        **estimate.as_effect(),
        p_adjusted=None,
        relative=relative_interval(arms, settings.confidence, settings.relative),
        design="clustered",
        confidence=settings.confidence,
        warnings=(*estimate.warnings, *cautions(arms)),
    )
