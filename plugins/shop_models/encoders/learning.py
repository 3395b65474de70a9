"""Learn an encoder of event sequences by one of the objectives, or leave it as it was drawn."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from framework.errors import ConfigError, DataError, did_you_mean
from shop_models.encoders.aggregates import Aggregates

if TYPE_CHECKING:
    import logging

    from numpy.typing import NDArray

    from shop_models.encoders.encoder_module import EncoderModule, UserBatches
    from shop_models.encoders.event_sequences import EventSequences

OBJECTIVES = ("coles", "next_event", "masked_event")
"""What a network may learn by."""
ENCODERS = (*OBJECTIVES, "random", "aggregates")
"""All encoders: "random" is a network that has learned nothing, "aggregates" are hand-made features."""
NETWORKS = ("gru", "cnn", "transformer")
CLIP = 1.0
"""Largest norm of the gradients."""
_AT_ONCE = 256
"""Sequences that are embedded in one go."""


@dataclass(frozen=True)
class EncoderSettings:
    """How to learn: the objective and the network, its `size` and `layers`, and Adam over `epochs`.

    `max_length` is how many of a user's last events are read. `slices`, `shortest` and `margin` are those of CoLES,
    `share` is of events that are masked.
    """

    encoder: str = "coles"
    network: str = "gru"
    size: int = 32
    layers: int = 1
    epochs: int = 20
    batch_size: int = 64
    learning_rate: float = 0.005
    max_length: int = 200
    slices: int = 5
    shortest: int = 5
    margin: float = 0.5
    share: float = 0.15

    def __post_init__(self) -> None:
        for name, allowed in (("encoder", ENCODERS), ("network", NETWORKS)):
            value = getattr(self, name)
            if value not in allowed:
                raise ConfigError(f"{name} is '{value}'", allowed=allowed, hint=did_you_mean(value, allowed))
        for name in ("size", "layers", "epochs", "batch_size", "max_length", "slices", "shortest"):
            least = 2 if name in {"size", "slices"} else 1
            if getattr(self, name) < least:
                raise ConfigError(f"{name} is {getattr(self, name)}", allowed=f"an integer from {least}")
        if self.size % 2:
            raise ConfigError(f"size is {self.size}", allowed="an even number")
        if not 0 < self.share < 1:
            raise ConfigError(f"share is {self.share:g}", allowed="a share between 0 and 1")
        for name in ("learning_rate", "margin"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"{name} is {getattr(self, name):g}", allowed="a number above 0")


@dataclass(frozen=True)
class NetworkEncoder:
    """A network in evaluation, what it reads at most, and the mean loss of each epoch that it learned in."""

    network: Any
    max_length: int
    unit: bool
    losses: tuple[float, ...]

    @staticmethod
    def of(module: EncoderModule, settings: EncoderSettings, losses: tuple[float, ...] = ()) -> NetworkEncoder:
        """Return the encoder of a module that is done learning."""
        return NetworkEncoder(module.network.cpu().eval(), settings.max_length, module.objective.unit, losses)

    def embed(self, sequences: EventSequences) -> NDArray[np.float64]:
        """Return the vectors (n, size), of length 1 where the objective made them so; all 0 without events."""
        import torch

        from shop_models.encoders.network_module import Batch

        read = sequences.last(self.max_length)
        found = np.zeros((len(read), int(self.network.events.token.embedding_dim)))
        # Rows of like length go together, so that little is padded.
        order = np.argsort(read.lengths, kind="stable")
        order = order[read.lengths[order] > 0]
        with _one_thread(), torch.inference_mode():
            for start in range(0, len(order), _AT_ONCE):
                rows = order[start : start + _AT_ONCE]
                found[rows] = self.network(Batch.of(read.take(rows))).double().numpy()
        if self.unit:
            found /= np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12)
        return found


def untrained(
    sequences: EventSequences, tokens: int, kinds: int, settings: EncoderSettings, rng: np.random.Generator
) -> tuple[EncoderModule, UserBatches | None]:
    """Return a network with its objective, drawn afresh, and the batches to learn from; None for "random".

    `tokens` and `kinds` are how many the vocabulary has. Users with one event teach nothing and are left out. Raises
    DataError where no user has two.
    """
    from shop_models.encoders.encoder_module import EncoderModule, UserBatches

    module = EncoderModule(sequences, tokens, kinds, settings, int(rng.integers(2**31)))
    if settings.encoder == "random":
        return module, None
    # Slices are cut out of everything; the other objectives read a sequence whole, and so its end only.
    read = sequences if settings.encoder == "coles" else sequences.last(settings.max_length)
    read = read.take(np.flatnonzero(read.lengths >= 2))
    if not len(read):
        raise DataError("no user has two events, so nothing can be learned of their order")
    seed = int(rng.integers(2**31))
    return module, UserBatches(read, module.objective, batch_size=settings.batch_size, seed=seed)


def learn_encoder(
    sequences: EventSequences,
    tokens: int,
    kinds: int,
    settings: EncoderSettings,
    rng: np.random.Generator,
    log: logging.Logger,
) -> NetworkEncoder | Aggregates:
    """Return an encoder with `embed(sequences) -> (n, size)`, learned from sequences of two events or more.

    For arrays alone, without a study: a plain loop on one CPU thread, which leaves torch's generators alone. Same
    sequences and state of `rng`, same encoder. Progress goes to `log`. Raises DataError as `untrained`.
    """
    if settings.encoder == "aggregates":
        return Aggregates(tokens, kinds)
    from torch.nn.utils import clip_grad_norm_

    with _one_thread():
        module, batches = untrained(sequences, tokens, kinds, settings, rng)
        optimizer = module.configure_optimizers()
        losses: list[float] = []
        for epoch in range(settings.epochs if batches is not None else 0):
            assert batches is not None  # noqa: S101 - tells the type checker
            batches.set_epoch(epoch)
            summed = 0.0
            for batch in range(len(batches)):
                optimizer.zero_grad()
                loss = module.training_step(batches[batch], batch)
                loss.backward()  # type: ignore[no-untyped-call]
                clip_grad_norm_(module.parameters(), CLIP)
                optimizer.step()
                summed += float(loss.detach())
            losses.append(summed / len(batches))
            log.info("epoch %d of %d: loss %.4f", epoch + 1, settings.epochs, losses[-1])
    return NetworkEncoder.of(module, settings, tuple(losses))


@contextmanager
def _one_thread() -> Iterator[None]:
    """Compute on one thread: sums on several differ in the last digits, and small networks gain nothing by more."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
