"""Two arms without any spread: what remains to be said of their difference."""

from __future__ import annotations

import math

from framework.stats.estimates import floored


def permutation_p(difference: float, n_control: int, n_treatment: int) -> float:
    """Return the permutation test's two-sided p where each arm's units are all alike.

    1 where the arms do not differ; else only one split of the units, and its mirror image, shows this difference:
    p = 2 / (n choose n_treatment).
    """
    from scipy.special import gammaln

    if difference == 0:
        return 1.0
    splits = gammaln(n_control + n_treatment + 1) - gammaln(n_control + 1) - gammaln(n_treatment + 1)
    return floored(2 * math.exp(-float(splits)))
