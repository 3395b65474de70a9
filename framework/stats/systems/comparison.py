"""Many systems on the same users: one record of the whole comparison, ready for a report."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from framework.errors import TrialError
from framework.stats.effects import Interval
from framework.stats.multiplicity.adjust import holm
from framework.stats.systems.cliques import cliques
from framework.stats.systems.crossed import VariancePart
from framework.stats.systems.pairwise import Adjust, Pair, corrected, family_members, family_text, one_pair
from framework.stats.systems.ranks import Ranks, ranks
from framework.stats.systems.scores import checked_confidence, checked_names, checked_runs, index_of
from framework.stats.systems.seeds import SeededDifference, seeded_difference, seeded_mean, seeded_relative

Runs = Mapping[str, NDArray[np.float64]]
"""Scores (n users, S seeds) of every system."""


@dataclass(frozen=True)
class SystemMean:
    """One system: its mean over users and seeds with its own interval, and what the mean's variance is made of.

    Intervals of two systems that overlap say nothing of their difference: users are the same. Read the pair.
    """

    name: str
    seeds: int
    mean: Interval
    parts: tuple[VariancePart, ...]


@dataclass(frozen=True)
class SystemPair:
    """One pair, its interval and p over users and seeds; `parts` say how much of its variance is training luck."""

    pair: Pair
    parts: tuple[VariancePart, ...]

    @property
    def seed_share(self) -> float | None:
        """Share of the difference's variance that is training luck; None where no system has two seeds."""
        return sum(part.share for part in self.parts[1:]) if len(self.parts) > 1 else None


@dataclass(frozen=True)
class Comparison:
    """K systems on the same n users by one metric.

    `systems` and `pairs` are in the order given; `order` is from best mean to worst, and `cliques` its bars: neighbours
    of which no pair is told apart by its corrected p at `alpha` (empty where only pairs with a control were compared).
    `ranks` are there on request, for 3 systems or more. `warnings` are about the comparison; each effect has its own.
    """

    metric: str
    n: int
    alpha: float
    systems: tuple[SystemMean, ...]
    pairs: tuple[SystemPair, ...]
    order: tuple[str, ...]
    cliques: tuple[tuple[str, ...], ...]
    ranks: Ranks | None
    warnings: tuple[str, ...]


def compare_systems(
    scores: Mapping[str, ArrayLike],
    *,
    metric: str = "score",
    control: str | None = None,
    higher_is_better: bool = True,
    confidence: float = 0.95,
    adjust: Adjust = holm,
    correction: str | None = None,
    also: Sequence[str] = (),
    with_ranks: bool = False,
    shared_seeds: bool = False,
    deterministic: Collection[str] = (),
    reference: str = "satterthwaite",
) -> Comparison:
    """Return the comparison of systems by name, each scored (n users,) or (n users, S seeds) on the same users.

    Means and their differences with intervals come first, over users and, where a system has several seeds, training
    luck (`seeds.seeded_difference`, which explains `shared_seeds`, `deterministic` and `reference`). Pairs, `adjust`,
    `correction` and `also` are as in `pairwise.pairwise`; alpha is 1 - confidence. Cohen's dz, tests of other
    hypotheses and `ranks` see every user's average over seeds, so they take the trained models as given; so does an
    `adjust` that is closed over such averages (max-T).

    Raises:
        TrialError: as the functions named; systems with different users; a deterministic system that is not there.
    """
    alpha = round(1 - checked_confidence(confidence), 12)
    names = tuple(scores)
    checked_names(names)
    runs = {name: checked_runs(values, name, metric=metric) for name, values in scores.items()}
    _check_users(runs, deterministic, metric)
    luck = _Luck(metric, shared_seeds, frozenset(deterministic), reference)
    members = [(names[a], names[b]) for a, b in family_members(names, control)]
    found = [luck.difference(runs, a, b, confidence) for a, b in members]
    pairs = corrected(
        [luck.pair(runs, a, b, seeded, confidence, also) for (a, b), seeded in zip(members, found, strict=True)],
        adjust,
        family_text(adjust, correction, names, control),
    )
    level = 1 - (1 - confidence) / len(members)
    wider = [luck.difference(runs, a, b, level).estimate for a, b in members]
    systems = tuple(_system(name, values, metric, confidence) for name, values in runs.items())
    sign = -1 if higher_is_better else 1
    mean_of = {name: float(values.mean()) for name, values in runs.items()}
    order = tuple(sorted(names, key=lambda name: sign * mean_of[name]))
    table = np.column_stack([values.mean(axis=1) for values in runs.values()])
    ranked = None
    if with_ranks:
        ranked = ranks(table, names, metric=metric, higher_is_better=higher_is_better, alpha=alpha)
    return Comparison(
        metric=metric,
        n=table.shape[0],
        alpha=alpha,
        systems=systems,
        pairs=tuple(
            SystemPair(replace(pair, simultaneous_low=wide.ci_low, simultaneous_high=wide.ci_high), seeded.parts)
            for pair, wide, seeded in zip(pairs, wider, found, strict=True)
        ),
        order=order,
        cliques=_bars(order, pairs, alpha) if control is None else (),
        ranks=ranked,
        warnings=_warnings(order, ranked),
    )


@dataclass(frozen=True)
class _Luck:
    """How training luck enters every pair of one comparison."""

    metric: str
    shared_seeds: bool
    deterministic: frozenset[str]
    reference: str

    def difference(self, runs: Runs, control: str, treatment: str, confidence: float) -> SeededDifference:
        return seeded_difference(
            runs[control],
            runs[treatment],
            metric=self.metric,
            control_name=control,
            treatment_name=treatment,
            confidence=confidence,
            shared_seeds=self.shared_seeds,
            deterministic=self.deterministic & {control, treatment},
            reference=self.reference,
        )

    def pair(
        self, runs: Runs, control: str, treatment: str, seeded: SeededDifference, confidence: float, also: Sequence[str]
    ) -> Pair:
        """Return the pair of users' averages with the interval, p and relative effect that hold for new models too."""
        y, x = runs[control], runs[treatment]
        bare = one_pair(
            y.mean(axis=1), x.mean(axis=1), control, treatment, metric=self.metric, confidence=confidence, also=also
        )
        relative = seeded_relative(
            y,
            x,
            bare.effect.relative,
            confidence=confidence,
            shared_seeds=self.shared_seeds,
            reference=self.reference,
        )
        estimate = seeded.estimate
        effect = replace(
            bare.effect,
            standard_error=estimate.standard_error,
            ci_low=estimate.ci_low,
            ci_high=estimate.ci_high,
            p_value=estimate.p_value,
            df=estimate.df,
            method=estimate.method,
            relative=relative,
            warnings=estimate.warnings,
        )
        return replace(bare, effect=effect)


def _system(name: str, values: NDArray[np.float64], metric: str, confidence: float) -> SystemMean:
    mean, parts = seeded_mean(values, metric=metric, name=name, confidence=confidence)
    return SystemMean(name, values.shape[1], mean, parts)


def _bars(order: tuple[str, ...], pairs: tuple[Pair, ...], alpha: float) -> tuple[tuple[str, ...], ...]:
    effects = [pair.effect for pair in pairs]
    apart = {frozenset((e.control, e.treatment)) for e in effects if e.p_adjusted is not None and e.p_adjusted <= alpha}
    return cliques(order, lambda a, b: frozenset((a, b)) in apart)


def _warnings(order: tuple[str, ...], ranked: Ranks | None) -> tuple[str, ...]:
    if ranked is None or ranked.order[0] == order[0]:
        return ()
    text = (
        f"'{order[0]}' has the best mean, '{ranked.order[0]}' the best average rank: it wins more often, by less. "
        "The mean is what a launch moves."
    )
    return (text,)


def _check_users(runs: Runs, deterministic: Collection[str], metric: str) -> None:
    sizes = {name: values.shape[0] for name, values in runs.items()}
    first, *others = sizes
    for name in others:
        if sizes[name] != sizes[first]:
            raise TrialError(
                f"metric '{metric}': system '{first}' has {sizes[first]} users, '{name}' {sizes[name]}",
                allowed="the same users in the same order for every system",
            )
    for name in deterministic:
        index_of(name, tuple(runs))
