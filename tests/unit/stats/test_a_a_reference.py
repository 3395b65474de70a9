"""Rejections where nothing differs: users dealt to arms by chance, beside tea-tasting's rates in 2,000 such tests."""

from __future__ import annotations

import numpy as np
import pytest

from framework.stats.adjustment.effects import adjusted_differences
from framework.stats.adjustment.regression import adjusted
from framework.stats.designs.independent import independent_mean, independent_proportion, independent_ratio
from framework.stats.health.sample_ratio import sample_ratio
from framework.stats.moments.measure import Covariate, Measure
from framework.stats.moments.record import Moments
from framework.stats.moments.two_arms import TwoArms

SPLITS = 2_000
FOUR_ERRORS = 4 * (2 * 0.05 * 0.95 / SPLITS) ** 0.5
"""Four Monte-Carlo errors of the difference of two shares of 2,000."""


@pytest.fixture(scope="module")
def splits(reference):
    """Return the 2,000 splits as one batch: a function of columns, and how many users each arm got."""
    users = reference("users.csv")
    treated = np.random.default_rng(8).random((SPLITS, users["user"].size)) < 0.5

    def arms(measure):
        rows = np.stack([users[name].astype(float) for name in measure.columns], axis=-1)
        centre = rows.mean(axis=0)
        rows = rows - centre
        products = np.einsum("ni,nj->nij", rows, rows).reshape(len(rows), -1)
        sides = []
        for mask in (~treated, treated):
            n, total = mask.sum(axis=1).astype(float), mask @ rows
            mean = total / n[:, None]
            raw = (mask @ products).reshape(SPLITS, rows.shape[1], -1)
            comoments = raw - n[:, None, None] * np.einsum("ri,rj->rij", mean, mean)
            sides.append(Moments(measure.columns, n, mean + centre, comoments))
        return TwoArms(measure, *sides)

    return arms, treated.sum(axis=1), users["user"].size


@pytest.mark.reference
@pytest.mark.parametrize("key", ["converted", "ops", "revenue", "revenue_cuped", "srm"])
def test_aa_2000_reject_rate_05(splits, reference, key):
    arms, treated, n = splits
    if key == "srm":
        p_values = np.array([sample_ratio({"0": n - own, "1": own}, {"0": 1, "1": 1})["p_value"] for own in treated])
    elif key == "revenue_cuped":
        measure = Measure(key, "mean", "revenue", None, (Covariate("pre_revenue"),))
        p_values = adjusted_differences(adjusted(arms(measure), "cuped"), 0.95).differences.p_value
    else:
        estimate, measure = {
            "converted": (independent_proportion, Measure(key, "proportion", "converted")),
            "ops": (independent_ratio, Measure(key, "ratio", "orders", "sessions")),
            "revenue": (independent_mean, Measure(key, "mean", "revenue")),
        }[key]
        p_values = estimate(arms(measure), 0.95).p_value
    share, theirs = float((p_values <= 0.05).mean()), reference("tea_tasting.json")["aa_2000_reject_rate_05"][key]
    assert p_values.shape == (SPLITS,)
    assert share == pytest.approx(theirs, abs=FOUR_ERRORS)
    assert share == pytest.approx(0.05, abs=FOUR_ERRORS / 2**0.5)
