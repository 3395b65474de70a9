"""Units whose outcome was not seen: are they equally many in all arms, and few?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.errors import TrialError, did_you_mean
from framework.stats.estimates import floored
from framework.stats.health.sample_ratio import FEW_EXPECTED, level_of

MANY = 0.05
"""Share of missing outcomes from which an equal share in all arms is worth a notice too."""
TOO_MANY = 0.2
"""Share from which it is an alert: what is missing can then outweigh the effect (Schulz and Grimes 2002, 5 and 20)."""

RANK = {"ok": 0, "notice": 1, "alert": 2}


@dataclass(frozen=True)
class Missing:
    """Missing outcomes by arm: `shares` (0 to 1), and the test that all arms miss equally often.

    `level` is the worse of the test's (p below 0.01: notice, below 0.001: alert) and the largest share's (from 5 %:
    notice, from 20 %: alert). Equal shares do not prove that the same kind of unit is missing in every arm.
    """

    missing: dict[str, int]
    totals: dict[str, int]
    shares: dict[str, float]
    statistic: float | None
    p_value: float
    method: str
    level: str
    text: str


def missing_outcomes(missing: Mapping[str, int], totals: Mapping[str, int]) -> Missing:
    """Test whether the arms miss outcomes equally often: `missing` of `totals` units an arm.

    Chi-square with arms - 1 degrees of freedom, uncorrected; Fisher's exact test with two arms where a cell expects
    fewer than 5 units. Nothing missing, or everything: p is 1.

    Raises:
        TrialError: fewer than two arms, arms of one mapping that the other lacks, no unit in an arm, more missing than
            there are, a negative count.
    """
    from scipy import stats

    _check(missing, totals)
    arms = list(totals)
    table = np.array([[missing[arm], totals[arm] - missing[arm]] for arm in arms])
    statistic, p_value, method = None, 1.0, "nothing to test"
    if bool(table.sum(axis=0).all()):
        expected = stats.contingency.expected_freq(table)
        if table.shape[0] == 2 and float(expected.min()) < FEW_EXPECTED:
            p_value, method = floored(stats.fisher_exact(table).pvalue), "Fisher"
        else:
            test = stats.chi2_contingency(table, correction=False)
            statistic, p_value, method = float(test.statistic), floored(test.pvalue), "chi-square"
    shares = {arm: missing[arm] / totals[arm] for arm in arms}
    tested, largest = level_of(p_value), max(shares.values())
    amount = "alert" if largest >= TOO_MANY else "notice" if largest >= MANY else "ok"
    level = max(tested, amount, key=RANK.__getitem__)
    said = ", ".join(f"{arm} {share:.2%}" for arm, share in shares.items())
    text = f"Missing outcomes: {said} (equally often in all arms: p {p_value:.2g})."
    if tested != "ok":
        text += " The arms miss unequally often: those who are left are not comparable; read the worst-case bounds."
    elif amount != "ok":
        text += " Equally many can still be of different kinds: read the worst-case bounds."
    return Missing(dict(missing), dict(totals), shares, statistic, p_value, method, level, text)


def seen(outcomes: NDArray[np.floating]) -> tuple[int, int]:
    """Return (missing, total) of outcomes (n,) in which nan stands for a missing one."""
    return int(np.isnan(outcomes).sum()), int(outcomes.size)


def _check(missing: Mapping[str, int], totals: Mapping[str, int]) -> None:
    if len(totals) < 2:
        raise TrialError(f"missing outcomes of {', '.join(totals) or 'no arm'}", allowed="two arms or more")
    for arm in missing:
        if arm not in totals:
            raise TrialError(f"missing outcomes of unknown arm '{arm}'", allowed=totals, hint=did_you_mean(arm, totals))
    for arm, total in totals.items():
        if arm not in missing:
            raise TrialError(f"arm '{arm}' does not say how many outcomes are missing")
        if total < 1 or not 0 <= missing[arm] <= total:
            raise TrialError(
                f"arm '{arm}' misses {missing[arm]} of {total} outcomes", allowed="0 to all of one unit or more"
            )
