"""Tests of something else than the mean, on request: Wilcoxon's signed ranks and the sign test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.errors import TrialError, did_you_mean
from framework.stats.estimates import floored
from framework.stats.systems.scores import levels

PSEUDOMEDIAN = (
    "Wilcoxon's signed-rank test is about the pseudomedian of the users' differences (the mean only where they are "
    "symmetric): with many equal users and rare large wins it can contradict the mean, which is what a launch moves."
)
SIGN = (
    "The sign test is about how many users gain or lose, not by how much: it can contradict the mean, which is what a "
    "launch moves."
)


@dataclass(frozen=True)
class OtherTest:
    """One test of another hypothesis than equal means.

    `hypothesis` is what its p-value refutes; `statistic` is the smaller rank sum (Wilcoxon) or the number of users who
    gain (sign test); `used` users carry it, `ties` differ by nothing. `p_adjusted` is Holm's over the same family.
    """

    name: str
    hypothesis: str
    statistic: float
    p_value: float
    used: int
    ties: int
    warning: str
    p_adjusted: float | None = None


def wilcoxon(differences: NDArray[np.float64], scale: float, zero_method: str = "wilcox") -> OtherTest:
    """Return Wilcoxon's signed-rank test (Wilcoxon 1945; scipy.stats.wilcoxon: exact for few users, else normal).

    `differences` (n,) are treatment less control, `scale` the size of the scores, below whose rounding a difference is
    none. `zero_method` "wilcox" leaves users without a difference out, "pratt" ranks them and then leaves them out
    (Pratt 1959).
    """
    from scipy import stats

    signed = _signed_levels(differences, scale)
    ties = int((signed == 0).sum())
    statistic, p_value = 0.0, 1.0
    if ties < signed.size:
        test = stats.wilcoxon(signed, zero_method=zero_method)
        statistic, p_value = float(test.statistic), floored(test.pvalue)
    return OtherTest(
        name=f"Wilcoxon signed-rank, zeros by {zero_method.capitalize()}",
        hypothesis="the differences are symmetric around 0 (their pseudomedian is 0)",
        statistic=statistic,
        p_value=p_value,
        used=signed.size - (ties if zero_method == "wilcox" else 0),
        ties=ties,
        warning=PSEUDOMEDIAN,
    )


def sign_test(differences: NDArray[np.float64], scale: float) -> OtherTest:
    """Return the exact sign test, users without a difference left out (Arbuthnott 1710; scipy.stats.binomtest)."""
    from scipy import stats

    signed = _signed_levels(differences, scale)
    gains, losses = int((signed > 0).sum()), int((signed < 0).sum())
    p_value = floored(stats.binomtest(gains, gains + losses).pvalue) if gains + losses else 1.0
    return OtherTest(
        name="sign test",
        hypothesis="a user who differs gains as often as loses",
        statistic=float(gains),
        p_value=p_value,
        used=gains + losses,
        ties=signed.size - gains - losses,
        warning=SIGN,
    )


OTHER_TESTS: dict[str, Callable[[NDArray[np.float64], float], OtherTest]] = {
    "wilcoxon": wilcoxon,
    "pratt": lambda differences, scale: wilcoxon(differences, scale, "pratt"),
    "sign": sign_test,
}
"""What may be asked for by name."""


def other_test(name: str, differences: NDArray[np.float64], scale: float) -> OtherTest:
    """Return the test of `OTHER_TESTS` called `name`.

    Raises:
        TrialError: where there is none of that name.
    """
    if name not in OTHER_TESTS:
        raise TrialError(f"test '{name}' is unknown", allowed=OTHER_TESTS, hint=did_you_mean(name, OTHER_TESTS))
    return OTHER_TESTS[name](differences, scale)


def _signed_levels(differences: NDArray[np.float64], scale: float) -> NDArray[np.float64]:
    """Return whole numbers that rank and tie as the differences do, 0 where they are rounding only."""
    sizes = levels(np.append(np.abs(differences), 0.0), scale)[:-1]
    return np.asarray(np.sign(differences) * sizes, dtype=np.float64)
