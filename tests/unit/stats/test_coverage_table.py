"""Do nominal 95 % intervals hold the truth as often as they say, and does the report warn where they do not?

Every estimator in every world of `framework.testing.coverage`. Allowed are four binomial standard errors, and the slack
that its `slack` states with its reason. Cells beyond it must warn, cells within it must not.
"""

from __future__ import annotations

import numpy as np
import pytest

from framework.testing.coverage.cases import CASES, RATIO_ADJUSTED
from framework.testing.coverage.slack import FALLS_SHORT, SLACK, TOO_WIDE, WARNS_ANYWAY
from framework.testing.coverage.table import cells, figure, four_errors
from framework.testing.coverage.trials import CONFIDENCE, drawn
from framework.testing.coverage.worlds import SCENARIOS

NEARLY = 0.1
"""Share of replications in which a warning may be out of place, or missing."""
SHORT_RUN = ("500 v 500", "25 v 25", "95 % zeros, 200 v 5,000")


def worlds(names=None):
    return [pytest.param(one, id=one.name) for one in SCENARIOS if names is None or one.name in names]


def check(cell):
    """Hold one cell to its slack, its size to the same, and its warnings to both."""
    place = cell.estimator, cell.scenario
    if place in FALLS_SHORT:
        assert cell.coverage < CONFIDENCE, place
        assert cell.warned >= 1 - NEARLY - four_errors(cell.replications, NEARLY), place
        return
    if place in TOO_WIDE:
        assert cell.coverage > CONFIDENCE - cell.margin, place
        return
    assert cell.outcome == "holds", (place, cell.coverage)
    if cell.size is not None:
        assert cell.size <= 1 - CONFIDENCE + cell.margin, (place, cell.size)
    most, _ = WARNS_ANYWAY.get(place, WARNS_ANYWAY.get(("*", cell.scenario), (NEARLY, "")))
    assert cell.warned <= most + four_errors(cell.replications, NEARLY), (place, cell.warned)


@pytest.mark.parametrize("scenario", worlds(SHORT_RUN))
def test_coverage_and_warnings_in_short(scenario):
    quick = [name for name in CASES if "bootstrap" not in name]
    table = cells(only=[scenario.name, *quick], replications=300)
    assert {cell.estimator for cell in table} <= set(CASES)
    for cell in table:
        check(cell)


@pytest.mark.slow
@pytest.mark.parametrize("scenario", worlds())
def test_coverage_and_warnings_at_length(scenario):
    table = cells(only=[scenario.name], jobs=-1)
    for cell in table:
        size = "     -" if cell.size is None else f"{cell.size:.4f}"
        print(
            f"{cell.scenario:26} {cell.estimator:41} coverage {cell.coverage:.4f} size {size} warned {cell.warned:.3f}"
        )
    for cell in table:
        check(cell)
        # At this length what is said to fall short, or to be too wide, shows it.
        place = cell.estimator, cell.scenario
        assert cell.outcome == ("short" if place in FALLS_SHORT else "wide" if place in TOO_WIDE else "holds"), place


def test_a_unit_changes_no_coverage():
    """The same draws in another unit give the same intervals in it, and the same p-values."""
    plain, scaled = (
        next(one for one in SCENARIOS if one.name == name) for name in ("500 v 500", "500 v 500, unit x 1,000")
    )
    ours, theirs = (drawn(one, 20, np.random.default_rng(4)) for one in (plain, scaled))
    for name, case in CASES.items():
        said, again = case.run(ours, np.random.default_rng(5)), case.run(theirs, np.random.default_rng(5))
        if again is None or said is None:
            continue
        unit = 1.0 if name.startswith("relative") else 1 / scaled.scale if "rate" in name else scaled.scale
        np.testing.assert_allclose(again.low, said.low * unit, rtol=1e-6, atol=1e-9 * unit, err_msg=name)
        np.testing.assert_allclose(again.p_value, said.p_value, rtol=1e-6, err_msg=name)


def test_the_batch_says_what_the_report_says():
    """A trial of the batch has the interval, the p-value and the warnings of `compare` on its rows."""
    from framework.stats.compare import compare
    from framework.stats.samples import UnitValues

    for scenario in (SCENARIOS[4], SCENARIOS[-1]):
        trials = drawn(scenario, 15, np.random.default_rng(6))
        amount = "amount", "sessions"
        for name, kind, design, columns in (
            ("mean: Welch t", "mean", "independent", ("value",)),
            ("share: Newcombe, pooled z", "proportion", "independent", ("share",)),
            ("ratio of sums: delta method", "ratio", "independent", amount),
            ("paired mean: t", "mean", "paired", ("value",)),
            ("paired ratio of sums: delta method, t", "ratio", "paired", amount),
        ):
            found = CASES[name].run(trials, np.random.default_rng(0))
            treated = trials.paired if design == "paired" else trials.treatment
            for place in range(trials.replications):
                sides = [UnitValues(kind, *(side[key][place] for key in columns)) for side in (trials.control, treated)]
                said = compare(*sides, metric="m", control_name="a", treatment_name="b", design=design)
                assert found.low[place] == pytest.approx(said.ci_low, rel=1e-9, abs=1e-12), name
                assert found.p_value[place] == pytest.approx(said.p_value, rel=1e-8), name
                assert bool(found.warned[place]) == bool(said.warnings), name


def test_robust_errors_of_a_batch_are_those_of_rows():
    from framework.stats.adjustment.effects import adjusted_differences
    from framework.stats.adjustment.regression import adjusted
    from framework.stats.adjustment.robust import meat_of
    from framework.stats.moments.record import Moments
    from framework.stats.moments.two_arms import TwoArms

    trials = drawn(SCENARIOS[0], 5, np.random.default_rng(7))
    found = CASES["ratio of sums, ratio covariate: Lin, HC2"].run(trials, np.random.default_rng(0))
    for place in range(5):
        sides = [
            {name: rows[name][place] for name in RATIO_ADJUSTED.columns} for rows in (trials.control, trials.treatment)
        ]
        fits = adjusted(TwoArms(RATIO_ADJUSTED, *(Moments.of(side) for side in sides)))
        meats = meat_of(fits.control, sides[0]), meat_of(fits.treatment, sides[1])
        said = adjusted_differences(fits, 0.95, meats=meats).differences
        assert found.low[place] == pytest.approx(float(said.ci_low), rel=1e-9)


def test_every_estimator_has_a_slack_with_its_reason():
    assert list(SLACK) == list(CASES)
    assert all(own.why and 0 <= own.slack <= 0.02 for own in SLACK.values())
    assert CASES["relative mean: Fieller"].truth(SCENARIOS[3]) == pytest.approx(0.2)


def test_the_figure_has_every_cell_and_is_small():
    table = cells(only=["25 v 25", "mean: Welch t", "quantile: order statistics"], replications=20)
    text = figure(table)
    assert text.startswith("<svg")
    assert "25 v 25" in text
    assert "Welch" in text
    assert len(text) < 150_000
