"""Average ranks of systems over users: Friedman, Iman-Davenport, Nemenyi, and the record of their diagram."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from framework.errors import TrialError
from framework.stats.estimates import floored
from framework.stats.systems.cliques import cliques
from framework.stats.systems.scores import checked_scores, levels

NO_EFFECT_SIZE = (
    "Ranks throw away by how much: a system that wins often by little can rank above one with the higher mean. "
    "Read the mean differences first."
)
POOL = (
    "Nemenyi's word on two systems depends on which others are ranked with them (Benavoli, Corani and Mangili 2016): "
    "adding or leaving out a system can change it."
)
FEW_USERS = 10
"""Users below which the chi-square of Friedman's test is rough (Demsar 2006, section 3.2.2: n > 10 and K > 5)."""
TIED = 0.1
"""Share of the ranks' variance lost to ties above which Nemenyi's test is called conservative."""


@dataclass(frozen=True)
class RankTest:
    """A test that all systems rank alike; `df2` is None for a chi-square."""

    name: str
    statistic: float
    df: float
    df2: float | None
    p_value: float


@dataclass(frozen=True)
class Ranks:
    """Average ranks of K systems over n users, 1 the best, and which systems they tell apart.

    `names` and `average_ranks` are in the order given, `order` from best to worst. `friedman` and `iman_davenport` ask
    whether all rank alike. Two systems are told apart at `alpha` where their average ranks differ by
    `critical_difference` or more; `nemenyi_p` (K x K, names' order, 1 on the diagonal) says so for any alpha, corrected
    for all pairs. `cliques` are the bars of the critical-difference diagram: systems next to each other that are not
    told apart. `tie_share` is the share of the ranks' variance lost to ties.
    """

    names: tuple[str, ...]
    average_ranks: tuple[float, ...]
    order: tuple[str, ...]
    n: int
    friedman: RankTest
    iman_davenport: RankTest
    alpha: float
    critical_difference: float
    nemenyi_p: tuple[tuple[float, ...], ...]
    cliques: tuple[tuple[str, ...], ...]
    tie_share: float
    warnings: tuple[str, ...]


def ranks(
    scores: ArrayLike,
    names: Sequence[str],
    *,
    metric: str = "score",
    higher_is_better: bool = True,
    alpha: float = 0.05,
) -> Ranks:
    """Return average ranks of K >= 3 systems over n users, ties averaged, with their tests and bars.

    `scores` is (n, K). Friedman's chi-square is corrected for ties (Friedman 1937; scipy.stats.friedmanchisquare);
    Iman and Davenport's (1980) F = (n - 1) chi2 / (n (K - 1) - chi2) with K - 1 and (K - 1)(n - 1) degrees of freedom
    is the better approximation. Nemenyi's critical difference is q sqrt(K (K + 1) / (6 n)), q the studentized range's
    quantile for K groups and infinite df over sqrt 2 (Nemenyi 1963; Demsar 2006, section 3.2.2). It makes no
    allowance for ties, so with many it tells too few systems apart.

    All three ask whether systems rank alike, not whether their means are equal, which `warnings` says. Where every
    user ranks the systems alike F is infinite: its p is then the exact one, of all orders being equally likely.

    Raises:
        TrialError: as `scores.checked_scores`; fewer than 3 systems; alpha not between 0 and 1.
    """
    matrix = checked_scores(scores, names, metric=metric)
    n, systems = matrix.shape
    if systems < 3:
        raise TrialError(
            f"ranks of {systems} systems say no more than the sign test",
            allowed="3 systems or more",
            hint="Compare two systems by pairwise(...), with also=('sign',) where wins are the question.",
        )
    if not 0 < alpha < 1:
        raise TrialError(f"alpha is {alpha:g}", allowed="a number between 0 and 1, such as 0.05")
    from scipy import stats

    placed = levels(-matrix if higher_is_better else matrix, np.abs(matrix).max(axis=1))
    table = np.asarray(stats.rankdata(placed, axis=1), dtype=np.float64)
    average = table.mean(axis=0)
    # Without ties a user's ranks spread by K (K^2 - 1) / 12 around their mean.
    tie_share = float(1 - 12 * ((table - (systems + 1) / 2) ** 2).sum() / (n * systems * (systems**2 - 1)))
    friedman, iman_davenport = _omnibus(table, tie_share)
    unit = float(np.sqrt(systems * (systems + 1) / (6 * n)))
    gaps = np.abs(average[:, None] - average) / unit * np.sqrt(2)
    p = np.asarray(stats.studentized_range.sf(gaps, systems, np.inf))
    nemenyi = [[1.0 if i == j else floored(p[i, j]) for j in range(systems)] for i in range(systems)]
    critical = float(stats.studentized_range.ppf(1 - alpha, systems, np.inf)) / np.sqrt(2) * unit
    rank_of = dict(zip(names, average.tolist(), strict=True))
    order = tuple(sorted(names, key=lambda name: rank_of[name]))
    return Ranks(
        names=tuple(names),
        average_ranks=tuple(average.tolist()),
        order=order,
        n=n,
        friedman=friedman,
        iman_davenport=iman_davenport,
        alpha=alpha,
        critical_difference=float(critical),
        nemenyi_p=tuple(tuple(row) for row in nemenyi),
        cliques=cliques(order, lambda a, b: abs(rank_of[a] - rank_of[b]) >= critical),
        tie_share=max(0.0, tie_share),
        warnings=_warnings(n, tie_share),
    )


def _omnibus(table: NDArray[np.float64], tie_share: float) -> tuple[RankTest, RankTest]:
    from scipy import stats

    n, systems = table.shape
    df, df2 = float(systems - 1), float((systems - 1) * (n - 1))
    names = ("Friedman", "Iman-Davenport")
    if tie_share > 1 - 1e-12:
        return RankTest(names[0], 0.0, df, None, 1.0), RankTest(names[1], 0.0, df, df2, 1.0)
    test = stats.friedmanchisquare(*table.T)
    chi2 = float(test.statistic)
    friedman = RankTest(names[0], chi2, df, None, floored(test.pvalue))
    if bool((table == table[0]).all()):
        return friedman, RankTest(names[1], float("inf"), df, df2, _p_of_agreement(table[0], n))
    statistic = (n - 1) * chi2 / (n * df - chi2)
    return friedman, RankTest(names[1], statistic, df, df2, floored(stats.f.sf(statistic, df, df2)))


def _p_of_agreement(row: NDArray[np.float64], n: int) -> float:
    """Return the chance that n users agree on one order where each of its distinct rearrangements is as likely."""
    from scipy.special import gammaln

    _, alike = np.unique(row, return_counts=True)
    orders = gammaln(row.size + 1) - gammaln(alike + 1).sum()
    return floored(float(np.exp((1 - n) * orders)))


def _warnings(n: int, tie_share: float) -> tuple[str, ...]:
    found = [NO_EFFECT_SIZE, POOL]
    if tie_share > TIED:
        found.append(
            f"Ties take {100 * tie_share:.0f} % of the ranks' variance: Nemenyi's test makes no allowance for them and "
            "tells fewer systems apart than it could."
        )
    if n < FEW_USERS:
        found.append(f"Only {n} users: the p-values of ranks are rough.")
    return tuple(found)
