"""What tells one fit from another, so that none goes on from the checkpoint of another."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from importlib import metadata
from typing import Any
from uuid import uuid4

import numpy as np

from framework.config import TrainerConfig
from framework.data.tables import Dataset
from framework.records import Context


def digest_of(component: Any, data: Dataset, context: Context, settings: TrainerConfig, *others: Any) -> str:
    """Return a digest of all that a fit's weights hang on.

    The component's class and Config, every array of the data, the state of `context.rng`, the device, the trainer's
    settings but for what it shows, the versions of torch and Lightning, and `others`. A component whose Config cannot
    be found among its attributes has a digest of its own each time: it is never gone on with.
    """
    config = config_of(component)
    sha = hashlib.blake2b(digest_size=16)
    for part in (
        f"{type(component).__module__}:{type(component).__qualname__}",
        uuid4().hex if config is None else config,
        data,
        context.rng.bit_generator.state,
        context.device,
        dataclasses.replace(settings, progress=False, tensorboard=False),
        [metadata.version(name) for name in ("torch", "pytorch-lightning")],
        others,
    ):
        _feed(sha, part)
    return sha.hexdigest()


def config_of(component: Any) -> Any:
    """Return the Config that a component was built from, None where no attribute of it is one."""
    made_of = type(component).Config
    return next((value for value in vars(component).values() if isinstance(value, made_of)), None)


def _feed(sha: Any, value: Any) -> None:
    if isinstance(value, np.ndarray):
        sha.update(f"{value.dtype}{value.shape}".encode())
        sha.update(np.ascontiguousarray(value).data.cast("B") if value.size else b"")
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            sha.update(f"{field.name}=".encode())
            _feed(sha, getattr(value, field.name))
    elif isinstance(value, Mapping):
        for key, entry in value.items():
            sha.update(f"{key!r}:".encode())
            _feed(sha, entry)
    elif isinstance(value, list | tuple):
        sha.update(f"[{len(value)}]".encode())
        for entry in value:
            _feed(sha, entry)
    else:
        sha.update(f"{value!r};".encode())
