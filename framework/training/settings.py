"""Whether a trainer's settings can be met at all, said before anything is read."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from framework.config import TrainerConfig
from framework.errors import ConfigError

if TYPE_CHECKING:
    from framework.records import Training


def check_trainer(settings: TrainerConfig) -> None:
    """Raise ConfigError for a number out of range, or a log that this installation cannot write."""
    for name in ("epochs", "accumulate_grad_batches", "validate_every", "patience"):
        value = getattr(settings, name)
        if value is not None and value < 1:
            optional = name in {"epochs", "patience"}
            raise ConfigError(
                f"trainer.{name} is {value}", allowed="an integer from 1" + (", or null" if optional else "")
            )
    clip = settings.gradient_clip_val
    if clip is not None and not clip > 0:
        raise ConfigError(f"trainer.gradient_clip_val is {clip}", allowed="a number above 0, or null")
    if settings.tensorboard and find_spec("tensorboard") is None and find_spec("tensorboardX") is None:
        raise ConfigError(
            "trainer.tensorboard is on, and TensorBoard is not installed here",
            hint="Install it (pip install tensorboard), or set trainer.tensorboard=false: the CSV is written anyway.",
        )


def check_steps(training: Training, settings: TrainerConfig) -> None:
    """Raise ConfigError for gradients to be clipped or added up where a module takes its optimizers' steps itself.

    Lightning does neither there, as it does not know which step is whose.
    """
    if training.module.automatic_optimization:
        return
    clip = training.gradient_clip if settings.gradient_clip_val is None else settings.gradient_clip_val
    for name, value, off in (
        ("gradient_clip_val", clip, None),
        ("accumulate_grad_batches", settings.accumulate_grad_batches, 1),
    ):
        if value != off:
            raise ConfigError(
                f"trainer.{name} is {value}, and this strategy's networks take their steps by turns, of their own",
                allowed=str(off).replace("None", "null"),
                hint="Its own parameters say how its steps are taken.",
            )
