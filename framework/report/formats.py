"""Numbers in words that a reader understands: money, shares, counts, differences with their intervals.

A `Style` says which characters are used: `PAGE` has a true minus and thin separators, `PLAIN` is ASCII for terminals
and pipes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

MINOR_UNITS = 100
"""Minor units of money (cents, pence) in a major one."""
MOST_DECIMALS = 8


@dataclass(frozen=True)
class Style:
    """Characters of one medium: minus sign, separator of thousands, gap before a unit, mark for an absent number."""

    minus: str
    thousands: str
    gap: str
    absent: str


PAGE = Style("\N{MINUS SIGN}", "\N{NARROW NO-BREAK SPACE}", "\N{NO-BREAK SPACE}", "\N{EN DASH}")
PLAIN = Style("-", ",", " ", "n/a")


@dataclass(frozen=True)
class Unit:
    """How a metric's numbers are printed.

    `kind` is "share", "count", "money" or "score"; a share's differences are in percentage points (pp), money is in
    minor units and printed in major ones.
    """

    kind: str
    currency: str = ""

    @property
    def scale(self) -> float:
        """What a number is multiplied by before it is printed."""
        return {"share": 100.0, "money": 1.0 / MINOR_UNITS}.get(self.kind, 1.0)

    def symbol(self, *, difference: bool) -> str:
        """Return the unit's own sign, empty for counts and scores."""
        if self.kind == "share":
            return "pp" if difference else "%"
        return self.currency if self.kind == "money" else ""


def count(n: float, style: Style) -> str:
    """Return a whole number with separators: 541,909."""
    return style.absent if not math.isfinite(n) else _grouped(n, 0, style)


def money(minor: float, currency: str, style: Style) -> str:
    """Return an amount of minor units in major ones: GBP 12.34."""
    if not math.isfinite(minor):
        return style.absent
    amount = _grouped(minor / MINOR_UNITS, 2, style)
    return f"{currency}{style.gap}{amount}" if currency else amount


def share(fraction: float, style: Style) -> str:
    """Return a share between 0 and 1 in per cent, one decimal: 12.3 %."""
    return style.absent if not math.isfinite(fraction) else f"{_grouped(100 * fraction, 1, style)}{style.gap}%"


def number(value: float, style: Style) -> str:
    """Return a number of unknown kind with four significant digits, whole numbers whole."""
    if not math.isfinite(value):
        return style.absent
    whole = float(value).is_integer() and abs(value) < 1e15
    return _grouped(value, 0 if whole else significant(value, 4), style)


def value(amount: float, unit: Unit, style: Style, decimals: int | None = None) -> str:
    """Return a metric's value in its unit, with three significant digits unless `decimals` are given."""
    if not math.isfinite(amount):
        return style.absent
    scaled = amount * unit.scale
    places = (significant(scaled, 3) if decimals is None else decimals) if scaled or decimals else 0
    if unit.kind == "money":
        places = max(2, places)
    return _with_symbol(_grouped(scaled, places, style), unit.symbol(difference=False), unit, style)


def difference(
    estimate: float | None, low: float | None, high: float | None, unit: Unit, style: Style
) -> tuple[str, str]:
    """Return an estimate and its interval in the unit: ("GBP +1.23", "[+0.80, +1.66]").

    Both have as many decimals as give the interval's half width two significant digits.
    """
    places = decimals_of(low, high, estimate, unit)
    head = style.absent
    if estimate is not None and math.isfinite(estimate):
        head = _with_symbol(
            _grouped(estimate * unit.scale, places, style, signed=True), unit.symbol(difference=True), unit, style
        )
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return head, style.absent
    ends = (_grouped(end * unit.scale, places, style, signed=True) for end in (low, high))
    return head, f"[{', '.join(ends)}]"


def loss(amount: float, unit: Unit, style: Style) -> str:
    """Return an expected loss in the unit: a size without a sign, 0.00 where no decimal would show it."""
    hidden = abs(amount * unit.scale) < 0.5 * 10.0**-MOST_DECIMALS
    return difference(0.0 if hidden else amount, None, None, unit, style)[0].replace("+", "")


def percent_change(estimate: float | None, low: float | None, high: float | None, style: Style) -> tuple[str, str]:
    """Return a relative effect (a fraction: 0.05) and its interval: ("+5.0 %", "[+2.1, +8.0]")."""
    head, interval = difference(estimate, low, high, Unit("share"), style)
    return head.replace("pp", "%"), interval


def decimals_of(low: float | None, high: float | None, estimate: float | None, unit: Unit) -> int:
    """Return how many decimals an effect's numbers deserve: two significant digits of the interval's half width.

    Up to two more where an end that is not zero would read as zero: on which side of zero it lies is what is asked.
    """
    ends = [end for end in (low, high) if end is not None and math.isfinite(end)]
    if len(ends) == 2 and ends[0] != ends[1]:
        places = significant((ends[1] - ends[0]) / 2 * unit.scale, 2)
        near = min((abs(end * unit.scale) for end in ends if end), default=1.0)
        places += next((more for more in (0, 1, 2) if near >= 0.5 * 10.0 ** -(places + more)), 2)
    elif estimate is not None and math.isfinite(estimate) and estimate:
        places = significant(estimate * unit.scale, 3)
    else:
        places = 2
    return max(2, places) if unit.kind == "money" else places


def p_value(p: float | None, style: Style) -> str:
    """Return a p-value with two significant digits, "< 0.001" below that."""
    if p is None or not math.isfinite(p):
        return style.absent
    if p < 0.001:
        return f"<{style.gap}0.001"
    return f"{p:.3f}" if p < 0.0995 else f"{p:.2f}"


def significant(number: float, digits: int) -> int:
    """Return the decimals (0 to `MOST_DECIMALS`) that show `digits` significant digits of a finite number."""
    if number == 0:
        return 0
    magnitude = math.floor(math.log10(abs(number)))
    return min(MOST_DECIMALS, max(0, digits - 1 - magnitude))


def _grouped(number: float, places: int, style: Style, *, signed: bool = False) -> str:
    text = f"{abs(number):,.{places}f}".replace(",", style.thousands)
    if number == 0 or not text.strip("0.,"):
        return text
    if number < 0:
        return style.minus + text
    return "+" + text if signed else text


def _with_symbol(text: str, symbol: str, unit: Unit, style: Style) -> str:
    if not symbol:
        return text
    return f"{symbol}{style.gap}{text}" if unit.kind == "money" else f"{text}{style.gap}{symbol}"
