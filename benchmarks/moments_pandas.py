"""The side of `moments` that reads all users into a pandas frame and takes tests from scipy and statsmodels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.shoppers import READ, parquet

if TYPE_CHECKING:
    import pandas as pd

Row = tuple[float, float, float, float, float, float]


def pandas_and_scipy(folder: Path) -> np.ndarray:
    """Test means by `ttest_ind`, the proportion by statsmodels, ratios as means of linearised contributions."""
    import pandas as pd

    users = pd.read_parquet(parquet(folder), columns=list(READ))
    return np.array(
        [
            _means(users, users["revenue"]),
            _proportion(users),
            _ratio(users, _linear(users, "orders", "sessions")),
            _means(users, _adjusted_mean(users)),
            _means(users, _adjusted_ratio(users)),
        ]
    )


def _means(users: pd.DataFrame, values: pd.Series) -> Row:
    from scipy import stats

    control, treatment = values[users["variant"] == 0], values[users["variant"] == 1]
    test = stats.ttest_ind(treatment, control, equal_var=False)
    m, t = control.mean(), treatment.mean()
    x, y = control.var() / len(control) / m**2, treatment.var() / len(treatment) / t**2
    df = (x + y) ** 2 / (x**2 / (len(control) - 1) + y**2 / (len(treatment) - 1))
    return (m, t, *_log_interval(m, t, stats.t.ppf(0.975, df) * np.sqrt(x + y)), test.pvalue)


def _proportion(users: pd.DataFrame) -> Row:
    from statsmodels.stats.proportion import confint_proportions_2indep, proportions_ztest

    grouped = users.groupby("variant")["converted"].agg(["sum", "count"])
    (a, m), (b, n) = grouped.to_numpy()
    _, p_value = proportions_ztest([b, a], [n, m])
    low, high = confint_proportions_2indep(b, n, a, m, compare="ratio", method="log")
    return a / m, b / n, (b / n) / (a / m) - 1, low - 1, high - 1, p_value


def _ratio(users: pd.DataFrame, values: pd.Series) -> Row:
    from scipy import stats

    groups = values.groupby(users["variant"])
    (m, t), variances = groups.mean(), groups.var() / groups.size()
    p_value = 2 * stats.norm.sf(abs(t - m) / np.sqrt(variances.sum()))
    error = np.sqrt(variances[0] / m**2 + variances[1] / t**2)
    return (m, t, *_log_interval(m, t, stats.norm.ppf(0.975) * error), p_value)


def _log_interval(control: float, treatment: float, width: float) -> tuple[float, float, float]:
    ratio = treatment / control
    return ratio - 1, ratio * np.exp(-width) - 1, ratio * np.exp(width) - 1


def _adjusted_mean(users: pd.DataFrame) -> pd.Series:
    before = users["pre_minutes"]
    return users["minutes"] - _slope(users["minutes"], before) * (before - before.mean())


def _adjusted_ratio(users: pd.DataFrame) -> pd.Series:
    """Adjust each arm's linear ratio, with the slope of all users' (Deng et al. 2013)."""
    outcome, before = ("orders", "sessions"), ("pre_orders", "pre_sessions")
    slope = _slope(_linear(users, *outcome, arms=False), _linear(users, *before, arms=False))
    overall = users["pre_orders"].mean() / users["pre_sessions"].mean()
    return _linear(users, *outcome) - slope * (_linear(users, *before) - overall)


def _linear(users: pd.DataFrame, top: str, below: str, *, arms: bool = True) -> pd.Series:
    """Return values whose mean and variance, in each arm or overall, are the ratio's by the delta method."""
    columns = users[[top, below]]
    means = columns.groupby(users["variant"]).transform("mean") if arms else columns.mean()
    ratio = means[top] / means[below]
    return ratio + (users[top] - ratio * users[below]) / means[below]


def _slope(values: pd.Series, before: pd.Series) -> float:
    return np.cov(values, before)[0, 1] / before.var()
