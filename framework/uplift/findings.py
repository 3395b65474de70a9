"""How good each learner's ranking is, what its segments and budgets are worth, and what a given segmentation is."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from framework.components import build
from framework.plugins import Plugins
from framework.stats.multiplicity.adjust import holm
from framework.stats.uplift.action_values import action_values, forward_predictions
from framework.stats.uplift.areas import auuc, auuc_above_random, qini_area, qini_coefficient
from framework.stats.uplift.balance import balance_p_value
from framework.stats.uplift.curves import GainCurve, gain_curve
from framework.stats.uplift.policy_value import PolicyWorth, best_actions, given, policy_value
from framework.stats.uplift.ranked import Test
from framework.stats.uplift.targeting import Targeted, targeting
from framework.stats.uplift.valued import Valued, valued
from framework.uplift.learned import Floats, Labels, Learned, Pair, learn
from framework.uplift.settings import UpliftSettings
from framework.uplift.units import Units
from framework.uplift.words import what_stands_out

Step = Callable[[], None]


@dataclass(frozen=True)
class Ranking:
    """One learner's ranking for one treatment; `qini_coefficient` None where outcomes are not 0 and 1."""

    learner: str
    treatment: str
    qini_coefficient: Valued | None
    qini_area: Valued
    auuc: Valued
    auuc_above_random: Valued
    curve: GainCurve
    budgets: tuple[Targeted, ...]


@dataclass(frozen=True)
class Segment:
    """One segment: its share of the units, its effects by treatment on units that did not shape it, the action to take.

    `action` is the arm of the highest value after costs, chosen on all of those units.
    """

    name: str
    description: str
    share: float
    effects: dict[str, Valued]
    action: str


@dataclass(frozen=True)
class Segmented:
    """A segmentation and its worth; `p_adjusted` is Holm's over all segmentations, of being worth more than one action.

    `arms` are those that it chooses among; `of_units` (n,) the segment of every unit of those arms, None of others.
    """

    name: str
    learned: bool
    arms: tuple[str, ...]
    worth: PolicyWorth
    p_adjusted: float
    segments: tuple[Segment, ...]
    of_units: NDArray[np.int64]


@dataclass(frozen=True)
class Findings:
    """Everything that `uplift` found; `effects` are the treatments' average effects.

    `balance` are p-values by treatment of covariates that foretell the arm, None where arms were dealt unequally.
    """

    effects: dict[str, Valued]
    balance: dict[str, float] | None
    tested: int
    rankings: tuple[Ranking, ...]
    segmentations: tuple[Segmented, ...]


def find(plugins: Plugins, units: Units, settings: UpliftSettings, step: Step) -> Findings:
    """Return what the learners, and the given segments, are worth. `step` is called after each learner."""
    rng = np.random.default_rng(settings.seed)
    fold = _dealt(units.arm, settings.folds, rng)
    predicted = forward_predictions(units.features, units.outcome, units.arm, fold)
    values = action_values(units.outcome, units.arm, units.propensity, predicted)
    tested = fold > 0
    effects = {
        units.arms[place]: _mean(values[:, place] - values[:, 0], settings.confidence)
        for place in range(1, len(units.arms))
    }
    rankings, segmentations = [], []
    for place, treatment in enumerate(units.arms[1:], start=1):
        rows = np.flatnonzero((units.arm == 0) | (units.arm == place))
        pair = _pair(units, rows, place, fold)
        own_values = action_values(
            pair.outcome,
            pair.treated.astype(np.int64),
            np.where(pair.treated, pair.propensity, 1 - pair.propensity),
            predicted[rows][:, [0, place]],
        )
        for name in settings.learners:
            make = partial(build, plugins, "uplift", name, settings.learner.get(name), where=f"learner.{name}")
            # The name seeds, not the place, so that a learner says the same in whatever company.
            seed = [settings.seed, place, zlib.crc32(name.encode())]
            learned = learn(make, pair, units.names, settings.groups, seed)
            rankings.append(_ranking(name, treatment, pair, own_values, learned, settings))
            label = name if len(units.arms) == 2 else f"{name}, {treatment}"
            segmentations.append(_learned(label, units, rows, place, own_values, pair, learned, settings))
            step()
    if units.segment is not None:
        labels = units.segment.astype(np.int64)
        segmentations.append(_given(str(settings.segment), labels, units, values, fold, settings))
    balance = None
    if settings.propensity is None:
        balance = {arm: _balance(units, place) for place, arm in enumerate(units.arms[1:], start=1)}
    return Findings(effects, balance, int(tested.sum()), tuple(rankings), _corrected(segmentations))


def _balance(units: Units, place: int) -> float:
    rows = (units.arm == 0) | (units.arm == place)
    return balance_p_value(units.features[rows], units.arm[rows] == place)


def _dealt(arm: NDArray[np.int32], folds: int, rng: np.random.Generator) -> Labels:
    fold = np.zeros(arm.size, dtype=np.int64)
    for number in np.unique(arm):
        places = np.flatnonzero(arm == number)
        fold[rng.permutation(places)] = np.arange(places.size) % folds
    return fold


def _pair(units: Units, rows: NDArray[np.intp], place: int, fold: Labels) -> Pair:
    treated = units.arm[rows] == place
    own = units.propensity[rows]
    if len(units.arms) > 2:  # shares of the arms, of which the others are gone
        own = own / np.where(treated, own + own[~treated][0], own + own[treated][0])
    return Pair(units.features[rows], treated, units.outcome[rows], np.where(treated, own, 1 - own), fold[rows])


def _ranking(
    name: str, treatment: str, pair: Pair, values: Floats, learned: Learned, settings: UpliftSettings
) -> Ranking:
    tested = pair.fold > 0
    own = pair.propensity[tested]
    weight = None if settings.propensity is None else 1 / np.where(pair.treated[tested], own, 1 - own)
    test = Test(pair.outcome[tested], pair.treated[tested], learned.score[tested], weight, pair.fold[tested])
    confidence = settings.confidence
    binary = bool(np.isin(test.outcome, (0, 1)).all())
    return Ranking(
        name,
        treatment,
        qini_coefficient(test, confidence=confidence) if binary else None,
        qini_area(test, confidence),
        auuc(test, confidence),
        auuc_above_random(test, confidence),
        gain_curve(test, "qini", confidence=confidence),
        targeting(
            settings.worth * (values[tested, 1] - values[tested, 0]),
            settings.worth * learned.score[tested],
            pair.fold[tested],
            cost=settings.cost,
            shares=settings.budgets,
            confidence=confidence,
        ),
    )


def _learned(
    name: str,
    units: Units,
    rows: NDArray[np.intp],
    place: int,
    values: Floats,
    pair: Pair,
    learned: Learned,
    settings: UpliftSettings,
) -> Segmented:
    net = settings.worth * values - np.array([0.0, settings.cost])

    def labels(teachers: NDArray[np.bool_]) -> Labels:
        return learned.labels[int(pair.fold[teachers].max()) + 1]

    worth = policy_value(
        net, pair.fold, labels, rng=np.random.default_rng(settings.seed), confidence=settings.confidence
    )
    if learned.split is None:
        of_tested = np.zeros(pair.fold.size, dtype=np.int64)
        for number, own in learned.labels.items():
            of_tested[pair.fold == number] = own[pair.fold == number]
        shown, tested = of_tested, pair.fold > 0
        described = what_stands_out(pair.features, units.names, learned.groups_of_all)
    else:
        (shown, tested), described = learned.split, learned.rules
    arms = (units.arms[0], units.arms[place])
    segments = _segments(_numbered(described), described, shown, tested, values, net, arms, settings)
    of_units = np.full(units.arm.size, -1, dtype=np.int64)
    of_units[rows] = learned.groups_of_all
    return Segmented(name, True, arms, worth, 1.0, segments, of_units)


def _given(
    name: str, labels: Labels, units: Units, values: Floats, fold: Labels, settings: UpliftSettings
) -> Segmented:
    net = settings.worth * values - settings.cost * (np.arange(len(units.arms)) > 0)
    rng = np.random.default_rng(settings.seed)
    worth = policy_value(net, fold, given(labels), rng=rng, confidence=settings.confidence)
    everybody = np.ones(labels.size, dtype=bool)
    described = ("",) * len(units.segments)
    segments = _segments(units.segments, described, labels, everybody, values, net, units.arms, settings)
    return Segmented(f"given: {name}", False, units.arms, worth, 1.0, segments, labels)


def _segments(
    names: tuple[str, ...],
    described: tuple[str, ...],
    labels: Labels,
    tested: NDArray[np.bool_],
    values: Floats,
    net: Floats,
    arms: tuple[str, ...],
    settings: UpliftSettings,
) -> tuple[Segment, ...]:
    actions = best_actions(net[tested], labels[tested], len(names))
    found = []
    for number, name in enumerate(names):
        inside = tested & (labels == number)
        effects = {}
        if int(inside.sum()) >= 2:
            effects = {
                arm: _mean((values[:, place] - values[:, 0])[inside], settings.confidence)
                for place, arm in enumerate(arms[1:], start=1)
            }
        share = float((labels[tested] == number).mean())
        found.append(Segment(name, described[number], share, effects, arms[int(actions[number])]))
    return tuple(found)


def _numbered(described: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{number} of {len(described)}" for number in range(1, len(described) + 1))


def _mean(values: Floats, confidence: float) -> Valued:
    return valued(float(values.mean()), [values], confidence)


def _corrected(found: list[Segmented]) -> tuple[Segmented, ...]:
    """Return the segmentations with Holm's p-values: who asks many learners finds a lucky one."""
    from dataclasses import replace

    adjusted = holm([own.worth.over_single.p_value for own in found]) if found else []
    return tuple(replace(own, p_adjusted=float(p)) for own, p in zip(found, adjusted, strict=True))
