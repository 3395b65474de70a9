"""Tests that two independent shares are equal: a p-value from four counts, by name."""

from __future__ import annotations

from collections.abc import Callable

from framework.errors import TrialError
from framework.stats.estimates import floored, two_sided
from framework.stats.kinds.counted import Counted
from framework.stats.kinds.exact import TABLES, tables
from framework.stats.kinds.score import score_statistic


def pooled_z(counts: Counted) -> float:
    """The z test with pooled variance (statsmodels' `proportions_ztest`); its square is Pearson's chi-square."""
    return two_sided(counts.difference / counts.pooled_error, None)


def wald(counts: Counted) -> float:
    """The z test with each arm's own variance; the pooled one where neither arm has any spread."""
    error = counts.unpooled_error
    return two_sided(counts.difference / error, None) if error > 0 else pooled_z(counts)


def agresti_caffo(counts: Counted) -> float:
    """Wald's test after one hit and one miss are added to each arm (Agresti and Caffo 2000)."""
    more = Counted(counts.hits_control + 1, counts.n_control + 2, counts.hits_treatment + 1, counts.n_treatment + 2)
    return two_sided(more.difference / more.unpooled_error, None)


def score(counts: Counted) -> float:
    """The score test with N / (N - 1) (Miettinen and Nurminen 1985)."""
    statistic = score_statistic(counts.hits_treatment, counts.n_treatment, counts.hits_control, counts.n_control)
    return two_sided(float(statistic), None)


def pearson(counts: Counted) -> float:
    """Pearson's chi-square without continuity correction."""
    return _chi_square(counts, corrected=False, power="pearson")


def pearson_corrected(counts: Counted) -> float:
    """Pearson's chi-square with Yates' continuity correction (Yates 1934)."""
    return _chi_square(counts, corrected=True, power="pearson")


def likelihood_ratio(counts: Counted) -> float:
    """The likelihood ratio (G) test without continuity correction."""
    return _chi_square(counts, corrected=False, power="log-likelihood")


def likelihood_ratio_corrected(counts: Counted) -> float:
    """The likelihood ratio (G) test with Yates' continuity correction."""
    return _chi_square(counts, corrected=True, power="log-likelihood")


def fisher(counts: Counted) -> float:
    """Fisher's exact test, given both margins: never too small, often too large (Fisher 1935; scipy)."""
    from scipy import stats

    return float(stats.fisher_exact(_table(counts))[1])


def barnard(counts: Counted) -> float:
    """Barnard's exact unconditional test, ordered by the pooled z (Barnard 1947; scipy)."""
    from scipy import stats

    _refuse_large(counts, "barnard")
    return float(stats.barnard_exact(_table(counts)).pvalue)


def boschloo(counts: Counted) -> float:
    """Boschloo's exact unconditional test, ordered by Fisher's p, uniformly stronger than it (Boschloo 1970; scipy)."""
    from scipy import stats

    _refuse_large(counts, "boschloo")
    return float(stats.boschloo_exact(_table(counts)).pvalue)


TESTS: dict[str, Callable[[Counted], float]] = {
    "pooled_z": pooled_z,
    "wald": wald,
    "agresti_caffo": agresti_caffo,
    "score": score,
    "pearson": pearson,
    "pearson_corrected": pearson_corrected,
    "likelihood_ratio": likelihood_ratio,
    "likelihood_ratio_corrected": likelihood_ratio_corrected,
    "fisher": fisher,
    "barnard": barnard,
    "boschloo": boschloo,
}
"""The tests by name; ask them through `p_value`."""

EXACT = ("fisher", "barnard", "boschloo")
"""Tests that hold their size in arms of any size."""


def p_value(counts: Counted, test: str) -> float:
    """Return the named test's two-sided p-value: never 0, and 1 where all units of both arms agree.

    Raises:
        TrialError: Barnard's or Boschloo's test with more tables than `exact.TABLES`.
    """
    return 1.0 if counts.all_agree else floored(TESTS[test](counts))


def _table(counts: Counted) -> list[list[int]]:
    """Arms are columns, as scipy's unconditional tests want them."""
    return [
        [counts.hits_treatment, counts.hits_control],
        [counts.n_treatment - counts.hits_treatment, counts.n_control - counts.hits_control],
    ]


def _chi_square(counts: Counted, *, corrected: bool, power: str) -> float:
    from scipy import stats

    return float(stats.chi2_contingency(_table(counts), correction=corrected, lambda_=power).pvalue)


def _refuse_large(counts: Counted, test: str) -> None:
    if tables(counts) > TABLES:
        raise TrialError(
            f"the {test} test of {counts.n_control} and {counts.n_treatment} units would weigh {tables(counts)} tables",
            allowed=f"up to {TABLES} tables",
            hint="Use 'score', or 'fisher' where the test must be exact.",
        )
