"""Every pair of systems, or each against a control: effect size first, p corrected over the family."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from framework.errors import TrialError
from framework.stats.compare import compare
from framework.stats.effects import Effect
from framework.stats.multiplicity.adjust import holm
from framework.stats.multiplicity.maxt import pairs_of
from framework.stats.multiplicity.simultaneous import interval_at
from framework.stats.samples import UnitValues
from framework.stats.systems.other_hypotheses import OtherTest, other_test
from framework.stats.systems.scores import checked_confidence, checked_scores, index_of

Adjust = Callable[[Sequence[float]], Sequence[float]]
"""Raw p-values of a family in, adjusted ones out, in the same order."""


@dataclass(frozen=True)
class Pair:
    """Two systems on the same users.

    `effect` is treatment minus control in the metric's unit, with its own interval, the relative difference, the
    paired t test's p-value and `p_adjusted`, `correction` and `family`. `cohen_dz` is the mean difference over the
    standard deviation of the users' differences (Cohen 1988, p. 48), None where they have none. `simultaneous_low` and
    `simultaneous_high` hold for all pairs of the family at once (Bonferroni). `others` are the tests asked for besides.
    """

    effect: Effect
    cohen_dz: float | None
    simultaneous_low: float
    simultaneous_high: float
    others: tuple[OtherTest, ...] = ()


def pairwise(
    scores: ArrayLike,
    names: Sequence[str],
    *,
    metric: str = "score",
    control: str | None = None,
    confidence: float = 0.95,
    adjust: Adjust = holm,
    correction: str | None = None,
    also: Sequence[str] = (),
) -> tuple[Pair, ...]:
    """Return the pairs of K systems scored on the same n users: all K (K - 1) / 2, or K - 1 against `control`.

    `scores` is (n, K), one value of `metric` per user and system, a column for every one of `names`. Of two systems
    the one named first is the control. Users are the units: two systems are compared within users by the paired t
    test, never as independent groups (Tukey's HSD on the pooled scores throws the pairing away and loses power).

    `adjust` takes the family's raw p-values; any function of `multiplicity` on p-values serves. One that needs the
    scores, such as max-T, is closed over them: `differences_of(scores)` has its columns in the order of the pairs, and
    `adjust=lambda p: max_t(differences_of(scores), rng=rng).p_adjusted` serves. `correction` names it in the effects
    where its own name does not. `also` asks for tests of other hypotheses, by their names in
    `other_hypotheses.OTHER_TESTS`; they are corrected by Holm, each over the same pairs.

    Raises:
        TrialError: as `scores.checked_scores`; an unknown control or test; an `adjust` that does not give one number
            from 0 to 1 for every pair.
    """
    matrix = checked_scores(scores, names, metric=metric)
    checked_confidence(confidence)
    members = family_members(names, control)
    pairs = [
        one_pair(matrix[:, a], matrix[:, b], names[a], names[b], metric=metric, confidence=confidence, also=also)
        for a, b in members
    ]
    return corrected(pairs, adjust, family_text(adjust, correction, names, control))


def one_pair(
    control: NDArray[np.float64],
    treatment: NDArray[np.float64],
    control_name: str,
    treatment_name: str,
    *,
    metric: str,
    confidence: float,
    also: Sequence[str] = (),
) -> Pair:
    """Return one pair of (n,) scores on the same users, not corrected yet; errors as `pairwise`."""
    effect = compare(
        UnitValues("mean", control),
        UnitValues("mean", treatment),
        metric=metric,
        control_name=control_name,
        treatment_name=treatment_name,
        design="paired",
        confidence=confidence,
    )
    gaps = treatment - control
    scale = float(max(np.abs(control).max(), np.abs(treatment).max()))
    return Pair(
        effect=effect,
        cohen_dz=effect.estimate / float(gaps.std(ddof=1)) if effect.standard_error > 0 else None,
        simultaneous_low=effect.ci_low,
        simultaneous_high=effect.ci_high,
        others=tuple(other_test(name, gaps, scale) for name in also),
    )


def corrected(pairs: Sequence[Pair], adjust: Adjust, over: str) -> tuple[Pair, ...]:
    """Return the pairs of one family with adjusted p-values and simultaneous intervals; `over` is the text for it.

    Raises:
        TrialError: where `adjust` does not give one number from 0 to 1 for every pair.
    """
    family = len(pairs)
    p_adjusted = _checked_p([float(p) for p in adjust([pair.effect.p_value for pair in pairs])], family)
    text = f"{over}, {family} {'test' if family == 1 else 'tests'}"
    found = []
    for pair, p, tests in zip(pairs, p_adjusted, _holm_by_test(pairs), strict=True):
        effect = replace(pair.effect, p_adjusted=p, correction=text, family=family)
        low, high = interval_at(effect, 1 - (1 - effect.confidence) / family)
        found.append(replace(pair, effect=effect, simultaneous_low=low, simultaneous_high=high, others=tests))
    return tuple(found)


def family_members(names: Sequence[str], control: str | None) -> list[tuple[int, int]]:
    """Return the family's pairs as places in `names`, (control, treatment) each, in the order of `pairwise`.

    Raises:
        TrialError: for an unknown control.
    """
    if control is None:
        return list(pairs_of(len(names)))
    base = index_of(control, names)
    return [(base, other) for other in range(len(names)) if other != base]


def family_text(adjust: Adjust, correction: str | None, names: Sequence[str], control: str | None) -> str:
    """Return what was corrected, and over what, in words."""
    name = getattr(adjust, "__name__", "<")
    named = correction or ("a given correction" if "<" in name else name.replace("_", " ").capitalize())
    over = f"all pairs of {len(names)} systems" if control is None else f"systems against '{control}'"
    return f"{named} over {over}"


def _checked_p(p_values: list[float], family: int) -> list[float]:
    if len(p_values) != family:
        raise TrialError(f"the correction gave {len(p_values)} p-values for {family} pairs")
    wrong = [p for p in p_values if not 0 <= p <= 1]
    if wrong:
        raise TrialError(f"the correction gave p = {wrong[0]:g}", allowed="numbers from 0 to 1")
    return p_values


def _holm_by_test(pairs: Sequence[Pair]) -> list[tuple[OtherTest, ...]]:
    """Return every pair's other tests, each adjusted over the same test of all pairs."""
    by_test = []
    for column in zip(*(pair.others for pair in pairs), strict=True):
        adjusted = holm([test.p_value for test in column])
        by_test.append([replace(test, p_adjusted=p) for test, p in zip(column, adjusted, strict=True)])
    return list(zip(*by_test, strict=True)) if by_test else [()] * len(pairs)
