"""What a plan cannot be made of: arguments refused by name."""

from __future__ import annotations

import math

from framework.errors import TrialError, did_you_mean


def check_level(alpha: float, power: float | None = None) -> None:
    """Refuse an `alpha` outside (0, 1), and a `power` that is not above alpha and below 1.

    Raises:
        TrialError: naming the argument.
    """
    if not 0 < alpha < 1:
        raise TrialError(f"alpha is {alpha:g}", allowed="a number between 0 and 1, such as 0.05")
    if power is not None and not alpha < power < 1:
        raise TrialError(f"power is {power:g}", allowed=f"a number above alpha ({alpha:g}) and below 1, such as 0.8")


def check_above(name: str, number: float, least: float = 0.0, *, included: bool = False) -> None:
    """Refuse a number that is not finite, or not above `least` (`included`: below it).

    Raises:
        TrialError: naming the argument.
    """
    if not math.isfinite(number) or number < least or (number == least and not included):
        word = f"a number of {least:g} or more" if included else f"a number above {least:g}"
        raise TrialError(f"{name} is {number:g}", allowed=word)


def check_share(name: str, number: float, *, zero: bool = False, one: bool = False) -> None:
    """Refuse a number outside (0, 1); `zero` and `one` let the ends in.

    Raises:
        TrialError: naming the argument.
    """
    if not (0 < number < 1 or (zero and number == 0) or (one and number == 1)):
        ends = f"{'from' if zero else 'above'} 0 {'to' if one else 'and below'} 1"
        raise TrialError(f"{name} is {number:g}", allowed=f"a number {ends}")


def check_difference(difference: float, name: str = "difference") -> None:
    """Refuse a difference to be found that is 0 or not finite.

    Raises:
        TrialError: naming the argument.
    """
    if difference == 0 or not math.isfinite(difference):
        raise TrialError(
            f"{name} is {difference:g}", allowed="a number other than 0", hint="No number of units finds no difference."
        )


def check_option(name: str, value: object, options: tuple[object, ...]) -> None:
    """Refuse a word or number that is not among `options`.

    Raises:
        TrialError: naming the argument and the options.
    """
    if value not in options:
        words = [str(option) for option in options]
        raise TrialError(f"{name} '{value}' is unknown", allowed=words, hint=did_you_mean(str(value), words))
