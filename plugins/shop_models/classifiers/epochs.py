"""Train a network that gives each row a logit, in epochs, and keep the epoch that does best on rows kept back.

A plain loop: a cross-validation trains dozens of small networks that live for one fold, so there is nothing to resume.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from framework.errors import ConfigError

if TYPE_CHECKING:
    import logging

    from numpy.typing import NDArray

    LogitsOf = Callable[[NDArray[np.intp]], Any]
    """Rows, by their places, to their logits (m,) as a tensor."""

KEPT_BACK = 0.1
"""Share of the rows that judge the epochs, alike in both classes; at least one of each."""


@dataclass(frozen=True)
class Epochs:
    """How long and how fast: AdamW over `epochs`, given up after `patience` epochs without a better dev loss."""

    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    patience: int
    warmup: float = 0.0
    """Share of the steps over which the rate rises; afterwards it falls to 0 on a line. 0: the rate stays."""

    def check(self, name: str) -> None:
        """Raise ConfigError for values that train nothing."""
        for field, own in (("epochs", self.epochs), ("batch_size", self.batch_size), ("patience", self.patience)):
            if own < 1:
                raise ConfigError(f"{name}'s {field} is {own}", allowed="an integer from 1")
        if not self.learning_rate > 0 or self.weight_decay < 0:
            raise ConfigError(f"{name}'s learning_rate is {self.learning_rate:g}", allowed="a number above 0")


def train(
    module: Any,
    logits_of: LogitsOf,
    lengths: NDArray[np.integer],
    label: NDArray[np.bool_],
    weight: NDArray[np.float64],
    how: Epochs,
    rng: np.random.Generator,
    log: logging.Logger,
) -> tuple[Mapping[str, float], ...]:
    """Train `module` in place by the weighted cross-entropy of rows (n,), and return its curve, one entry an epoch.

    Rows of like `lengths` (n,) share a batch. The module ends with the weights of the epoch with the least dev loss,
    in evaluation. Call it within `seeded`.
    """
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits
    from torch.nn.utils import clip_grad_norm_

    from shop_recommenders.sequences.histories import batches_of_like_length

    own, dev = kept_back(label, rng)
    target = torch.from_numpy(label.astype(np.float32))
    weights = torch.from_numpy(weight.astype(np.float32))
    optimizer = torch.optim.AdamW(module.parameters(), lr=how.learning_rate, weight_decay=how.weight_decay)
    total = how.epochs * len(batches_of_like_length(lengths[own], how.batch_size, np.random.default_rng(0)))
    rise = max(1, round(how.warmup * total))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer,
        lambda at: 1.0 if not how.warmup else min((at + 1) / rise, max(0.0, (total - at) / max(1, total - rise))),
    )

    def loss_of(rows: NDArray[np.intp]) -> tuple[Any, Any]:
        logits = logits_of(rows)
        places = torch.from_numpy(rows)
        return binary_cross_entropy_with_logits(logits, target[places], weight=weights[places]), logits

    best, kept, since, curve = float("inf"), copy.deepcopy(module.state_dict()), 0, []
    for epoch in range(1, how.epochs + 1):
        module.train()
        summed = 0.0
        for rows in batches_of_like_length(lengths[own], how.batch_size, rng):
            optimizer.zero_grad()
            loss, _ = loss_of(own[rows])
            loss.backward()
            clip_grad_norm_(module.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            summed += float(loss.detach()) * len(rows)
        module.eval()
        dev_loss, right = 0.0, 0
        with torch.inference_mode():
            for start in range(0, len(dev), 4 * how.batch_size):
                rows = dev[start : start + 4 * how.batch_size]
                loss, logits = loss_of(rows)
                dev_loss += float(loss) * len(rows)
                right += int(np.sum((logits.numpy() >= 0) == label[rows]))
        entry = {"epoch": epoch, "train_loss": summed / len(own), "dev_accuracy": right / len(dev)}
        curve.append(entry)
        log.info("epoch %d of %d: train loss %.4f, dev accuracy %.4f", epoch, how.epochs, *list(entry.values())[1:])
        if dev_loss < best:
            best, kept, since = dev_loss, copy.deepcopy(module.state_dict()), 0
        elif (since := since + 1) >= how.patience:
            break
    module.load_state_dict(kept)
    module.eval()
    return tuple(curve)


def kept_back(label: NDArray[np.bool_], rng: np.random.Generator) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the rows (n,) to learn from and those that judge, each with both classes where there are two of each."""
    classes = np.flatnonzero(~label), np.flatnonzero(label)
    judge = [rng.permutation(rows)[: max(1, round(KEPT_BACK * len(rows)))] for rows in classes]
    dev = np.sort(np.concatenate(judge))
    return np.setdiff1d(np.arange(len(label)), dev), dev


def answered(logits_of: LogitsOf, n: int, at_once: int) -> NDArray[np.float64]:
    """Return the probabilities (n,) of all rows."""
    import torch

    with one_thread(), torch.inference_mode():
        parts = [
            torch.sigmoid(logits_of(np.arange(start, min(start + at_once, n))).double()).numpy()
            for start in range(0, n, at_once)
        ]
    return np.concatenate(parts) if parts else np.zeros(0)


@contextmanager
def seeded(rng: np.random.Generator) -> Iterator[None]:
    """Seed torch by `rng` on one thread for the block, and leave its generator and threads as they were."""
    import torch

    with one_thread(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.integers(2**31)))
        yield


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one thread: sums on several differ in the last digits, and small networks gain nothing by more."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
