"""Is the trial what it claims to be: did the arms get the units that were planned for them?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from framework.errors import TrialError, did_you_mean

NOTICE = 0.01
ALERT = 0.001


def sample_ratio(counts: Mapping[str, int], shares: Mapping[str, float] | None = None) -> dict[str, Any]:
    """Test the arms' counts against the planned shares (default: equal): chi-square, arms - 1 degrees of freedom.

    `shares` are weights of any scale. Returns {"p_value", "statistic", "level", "counts", "expected", "text"}: level
    is "ok", "notice" (p below 0.01) or "alert" (p below 0.001). Chi-square, since with more than two arms no exact
    test is cheap, and the counts of a trial are large (Fabijan et al. 2019, "Diagnosing sample ratio mismatch").

    Raises:
        TrialError: fewer than two arms, no unit at all, a negative count, shares for other arms or not above 0.
    """
    from scipy import stats

    if len(counts) < 2:
        raise TrialError(f"the sample ratio needs two arms or more, got {', '.join(counts) or 'none'}")
    planned = dict.fromkeys(counts, 1.0) if shares is None else dict(shares)
    for arm in planned:
        if arm not in counts:
            raise TrialError(f"share of unknown arm '{arm}'", allowed=list(counts), hint=did_you_mean(arm, counts))
    for arm, count in counts.items():
        if count < 0:
            raise TrialError(f"arm '{arm}' has {count} units", allowed="0 or more")
        if arm not in planned or not planned[arm] > 0:
            raise TrialError(f"arm '{arm}' has no planned share", allowed="a share above 0 for every arm")
    total = sum(counts.values())
    if total == 0:
        raise TrialError("no arm has any unit")
    weight = sum(planned[arm] for arm in counts)
    expected = {arm: total * planned[arm] / weight for arm in counts}
    test = stats.chisquare(list(counts.values()), list(expected.values()))
    p_value = float(test.pvalue)
    level = "alert" if p_value < ALERT else "notice" if p_value < NOTICE else "ok"
    text = {
        "ok": "The arms have the sizes that were planned.",
        "notice": "The arms' sizes are unusual for the planned shares: check the assignment.",
        "alert": "The arms' sizes do not fit the planned shares: find out why before you trust any effect.",
    }[level]
    return {
        "p_value": p_value,
        "statistic": float(test.statistic),
        "level": level,
        "counts": dict(counts),
        "expected": expected,
        "text": text,
    }
