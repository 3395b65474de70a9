"""What a training changes around itself is put back: generators, torch's flags, the environment, signals, chatter."""

from __future__ import annotations

import logging
import os
import random
import re
import signal
import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import numpy as np

LOGGERS = ("pytorch_lightning", "lightning_fabric", "lightning.pytorch", "lightning.fabric")
KNOWN_WARNINGS = (
    r".*does not have many workers",  # batches are small here: workers cost more than they bring
    r".*smaller than the logging interval",
    r".*logs directory .* exists and is not empty",  # a training that goes on; its rows are kept
    r".*in eval mode at the start of training",  # frozen parts are meant to be
    r".*(GPU|MPS) available but not used",
    r".*isinstance\(treespec, LeafSpec\)",  # Lightning 2.6 beside newer releases of torch
    r".*multi-threaded, use of fork",  # Python 3.12; the forked processes train with one thread each
)
VARIABLES = re.compile(
    r"(LOCAL_RANK|NODE_RANK|RANK|GROUP_RANK|WORLD_SIZE|LOCAL_WORLD_SIZE|MASTER_\w+|PL_\w+|OMP_NUM_THREADS"
    r"|CUBLAS_WORKSPACE_CONFIG)"
)
"""Variables of the environment by which Lightning talks to its processes; the next training must not read them."""


@contextmanager
def surroundings_kept() -> Iterator[None]:
    """Hold Lightning's notes below a warning back, and put everything back as it was, however the block ends."""
    with ExitStack() as kept:
        for keep in (_warnings, _loggers, _generators, _flags, _environment, _interrupts):
            kept.enter_context(keep())
        yield


@contextmanager
def _warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        for message in KNOWN_WARNINGS:
            warnings.filterwarnings("ignore", message=message)
        yield


@contextmanager
def _loggers() -> Iterator[None]:
    import pytorch_lightning  # noqa: F401 (importing it sets the levels)

    levels = {name: logging.getLogger(name).level for name in LOGGERS}
    for name in LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


@contextmanager
def _generators() -> Iterator[None]:
    import torch

    # Asking for CUDA's state starts CUDA, and a process that has started it cannot fork others to train in.
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else None  # type: ignore[no-untyped-call]
    kept = torch.get_rng_state(), np.random.get_state(), random.getstate()  # noqa: NPY002
    try:
        yield
    finally:
        torch.set_rng_state(kept[0])
        np.random.set_state(kept[1])  # noqa: NPY002
        random.setstate(kept[2])
        if cuda is not None:
            torch.cuda.set_rng_state_all(cuda)


@contextmanager
def _flags() -> Iterator[None]:
    import torch

    strict = torch.are_deterministic_algorithms_enabled()
    lenient = torch.is_deterministic_algorithms_warn_only_enabled()
    benchmark = torch.backends.cudnn.benchmark
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(strict, warn_only=lenient)
        torch.backends.cudnn.benchmark = benchmark


@contextmanager
def _environment() -> Iterator[None]:
    kept = {name: value for name, value in os.environ.items() if VARIABLES.fullmatch(name)}
    try:
        yield
    finally:
        for name in [name for name in os.environ if VARIABLES.fullmatch(name)]:
            del os.environ[name]
        os.environ.update(kept)


@contextmanager
def _interrupts() -> Iterator[None]:
    """Give Ctrl-C back to the run: Lightning turns it into an exit, after which it would be ignored for good."""
    main = threading.current_thread() is threading.main_thread()
    handler = signal.getsignal(signal.SIGINT)
    try:
        yield
    except SystemExit as ended:
        if isinstance(ended.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from ended
        raise
    finally:
        if main and handler is not None:
            signal.signal(signal.SIGINT, handler)
