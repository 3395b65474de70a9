"""R trials of one world, what an estimator says in them, and which of them a report would warn of."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from framework.errors import TrialError
from framework.stats.compare import ESTIMATORS
from framework.stats.designs.differences import Differences
from framework.stats.health.cautions import cautions
from framework.stats.moments.measure import Measure
from framework.stats.moments.record import Numbers
from framework.stats.moments.shape import Shape
from framework.stats.moments.two_arms import TwoArms
from framework.testing.coverage.worlds import Rows, Scenario, batch, contributions, responses, shapes, traits

CONFIDENCE, ALPHA = 0.95, 0.05
MEAN = Measure("mean", "mean", "value")
Said = tuple[float, float, float, bool]
"""Of one trial: the interval's ends, the p-value, whether there is a warning."""


@dataclass(frozen=True)
class Trials:
    """R trials of one world: both arms' rows, and for a paired design what the control's units do when treated."""

    scenario: Scenario
    control: Rows
    treatment: Rows
    paired: Rows

    @property
    def replications(self) -> int:
        """How many trials there are."""
        return len(self.control["value"])

    @cached_property
    def welch(self) -> tuple[TwoArms, Differences, NDArray[np.bool_]]:
        """The arms of the mean, its plain difference, and the trials whose report warns of it."""
        arms = arms_of(MEAN, self)
        plain = ESTIMATORS["independent", "mean"](arms, CONFIDENCE)
        return arms, plain, np.any([cautious(arms, shapes_of(arms, self)), *plain.warnings.values()], axis=0)


@dataclass(frozen=True)
class Found:
    """What one estimator says in R trials, (R,) each.

    `low` and `high` bound the interval, nan where it is refused; `p_value` is nan where the estimator has no test. A
    refusal counts as a warning, since the report gives its reason.
    """

    low: Numbers
    high: Numbers
    p_value: Numbers
    warned: NDArray[np.bool_]

    @staticmethod
    def of(said: Differences, calm: NDArray[np.bool_]) -> Found:
        """Return a batch of differences with the warnings of its own and those of `cautious`."""
        return Found(said.ci_low, said.ci_high, said.p_value, np.any([calm, *said.warnings.values()], axis=0))


def drawn(scenario: Scenario, replications: int, rng: np.random.Generator) -> Trials:
    """Return R trials of a world."""
    ours, theirs = (traits(scenario, replications, n, rng) for n in (scenario.n_control, scenario.n_treatment))
    return Trials(
        scenario,
        {**ours, **responses(scenario, ours, False, rng)},
        {**theirs, **responses(scenario, theirs, True, rng)},
        {**ours, **responses(scenario, ours, True, rng)},
    )


def arms_of(measure: Measure, trials: Trials) -> TwoArms:
    """Return the independent arms as a batch (R,)."""
    columns = measure.own_columns
    return TwoArms(measure, batch(trials.control, columns), batch(trials.treatment, columns))


def shapes_of(arms: TwoArms, trials: Trials) -> list[tuple[Shape, ...]]:
    """Return both arms' shapes in each trial."""
    pairs = ((arms.control, trials.control), (arms.treatment, trials.treatment))
    sides = [shapes(contributions(arms.measure, own, rows)) for own, rows in pairs]
    return list(zip(*sides, strict=True))


def cautious(arms: TwoArms, known: Iterable[tuple[Shape, ...]]) -> NDArray[np.bool_]:
    """Return in which trials (R,) `cautions` has anything to say of arms with these shapes."""
    found = []
    for place, own in enumerate(known):
        joint = None if arms.joint is None else arms.joint.at(place)
        one = TwoArms(arms.measure, arms.control.at(place), arms.treatment.at(place), joint, own)
        found.append(bool(cautions(one)))
    return np.array(found)


def by_trial(one: Callable[[int], Said], replications: int) -> Found:
    """Return what is said of each trial in turn; an error of the estimator is a refusal."""
    said: list[Said] = []
    for place in range(replications):
        try:
            said.append(one(place))
        except TrialError:
            said.append((np.nan, np.nan, np.nan, True))
    low, high, p_value, warned = zip(*said, strict=True)
    return Found(np.array(low), np.array(high), np.array(p_value), np.array(warned, dtype=np.bool_))
