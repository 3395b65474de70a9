"""Scores of many systems on the same users, fit for every comparison of this folder."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from framework.errors import TrialError, did_you_mean
from framework.stats.moments.measure import ROUNDING


def checked_scores(scores: ArrayLike, names: Sequence[str], *, metric: str) -> NDArray[np.float64]:
    """Return `scores` as a float64 matrix (n users, K systems), row i the same user under every system.

    Raises:
        TrialError: naming metric and system, where the shape is another, names are not K different ones, fewer than 2
            users or 2 systems are there, or values are missing or infinite.
    """
    matrix = np.asarray(scores, dtype=np.float64)
    if matrix.ndim != 2:
        raise TrialError(f"metric '{metric}': scores have shape {matrix.shape}", allowed="(n users, K systems)")
    checked_names(names)
    if matrix.shape[1] != len(names):
        raise TrialError(f"metric '{metric}': {matrix.shape[1]} columns of scores but {len(names)} names")
    for column, name in enumerate(names):
        _check_values(matrix[:, column], f"metric '{metric}', system '{name}'")
    return matrix


def checked_runs(scores: ArrayLike, name: str, *, metric: str) -> NDArray[np.float64]:
    """Return one system's `scores` as a float64 matrix (n users, S training seeds); shape (n,) is one seed.

    Raises:
        TrialError: naming metric and system, as `checked_scores`.
    """
    where = f"metric '{metric}', system '{name}'"
    matrix = np.asarray(scores, dtype=np.float64)
    if matrix.ndim == 1:
        matrix = matrix[:, None]
    if matrix.ndim != 2 or matrix.shape[1] == 0:
        raise TrialError(f"{where}: scores have shape {matrix.shape}", allowed="(n users, S seeds), or (n users,)")
    _check_values(matrix, where)
    return matrix


def checked_names(names: Sequence[str]) -> None:
    """Refuse fewer than two names, and a name that is there twice.

    Raises:
        TrialError: as said.
    """
    if len(names) < 2:
        raise TrialError(f"a comparison of {len(names)} system(s) compares nothing", allowed="2 systems or more")
    twice = sorted({name for name in names if list(names).count(name) > 1})
    if twice:
        raise TrialError(f"two systems are called '{twice[0]}'", allowed="a different name for every system")


def checked_confidence(confidence: float) -> float:
    """Return a coverage that can be one.

    Raises:
        TrialError: where it is not between 0 and 1.
    """
    if not 0 < confidence < 1:
        raise TrialError(f"confidence is {confidence:g}", allowed="a number between 0 and 1, such as 0.95")
    return confidence


def index_of(name: str, names: Sequence[str]) -> int:
    """Return where the system `name` stands.

    Raises:
        TrialError: where it is none of `names`.
    """
    if name not in names:
        raise TrialError(f"system '{name}' is unknown", allowed=list(names), hint=did_you_mean(name, names))
    return list(names).index(name)


def varies(values: NDArray[np.float64], scale: float) -> bool:
    """Say whether `values` differ by more than the rounding of numbers of size `scale`."""
    return float(values.max() - values.min()) > ROUNDING * scale


def levels(values: NDArray[np.float64], scale: float | NDArray[np.float64]) -> NDArray[np.int64]:
    """Return, along the last axis, whole numbers in the order of `values`; equal where they differ by rounding only.

    Ranks of these are ranks of the values, and do not depend on the metric's unit: 0.3 - 0.2 and 0.2 - 0.1 tie, as they
    do in thousandths. `scale` is the size of the numbers that rounding is relative to: one, or one for every row.
    """
    order = np.argsort(values, axis=-1, kind="stable")
    steps = np.diff(np.take_along_axis(values, order, axis=-1), axis=-1) > ROUNDING * np.asarray(scale)[..., None]
    found = np.zeros(values.shape, dtype=np.int64)
    np.put_along_axis(found, order[..., 1:], np.cumsum(steps, axis=-1), axis=-1)
    return found


def _check_values(values: NDArray[np.float64], where: str) -> None:
    if values.shape[0] < 2:
        raise TrialError(f"{where}: {values.shape[0]} user(s) cannot show a spread", allowed="2 users or more")
    bad = int(values.size - np.isfinite(values).sum())
    if bad:
        raise TrialError(
            f"{where}: {bad} of {values.size} scores are missing or infinite",
            allowed="finite numbers, the same users for every system",
            hint="A user for whom a system recommends nothing has the score 0, or is left out of every system.",
        )
