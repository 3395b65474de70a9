"""P-values adjusted for how many there are, by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from framework.errors import TrialError, did_you_mean

Floats = NDArray[np.float64]


def adjust(p_values: Sequence[float], method: str, *, alpha: float = 0.05) -> tuple[float, ...]:
    """Return the family's p-values adjusted by the method of that name in `CORRECTIONS`, in the order given.

    A hypothesis is rejected where its adjusted p-value is at most the level. `alpha` is that level; only the two-stage
    methods use it, and what they return holds at that level alone.

    Raises:
        TrialError: for an unknown method, and for p-values that are missing or outside [0, 1]. A family with a hole is
            never corrected around it.
    """
    if method not in CORRECTIONS:
        raise TrialError(
            f"correction '{method}' is unknown", allowed=CORRECTIONS, hint=did_you_mean(str(method), CORRECTIONS)
        )
    function = CORRECTIONS[method]
    return partial(function, alpha=alpha)(p_values) if method in AT_ALPHA else function(p_values)


def checked_p_values(p_values: Sequence[float]) -> Floats:
    """Return the p-values as an array of shape (m,).

    Raises:
        TrialError: naming the first that is missing or outside [0, 1], or where they are not one list.
    """
    p = np.asarray(p_values, dtype=np.float64)
    if p.ndim != 1:
        raise TrialError(f"p-values have shape {p.shape}", allowed="one list of p-values, shape (m,)")
    wrong = np.flatnonzero(~((p >= 0) & (p <= 1)))
    if wrong.size:
        raise TrialError(
            f"p-value {wrong[0] + 1} of {p.size} is {p[wrong[0]]:g}, so the family cannot be corrected",
            allowed="numbers from 0 to 1",
            hint="Leave the comparison out before the correction, or repair its estimate.",
        )
    return p


def bonferroni(p_values: Sequence[float]) -> tuple[float, ...]:
    """Return p-values times their number: keeps the family-wise error under any dependence."""
    p = checked_p_values(p_values)
    return _as_tuple(np.minimum(1.0, p * p.size))


def sidak(p_values: Sequence[float]) -> tuple[float, ...]:
    """Return 1 - (1 - p)^m, exact for the family-wise error of independent tests (Sidak 1967)."""
    p = checked_p_values(p_values)
    return _as_tuple(_sidak(p, np.full(p.size, p.size)))


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Return p-values adjusted to keep the family-wise error under any dependence (Holm 1979).

    Written out, since statsmodels' multipletests runs a full garbage collection (0.1 s) at every call, which ten
    thousand replications of a trial cannot afford; the tests hold it to multipletests.
    """
    return _step_down(checked_p_values(p_values), lambda p, left: p * left)


def holm_sidak(p_values: Sequence[float]) -> tuple[float, ...]:
    """Return Holm's step-down with Sidak's levels: for independent or positively dependent tests (Holland 1987)."""
    return _step_down(checked_p_values(p_values), _sidak)


def hochberg(p_values: Sequence[float]) -> tuple[float, ...]:
    """Return Holm's levels taken from the largest p-value up: keeps the family-wise error where Simes' test does.

    That is for independent tests and for common positive dependence (Hochberg 1988; Sarkar 1998). It rejects all that
    Holm rejects. statsmodels calls it simes-hochberg.
    """
    return _step_up(checked_p_values(p_values), lambda p, left: p * left)


def hochberg_sidak(p_values: Sequence[float]) -> tuple[float, ...]:
    """Return the step-up with Sidak's levels, for independent tests; tea-tasting's method 'sidak' of its step-up.

    Sidak's levels lie a little above Hochberg's, whose proof does not cover them: the family-wise error is largest for
    two tests, 0.0506 at alpha 0.05, and falls to alpha as tests are added.
    """
    return _step_up(checked_p_values(p_values), _sidak)


def hommel(p_values: Sequence[float]) -> tuple[float, ...]:
    """Return the closed Simes test (Hommel 1988; statsmodels'): assumes what `hochberg` does, rejects no less."""
    return _multipletests(checked_p_values(p_values), "hommel", 0.05)


def benjamini_hochberg(p_values: Sequence[float]) -> tuple[float, ...]:
    """Return p-values adjusted to keep the false discovery rate (Benjamini and Hochberg 1995; scipy's, called)."""
    return _false_discovery(checked_p_values(p_values), "bh")


def benjamini_yekutieli(p_values: Sequence[float]) -> tuple[float, ...]:
    """Return the same under any dependence (Benjamini and Yekutieli 2001; scipy's): times 1 + 1/2 + ... + 1/m."""
    return _false_discovery(checked_p_values(p_values), "by")


def two_stage_bh(p_values: Sequence[float], alpha: float = 0.05) -> tuple[float, ...]:
    """Return Benjamini-Hochberg with the number of true nulls estimated by a first stage at `alpha` (statsmodels').

    What is returned is to be compared with `alpha` and no other level, and can lie below the raw p-value.
    """
    return _multipletests(checked_p_values(p_values), "fdr_tsbh", alpha)


def two_stage_bky(p_values: Sequence[float], alpha: float = 0.05) -> tuple[float, ...]:
    """Return the two-stage step-up with a proof for independent tests (Benjamini, Krieger, Yekutieli 2006, def. 6).

    As for `two_stage_bh`, compare with `alpha` only.
    """
    return _multipletests(checked_p_values(p_values), "fdr_tsbky", alpha)


CORRECTIONS: dict[str, Callable[..., tuple[float, ...]]] = {
    "bonferroni": bonferroni,
    "sidak": sidak,
    "holm": holm,
    "holm_sidak": holm_sidak,
    "hochberg": hochberg,
    "hochberg_sidak": hochberg_sidak,
    "hommel": hommel,
    "benjamini_hochberg": benjamini_hochberg,
    "benjamini_yekutieli": benjamini_yekutieli,
    "two_stage_bh": two_stage_bh,
    "two_stage_bky": two_stage_bky,
}
"""Every correction by its name in a config."""

AT_ALPHA = ("two_stage_bh", "two_stage_bky")
"""Corrections whose adjusted p-values hold at one level only."""

KEEPS: dict[str, str] = {
    "bonferroni": "family-wise error, any dependence",
    "sidak": "family-wise error, independent tests",
    "holm": "family-wise error, any dependence",
    "holm_sidak": "family-wise error, independent or positively dependent tests",
    "hochberg": "family-wise error, independent or positively dependent tests",
    "hochberg_sidak": "family-wise error, independent tests, nearly",
    "hommel": "family-wise error, independent or positively dependent tests",
    "benjamini_hochberg": "false discovery rate, independent or positively dependent tests",
    "benjamini_yekutieli": "false discovery rate, any dependence",
    "two_stage_bh": "false discovery rate, independent tests, nearly",
    "two_stage_bky": "false discovery rate, independent tests",
}
"""What each correction keeps at the level, and under which dependence of the tests."""


def _as_tuple(adjusted: Floats) -> tuple[float, ...]:
    return tuple(adjusted.tolist())


def _sidak(p: Floats, count: Floats) -> Floats:
    """Return 1 - (1 - p)^count without losing small p-values to rounding."""
    with np.errstate(divide="ignore"):
        return np.asarray(-np.expm1(count * np.log1p(-p)), dtype=np.float64)


def _step_down(p: Floats, level: Callable[[Floats, Floats], Floats]) -> tuple[float, ...]:
    """Return running maxima from the smallest p-value; `level(p, left)` adjusts for the tests that are left."""
    order = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p)
    stepped = level(p[order], np.arange(p.size, 0.0, -1.0))
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(stepped)) if p.size else stepped
    return _as_tuple(adjusted)


def _step_up(p: Floats, level: Callable[[Floats, Floats], Floats]) -> tuple[float, ...]:
    """Return running minima from the largest p-value."""
    order = np.argsort(-p, kind="stable")
    adjusted = np.empty_like(p)
    stepped = level(p[order], np.arange(1.0, p.size + 1.0))
    adjusted[order] = np.minimum(1.0, np.minimum.accumulate(stepped)) if p.size else stepped
    return _as_tuple(adjusted)


def _false_discovery(p: Floats, method: str) -> tuple[float, ...]:
    from scipy import stats

    return _as_tuple(stats.false_discovery_control(p, method=method)) if p.size else ()


def _multipletests(p: Floats, method: str, alpha: float) -> tuple[float, ...]:
    from statsmodels.stats.multitest import multipletests

    if not 0 < alpha < 1:
        raise TrialError(f"alpha is {alpha:g}", allowed="a number between 0 and 1, such as 0.05")
    if not p.size:
        return ()
    return _as_tuple(np.asarray(multipletests(p, alpha=alpha, method=method)[1], dtype=np.float64))
