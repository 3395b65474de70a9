"""The trainings of a model that has several, one after the other, each as the engine trains any other component."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from typing import Any

from framework.data.tables import Dataset
from framework.kinds import NeuralModel
from framework.records import Context, Training


class Turn:
    """One training, ready to be asked for by what trains a neural component."""

    Config = object

    def __init__(self, config: Any, training: Training) -> None:
        self.config, self.ready = config, training

    def training(self, data: Dataset, context: Context) -> Training:  # noqa: ARG002 - it is made already
        """Return the training."""
        return self.ready

    def learned(self) -> None:
        """Do nothing: the model looks at its module when it is asked for its next training."""


def turns(model: NeuralModel, data: Dataset, context: Context) -> Iterator[tuple[Turn, Context, str]]:
    """Give a model's trainings in turn, each with a context whose folder is its own, and what tells it from others.

    A model that draws weights from torch's global generator draws equal ones for an equal state of `context.rng`.
    """
    from framework.training.devices import failures_told
    from framework.training.identity import config_of
    from framework.training.memory import weighing
    from framework.training.seeds import seed_for_epoch

    seed, config = int(context.rng.integers(2**31)), config_of(model)
    coming = model.trainings(data, context)
    for number in count():
        seed_for_epoch(seed, number)
        with weighing(config), failures_told():
            training = next(coming, None)
        if training is None:
            return
        folder = context.folder / f"training-{number}"
        folder.mkdir(parents=True, exist_ok=True)
        told = f"{type(model).__module__}:{type(model).__qualname__} training {number}"
        yield Turn(config, training), replace(context, folder=folder), told
