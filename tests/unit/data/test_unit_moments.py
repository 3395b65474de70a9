"""Moments that an engine sums in one pass: those of the rows, whatever engine, labels, chunks and files."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from framework.data.unit_moments import BUCKETS, label, moments_of_units
from framework.stats.adjustment.regression import adjusted
from framework.stats.moments.measure import Covariate, Measure
from framework.stats.moments.record import Moments
from framework.stats.moments.two_arms import TwoArms

QUIET = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
ENGINES = ["duckdb", "polars", pytest.param("spark", marks=[pytest.mark.slow, *QUIET])]
ROWS = 3000


@pytest.fixture(params=ENGINES)
def maker(request, open_log_maker):
    package = {"duckdb": "duckdb", "polars": "polars", "spark": "pyspark"}[request.param]
    pytest.importorskip(package)
    return open_log_maker(request.param)


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(6)
    return {
        "unit": np.array([f"u{number}" for number in range(ROWS)]),
        "arm": rng.choice(["0", "1"], ROWS),
        "segment": rng.choice(["new", "vip"], ROWS, p=[0.8, 0.2]),
        "y": rng.exponential(3, ROWS),
        "d": rng.poisson(3, ROWS) + 1,
        "x": rng.normal(size=ROWS),
        "bought": rng.random(ROWS) < 0.3,
    }


def frame_of(maker, rows):
    return maker.frame({name: pa.array(column) for name, column in rows.items()})


def cells_of(maker, rows, groups=(("y", "d", "x"), ("bought",)), segment="segment", **options):
    return moments_of_units(
        maker.engine, frame_of(maker, rows), unit="unit", arm="arm", segment=segment, groups=groups, **options
    )


def same(found, rows, chosen, columns):
    expected = Moments.of({column: rows[column][chosen] for column in columns})
    found = found.pick(columns)
    assert found.n == expected.n
    assert found.mean == pytest.approx(expected.mean, rel=1e-12)
    # A covariance is as exact as the columns' spreads allow.
    spread = np.sqrt(np.diag(expected.comoments))
    assert found.comoments / np.outer(spread, spread) == pytest.approx(
        expected.comoments / np.outer(spread, spread), abs=1e-9
    )


def test_moments_are_those_of_the_rows(maker, rows):
    cells = cells_of(maker, rows)
    assert (cells.arms, cells.segments) == (("0", "1"), ("new", "vip"))
    for arm in ("0", "1"):
        for segment in (None, "new", "vip"):
            chosen = rows["arm"] == arm
            chosen = chosen if segment is None else chosen & (rows["segment"] == segment)
            same(cells.of(arm, segment), rows, chosen, ("y", "d", "x"))
            same(cells.of(arm, segment), rows, chosen, ("bought",))
    assert cells.moments.n.sum() == ROWS


def test_cells_are_sorted_and_each_is_there_once(maker, rows):
    cells = cells_of(maker, rows)
    places = list(zip(cells.arm.tolist(), cells.segment.tolist(), cells.bucket.tolist(), strict=True))
    assert places == sorted(set(places))
    again = cells_of(maker, rows)
    assert (again.bucket == cells.bucket).all()
    # Sums on several threads may differ in their last digits.
    assert again.moments.mean == pytest.approx(cells.moments.mean, rel=1e-12)


def test_pairs_that_no_metric_reads_together_are_unknown(maker, rows):
    cells = cells_of(maker, rows, groups=(("y", "d"), ("d", "x")))
    whole = cells.of("1")
    y, x = whole.index("y"), whole.index("x")
    assert np.isnan(whole.comoments[y, x])
    assert int(np.isnan(whole.comoments).sum()) == 2
    for pair in (("y", "d"), ("d", "x")):
        same(whole, rows, rows["arm"] == "1", pair)
    # Estimators that read the known pairs see nothing of it.
    measure = Measure("r", "ratio", "y", "d")
    arms = TwoArms(measure, cells.of("0"), whole)
    from framework.stats.designs.independent import independent_ratio

    assert np.isfinite(independent_ratio(arms, 0.95).p_value)
    fit = adjusted(TwoArms(Measure("m", "mean", "d", None, (Covariate("x"),)), cells.of("0"), whole))
    assert np.isfinite(fit.treatment.value)


def exact(column):
    numbers = [Fraction(float(value)) for value in column]
    mean = sum(numbers) / len(numbers)
    return float(mean), float(sum((number - mean) ** 2 for number in numbers))


@pytest.mark.parametrize("level", [1e8, -1e8])
@pytest.mark.parametrize("buckets", [1, BUCKETS])
def test_a_spread_of_one_around_1e8_keeps_its_digits(maker, rows, level, buckets):
    far = {**rows, "y": level + rows["x"]}
    cells = cells_of(maker, far, groups=(("y",),), segment=None, buckets=buckets)
    for arm in ("0", "1"):
        mean, squares = exact(far["y"][rows["arm"] == arm])
        found = cells.of(arm)
        assert found.mean[0] == pytest.approx(mean, rel=1e-15)
        assert found.comoments[0, 0] == pytest.approx(squares, rel=1e-9)


def test_rows_that_come_sorted_cost_no_digits(maker):
    # The centre is that of the first rows: values that begin 1,000 spreads away.
    n = 12_000
    far = 1e8 + np.linspace(0, 1000, n)
    rows = {
        "unit": np.arange(n),
        "arm": np.where(np.arange(n) < 11_000, "0", "1"),
        "y": far,
    }
    cells = cells_of(maker, rows, groups=(("y",),), segment=None)
    for arm in ("0", "1"):
        _, squares = exact(far[rows["arm"] == arm])
        assert cells.of(arm).comoments[0, 0] == pytest.approx(squares, rel=1e-9)


@pytest.mark.parametrize("parts", [1, 2, 13])
@pytest.mark.parametrize("group_size", [100, 3000])
def test_parts_and_chunks_do_not_matter(maker, rows, tmp_path, parts, group_size):
    far = {**rows, "y": 1e8 + rows["x"]}
    table = pa.table({name: pa.array(column) for name, column in far.items()})
    paths = []
    for part in range(parts):
        start, end = part * ROWS // parts, (part + 1) * ROWS // parts
        paths.append(tmp_path / f"part-{part}.parquet")
        pq.write_table(table.slice(start, end - start), paths[-1], row_group_size=group_size)
    frame = maker.engine.read_parquet(paths)
    cells = moments_of_units(
        maker.engine, frame, unit="unit", arm="arm", segment="segment", groups=[["y", "d"]], buckets=7
    )
    for arm in ("0", "1"):
        same(cells.of(arm), far, rows["arm"] == arm, ("y", "d"))
    backwards = moments_of_units(
        maker.engine,
        maker.engine.read_parquet(paths[::-1]),
        unit="unit",
        arm="arm",
        segment="segment",
        groups=[["y", "d"]],
        buckets=7,
    )
    assert (backwards.bucket == cells.bucket).all()
    assert backwards.moments.n == pytest.approx(cells.moments.n)
    for arm in ("0", "1"):
        same(backwards.of(arm), far, rows["arm"] == arm, ("y", "d"))


@pytest.mark.parametrize(
    ("values", "arms"),
    [
        ((0, 1), ("0", "1")),
        ((0.0, 1.0), ("0", "1")),
        ((0.5, 1.5), ("0.5", "1.5")),
        ((False, True), ("false", "true")),
        (("old", "new page"), ("new page", "old")),
        ((-1, 10), ("-1", "10")),
    ],
)
def test_arms_of_any_type_become_text(maker, rows, values, arms):
    labelled = {**rows, "arm": np.array([values[int(arm)] for arm in rows["arm"]])}
    cells = cells_of(maker, labelled, groups=(("y",),), segment=None)
    assert cells.arms == arms
    for number, value in enumerate(values):
        same(cells.of(label(value)), rows, rows["arm"] == str(number), ("y",))


def test_labels_of_whole_numbers_have_no_fraction():
    assert [label(value) for value in (1, 1.0, 2.5, True, "1.0", None)] == ["1", "1", "2.5", "true", "1.0", "None"]
    assert label(False) == "false"


@pytest.mark.parametrize("kind", ["text", "number"])
def test_a_bucket_is_a_function_of_the_unit_and_evenly_full(maker, rows, kind):
    many = 20_000
    ids = np.array([f"user-{number}" for number in range(many)]) if kind == "text" else np.arange(many)
    frame = maker.frame({"unit": pa.array(np.concatenate([ids, ids])), "row": pa.array(np.arange(2 * many))})
    table = maker.engine.collect(maker.engine.bucketed(frame, "bucket", "unit", 50)).sort_by("row")
    bucket = table.column("bucket").to_numpy()
    assert bucket.dtype == np.int64
    assert (bucket[:many] == bucket[many:]).all()
    assert (bucket.min(), bucket.max()) == (0, 49)
    # A fair hash: chi-square with 49 degrees of freedom, below its 1 - 1e-6 quantile; and no trace of the id's parity.
    counts = np.bincount(bucket[:many], minlength=50)
    assert ((counts - many / 50) ** 2 / (many / 50)).sum() < 118
    if kind == "number":
        odd = np.bincount(bucket[1:many:2], minlength=50) - counts / 2
        assert (odd**2 / (counts / 4)).sum() < 118


def test_buckets_of_one_unit_merge_to_the_arm(maker, rows):
    few = {name: column[:40] for name, column in rows.items()}
    cells = cells_of(maker, few, groups=(("y", "x"),), segment=None, buckets=100_000)
    assert set(cells.moments.n.tolist()) == {1.0}
    assert np.abs(cells.moments.comoments).max() < 1e-12
    for arm in ("0", "1"):
        same(cells.of(arm), few, few["arm"] == arm, ("y", "x"))
        by_bucket = cells.by_bucket(arm)
        assert by_bucket.n.shape == (40,)
        same(by_bucket.pooled(), few, few["arm"] == arm, ("y", "x"))


@pytest.mark.parametrize("value", [0.1, 1 / 3, 1e8 + 0.3])
def test_a_constant_covariate_is_seen_as_one(maker, rows, value):
    from framework.errors import TrialError

    flat = {**rows, "x": np.full(ROWS, value)}
    measure = Measure("m", "mean", "y", None, (Covariate("x"),))
    cells = cells_of(maker, flat, groups=(measure.columns,), segment=None)
    for method in ("lin", "ancova", "cuped"):
        with pytest.raises(TrialError, match="same value for every unit"):
            adjusted(TwoArms(measure, cells.of("0"), cells.of("1")), method)


def test_no_rows_are_no_cells(maker, rows):
    nobody = {name: column[:0] for name, column in rows.items()}
    cells = cells_of(maker, nobody, groups=(("y",),))
    assert (cells.arms, cells.segments, cells.units("0")) == ((), (), 0)


def test_one_segment_is_all_where_none_is_named(maker, rows):
    cells = cells_of(maker, rows, groups=(("y",),), segment=None)
    assert cells.segments == ("all",)
    same(cells.of("1", "all"), rows, rows["arm"] == "1", ("y",))


@pytest.mark.reference
@pytest.mark.parametrize("arm", ["0", "1"])
def test_sufficient_statistics_of_tea_tasting(maker, users_and_statistics, arm):
    users, statistics = users_and_statistics
    columns = [name for name in users if name not in {"user", "variant", "segment", "cluster"}]
    data = {"unit": users["user"], "arm": users["variant"], **{name: users[name].astype(float) for name in columns}}
    cells = cells_of(maker, data, groups=(columns,), segment=None)
    own = cells.of(arm)
    assert len(statistics[arm]) == 32
    for key, expected in statistics[arm].items():
        kind, _, rest = key.partition("_")
        if kind == "n":
            found = own.n
        elif kind == "sum":
            found = own.n * own.mean_of(rest)
        else:
            pair = rest.split("__") if kind == "cov" else [rest, rest]
            found = own.covariance[own.index(pair[0]), own.index(pair[1])]
        assert float(found) == pytest.approx(expected, rel=1e-9), key


@pytest.fixture(scope="session")
def users_and_statistics():
    import csv
    import json
    import os
    from pathlib import Path

    default = Path(__file__).resolve().parents[4] / "shared" / "reference"
    folder = Path(os.environ.get("PRELAUNCH_REFERENCE", default)) / "ab"
    if not folder.is_dir():
        pytest.skip(f"reference numbers are not at {folder}; name their folder in PRELAUNCH_REFERENCE")
    lines = list(csv.DictReader((folder / "users.csv").read_text().splitlines()))
    users = {name: np.array([line[name] for line in lines]) for name in lines[0]}
    return users, json.loads((folder / "tea_tasting.json").read_text())["sufficient_statistics"]
