"""Mann-Whitney's rank test: which arm's units tend to be higher. Only where that is the question."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from framework.errors import TrialError
from framework.stats.estimates import Estimate, floored, quantile
from framework.stats.kinds.inversion import accepted

ANOTHER_QUESTION = (
    "The rank test asks which arm's units tend to be higher, not which mean or total is: it can be significant where "
    "the means agree, and say the opposite of them. Do not read it as a test of the metric."
)


def mann_whitney(control: ArrayLike, treatment: ArrayLike, confidence: float = 0.95) -> Estimate:
    """Return P(treatment's unit higher) - P(control's unit higher), between -1 and 1, of two independent arms (n,).

    p is Mann and Whitney's (1947), for equal distributions: exact for small arms without ties, else normal with tie
    and continuity corrections (scipy.stats.mannwhitneyu). Error and interval are Brunner and Munzel's (2000), which
    hold where the distributions differ (statsmodels' `rank_compare_2indep`, t); they can disagree with p in a close
    call, or where the arms' spreads differ. Arms that do not overlap leave no spread: the interval is then Newcombe's
    (2006). Always warns: it is no test of means.

    Raises:
        TrialError: values that are not finite, or fewer than 2 in an arm.
    """
    from scipy import stats
    from statsmodels.stats.nonparametric import rank_compare_2indep

    y, x = (np.asarray(values, dtype=np.float64) for values in (control, treatment))
    for arm, values in (("control", y), ("treatment", x)):
        if values.ndim != 1 or values.size < 2 or not bool(np.isfinite(values).all()):
            raise TrialError(
                f"arm '{arm}': values of shape {values.shape} cannot be ranked",
                allowed="finite numbers, one a unit, 2 units or more",
            )
    test = stats.mannwhitneyu(x, y, alternative="two-sided")
    difference = 2 * float(test.statistic) / (x.size * y.size) - 1
    p_value = floored(test.pvalue) if np.isfinite(test.pvalue) else 1.0
    method = "Mann-Whitney, Brunner-Munzel interval"
    if abs(difference) == 1 or np.unique(np.concatenate([x, y])).size == 1:
        text = "The arms do not overlap, or all values are equal: the interval is Newcombe's, which needs no spread."
        low, high = _newcombe(difference, y.size, x.size, confidence)
        return Estimate(difference, 0.0, low, high, p_value, None, method, (ANOTHER_QUESTION, text))
    ranks = rank_compare_2indep(x, y)
    low, high = ranks.conf_int(alpha=1 - confidence)
    return Estimate(
        difference=difference,
        standard_error=2 * float(np.sqrt(ranks.var_prob)),
        ci_low=max(-1.0, 2 * float(low) - 1),
        ci_high=min(1.0, 2 * float(high) - 1),
        p_value=p_value,
        df=float(ranks.df),
        method=method,
        warnings=(ANOTHER_QUESTION,),
    )


def _newcombe(difference: float, n_control: int, n_treatment: int, confidence: float) -> tuple[float, float]:
    """Invert the score-like test of Newcombe (2006, part 2, method 5), whose variance is that of the tested value."""

    def statistic(value: float) -> float:
        above = (1 + value) / 2
        shared = (n_control + n_treatment) / 2 - 1
        size = 1 + shared * ((1 - above) / (2 - above) + above / (1 + above))
        error = 2 * float(np.sqrt(above * (1 - above) * size / (n_control * n_treatment)))
        if error == 0:
            return 0.0 if value == difference else float("inf")
        return (difference - value) / error

    return accepted(statistic, difference, -1.0, 1.0, quantile(confidence, None))
