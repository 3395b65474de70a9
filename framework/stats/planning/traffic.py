"""How long a test takes on the log's own traffic: units who return do not count again."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from framework.errors import TrialError
from framework.stats.planning.arguments import check_above, check_share

WEEK = 7
MOST_DAYS = 3650
"""A test that takes longer than ten years takes for ever."""


@dataclass(frozen=True)
class Accumulation:
    """The log's unique units by the end of day 1 to D: `uniques` (D,), never falling.

    `daily` is how many units come for the first time on a day of the log's last quarter (whole weeks, where there are
    two), `decay` what their number is multiplied by each day, at most 1, from that stretch and the one before it,
    `pace` how many come on the last day if they dwindle so, and `exponent` the power law's over the log's second half.
    """

    uniques: NDArray[np.float64]
    daily: float
    exponent: float
    decay: float
    pace: float

    @property
    def days(self) -> int:
        """Return the log's length D."""
        return int(self.uniques.size)


@dataclass(frozen=True)
class Reached:
    """Units in the test after `days`: the point and the range over the ways to read the log on (equal within it)."""

    days: float
    units: float
    low: float
    high: float
    method: str


@dataclass(frozen=True)
class Duration:
    """Days until `units` have come; None: never, or not within `MOST_DAYS`.

    `days` is the point, rounded up to full weeks where asked, `days_low` and `days_high` the range over the readings,
    `exact_days` the point before rounding, without the follow-up. `method` names the reading behind the point.
    """

    units: float
    share: float
    days: int | None
    days_low: int | None
    days_high: int | None
    exact_days: float | None
    log_days: int
    beyond_log: bool
    method: str
    warnings: tuple[str, ...] = ()


def accumulated(first_seen: ArrayLike, days: int | None = None) -> Accumulation:
    """Return the accumulation curve from the (n,) day numbers, 0 for the log's first, on which units were first seen.

    `days` is the log's length D; by default it ends with the last first sight.

    Raises:
        TrialError: day numbers that are no whole numbers from 0 to D - 1, or fewer than 2 days.
    """
    seen = np.asarray(first_seen)
    if seen.ndim != 1 or seen.size == 0 or not np.issubdtype(seen.dtype, np.integer):
        raise TrialError(
            f"first_seen has shape {seen.shape} and type {seen.dtype}", allowed="a whole day number a unit"
        )
    length = int(seen.max()) + 1 if days is None else days
    if int(seen.min()) < 0 or int(seen.max()) >= length:
        raise TrialError(
            f"first_seen goes from {int(seen.min())} to {int(seen.max())}",
            allowed=f"day numbers from 0 to {length - 1}",
        )
    return accumulation(np.cumsum(np.bincount(seen, minlength=length)))


def accumulation(uniques: ArrayLike) -> Accumulation:
    """Return the curve, with what its readings need, from the (D,) unique units by the end of each day.

    Raises:
        TrialError: fewer than 2 days, numbers that fall or are not finite, or nobody at all.
    """
    curve = np.asarray(uniques, dtype=np.float64)
    if curve.ndim != 1 or curve.size < 2:
        raise TrialError(
            f"uniques have shape {curve.shape}", allowed="unique units by the end of each of 2 days or more"
        )
    if not bool(np.all(np.isfinite(curve))) or bool(np.any(np.diff(curve, prepend=0.0) < 0)):
        raise TrialError("uniques fall or are not finite", allowed="cumulated numbers, which never fall")
    check_above("uniques in all", float(curve[-1]))
    new, days = np.diff(curve, prepend=0.0), curve.size
    x, y = np.arange(days // 2, days) + 1, curve[days // 2 :]
    met = y > 0
    exponent = float(np.polyfit(np.log(x[met]), np.log(y[met]), 1)[0]) if int(met.sum()) > 1 else 1.0
    recent = _whole_weeks(max(days // 4, min(WEEK, days // 2)))
    before, after = float(new[days - 2 * recent : days - recent].sum()), float(new[days - recent :].sum())
    decay = 1.0 if before == 0 else min(1.0, after / before) ** (1 / recent)
    # A geometric series that ends at `pace` adds up to what came.
    pace = 0.0 if decay == 0 else after / float(np.sum(decay ** -np.arange(recent, dtype=np.float64)))
    return Accumulation(curve, after / recent, min(1.0, max(0.0, exponent)), decay, pace)


def units_by(traffic: Accumulation, days: float, *, share: float = 1.0) -> Reached:
    """Return the units that a test with `share` of the traffic has met after `days`.

    Up to the log's end: its own curve, between days by a straight line. Beyond: the point is the power law
    U(D) (d / D)^b (Heaps' law, b fitted over the log's second half); the range also takes the last
    quarter's rate going on, and the last day's dwindling as it did between the last two quarters.

    Raises:
        TrialError: days not above 0, or a share outside (0, 1].
    """
    check_above("days", days)
    check_share("share", share, one=True)
    end, more = float(traffic.uniques[-1]), days - traffic.days
    if more <= 0:
        curve = np.concatenate([[0.0], traffic.uniques])
        units = share * float(np.interp(days, np.arange(curve.size), curve))
        return Reached(days, units, units, units, "the log's own curve")
    decayed = _decayed(traffic, more)
    point = end * (days / traffic.days) ** traffic.exponent
    readings = (point, end + traffic.daily * more, end + decayed)
    return Reached(days, share * point, share * min(readings), share * max(readings), "power law beyond the log")


def days_for(
    traffic: Accumulation, units: float, *, share: float = 1.0, follow_up: int = 0, full_weeks: bool = True
) -> Duration:
    """Return the days until a test with `share` of the traffic has met `units` (of all arms), as `units_by` reads on.

    `follow_up` days are added for the outcomes of the last to come; `full_weeks` rounds up, so that every weekday
    counts alike.

    Raises:
        TrialError: units not above 0, share outside (0, 1], follow_up below 0.
    """
    check_above("units", units)
    check_share("share", share, one=True)
    check_above("follow_up", follow_up, included=True)
    needed, end = units / share, float(traffic.uniques[-1])
    beyond = needed > end
    if beyond:
        readings = (_by_power_law(traffic, needed), _by_rate(traffic, needed), _by_decay(traffic, needed))
        method = f"power law U(d) = U({traffic.days}) (d / {traffic.days})^{traffic.exponent:.2f} beyond the log"
    else:
        curve = np.concatenate([[0.0], traffic.uniques])
        above = int(np.searchsorted(curve, needed))
        met = above - 1 + (needed - curve[above - 1]) / (curve[above] - curve[above - 1])
        readings, method = (float(met),) * 3, "the log's own curve"

    def whole(days: float) -> int | None:
        if days > MOST_DAYS:
            return None
        total = math.ceil(days - 1e-9) + follow_up
        return math.ceil(total / WEEK) * WEEK if full_weeks else total

    point = readings[0]
    return Duration(
        units=units,
        share=share,
        days=whole(point),
        days_low=whole(min(readings)),
        days_high=whole(max(readings)),
        exact_days=point if point <= MOST_DAYS else None,
        log_days=traffic.days,
        beyond_log=beyond,
        method=method,
        warnings=_warnings(traffic, needed, share, readings),
    )


def _by_power_law(traffic: Accumulation, needed: float) -> float:
    if traffic.exponent <= 0:
        return math.inf
    stretch = math.log(needed / float(traffic.uniques[-1])) / traffic.exponent
    return traffic.days * math.exp(stretch) if stretch < math.log(MOST_DAYS) else math.inf


def _by_rate(traffic: Accumulation, needed: float) -> float:
    missing = needed - float(traffic.uniques[-1])
    return traffic.days + missing / traffic.daily if traffic.daily > 0 else math.inf


def _by_decay(traffic: Accumulation, needed: float) -> float:
    if traffic.decay >= 1:
        return _by_rate(traffic, needed)
    if traffic.pace == 0:
        return math.inf
    missing = needed - float(traffic.uniques[-1])
    left = 1 - missing * (1 - traffic.decay) / (traffic.pace * traffic.decay)
    return traffic.days + math.log(left) / math.log(traffic.decay) if left > 0 else math.inf


def _decayed(traffic: Accumulation, more: float) -> float:
    if traffic.decay >= 1:
        return traffic.daily * more
    return float(traffic.pace * traffic.decay * (1 - traffic.decay**more) / (1 - traffic.decay))


def _warnings(traffic: Accumulation, needed: float, share: float, readings: tuple[float, ...]) -> tuple[str, ...]:
    texts, end = [], float(traffic.uniques[-1])
    if needed > end:
        texts.append(
            f"The log's {traffic.days} days bring {share * end:,.0f} units to the test and {share * needed:,.0f} are "
            "needed: the days beyond the log are extrapolated."
        )
    if min(readings) > MOST_DAYS:
        texts.append("Too few new units come: this traffic never brings what is needed.")
    elif max(readings) > MOST_DAYS:
        texts.append("If new units go on to dwindle as they did, what is needed never comes.")
    if traffic.days < 2 * WEEK:
        texts.append(f"The log has {traffic.days} days: two weeks or more would show how weekdays differ.")
    return tuple(texts)


def _whole_weeks(days: int) -> int:
    """Return `days` cut to whole weeks where there is one, so that weekdays weigh alike."""
    return days // WEEK * WEEK if days >= WEEK else max(1, days)
