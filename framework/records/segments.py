"""Segments of users, as a model gives them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NEW_USERS = "new users"
"""Name of the segment of users whom the training part has never seen: no model can put them anywhere else."""


@dataclass(frozen=True)
class Segmentation:
    """`labels` (U,) index `names` for every user of the data set; `descriptions` say each segment in plain words.

    `notes` are what a reader should know of how the groups were found (the chosen k, its stability, a warning).
    """

    labels: NDArray[np.int32]
    names: tuple[str, ...]
    descriptions: tuple[str, ...]
    notes: tuple[str, ...] = ()
