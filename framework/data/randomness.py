"""Random numbers that hang on what they are for, not on when they are drawn: common random numbers for all arms."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_MASK = 0xFFFFFFFFFFFFFFFF
_GOLDEN = 0x9E3779B97F4A7C15


def keyed_uniform(key: int, *indices: ArrayLike) -> NDArray[np.float64]:
    """Return a uniform number in [0, 1) for every combination of `key` and integer indices.

    The indices (any integers, negative ones too) are broadcast against each other, and the result has their common
    shape. Equal arguments give equal numbers on every machine, in any order and any company. Each index is folded in
    by one step of SplitMix64 (Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators"); without
    indices the number is SplitMix64's first output for the seed `key`. The order of the indices matters.
    """
    return (keyed_bits(key, *indices) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def keyed_bits(key: int, *indices: ArrayLike) -> NDArray[np.uint64]:
    """Return 64 random bits for every combination of `key` and integer indices, as `keyed_uniform` does."""
    state = np.array([key & _MASK], dtype=np.uint64)
    state = _mix(state + np.uint64(_GOLDEN))
    shape: tuple[int, ...] = ()
    for index in indices:
        values = np.asarray(index)
        if values.dtype.kind not in "iu":
            raise TypeError(f"indices must be integers, not {values.dtype}")
        shape = np.broadcast_shapes(shape, values.shape)
        words = values.astype(np.int64).view(np.uint64) if values.dtype.kind == "i" else values.astype(np.uint64)
        state = _mix((state ^ words) + np.uint64(_GOLDEN))
    return state.reshape(shape)


def text_bits(texts: NDArray[np.str_]) -> NDArray[np.uint64]:
    """Return a stable 64-bit hash of every text (n,), whatever the array's width: an index for `keyed_uniform`."""
    width = texts.dtype.itemsize // 4
    letters = np.ascontiguousarray(texts).view(np.uint32).reshape(len(texts), -1) if len(texts) and width else None
    state = _mix(np.full(len(texts), _GOLDEN, dtype=np.uint64))
    for column in () if letters is None else letters.T.astype(np.uint64):
        state = np.where(column > 0, _mix((state ^ column) + np.uint64(_GOLDEN)), state)
    return state


def _mix(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))
