"""How many logged rows an off-policy estimate needs, by what those at hand show."""

from __future__ import annotations

import math

from framework.errors import TrialError


def rows_for_difference(
    n: float, standard_error: float, difference: float, *, alpha: float = 0.05, power: float = 0.8
) -> float:
    """Return the rows that show a true `difference` in value (a real number: round up), two-sided at `alpha`.

    n ((z_(1 - alpha / 2) + z_power) standard_error / difference)^2, with the standard error that an estimate has at n
    rows: it falls with the square root of n. Take it without the small-sample factor
    (`intervals.standard_error(..., small_sample=False)`), as a formula in n should not carry one of its own. More of
    the same log must be like the log so far: where weights have a heavy tail the answer is too low.

    Raises:
        TrialError: n, standard error or difference not above 0, alpha or power not between 0 and 1.
    """
    from scipy import special

    for name, number in (("rows", n), ("a standard error", standard_error), ("a difference", abs(difference))):
        if not (number > 0 and math.isfinite(number)):
            raise TrialError(f"{name} of {number:g}", allowed="a finite number other than 0")
    for name, share in (("alpha", alpha), ("power", power)):
        if not 0.0 < share < 1.0:
            raise TrialError(f"{name} is {share:g}", allowed="a number between 0 and 1")
    z = -float(special.ndtri(alpha / 2.0)) + float(special.ndtri(power))
    return n * (z * standard_error / difference) ** 2


def difference_for_rows(
    n: float, standard_error: float, rows: float, *, alpha: float = 0.05, power: float = 0.8
) -> float:
    """Return the difference in value that `rows` rows show with `power`: the inverse of `rows_for_difference`."""
    return math.sqrt(rows_for_difference(n, standard_error, 1.0, alpha=alpha, power=power) / rows)
