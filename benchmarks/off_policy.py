"""The bootstrap of off-policy values of ten million logged rows: buckets in one pass, or rows drawn again and again."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.race import Laps, Race

ROWS = int(os.environ.get("PRELAUNCH_BENCH_LOGGED_ROWS", "10000000"))
RESAMPLES = 100
SCALE = 10
"""The rows' bootstrap gets one in so many rows, and its times are multiplied."""
ITEMS = 80
COLUMNS = ("weight", "reward", "fitted", "expected")


def prepare(folder: Path) -> None:
    """Write a log of a uniform logger over 80 items, a policy's weights, rare clicks and a reward model's answers."""
    rng = np.random.default_rng(0)
    rates, policy = rng.beta(2, 500, ITEMS), rng.dirichlet(np.full(ITEMS, 0.8))
    item = rng.integers(0, ITEMS, ROWS)
    np.save(folder / "weight.npy", (policy * ITEMS)[item])
    np.save(folder / "reward.npy", (rng.random(ROWS) < rates[item]).astype(np.float64))
    np.save(folder / "fitted.npy", (0.8 * rates)[item])
    np.save(folder / "expected.npy", np.full(ROWS, float(policy @ (0.8 * rates))))


def ours(folder: Path) -> Laps:
    """Estimate by ips, snips and sndr, and draw all three from one pass's buckets."""
    from framework.records import WeightedRows
    from framework.stats.off_policy import BucketSums, bootstrapped, corrected_mean_of, mean_of
    from shop_estimators.doubly_robust.sndr import Sndr, SndrConfig
    from shop_estimators.weighting.ips import Ips, IpsConfig
    from shop_estimators.weighting.snips import Snips, SnipsConfig

    laps = Laps()
    weight, reward, fitted, expected = _columns(folder, ROWS)
    with laps.lap("ips, snips and sndr with their influence values"):
        rows = WeightedRows(reward, weight, fitted, expected)
        for estimator in (Ips(IpsConfig()), Snips(SnipsConfig()), Sndr(SndrConfig())):
            laps.figures[estimator.label] = estimator.estimate(rows).value
    with laps.lap(f"{RESAMPLES} resamples of all three"):
        weighted = weight * reward
        columns = [np.ones(ROWS), weight, weighted, expected, weighted - weight * fitted]
        sums = BucketSums.of(columns).sums
        for label, statistic, wanted in (
            ("ips", mean_of, [2, 0]),
            ("snips", mean_of, [2, 1]),
            ("sndr", corrected_mean_of, [3, 0, 4, 1]),
        ):
            rng = np.random.default_rng(1)
            found = bootstrapped(BucketSums(sums[:, wanted]), statistic, rng, resamples=RESAMPLES)
            laps.figures[f"{label}, error"] = found.standard_error * ROWS**0.5
    return laps


def plain(folder: Path) -> Laps:
    """Draw rows with replacement in plain NumPy, from a tenth of the log; times are multiplied by ten."""
    laps = Laps()
    n = max(2, ROWS // SCALE)
    weight, reward, fitted, expected = _columns(folder, n)
    with laps.lap("one"):
        weighted = weight * reward
        corrected = weighted - weight * fitted
        rng = np.random.default_rng(2)
        draws = np.empty((RESAMPLES, 3))
        for resample in draws:
            rows = rng.integers(n, size=n)
            total = weight[rows].sum()
            resample[0] = weighted[rows].mean()
            resample[1] = weighted[rows].sum() / total
            resample[2] = expected[rows].mean() + corrected[rows].sum() / total
    seconds, cpu = laps.seconds.pop("one"), laps.cpu_seconds.pop("one")
    laps.note(f"{RESAMPLES} resamples of all three", SCALE * seconds, SCALE * cpu)
    for label, error in zip(("ips", "snips", "sndr"), draws.std(axis=0, ddof=1), strict=True):
        laps.figures[f"{label}, error"] = float(error) * n**0.5
    return laps


def _columns(folder: Path, n: int) -> list[NDArray[np.float64]]:
    return [np.load(folder / f"{name}.npy", mmap_mode="r")[:n].copy() for name in COLUMNS]


# Each error comes of 100 resamples, which know it to 7 %; errors are per row and about 0.1.
DUEL = Race(
    f"bootstrap of off-policy values, {ROWS:,} rows",
    prepare,
    ours,
    {f"NumPy, rows drawn from a {SCALE}th, times {SCALE}": plain},
    within={f"{label}, error": 0.025 for label in ("ips", "snips", "sndr")},
)
