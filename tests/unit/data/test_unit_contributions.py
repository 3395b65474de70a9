"""The engine's second pass: robust errors and shapes as from rows, overall and in segments."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import statsmodels.api as sm
from scipy import stats

from framework.data.unit_contributions import fitted_terms, plain_terms, sums_of_units
from framework.data.unit_moments import moments_of_units
from framework.stats.adjustment.regression import adjusted
from framework.stats.adjustment.robust import KINDS, meat_of
from framework.stats.moments.measure import Covariate, Measure
from framework.stats.moments.shape import FLAT, contributions_of, shape_of
from framework.stats.moments.two_arms import TwoArms

QUIET = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
ENGINES = ["duckdb", "polars", pytest.param("spark", marks=[pytest.mark.slow, *QUIET])]
ROWS = 900
COLUMNS = ("y", "d", "x", "z", "e", "bought")
PLAIN = {
    "mean": Measure("mean", "mean", "y"),
    "ratio": Measure("ratio", "ratio", "y", "d"),
    "share": Measure("share", "proportion", "bought"),
}
FITTED = {
    "one": Measure("one", "mean", "y", None, (Covariate("x"),)),
    "three": Measure("three", "mean", "y", None, (Covariate("x"), Covariate("z"), Covariate("e"))),
    "ratio": Measure("ratio", "ratio", "y", "d", (Covariate("x", "e"), Covariate("z"))),
}


@pytest.fixture(params=ENGINES)
def maker(request, open_log_maker):
    package = {"duckdb": "duckdb", "polars": "polars", "spark": "pyspark"}[request.param]
    pytest.importorskip(package)
    return open_log_maker(request.param)


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(4)
    x = rng.exponential(2, ROWS)
    return {
        "unit": np.arange(ROWS),
        "arm": rng.choice(["a", "b", "c"], ROWS),
        "segment": rng.choice(["new", "vip"], ROWS, p=[0.8, 0.2]),
        "y": 5 + x * (1 + rng.normal(size=ROWS)),
        "d": rng.poisson(3, ROWS) + 1,
        "x": x,
        "z": rng.normal(size=ROWS),
        "e": rng.poisson(4, ROWS) + 1,
        "bought": rng.random(ROWS) < 0.2,
    }


def passes(maker, rows, wanted_of):
    """Return the second pass's sums at every place, with `wanted_of(cells, control, treatment, segment)`."""
    frame = maker.frame({name: pa.array(column) for name, column in rows.items()})
    cells = moments_of_units(maker.engine, frame, unit="unit", arm="arm", segment="segment", groups=[COLUMNS])
    wanted = wanted_of(cells)
    return sums_of_units(maker.engine, frame, arm="arm", segment="segment", wanted=wanted), cells


def chosen(rows, arm, segment):
    mask = rows["arm"] == arm
    mask = mask if segment is None else mask & (rows["segment"] == segment)
    return {name: rows[name][mask].astype(float) for name in COLUMNS}


SEGMENTS = (None, "new", "vip")


def test_shapes_are_those_of_rows(maker, rows):
    def wanted(cells):
        return {
            name: {(arm, s): plain_terms(measure, cells.of(arm, s)) for arm in "abc" for s in SEGMENTS}
            for name, measure in PLAIN.items()
        }

    found, cells = passes(maker, rows, wanted)
    for name, measure in PLAIN.items():
        assert len(found[name]) == 9
        for (arm, segment), sums in found[name].items():
            own = chosen(rows, arm, segment)
            contributions = contributions_of(measure, cells.of(arm, segment), own)
            expected = shape_of(contributions)
            assert sums.shape.skewness == pytest.approx(expected.skewness, rel=1e-9)
            assert sums.shape.skewness == pytest.approx(stats.skew(contributions), rel=1e-9)
            assert sums.shape.largest_share == pytest.approx(expected.largest_share, rel=1e-9)
            assert sums.meat is None


def fits_of(measure, cells, treatment, segment, method):
    arms = TwoArms(measure, *(cells.of(arm, segment).pick(measure.columns) for arm in ("a", treatment)))
    return adjusted(arms, method)


@pytest.mark.parametrize("method", ["lin", "ancova"])
def test_robust_errors_are_those_of_rows_and_of_statsmodels(maker, rows, method):
    fits = {}

    def wanted(cells):
        made = {}
        for name, measure in FITTED.items():
            for treatment in "bc":
                places = made.setdefault(f"{name} {treatment}", {})
                for segment in SEGMENTS:
                    fit = fits_of(measure, cells, treatment, segment, method)
                    fits[name, treatment, segment] = fit
                    places["a", segment] = fitted_terms(fit.control)
                    places[treatment, segment] = fitted_terms(fit.treatment)
        return made

    found, _ = passes(maker, rows, wanted)
    for (name, treatment, segment), fit in fits.items():
        sides = chosen(rows, "a", segment), chosen(rows, treatment, segment)
        meats = []
        for side, arm, own in zip((fit.control, fit.treatment), ("a", treatment), sides, strict=True):
            sums, by_rows = found[f"{name} {treatment}"][arm, segment], meat_of(side, own)
            for kind in KINDS:
                assert getattr(sums.meat, kind) == pytest.approx(getattr(by_rows, kind), rel=1e-9)
            meats.append(sums.meat)
        for kind in KINDS:
            error = np.sqrt(sum(getattr(meat, kind) for meat in meats))
            assert error == pytest.approx(statsmodels_error(FITTED[name], sides, method, kind), rel=1e-7)


def statsmodels_error(measure, sides, method, kind):
    """Return the error of the arm's coefficient in statsmodels' regression of linearised values."""
    blocks = []
    for own in sides:
        columns = []
        for part in (measure, *measure.covariates):
            top, below = own[part.numerator], part.denominator
            ratio = 0.0 if below is None else top.sum() / own[below].sum()
            columns.append(top if below is None else ratio + (top - ratio * own[below]) / own[below].mean())
        blocks.append(np.column_stack(columns))
    data = np.concatenate(blocks)
    arm = np.repeat([0.0, 1.0], [len(block) for block in blocks])
    centres = []
    for covariate in measure.covariates:
        tops = np.concatenate([own[covariate.numerator] for own in sides])
        below = covariate.denominator
        centres.append(tops.mean() if below is None else tops.sum() / sum(own[below].sum() for own in sides))
    x = data[:, 1:] - centres
    parts = [np.ones(len(arm)), arm, x] + ([x * arm[:, None]] if method == "lin" else [])
    return sm.OLS(data[:, 0], np.column_stack(parts)).fit(cov_type=kind.upper()).bse[1]


def test_residuals_shapes_come_with_the_fit(maker, rows):
    measure = FITTED["one"]

    def wanted(cells):
        fit = fits_of(measure, cells, "b", None, "lin")
        return {"one": {("a", None): fitted_terms(fit.control), ("b", None): fitted_terms(fit.treatment)}}

    found, _ = passes(maker, rows, wanted)
    for arm in "ab":
        own = chosen(rows, arm, None)
        residual = sm.OLS(own["y"], sm.add_constant(own["x"])).fit().resid
        assert found["one"][arm, None].shape.skewness == pytest.approx(stats.skew(residual), rel=1e-8)
    assert set(found["one"]) == {("a", None), ("b", None)}


def test_values_around_1e8_keep_their_digits(maker, rows):
    measure = FITTED["one"]
    meats = []
    for level in (0.0, 1e8):
        far = {**rows, "y": level + rows["y"], "x": level + rows["x"]}
        kept = {}

        def wanted(cells, kept=kept):
            kept["fit"] = fits_of(measure, cells, "b", None, "lin")
            plain = {(arm, None): plain_terms(PLAIN["mean"], cells.of(arm)) for arm in "ab"}
            return {"fit": {("b", None): fitted_terms(kept["fit"].treatment)}, "mean": plain}

        found, _ = passes(maker, far, wanted)
        meats.append((found["fit"]["b", None].meat, found["mean"]["a", None].shape))
    for kind in KINDS:
        assert getattr(meats[1][0], kind) == pytest.approx(getattr(meats[0][0], kind), rel=1e-6)
    assert meats[1][1].skewness == pytest.approx(meats[0][1].skewness, rel=1e-6)


def test_a_constant_column_has_no_shape(maker, rows):
    for value in (0.0, 0.1, 1e8 + 0.3):
        flat = {**rows, "y": np.full(ROWS, value)}

        def wanted(cells):
            return {"mean": {("a", s): plain_terms(PLAIN["mean"], cells.of("a", s)) for s in SEGMENTS}}

        found, _ = passes(maker, flat, wanted)
        assert {sums.shape for sums in found["mean"].values()} == {FLAT}


def test_a_unit_that_the_regression_fits_alone_adds_nothing(maker, rows):
    only = np.zeros(ROWS)
    for arm in "ab":
        only[np.flatnonzero(rows["arm"] == arm)[0]] = 1.0
    measure = Measure("m", "mean", "y", None, (Covariate("z"),))
    alone, fits = {**rows, "z": only}, {}

    def wanted(cells):
        fits["own"] = fits_of(measure, cells, "b", None, "lin")
        return {"m": {("a", None): fitted_terms(fits["own"].control)}}

    found, _ = passes(maker, alone, wanted)
    expected = meat_of(fits["own"].control, chosen(alone, "a", None))
    for kind in KINDS:
        assert np.isfinite(getattr(found["m"]["a", None].meat, kind))
        assert getattr(found["m"]["a", None].meat, kind) == pytest.approx(getattr(expected, kind), rel=1e-9)


def test_places_that_nobody_asked_for_are_not_there(maker, rows):
    def wanted(cells):
        return {
            "whole": {("a", None): plain_terms(PLAIN["mean"], cells.of("a"))},
            "part": {("b", "vip"): plain_terms(PLAIN["mean"], cells.of("b", "vip"))},
            "nothing": {},
        }

    found, _ = passes(maker, rows, wanted)
    assert {name: set(places) for name, places in found.items()} == {
        "whole": {("a", None)},
        "part": {("b", "vip")},
        "nothing": set(),
    }
