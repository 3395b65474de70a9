"""Alpha spending: how much of the error may be used up by the time a share of the information is in."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from framework.errors import TrialError, did_you_mean

Spend = Callable[[NDArray[np.float64], float, float], NDArray[np.float64]]
"""Information (k,) within [0, 1], alpha of one side and parameter in; error spent so far (k,) out."""


def lan_demets_obrien_fleming(
    information: NDArray[np.float64], alpha: float, _parameter: float = 0.0
) -> NDArray[np.float64]:
    """Return 2 - 2 Phi(z(alpha / 2) / sqrt(t)): next to nothing early. Has no parameter. Lan and DeMets 1983."""
    from scipy import special

    with np.errstate(divide="ignore"):
        reach = -special.ndtri(alpha / 2) / np.sqrt(information)
    return np.asarray(2 * special.ndtr(-reach))


def lan_demets_pocock(information: NDArray[np.float64], alpha: float, _parameter: float = 0.0) -> NDArray[np.float64]:
    """Return alpha ln(1 + (e - 1) t): about as much at every look. Has no parameter. Lan and DeMets 1983."""
    return alpha * np.log1p((math.e - 1) * information)


def hwang_shih_decani(information: NDArray[np.float64], alpha: float, parameter: float) -> NDArray[np.float64]:
    """Return alpha (1 - exp(-gamma t)) / (1 - exp(-gamma)), alpha t where gamma is 0. Hwang, Shih and DeCani 1990.

    `parameter` is gamma: -4 is near O'Brien-Fleming, 1 near Pocock.
    """
    if parameter == 0:
        return alpha * information
    return np.asarray(alpha * np.expm1(-parameter * information) / math.expm1(-parameter))


def power_family(information: NDArray[np.float64], alpha: float, parameter: float) -> NDArray[np.float64]:
    """Return alpha t^rho; `parameter` is rho: 3 is near O'Brien-Fleming, 1 near Pocock. Kim and DeMets 1987."""
    return np.asarray(alpha * information**parameter)


SPENDING: dict[str, Spend] = {
    "lan_demets_obrien_fleming": lan_demets_obrien_fleming,
    "lan_demets_pocock": lan_demets_pocock,
    "hwang_shih_decani": hwang_shih_decani,
    "power": power_family,
}
"""The spending functions by name."""

PARAMETERS: dict[str, float] = {"hwang_shih_decani": -4.0, "power": 3.0}
"""The parameter of each function that has one, where none is given."""
LARGEST_PARAMETER = 100.0
"""Beyond this a function spends everything in one look."""


def spending(
    name: str,
    information: Sequence[float] | NDArray[np.float64],
    alpha: float,
    parameter: float | None = None,
    *,
    sides: int = 1,
) -> NDArray[np.float64]:
    """Return the error spent so far (k,) at each share of the planned information (k,); past 1 all of it is spent.

    `alpha` is the whole error. With 2 `sides` each spends alpha / 2 by the same function, which matters only to
    functions that are not proportional to alpha. `parameter` is gamma or rho; None takes it from `PARAMETERS`.

    Raises:
        TrialError: an unknown name, information below 0, alpha outside (0, 1), a parameter beyond
            100 or, for the power family, not above 0, or one for a function that has none.
    """
    value = _checked_parameter(name, parameter)
    if not 0 < alpha < 1:
        raise TrialError(f"alpha is {alpha:g}", allowed="a number between 0 and 1, such as 0.05")
    if sides not in {1, 2}:
        raise TrialError(f"sides is {sides}", allowed="1 or 2")
    shares = np.asarray(information, dtype=np.float64)
    if not bool((shares >= 0).all()):
        raise TrialError(
            "information has a share that is not a number from 0", allowed="0 to 1, and more where data ran over"
        )
    return sides * SPENDING[name](np.minimum(shares, 1.0), alpha / sides, value)


def _checked_parameter(name: str, parameter: float | None) -> float:
    """Return the parameter that the named function is to have; 0 where it has none."""
    if name not in SPENDING:
        raise TrialError(f"spending '{name}' is unknown", allowed=SPENDING, hint=did_you_mean(name, SPENDING))
    if name not in PARAMETERS:
        if parameter is not None:
            raise TrialError(f"spending '{name}' has no parameter, but {parameter:g} was given", allowed="none")
        return 0.0
    value = PARAMETERS[name] if parameter is None else parameter
    if not abs(value) <= LARGEST_PARAMETER or (name == "power" and value <= 0):
        raise TrialError(
            f"spending '{name}' has parameter {value:g}",
            allowed="rho above 0, such as 2 or 3" if name == "power" else "gamma from -100 to 100, such as -4",
        )
    return value
