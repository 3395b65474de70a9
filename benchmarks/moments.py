"""Five effects of users' outcomes: moments by the engine beside tea-tasting on each of its inputs, and pandas.

A mean, a proportion, a ratio, and a mean and a ratio adjusted by CUPED. Every side answers with a row a metric:
control's value, treatment's, relative effect, the ends of its 95 % interval, p.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.duel import Duel, Script
from benchmarks.environments import tea_tasting
from benchmarks.moments_pandas import pandas_and_scipy
from benchmarks.shoppers import USERS, parquet, prepare

if TYPE_CHECKING:
    from framework.data.engine import Engine
    from framework.stats.effects import Effect
    from framework.stats.moments.cells import Cells
    from framework.stats.moments.measure import Measure
    from framework.stats.moments.two_arms import TwoArms

CONTROL, TREATMENT = "0", "1"
NAMED = {"control_name": CONTROL, "treatment_name": TREATMENT}


def ours(folder: Path) -> np.ndarray:
    """Read the users once; estimate from moments."""
    measures = _measures()
    with _engine(folder) as engine:
        cells = _cells(engine, folder, measures)
    return _answer([_effect(_arms(cells, measure)) for measure in measures])


def with_robust_errors(folder: Path) -> np.ndarray:
    """Read them a second time, for what moments cannot give: HC2 errors of Lin's regression, and shapes.

    The answer is the same as ours, for comparison.
    """
    import narwhals as nw

    from framework.data.unit_contributions import fitted_terms, plain_terms, sums_of_units
    from framework.stats.adjustment.regression import adjusted
    from framework.stats.compare import adjusted_effect_of
    from framework.stats.moments.two_arms import TwoArms

    measures = _measures()
    control, treatment = places = ((CONTROL, None), (TREATMENT, None))
    with _engine(folder) as engine:
        cells = _cells(engine, folder, measures)
        arms = {measure.name: _arms(cells, measure) for measure in measures}
        wanted = {}
        for measure in measures:
            two = arms[measure.name]
            if measure.covariates:
                fits = adjusted(two)
                terms = fitted_terms(fits.control), fitted_terms(fits.treatment)
            else:
                terms = plain_terms(measure, two.control), plain_terms(measure, two.treatment)
            wanted[measure.name] = dict(zip(places, terms, strict=True))
        frame = engine.read_parquet([parquet(folder)]).with_columns(variant=nw.col("variant").cast(nw.String))
        sums = sums_of_units(engine, frame, arm="variant", segment=None, wanted=wanted)
    effects = []
    for measure in measures:
        two, found = arms[measure.name], sums[measure.name]
        shaped = TwoArms(measure, two.control, two.treatment, shapes=tuple(found[place].shape for place in places))
        effects.append(_effect(shaped))
        if measure.covariates:
            adjusted_effect_of(shaped, **NAMED, meats=(found[control].meat, found[treatment].meat))
    return _answer(effects)


def _measures() -> list[Measure]:
    from framework.stats.moments.measure import Covariate, Measure

    return [
        Measure("revenue", "mean", "revenue"),
        Measure("converted", "proportion", "converted"),
        Measure("orders per session", "ratio", "orders", "sessions"),
        Measure("minutes", "mean", "minutes", covariates=(Covariate("pre_minutes"),)),
        Measure(
            "orders per session, adjusted",
            "ratio",
            "orders",
            "sessions",
            covariates=(Covariate("pre_orders", "pre_sessions"),),
        ),
    ]


def _engine(folder: Path) -> Engine:
    from framework.data.engine import open_engine
    from framework.data.settings import DataConfig

    return open_engine(DataConfig(), folder / "engine")


def _cells(engine: Engine, folder: Path, measures: list[Measure]) -> Cells:
    from framework.data.unit_moments import moments_of_units

    groups = [measure.columns for measure in measures]
    frame = engine.read_parquet([parquet(folder)])
    return moments_of_units(engine, frame, unit="user", arm="variant", segment=None, groups=groups)


def _arms(cells: Cells, measure: Measure) -> TwoArms:
    from framework.stats.moments.two_arms import TwoArms

    return TwoArms(measure, *(cells.of(arm).pick(measure.columns) for arm in (CONTROL, TREATMENT)))


def _effect(arms: TwoArms) -> Effect:
    from framework.stats.compare import adjusted_effect_of, effect_of

    if arms.measure.covariates:
        return adjusted_effect_of(arms, **NAMED, method="cuped")
    return effect_of(arms, **NAMED)


def _answer(effects: list[Effect]) -> np.ndarray:
    rows = []
    for effect in effects:
        change = effect.relative
        numbers = (effect.control_value, effect.treatment_value, change.estimate, change.ci_low, change.ci_high)
        rows.append((*numbers, effect.p_value))
    return np.array(rows)


def _on(*arguments: str) -> Script:
    return Script(Path(__file__).with_name("moments_tea_tasting.py"), tea_tasting, arguments)


DUEL = Duel(
    f"five metrics of {USERS:,} users",
    prepare,
    ours,
    {
        "prelaunch, with HC2 errors and shapes": with_robust_errors,
        "tea-tasting, ibis on Parquet": _on("ibis", "parquet"),
        "tea-tasting, ibis on a DuckDB file": _on("ibis", "file"),
        "tea-tasting, ibis on a DuckDB table in memory": _on("ibis", "memory"),
        "tea-tasting, Narwhals on Parquet by DuckDB": _on("narwhals", "parquet"),
        "tea-tasting, Narwhals on a DuckDB file": _on("narwhals", "file"),
        "tea-tasting, Polars scan of Parquet": _on("narwhals", "polars"),
        "tea-tasting, pandas": _on("narwhals", "pandas"),
        "pandas and scipy": pandas_and_scipy,
    },
    # Summed in another order, ten million doubles differ by 1e-13 of their mean: 1e-9 of an effect of 0.02 %.
    rtol=1e-8,
)
