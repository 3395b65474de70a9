"""Where a training runs: one device, or several processes forked for it, never a second run of the whole command."""

# ruff: noqa: ARG002 (Lightning gives its hooks more than they need here)
from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from lightning_fabric.utilities.exceptions import MisconfigurationException
from pytorch_lightning import Callback, LightningModule, Trainer
from torch.multiprocessing.spawn import ProcessExitedException, ProcessRaisedException

from framework.config import TrainerConfig
from framework.errors import ConfigError, RunError

FORKED = "ddp_fork"


def trainer_on_devices(make: Callable[..., Trainer], settings: TrainerConfig, device: str) -> Trainer:
    """Return `make(accelerator=..., devices=..., strategy=...)`: the Trainer on what the settings ask for.

    `device` is the context's ("auto", "cpu", "cuda", "cuda:1"), which stands in for the accelerator "auto". Several
    devices train in forked processes. Raises ConfigError for what is not there, for a strategy that would start the
    whole command again in each process (they would write into one run folder, and in a sweep each would run a job of
    its own), and where this process may not start others.
    """
    accelerator, devices = settings.accelerator, settings.devices
    if accelerator == "auto" and device != "auto":
        accelerator, _, index = device.partition(":")
        devices = f"{index}," if index and devices == 1 else devices
    trainer = _made(make, accelerator=accelerator, devices=devices, strategy=settings.strategy)
    if _starts_commands(trainer) and settings.strategy == "auto":
        trainer = _made(make, accelerator=accelerator, devices=devices, strategy=FORKED)
    if _starts_commands(trainer):
        raise ConfigError(
            f"trainer.strategy is '{settings.strategy}', which would start this whole command again for each process",
            allowed=f"auto, or one that forks: {FORKED}, {FORKED}_find_unused_parameters_true",
        )
    if trainer.strategy.launcher is not None:
        _check_forking(trainer)
    return trainer


@contextmanager
def failures_told() -> Iterator[None]:
    """Say in an error of ours that memory ran out, or what a process of several failed of."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise RunError(
            f"The training ran out of memory: {str(error).partition('.')[0]}",
            hint="A smaller batch (trainer.accumulate_grad_batches makes up for it) or smaller vectors take less.",
        ) from error
    except ProcessRaisedException as error:
        last = str(error).strip().splitlines()[-1]
        raise RunError(f"A process of the training failed: {last}") from error
    except ProcessExitedException as error:
        raise RunError(
            f"A process of the training ended unasked: {error}", hint="Most often its memory ran out."
        ) from error


@contextmanager
def processes_ended(trainer: Trainer) -> Iterator[None]:
    """End the processes that were forked to train where the one that waits for them is interrupted."""
    try:
        yield
    finally:
        if trainer.strategy.launcher is not None:
            trainer.strategy.launcher.kill(signal.SIGKILL)


class OneThread(Callback):
    """Holds each of several processes on CPUs to one thread: the pools of threads do not outlive a fork."""

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Set the number of threads of a process that was forked to train."""
        if trainer.strategy.launcher is not None and trainer.strategy.root_device.type == "cpu":
            torch.set_num_threads(1)


def _made(make: Callable[..., Trainer], **asked: Any) -> Trainer:
    try:
        return make(**asked)
    except (MisconfigurationException, ValueError) as error:
        said = ", ".join(f"{name}={value}" for name, value in asked.items())
        raise ConfigError(
            f"Lightning cannot train with {said}: {error}", hint="trainer.accelerator=auto takes what is there."
        ) from error


def _starts_commands(trainer: Trainer) -> bool:
    launcher = trainer.strategy.launcher
    return launcher is not None and not launcher.is_interactive_compatible


def _check_forking(trainer: Trainer) -> None:
    asked = f"trainer.devices asks for {trainer.num_devices} processes"
    if multiprocessing.current_process().daemon:
        raise ConfigError(
            f"{asked}, and a worker of a parallel launcher may not start any",
            hint="Set trainer.devices=1, or run the jobs one after the other.",
        )
    if trainer.strategy.root_device.type == "cuda" and torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        raise ConfigError(
            f"{asked}, and this one uses CUDA already, so that it cannot fork",
            hint="Set trainer.devices=1, or keep device=cpu for what runs before the training.",
        )
