"""CUPAC: predictions that never saw their unit, an effect that a bad model cannot bend."""

from __future__ import annotations

import numpy as np
import pytest

from framework.errors import TrialError
from framework.stats.adjustment.cupac import FOLDS, cupac_effect, out_of_fold
from framework.stats.compare import adjusted_effect_of
from framework.stats.moments.measure import Covariate, Measure
from framework.stats.moments.record import Moments
from framework.stats.moments.two_arms import TwoArms

NAMES = {"metric": "m", "control_name": "a", "treatment_name": "b"}


class Line:
    """Least squares, in closed form."""

    def fit(self, features, outcome):
        self.slope = np.linalg.lstsq(np.column_stack([np.ones(len(features)), features]), outcome, rcond=None)[0]
        return self

    def predict(self, features):
        return self.slope[0] + features @ self.slope[1:]


def draw(seed, n, gain=0.0):
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n, 3))
    curved = np.sin(2 * features[:, 0]) * 2 + features[:, 1] ** 2
    return curved + gain + rng.normal(0, 0.5, n), features


def test_no_unit_is_seen_by_its_own_model():
    seen = []

    class Remembers(Line):
        def fit(self, features, outcome):
            seen.append(set(outcome.tolist()))
            return super().fit(features, outcome)

        def predict(self, features):
            return features[:, 0]

    features = np.arange(53.0)[:, None]
    out_of_fold(features, np.arange(53.0), seed=1, model=Remembers)
    assert len(seen) == FOLDS
    left_out = [set(range(53)) - {int(value) for value in own} for own in seen]
    assert sorted(value for own in left_out for value in own) == list(range(53))
    assert {len(own) for own in left_out} == {10, 11}


def test_predictions_are_those_of_the_model_on_the_other_folds():
    outcome, features = draw(0, 40)
    found = out_of_fold(features, outcome, seed=3, model=Line)
    fold = np.random.default_rng(3).permutation(40) % FOLDS
    for number in range(FOLDS):
        held = fold == number
        assert found[held] == pytest.approx(Line().fit(features[~held], outcome[~held]).predict(features[held]))


def test_the_same_seed_gives_the_same_bytes():
    outcome, features = draw(0, 120)
    assert (out_of_fold(features, outcome, seed=2) == out_of_fold(features, outcome, seed=2)).all()
    assert (out_of_fold(features, outcome, seed=2) != out_of_fold(features, outcome, seed=3)).any()


def test_too_few_units_are_refused():
    with pytest.raises(TrialError, match="9 units cannot be dealt into 5 folds"):
        out_of_fold(np.zeros((9, 1)), np.zeros(9), seed=0)


def test_a_curve_that_one_slope_cannot_follow_is_removed():
    (control, ours), (treatment, theirs) = draw(1, 1500), draw(2, 1500, 0.3)
    effect = cupac_effect(control, treatment, ours, theirs, **NAMES)
    assert effect.method.startswith("CUPAC (5-fold gradient boosting), Lin's")
    rows = [{"y": control, "x": ours[:, 0], "z": ours[:, 1]}, {"y": treatment, "x": theirs[:, 0], "z": theirs[:, 1]}]
    measure = Measure("m", "mean", "y", None, (Covariate("x"), Covariate("z")))
    lin = adjusted_effect_of(
        TwoArms(measure, Moments.of(rows[0]), Moments.of(rows[1])), control_name="a", treatment_name="b"
    )
    # Noise is 0.25 of a variance of 4.2: at most 0.94 can go; a straight line finds a tenth.
    assert effect.variance_reduction > 0.8
    assert lin.variance_reduction < 0.2
    assert abs(effect.estimate - 0.3) < 4 * effect.standard_error


def test_a_model_that_knows_nothing_costs_nothing():
    rng = np.random.default_rng(5)
    control, treatment = rng.normal(size=600), rng.normal(0.2, 1, 600)
    for features in (rng.normal(size=(1200, 2)), np.zeros((1200, 1))):
        effect = cupac_effect(control, treatment, features[:600], features[600:], **NAMES)
        plain = treatment.mean() - control.mean()
        assert effect.variance_reduction == pytest.approx(0.0, abs=0.02)
        assert effect.estimate == pytest.approx(plain, abs=0.2 * effect.standard_error)
