"""Whether a trainer's settings can be met at all, said before anything is read."""

from __future__ import annotations

from importlib.util import find_spec

from framework.config import TrainerConfig
from framework.errors import ConfigError


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
