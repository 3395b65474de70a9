"""Is the trial what it claims to be: did the arms get the units that were planned for them?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from framework.errors import TrialError, did_you_mean
from framework.stats.estimates import floored
from framework.stats.health.exact_counts import exact_p
from framework.stats.multiplicity.adjust import benjamini_hochberg, holm

NOTICE = 0.01
ALERT = 0.001
FEW_EXPECTED = 5.0
"""Expected units in an arm below which chi-square is rough and the exact test takes its place (Cochran 1954)."""

METHODS = ("auto", "chi-square", "corrected", "exact")
CORRECTIONS = {"holm": holm, "benjamini-hochberg": benjamini_hochberg}

TEXTS = {
    "ok": "The arms have the sizes that were planned.",
    "notice": "The arms' sizes are unusual for the planned shares: check the assignment.",
    "alert": "The arms' sizes do not fit the planned shares: find out why before you trust any effect.",
    "untested": "Fewer than two arms, or no unit: nothing to test.",
}


def sample_ratio(
    counts: Mapping[str, int], shares: Mapping[str, float] | None = None, *, method: str = "auto"
) -> dict[str, Any]:
    """Test the arms' counts against the planned shares (default: equal).

    `shares` are weights of any scale. Returns {"p_value", "statistic", "level", "method", "counts", "expected",
    "text"}: level is "ok", "notice" (p below 0.01) or "alert" (p below 0.001). `method`:
    - "chi-square": arms - 1 degrees of freedom (Fabijan et al. 2019, "Diagnosing sample ratio mismatch");
    - "corrected": two arms, chi-square with Yates' continuity correction, as tea-tasting tests large samples;
    - "exact": binomial with two arms, multinomial with more (`exact_counts.exact_p`);
    - "auto": chi-square, and exact where an arm expects fewer than 5 units and the exact test is cheap enough.

    Raises:
        TrialError: fewer than two arms, no unit at all, a negative count, shares for other arms or not above 0, an
            unknown method, "corrected" with more than two arms, "exact" with too many outcomes to enumerate.
    """
    if method not in METHODS:
        raise TrialError(f"method '{method}' is unknown", allowed=METHODS, hint=did_you_mean(method, METHODS))
    expected = _expected(counts, shares)
    total = sum(counts.values())
    statistic = sum((count - expected[arm]) ** 2 / expected[arm] for arm, count in counts.items())
    small = min(expected.values()) < FEW_EXPECTED
    p_value = None
    if method == "exact" or (method == "auto" and small):
        p_value = exact_p(np.array(list(counts.values())), np.array([expected[arm] / total for arm in counts]))
        if p_value is None and method == "exact":
            raise TrialError(
                f"{total} units in {len(counts)} arms have too many outcomes for an exact test",
                hint="Use method 'chi-square'.",
            )
    used = "chi-square" if p_value is None else "exact"
    if method == "corrected":
        statistic, used = _corrected(counts, expected), "corrected"
    if p_value is None:
        p_value = _tail(statistic, len(counts) - 1)
    level = level_of(p_value)
    return {
        "p_value": p_value,
        "statistic": float(statistic),
        "level": level,
        "method": used,
        "counts": dict(counts),
        "expected": expected,
        "text": TEXTS[level],
    }


def sample_ratio_by_segment(
    counts: Mapping[str, Mapping[str, int]],
    shares: Mapping[str, float] | None = None,
    *,
    correction: str = "holm",
) -> dict[str, dict[str, Any]]:
    """Test every segment's arms against the planned shares; levels come from p corrected over the segments.

    `counts` maps a segment to its arms' counts. Each segment gets what `sample_ratio` returns, with its uncorrected
    "p_value" and with "p_adjusted" ("holm", since a false alarm in any segment stops the trial, or
    "benjamini-hochberg"), on which "level" rests. A segment without any unit is "untested" and not counted.

    Raises:
        TrialError: as `sample_ratio`, naming the segment; an unknown correction; no segment.
    """
    if correction not in CORRECTIONS:
        raise TrialError(
            f"correction '{correction}' is unknown", allowed=CORRECTIONS, hint=did_you_mean(correction, CORRECTIONS)
        )
    if not counts:
        raise TrialError("no segment to test", allowed="one segment or more with its arms' counts")
    found: dict[str, dict[str, Any]] = {}
    for segment, arms in counts.items():
        if arms and not any(arms.values()):
            found[segment] = {"p_value": None, "p_adjusted": None, "level": "untested", "counts": dict(arms)}
            found[segment]["text"] = f"{segment}: {TEXTS['untested']}"
            continue
        try:
            found[segment] = sample_ratio(arms, shares)
        except TrialError as error:
            raise TrialError(f"segment '{segment}': {error.what}", allowed=error.allowed, hint=error.hint) from error
    tested = [segment for segment in found if found[segment]["p_value"] is not None]
    adjusted = CORRECTIONS[correction]([found[segment]["p_value"] for segment in tested])
    for segment, p_adjusted in zip(tested, adjusted, strict=True):
        level = level_of(p_adjusted)
        found[segment]["p_adjusted"] = p_adjusted
        found[segment]["level"] = level
        raw = found[segment]["p_value"]
        said = f"p {raw:.2g}, {p_adjusted:.2g} over {len(tested)} segments"
        found[segment]["text"] = f"{segment}: {TEXTS[level]} ({said})"
    return found


def level_of(p_value: float) -> str:
    """Return "ok", "notice" (below 0.01) or "alert" (below 0.001)."""
    return "alert" if p_value < ALERT else "notice" if p_value < NOTICE else "ok"


def _expected(counts: Mapping[str, int], shares: Mapping[str, float] | None) -> dict[str, float]:
    if len(counts) < 2:
        raise TrialError(f"the sample ratio needs two arms or more, got {', '.join(counts) or 'none'}")
    planned = dict.fromkeys(counts, 1.0) if shares is None else dict(shares)
    for arm in planned:
        if arm not in counts:
            raise TrialError(f"share of unknown arm '{arm}'", allowed=list(counts), hint=did_you_mean(arm, counts))
    for arm, count in counts.items():
        if count < 0:
            raise TrialError(f"arm '{arm}' has {count} units", allowed="0 or more")
        if arm not in planned or not 0 < planned[arm] < float("inf"):
            raise TrialError(f"arm '{arm}' has no planned share", allowed="a share above 0 for every arm")
    total = sum(counts.values())
    if total == 0:
        raise TrialError("no arm has any unit")
    weight = sum(planned[arm] for arm in counts)
    return {arm: total * planned[arm] / weight for arm in counts}


def _corrected(counts: Mapping[str, int], expected: Mapping[str, float]) -> float:
    if len(counts) != 2:
        raise TrialError(f"a continuity correction of {len(counts)} arms is not defined", allowed="two arms")
    return sum(max(0.0, abs(count - expected[arm]) - 0.5) ** 2 / expected[arm] for arm, count in counts.items())


def _tail(statistic: float, df: int) -> float:
    from scipy import stats

    return floored(stats.chi2.sf(statistic, df))
