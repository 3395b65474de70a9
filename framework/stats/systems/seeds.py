"""Training luck in the interval: users crossed with training seeds."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from framework.errors import TrialError, did_you_mean
from framework.stats.compare import compare
from framework.stats.effects import Effect, Interval
from framework.stats.estimates import Estimate
from framework.stats.samples import UnitValues
from framework.stats.systems.crossed import Block, Crossed, VariancePart, crossed, interval_of, judged
from framework.stats.systems.scores import checked_confidence, checked_runs

REFERENCES = ("satterthwaite", "conservative")
"""Which variance, and which critical value, an interval over users and seeds is made of."""
LARGEST_LOG = 100.0
"""Upper end of a log ratio beyond which no relative interval is given: e^100 is no number of a shop."""
SHORTFALL = {2: 87, 3: 92, 4: 93}
"""What a 95 % Satterthwaite interval covers at worst, by seeds: one system's luck makes 80 to 95 % of the variance."""


@dataclass(frozen=True)
class SeededDifference:
    """Treatment minus control over users and training luck; `parts` add up to the squared standard error.

    `users_only` is the paired t test on every user's average over seeds, which takes the trained models as given.
    """

    estimate: Estimate
    users_only: Effect
    parts: tuple[VariancePart, ...]
    n: int
    seeds_control: int
    seeds_treatment: int


def seeded_difference(
    control: ArrayLike,
    treatment: ArrayLike,
    *,
    metric: str = "score",
    control_name: str = "control",
    treatment_name: str = "treatment",
    confidence: float = 0.95,
    shared_seeds: bool = False,
    deterministic: Collection[str] = (),
    reference: str = "satterthwaite",
) -> SeededDifference:
    """Return the mean difference with an interval that holds for new users and for newly trained models.

    `control` is (n users, S seeds), `treatment` (n, S'), the same users in the same order; S and S' may differ, and
    (n,) is one seed. Seeds of the two systems are independent, unless `shared_seeds`: then column s of both came of
    the same draw (split, order of batches), S = S', and luck that both share cancels.

    Derivation. The score of user u by the model of seed s splits, for any users and seeds drawn independently
    (Hoeffding; a two-way random-effects model, no normality needed), into uncorrelated
    Y[u, s] = mean + U[u] + T[s] + E[u, s]. Averaged over users and seeds, treatment less control varies by
    var(U' - U) / n + sum over systems of (var(T) / S + var(E) / (n S)).
    Three mean squares estimate it. The variance over users of each user's difference of seed averages, over n, has
    the expectation var(U' - U) / n + sum var(E) / (n S), since T is the same for all users and drops out. The variance
    over seeds of a system's means, over S, has the expectation var(T) / S + var(E) / (n S). The mean square of the
    residuals, (n - 1)(S - 1) degrees of freedom, over n S, takes away what would be counted twice. So
    V = V_users + sum over systems of max(0, V_seeds - V_interaction),
    the analysis of variance estimator (Searle, Casella and McCulloch 1992, chapter 4). Why training luck belongs in
    it: Bouthillier et al. 2021, "Accounting for variance in machine learning benchmarks".

    `reference` "satterthwaite" is t with V^2 / sum(V_i^2 / df_i) over the mean squares (Satterthwaite 1946). With few
    seeds it can fall short, which is warned of (`SHORTFALL`). "conservative" does not subtract V_interaction, so counts
    it twice (the pigeonhole bootstrap counts it three times: Owen 2007), and weighs the critical values of t by the
    parts of V (Cochran and Cox 1950); it falls short by a point at most, and is wide.

    With one seed a system's luck cannot be seen, which is warned of, unless its name stands in `deterministic`: then it
    has none. With one seed each it is the paired t test.

    Raises:
        TrialError: as `scores.checked_runs`; systems with different users; shared seeds of different number; several
            seeds of a deterministic system; an unknown name or option.
    """
    checked_confidence(confidence)
    names = (control_name, treatment_name)
    y = checked_runs(control, control_name, metric=metric)
    x = checked_runs(treatment, treatment_name, metric=metric)
    _check_options((y, x), names, metric, shared_seeds=shared_seeds, deterministic=deterministic, reference=reference)
    users_only = compare(
        UnitValues("mean", y.mean(axis=1)),
        UnitValues("mean", x.mean(axis=1)),
        metric=metric,
        control_name=control_name,
        treatment_name=treatment_name,
        design="paired",
        confidence=confidence,
    )
    found = _of_pair(y, x, names, shared_seeds=shared_seeds, conservative=reference == "conservative")
    unseen = [name for name, runs in zip(names, (y, x), strict=True) if runs.shape[1] == 1]
    warnings = _warnings([name for name in unseen if name not in deterministic], found, reference)
    if len(found.parts) == 1 or found.variance == 0:
        estimate = Estimate(
            users_only.estimate,
            users_only.standard_error,
            users_only.ci_low,
            users_only.ci_high,
            users_only.p_value,
            users_only.df,
            users_only.method,
            (*users_only.warnings, *warnings),
        )
    else:
        estimate = judged(found, confidence, (*users_only.warnings, *warnings))
    return SeededDifference(estimate, users_only, found.parts, x.shape[0], y.shape[1], x.shape[1])


def seeded_relative(
    control: NDArray[np.float64],
    treatment: NDArray[np.float64],
    relative: Interval,
    *,
    confidence: float,
    shared_seeds: bool = False,
    reference: str = "satterthwaite",
) -> Interval:
    """Return `relative`, the users' log-ratio interval (`relative.relative_interval`), with training luck in it.

    `control` is (n, S), `treatment` (n, S'). To first order log(treatment) - log(control) varies as the difference of
    scores, each over its own mean, so the parts of `seeded_difference` serve. A relative effect that was refused stays
    so.
    """
    if relative.ci_low is None or relative.estimate is None:
        return relative
    scaled = control / control.mean(), treatment / treatment.mean()
    found = _of_pair(*scaled, ("", ""), shared_seeds=shared_seeds, conservative=reference == "conservative")
    if len(found.parts) == 1 or found.variance == 0:
        return relative
    low, high = interval_of(found, confidence)
    if high > LARGEST_LOG:
        return Interval(relative.estimate, None, None, "training luck leaves the ratio without a bound")
    # The scaled means are both 1: the interval is around log ratio 0.
    ratio = relative.estimate + 1
    return Interval(relative.estimate, float(ratio * np.exp(low) - 1), float(ratio * np.exp(high) - 1))


def seeded_mean(
    scores: ArrayLike, *, metric: str = "score", name: str = "system", confidence: float = 0.95
) -> tuple[Interval, tuple[VariancePart, ...]]:
    """Return one system's mean over users and seeds, (n, S) or (n,), and what its variance is made of.

    As `seeded_difference` for one system, by Satterthwaite's t; with one seed it is the t interval over users. Where
    nothing varies the mean has no interval, with the reason.

    Raises:
        TrialError: as `scores.checked_runs`.
    """
    checked_confidence(confidence)
    runs = checked_runs(scores, name, metric=metric)
    found = crossed(runs.mean(axis=1), [Block(f"seeds of {name}", runs)], float(np.abs(runs).max()))
    if found.variance == 0:
        reason = "all users have the same value, so there is no spread to judge by"
        return Interval(found.difference, None, None, reason), found.parts
    low, high = interval_of(found, confidence)
    return Interval(found.difference, low, high), found.parts


def _of_pair(
    y: NDArray[np.float64],
    x: NDArray[np.float64],
    names: tuple[str, str],
    *,
    shared_seeds: bool,
    conservative: bool,
) -> Crossed:
    blocks = [Block(f"seeds of {name}", runs) for name, runs in zip(names, (y, x), strict=True)]
    if shared_seeds:
        blocks = [Block("shared seeds", x - y)]
    scale = float(max(np.abs(x).max(), np.abs(y).max()))
    return crossed(x.mean(axis=1) - y.mean(axis=1), blocks, scale, conservative=conservative)


def _warnings(unseen: list[str], found: Crossed, reference: str) -> tuple[str, ...]:
    texts = []
    if len(unseen) == 2:
        texts.append("One training seed a system: the interval covers users, not training luck.")
    elif unseen:
        texts.append(f"'{unseen[0]}' was trained once: the interval covers users, not its training luck.")
    fewest = min((part.levels for part in found.parts[1:]), default=0)
    if reference == "satterthwaite" and fewest in SHORTFALL:
        texts.append(
            f"Only {fewest} training seeds: where luck outweighs users, a 95 % interval covers {SHORTFALL[fewest]} % "
            "at worst. Train 5 or more, or use reference 'conservative'."
        )
    return tuple(texts)


def _check_options(
    runs: tuple[NDArray[np.float64], NDArray[np.float64]],
    names: tuple[str, str],
    metric: str,
    *,
    shared_seeds: bool,
    deterministic: Collection[str],
    reference: str,
) -> None:
    y, x = runs
    if y.shape[0] != x.shape[0]:
        raise TrialError(
            f"metric '{metric}': system '{names[0]}' has {y.shape[0]} users, '{names[1]}' {x.shape[0]}",
            allowed="the same users in the same order for every system",
        )
    if shared_seeds and y.shape[1] != x.shape[1]:
        raise TrialError(
            f"metric '{metric}': {y.shape[1]} seeds of '{names[0]}' cannot be shared with {x.shape[1]} of '{names[1]}'",
            allowed="as many seeds of both, column s of the same draw",
        )
    for name, matrix in zip(names, runs, strict=True):
        if name in deterministic and matrix.shape[1] > 1:
            raise TrialError(
                f"system '{name}' is called deterministic but has {matrix.shape[1]} seeds",
                hint="Give one column, or leave it out of `deterministic`.",
            )
    if reference not in REFERENCES:
        raise TrialError(
            f"reference '{reference}' is unknown", allowed=REFERENCES, hint=did_you_mean(reference, REFERENCES)
        )
