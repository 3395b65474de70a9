"""What must hold of a study of segmentations before anything is read."""

from __future__ import annotations

from framework.config import RunConfig
from framework.errors import ConfigError, did_you_mean

OUTCOMES = ("revenue", "log_revenue")
USERS = ("buyers", "all")


def check_segmentations(config: RunConfig) -> tuple[str, ...]:
    """Return warnings about a study that can run; raise ConfigError, naming the key, for one that cannot."""
    settings = config.segmentation
    if len(config.segmentations) < 2:
        raise ConfigError(
            f"segmentations names {len(config.segmentations)}", allowed="two or more, to be compared with each other"
        )
    if settings.outcome not in OUTCOMES:
        raise ConfigError(
            f"segmentation.outcome is '{settings.outcome}'",
            allowed=OUTCOMES,
            hint=did_you_mean(settings.outcome, OUTCOMES),
        )
    if settings.users not in USERS:
        raise ConfigError(
            f"segmentation.users is '{settings.users}'", allowed=USERS, hint=did_you_mean(settings.users, USERS)
        )
    for key, least in (("resamples", 2), ("splits", 2), ("floor", 1), ("conditions", 1)):
        if getattr(settings, key) < least:
            raise ConfigError(f"segmentation.{key} is {getattr(settings, key)}", allowed=f"{least} or more")
    if not 0 <= settings.stable <= 1:
        raise ConfigError(f"segmentation.stable is {settings.stable}", allowed="a number from 0 to 1")
    if config.strategies or config.metrics:
        raise ConfigError(
            "a study that names segmentations compares them, and neither strategies nor metrics",
            hint="Move the strategies to a study of their own, with the winner as its model.",
        )
    return ()
