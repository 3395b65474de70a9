"""Curves of a plan, as arrays for plotting: power over effect and units, smallest difference over units and days."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from framework.errors import TrialError
from framework.stats.planning.plan import smallest_difference
from framework.stats.planning.setting import Setting
from framework.stats.planning.traffic import Accumulation, units_by


@dataclass(frozen=True)
class Curve:
    """`y` (k,) over `x` (k,), with what each is; a value that cannot be is nan."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    x_label: str
    y_label: str


def power_over_effect(setting: Setting, n_control: float, effects: ArrayLike) -> Curve:
    """Return power over (k,) true differences (metric's unit) with `n_control` units in the control.

    nan where a proportion would leave 0 to 1, or a count's rate not be above 0.

    Raises:
        TrialError: effects that are not a list of finite numbers; as `Setting.power_at`.
    """
    x = _points(effects, "effects")
    y = [setting.power_at(float(effect), n_control) if _allowed(setting, float(effect)) else np.nan for effect in x]
    return Curve(x, np.array(y), "difference", "power")


def power_over_units(setting: Setting, difference: float, n_control: ArrayLike) -> Curve:
    """Return power over (k,) numbers of control units for a true `difference`; nan below the least that can be tested.

    Raises:
        TrialError: numbers that are not a list of finite numbers; as `Setting.power_at`.
    """
    x = _points(n_control, "n_control")
    y = [setting.power_at(difference, float(n)) if n >= setting.least else np.nan for n in x]
    return Curve(x, np.array(y), "units in the control", "power")


def minimum_over_units(setting: Setting, n_control: ArrayLike, difference: float = 0.0) -> Curve:
    """Return the smallest difference (or margin) found with the setting's power over (k,) numbers of control units.

    nan where no difference that the metric allows is found.

    Raises:
        TrialError: numbers that are not a list of finite numbers.
    """
    x = _points(n_control, "n_control")
    y = [_smallest(setting, float(n), difference) for n in x]
    return Curve(x, np.array(y), "units in the control", "smallest difference")


def minimum_over_days(
    setting: Setting, traffic: Accumulation, days: ArrayLike, *, share: float = 1.0, difference: float = 0.0
) -> Curve:
    """Return the smallest difference found over (k,) days of the log's traffic, `share` of it in the test.

    Raises:
        TrialError: days that are not a list of finite numbers; as `traffic.units_by`.
    """
    x = _points(days, "days")
    arms = 1.0 if setting.design == "paired" else 1 + setting.treatments * setting.ratio
    y = [_smallest(setting, units_by(traffic, float(day), share=share).units / arms, difference) for day in x]
    return Curve(x, np.array(y), "days", "smallest difference")


def _allowed(setting: Setting, effect: float) -> bool:
    if not setting.by_baseline:
        return True
    after = float(setting.baseline or 0.0) + effect
    return after > 0 and (setting.kind == "count" or after < 1)


def _smallest(setting: Setting, n_control: float, difference: float) -> float:
    if n_control < setting.least:
        return float("nan")
    try:
        return smallest_difference(setting, n_control, difference)
    except TrialError:
        return float("nan")


def _points(numbers: ArrayLike, name: str) -> NDArray[np.float64]:
    points = np.asarray(numbers, dtype=np.float64)
    if points.ndim != 1 or points.size == 0 or not bool(np.all(np.isfinite(points))):
        raise TrialError(f"{name} have shape {points.shape}", allowed="a list of finite numbers")
    return points
