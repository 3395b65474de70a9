"""Two arms to compare on one measure: what every estimator takes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from framework.stats.moments.measure import Measure, contribution, value_of
from framework.stats.moments.record import Moments, Numbers
from framework.stats.moments.shape import Shape

DIFFERENCE = "difference of "
"""Starts the name of a column of a paired record that holds treatment minus control."""


@dataclass(frozen=True)
class TwoArms:
    """Control and treatment on one measure, single groups or batches (...) of the same shape.

    `joint` is there in a paired design: the moments, over the units that both arms share, of each column's difference
    (its name after `DIFFERENCE`) and of the control's column. Differences are what a paired estimate rests on, so they
    are kept themselves and not got by subtracting large variances. `shapes` are those of the contributions: control's
    and treatment's, or in a paired design the one of their difference; None where only moments are known. `df` are the
    degrees of freedom of a paired design's error where they are not n - 1 (`designs.clustered`).
    """

    measure: Measure
    control: Moments
    treatment: Moments
    joint: Moments | None = None
    shapes: tuple[Shape, ...] | None = None
    df: Numbers | None = None

    @staticmethod
    def paired(measure: Measure, joint: Moments, shapes: tuple[Shape, ...] | None = None) -> TwoArms:
        """Return a paired comparison, the arms' own moments made out of the joint ones."""
        columns = measure.own_columns
        joint = joint.pick([*(DIFFERENCE + column for column in columns), *columns])
        control = joint.pick(columns)
        weights = np.zeros((len(columns), len(joint.columns)))
        for row, column in enumerate(columns):
            weights[row, joint.index(column)] = 1.0
            weights[row, joint.index(DIFFERENCE + column)] = 1.0
        return TwoArms(measure, control, joint.projected(columns, weights), joint, shapes)

    @property
    def design(self) -> str:
        """Return "paired" or "independent"."""
        return "independent" if self.joint is None else "paired"

    @property
    def paired_df(self) -> Numbers:
        """The degrees of freedom (...,) of a paired design's error."""
        return np.asarray(self.control.n - 1 if self.df is None else self.df)

    @property
    def values(self) -> tuple[Numbers, Numbers]:
        """The control's and the treatment's value, (...,) each."""
        return value_of(self.measure, self.control), value_of(self.measure, self.treatment)

    def joint_weights(self, scale_control: Numbers | float = 1.0, scale_treatment: Numbers | float = 1.0) -> Numbers:
        """Return weights (..., k) over the joint columns: scaled treatment contribution minus scaled control's."""
        if self.joint is None:
            raise ValueError("independent arms have no joint moments")
        own = self.measure.own_columns
        control = contribution(self.measure, self.control.pick(own)) * np.asarray(scale_control)[..., None]
        treatment = contribution(self.measure, self.treatment.pick(own)) * np.asarray(scale_treatment)[..., None]
        weights = np.zeros(self.joint.mean.shape)
        for place, column in enumerate(own):
            weights[..., self.joint.index(DIFFERENCE + column)] = treatment[..., place]
            weights[..., self.joint.index(column)] = treatment[..., place] - control[..., place]
        return weights
