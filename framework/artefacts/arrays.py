"""A component's state as one safetensors file: a table of dtypes and shapes, then the bytes, and nothing to run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.artefacts.record import HINT
from framework.errors import RunError

DTYPES = (
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64"),
)
"""What a state may consist of."""


def write_arrays(path: Path, state: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays by name, with their dtypes and shapes (0-d and empty ones too); equal states give equal bytes.

    Raises:
        RunError: an array that holds anything but numbers and bools.
        OSError: the file cannot be written.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    try:
        # A file is written from the memory that an array begins at: views must become arrays of their own.
        save_file({name: _plain(name, array) for name, array in sorted(state.items())}, path)
    except SafetensorError as error:
        raise OSError(str(error)) from error


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays that a file holds, each writable and in memory of its own.

    Raises:
        RunError: the file is cut off, or no safetensors file at all.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        found = load_file(path)
    except (SafetensorError, KeyError, ValueError) as error:
        raise RunError(f"{path} is no whole safetensors file: {error}", hint=HINT) from error
    return {name: array if array.flags.writeable else array.copy() for name, array in found.items()}


def described(state: Mapping[str, NDArray[Any]]) -> dict[str, str]:
    """Return every array's dtype and shape in words: "float32 (4338, 64)"."""
    arrays = {name: np.asarray(array) for name, array in state.items()}
    return {name: f"{array.dtype.name} {array.shape}" for name, array in sorted(arrays.items())}


def _plain(name: str, array: NDArray[Any]) -> NDArray[Any]:
    array = np.asarray(array)
    if array.dtype.name not in DTYPES:
        raise RunError(
            f"The state's '{name}' holds {array.dtype.name}, which an artefact cannot keep", allowed=", ".join(DTYPES)
        )
    return np.array(array, dtype=array.dtype.newbyteorder("="), order="C", copy=None)
