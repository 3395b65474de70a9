"""Replications of a trial in which nothing differs: units drawn again, arms dealt by chance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from framework.stats.moments.measure import value_of
from framework.stats.moments.record import Moments, Numbers
from framework.stats.moments.two_arms import DIFFERENCE, TwoArms
from framework.stats.replication.bags import Bags, column_of


@dataclass(frozen=True)
class Draws:
    """R replications of which bags are in which arm.

    Paired: `weights` (R, K x G) over the bags in each of the K rotations of the arms. Independent: `weights`
    (R, K, all bags), how often each bag of any arm is in each arm.
    """

    design: str
    weights: Numbers


def null_draws(design: str, sizes: tuple[int, ...], replications: int, rng: np.random.Generator) -> Draws:
    """Return replications in which all arms share one truth, whatever they were in the trial.

    Paired: bags are drawn with replacement, and in each draw the arms' outcomes are dealt to the arms by a random
    rotation: every arm is expected to have what all of them have on average. Independent: each arm gets as many bags as
    it had, drawn with replacement from the bags of all arms.
    """
    arms = len(sizes)
    if design == "paired":
        # A bag drawn twice is dealt twice: one deal for both would double the spread between replications.
        states = arms * sizes[0]
        return Draws(
            design, rng.multinomial(sizes[0], np.full(states, 1 / states), size=replications).astype(np.float64)
        )
    pool = sum(sizes)
    weights = np.stack(
        [rng.multinomial(size, np.full(pool, 1 / pool), size=replications) for size in sizes], axis=1
    ).astype(np.float64)
    return Draws(design, weights)


def truth_of(bags: Bags, segment: str | None) -> float:
    """Return the value that every arm has in truth under `null_draws`: that of all arms' units together."""
    group = bags.groups[segment]
    if bags.design == "paired":
        own = [group.pick([column_of(arm, name) for name in bags.measure.own_columns]).pooled() for arm in bags.arms]
        mean = np.mean([part.mean for part in own], axis=0)
        pooled = Moments(bags.measure.own_columns, own[0].n, mean, own[0].comoments)
        return float(value_of(bags.measure, pooled))
    return float(value_of(bags.measure, group.pooled()))


def replicated(
    bags: Bags, draws: Draws, segment: str | None, planted: Mapping[str, float]
) -> dict[tuple[str, str], TwoArms]:
    """Return every ordered pair of arms (control, treatment), first named first, as a batch (R,).

    `planted` maps an arm to what is added to its value (metric's unit).
    """
    group = bags.groups[segment]
    columns = bags.measure.own_columns
    pairs = [(a, b) for place, a in enumerate(bags.arms) for b in bags.arms[place + 1 :]]
    if bags.design == "paired":
        joint = _rotated(bags, group).pooled(draws.weights)
        return {pair: _paired(bags, joint, pair, planted) for pair in pairs}
    sides = {
        arm: _planted(bags, group.pooled(draws.weights[:, place, :]), planted.get(arm, 0.0))
        for place, arm in enumerate(bags.arms)
    }
    return {(a, b): TwoArms(bags.measure, sides[a].pick(columns), sides[b].pick(columns)) for a, b in pairs}


def _rotated(bags: Bags, group: Moments) -> Moments:
    """Return the bags under each rotation of the arms, one rotation after the other."""
    names = bags.measure.own_columns
    turns = []
    for turn in range(len(bags.arms)):
        order = [*bags.arms[turn:], *bags.arms[:turn]]
        turns.append(group.pick([column_of(arm, name) for arm in order for name in names]))
    return Moments(
        tuple(column_of(arm, name) for arm in bags.arms for name in names),
        np.concatenate([turn.n for turn in turns]),
        np.concatenate([turn.mean for turn in turns]),
        np.concatenate([turn.comoments for turn in turns]),
    )


def _paired(bags: Bags, joint: Moments, pair: tuple[str, str], planted: Mapping[str, float]) -> TwoArms:
    """Return the joint moments of one pair: differences and the control's columns."""
    control, treatment = pair
    names = bags.measure.own_columns
    k, c = len(joint.columns), len(names)
    weights = np.zeros((2 * c, k))
    for place, name in enumerate(names):
        ours, theirs = joint.index(column_of(control, name)), joint.index(column_of(treatment, name))
        weights[place, ours] -= 1.0
        weights[place, theirs] += 1.0
        weights[c + place, ours] += 1.0
    shift = np.zeros(2 * c)
    gain = {arm: planted.get(arm, 0.0) for arm in pair}
    if bags.measure.denominator is None:
        shift[0] = gain[treatment] - gain[control]
        shift[c] = gain[control]
    else:
        # A ratio gains g where every unit's numerator gains g times its denominator.
        below = bags.measure.denominator
        weights[0, joint.index(column_of(treatment, below))] += gain[treatment]
        weights[0, joint.index(column_of(control, below))] -= gain[control]
        weights[c, joint.index(column_of(control, below))] += gain[control]
    projected = joint.projected([DIFFERENCE + name for name in names] + list(names), weights, shift)
    return TwoArms.paired(bags.measure, projected)


def _planted(bags: Bags, moments: Moments, gain: float) -> Moments:
    measure = bags.measure
    if gain == 0:
        return moments
    if measure.denominator is None:
        return moments.shifted(gain, measure.numerator)
    weights = np.eye(len(moments.columns))
    weights[moments.index(measure.numerator), moments.index(measure.denominator)] += gain
    return moments.projected(moments.columns, weights)
