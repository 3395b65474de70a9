"""What must hold of a study of logged decisions before its log is read."""

from __future__ import annotations

from dataclasses import asdict

from framework.config import RunConfig
from framework.errors import ConfigError, did_you_mean


def check_evaluation(config: RunConfig) -> tuple[str, ...]:
    """Return warnings about a study that can run; raise ConfigError, naming the key, for one that cannot."""
    settings = config.evaluation
    if not settings.estimators:
        raise ConfigError(
            "evaluation.estimators names none", hint="Name one: evaluation.estimators.snips.name=snips in the study."
        )
    if settings.decides not in settings.estimators:
        raise ConfigError(
            f"evaluation.decides is '{settings.decides}', which is no estimator of this study",
            allowed=tuple(settings.estimators),
            hint=did_you_mean(settings.decides, tuple(settings.estimators)),
        )
    for key, value in (("alpha", config.decision.alpha), ("power", config.decision.power)):
        if not 0 < value < 1:
            raise ConfigError(f"decision.{key} is {value}", allowed="a number between 0 and 1")
    least = {"folds": (settings.folds, 2), "refits": (settings.refits, 20)}
    least |= {f"support.{key}": (value, 0) for key, value in asdict(settings.support).items()}
    for key, (value, low) in least.items():
        if not value >= low:
            raise ConfigError(f"evaluation.{key} is {value}", allowed=f"{low} or more")
    if config.decision.difference < 0:
        raise ConfigError(f"decision.difference is {config.decision.difference}", allowed="0 or more")
    named = [key for key in ("strategies", "metrics") if getattr(config, key)]
    if named:
        return (f"The source is a log of decisions: {' and '.join(named)} are not looked at.",)
    return ()
