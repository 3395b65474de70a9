"""Whether two records hold the same bytes: how a suite sees that nothing was changed behind its back."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

import numpy as np

from framework.data.tables import Dataset


def fingerprint(value: Any) -> str:
    """Return a digest of a record, a sequence, a mapping, an array or a sparse matrix: dtype, shape and bytes."""
    digest = hashlib.sha256()
    _feed(digest, value)
    return digest.hexdigest()


def shuffled(data: Dataset, seed: int = 0) -> Dataset:
    """Return the data set with its events in another order; what happened, and when, stays the same."""
    order = np.random.default_rng(seed).permutation(len(data.events))
    arrays = {
        field.name: getattr(data.events, field.name)[order]
        for field in dataclasses.fields(data.events)
        if isinstance(getattr(data.events, field.name), np.ndarray)
    }
    return dataclasses.replace(data, events=dataclasses.replace(data.events, **arrays))


def _feed(digest: Any, value: Any) -> None:
    if isinstance(value, np.ndarray):
        digest.update(f"{value.dtype}{value.shape}".encode())
        digest.update(np.ascontiguousarray(value).tobytes())
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            digest.update(field.name.encode())
            _feed(digest, getattr(value, field.name))
    elif hasattr(value, "indptr"):
        for part in (value.indptr, value.indices, value.data):
            _feed(digest, part)
    elif isinstance(value, dict):
        for key, entry in value.items():
            digest.update(repr(key).encode())
            _feed(digest, entry)
    elif isinstance(value, list | tuple):
        digest.update(str(len(value)).encode())
        for entry in value:
            _feed(digest, entry)
    else:
        digest.update(repr(value).encode())
