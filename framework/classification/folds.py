"""Which rows a model learns from and which it answers: at random, by groups, or forwards in time."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from framework.errors import DataError

Split = tuple[NDArray[np.intp], NDArray[np.intp]]
"""Rows to learn from, rows to answer."""


def random_splits(
    label: NDArray[np.bool_], group: NDArray[np.int64], folds: int, rng: np.random.Generator, *, grouped: bool
) -> list[Split]:
    """Return `folds` splits whose answered parts are the whole, with like shares of the label.

    Rows (n,) of one `group` stay together where `grouped` holds. Raises DataError where a part has one class only.
    """
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    seed = int(rng.integers(2**31))
    kind = StratifiedGroupKFold if grouped else StratifiedKFold
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # few rows of a class: told below, in our words
            splits = list(kind(folds, shuffle=True, random_state=seed).split(label, label, group))
    except ValueError as error:
        raise DataError(f"{folds} folds cannot be made: {error}", hint="Take fewer folds.") from error
    return _checked(splits, label)


def forward_splits(label: NDArray[np.bool_], time: NDArray[np.int64], folds: int) -> list[Split]:
    """Return `folds` splits by `time` (n,): each stretch but the first is answered by what all earlier ones tell.

    There are `folds` + 1 stretches of about equal size. Rows of one moment are never parted.
    Raises DataError where there are too few moments, or a part has one class only.
    """
    moments, count = np.unique(time, return_counts=True)
    edge = (np.cumsum(count) - count / 2) / count.sum()
    stretch = np.minimum((edge * (folds + 1)).astype(np.int64), folds)[np.searchsorted(moments, time)]
    if len(np.unique(stretch)) < folds + 1:
        raise DataError(f"{len(moments)} moments cannot be cut into {folds + 1} stretches", hint="Take fewer folds.")
    splits = [(np.flatnonzero(stretch < one), np.flatnonzero(stretch == one)) for one in range(1, folds + 1)]
    return _checked(splits, label)


def _checked(splits: list[Split], label: NDArray[np.bool_]) -> list[Split]:
    for number, parts in enumerate(splits, 1):
        for part in parts:
            if not label[part].any() or label[part].all():
                raise DataError(f"fold {number} has rows of one class only", hint="Take fewer folds.")
    return splits
