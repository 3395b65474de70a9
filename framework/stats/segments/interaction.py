"""Do segments respond differently at all? To be asked before any segment's own effect is claimed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.errors import TrialError
from framework.stats.effects import Effect
from framework.stats.estimates import floored


@dataclass(frozen=True)
class InteractionTest:
    """A test of "the effect is the same in all segments" (or of the null that `method` names).

    `df` are the degrees of freedom of the statistic, `df_denominator` those below an F (None: chi-square, or a mixture
    of them). `heterogeneity` is Higgins' I^2, the share of the spread between segments that chance does not explain
    (None where the method has none).
    """

    statistic: float
    df: float
    df_denominator: float | None
    p_value: float
    heterogeneity: float | None
    method: str
    text: str


def interaction(
    estimates: Sequence[float] | NDArray[np.floating],
    standard_errors: Sequence[float] | NDArray[np.floating] | None = None,
    *,
    covariances: NDArray[np.floating] | None = None,
    df: Sequence[float | None] | None = None,
    alpha: float = 0.05,
) -> InteractionTest:
    """Wald test that K segments share one effect, from their estimates (K,) and standard errors (K,).

    Variances may differ between segments and arms, and estimates may be of means, proportions or ratios: Cochran's Q,
    chi-square with K - 1. With several treatments, `estimates` are (K, a) and `covariances` (K, a, a): then (K - 1) a
    degrees of freedom. Where `df` (K,) gives the degrees of freedom behind each error (`Effect.df`; None: normal), the
    test is Welch's F (Welch 1951, "On the comparison of several mean values"), which keeps its size in small segments,
    where Q rejects too often; it then takes one treatment only.

    Raises:
        TrialError: fewer than 2 segments, shapes that do not fit, numbers that are not finite, a segment whose error is
            0 (or whose covariance is not positive definite), df below 1, or df given with covariances.
    """
    y, variance = _fit(estimates, standard_errors, covariances)
    k, treatments = y.shape
    unit = float(np.sqrt(np.einsum("kaa->ka", variance).min()))
    y, precision = y / unit, np.linalg.inv(variance / unit**2)
    total = precision.sum(axis=0)
    common = np.linalg.solve(total, np.einsum("kab,kb->a", precision, y))
    gap = y - common
    q = float(np.einsum("ka,kab,kb->", gap, precision, gap))
    freedom = (k - 1) * treatments
    spread = max(0.0, 1 - freedom / q) if q > 0 else 0.0
    if df is None:
        return _tested(q, freedom, None, spread, "Cochran's Q", alpha)
    if treatments > 1 or len(df) != k:
        raise TrialError(f"{len(df)} degrees of freedom for {k} segments", allowed="one a segment, one treatment")
    below = np.array([np.inf if one is None else float(one) for one in df])
    if not bool((below >= 1).all()):
        raise TrialError(f"degrees of freedom of {below.min():g}", allowed="1 or more, None for a normal reference")
    weights = precision[:, 0, 0]
    strain = float(((1 - weights / weights.sum()) ** 2 / below).sum())
    statistic = q / (k - 1) / (1 + 2 * (k - 2) / (k**2 - 1) * strain)
    denominator = (k**2 - 1) / (3 * strain) if strain > 0 else None
    if denominator is None:
        return _tested(q, freedom, None, spread, "Cochran's Q", alpha)
    return _tested(statistic, k - 1, denominator, spread, "Welch F", alpha)


def interaction_of_effects(effects: Sequence[Effect], *, alpha: float = 0.05) -> InteractionTest:
    """Return `interaction` of the segments' effects of one metric and one pair of arms.

    Raises:
        TrialError: effects of several metrics, arms or kinds of evidence, or of no segment or the same one twice.
    """
    if len({(effect.metric, effect.control, effect.treatment, effect.evidence) for effect in effects}) != 1:
        raise TrialError("effects of several metrics, arms or kinds of evidence", allowed="one of each, by segment")
    names = [effect.segment for effect in effects]
    if None in names or len(set(names)) != len(names):
        raise TrialError(f"segments {', '.join(str(name) for name in names)}", allowed="every segment once")
    return interaction(
        [effect.estimate for effect in effects],
        [effect.standard_error for effect in effects],
        df=[effect.df for effect in effects],
        alpha=alpha,
    )


def classical_interaction(
    n: NDArray[np.integer] | NDArray[np.floating],
    means: NDArray[np.floating],
    deviations: NDArray[np.floating],
    *,
    alpha: float = 0.05,
) -> InteractionTest:
    """Classical F test of segment x arm (ordinary least squares), from counts, means and sums of squared deviations.

    All arrays are (K, A): segments x arms. The full model has a mean for each cell, the reduced one adds a segment and
    an arm (type II and III agree on this term). One variance is assumed in all cells: where segments or arms differ in
    spread, `interaction` is the honest test. Cells without units are left out.

    Raises:
        TrialError: shapes that do not fit, negative or non-finite numbers, no interaction to test, no unit left for the
            variance, no spread within any cell.
    """
    size, mean, squares = (np.asarray(numbers, dtype=np.float64) for numbers in (n, means, deviations))
    if not (size.ndim == 2 and size.shape == mean.shape == squares.shape and min(size.shape) >= 2):
        raise TrialError(
            f"counts {size.shape}, means {mean.shape}, deviations {squares.shape}",
            allowed="one shape, (segments, arms), 2 of each or more",
        )
    there = size > 0
    if not (np.isfinite(mean[there]).all() and (squares[there] >= 0).all() and (size >= 0).all()):
        raise TrialError("counts, means or squared deviations are negative or not finite")
    rows, columns = np.nonzero(there)
    weights, cell = np.sqrt(size[there]), mean[there]
    additive = np.zeros((rows.size, sum(size.shape)))
    additive[np.arange(rows.size), rows] = 1.0
    additive[np.arange(rows.size), size.shape[0] + columns] = 1.0
    # Around the grand mean, so that a metric's level costs no digits.
    centred = (cell - np.average(cell, weights=size[there])) * weights
    fit, _, rank, _ = np.linalg.lstsq(additive * weights[:, None], centred, rcond=None)
    between = float(((centred - (additive * weights[:, None]) @ fit) ** 2).sum())
    above, below = int(rows.size - rank), int(size.sum() - rows.size)
    within = float(squares[there].sum())
    if above < 1 or below < 1 or within <= 0:
        raise TrialError(
            f"{above} and {below} degrees of freedom, {within:g} squared deviations within cells",
            allowed="two segments seen under two arms, more units than cells, some spread",
        )
    return _tested(between / above / (within / below), above, float(below), None, "classical F", alpha)


def qualitative_interaction(
    estimates: Sequence[float] | NDArray[np.floating],
    standard_errors: Sequence[float] | NDArray[np.floating],
    *,
    alpha: float = 0.05,
) -> InteractionTest:
    """Test that the effect has the same sign in all K segments, so that one strategy is right for everybody.

    Gail and Simon 1985, "Testing for qualitative interactions between treatment effects and patient subsets": the
    smaller of the squared z added up over positive and over negative estimates, against a mixture of chi-squares
    (eq. 2.3). A crossover is much harder to show than a difference of size.

    Raises:
        TrialError: as `interaction`.
    """
    from scipy import stats

    y, variance = _fit(estimates, standard_errors, None)
    z = y[:, 0] / np.sqrt(variance[:, 0, 0])
    smaller = float(min((z[z > 0] ** 2).sum(), (z[z < 0] ** 2).sum()))
    p_value = 1.0
    if smaller > 0:
        freedom = np.arange(1, z.size)
        p_value = floored((stats.binom.pmf(freedom, z.size - 1, 0.5) * stats.chi2.sf(smaller, freedom)).sum())
    found = p_value <= alpha
    text = (
        f"The effect changes its sign between segments (p {p_value:.2g}): who gets what matters."
        if found
        else f"No change of sign between segments is shown (p {p_value:.2g}): one strategy for all may do."
    )
    return InteractionTest(smaller, float(z.size - 1), None, p_value, None, "Gail-Simon", text)


def _tested(
    statistic: float, df: float, df_denominator: float | None, spread: float | None, method: str, alpha: float
) -> InteractionTest:
    from scipy import stats

    tail = stats.chi2.sf(statistic, df) if df_denominator is None else stats.f.sf(statistic, df, df_denominator)
    p_value = floored(tail)
    text = (
        f"Segments respond differently (p {p_value:.2g}): their own effects may be read, corrected and shrunk."
        if p_value <= alpha
        else f"No difference between segments is shown (p {p_value:.2g}): the overall effect serves all of them."
    )
    return InteractionTest(statistic, float(df), df_denominator, p_value, spread, method, text)


def _fit(
    estimates: Sequence[float] | NDArray[np.floating],
    standard_errors: Sequence[float] | NDArray[np.floating] | None,
    covariances: NDArray[np.floating] | None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    y = np.asarray(estimates, dtype=np.float64)
    y = y[:, None] if y.ndim == 1 else y
    if (standard_errors is None) == (covariances is None):
        raise TrialError("standard errors and covariances", allowed="one of the two")
    if standard_errors is not None:
        errors = np.asarray(standard_errors, dtype=np.float64)
        variance = errors[:, None, None] ** 2 if errors.ndim == 1 else np.empty(0)
    else:
        variance = np.asarray(covariances, dtype=np.float64)
    if y.ndim != 2 or variance.shape != (*y.shape, y.shape[1]):
        raise TrialError(
            f"estimates of shape {y.shape}, variances of shape {variance.shape}",
            allowed="(K,) estimates and errors, or (K, a) estimates and (K, a, a) covariances",
        )
    if y.shape[0] < 2:
        raise TrialError(f"{y.shape[0]} segments cannot differ", allowed="2 segments or more")
    if not (np.isfinite(y).all() and np.isfinite(variance).all()):
        raise TrialError("estimates or errors are missing or infinite", allowed="finite numbers")
    scale = np.sqrt(np.einsum("kaa->ka", variance))
    if not bool((scale > 0).all()):
        raise TrialError("a segment has no standard error", hint="Leave out segments without spread, or merge them.")
    if np.linalg.eigvalsh(variance / (scale[:, :, None] * scale[:, None, :])).min() <= 0:
        raise TrialError("a segment's covariance is not positive definite")
    return y, variance
