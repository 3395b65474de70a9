"""Points of a search space as Optuna keeps them, and as they are tried."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from framework.training.search_space import Parameter, Space

if TYPE_CHECKING:
    from optuna.trial import Trial


def suggested(trial: Trial, space: Space) -> dict[str, Any]:
    """Return a value for every parameter that counts."""
    params: dict[str, Any] = {}
    for parameter in space.parameters:
        if parameter.counts(params):
            params[parameter.name] = _suggested(trial, parameter)
    return params


def _suggested(trial: Trial, parameter: Parameter) -> Any:
    name, low, high = parameter.name, parameter.low, parameter.high
    if parameter.type == "choice":
        words = _words(parameter)
        return parameter.choices[words.index(trial.suggest_categorical(name, words))]
    if parameter.type == "int":
        return trial.suggest_int(name, int(low), int(high), log=parameter.log, step=int(parameter.step or 1))
    return trial.suggest_float(name, low, high, log=parameter.log, step=parameter.step)


def _words(parameter: Parameter) -> list[Any]:
    """Return choices as Optuna can keep them: as they are, or where they are no plain values or mixed, as JSON."""
    kinds = {type(choice) for choice in parameter.choices}
    if len(kinds) == 1 and kinds <= {int, float, str, bool}:
        return list(parameter.choices)
    return [json.dumps(choice, default=str) for choice in parameter.choices]


def stored_params(space: Space, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters as Optuna keeps them."""
    return {
        own.name: _words(own)[own.choices.index(params[own.name])] if own.type == "choice" else params[own.name]
        for own in space.parameters
        if own.name in params
    }


def tried_params(space: Space, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters as they were tried, from what Optuna kept of them."""
    return {
        own.name: own.choices[_words(own).index(params[own.name])] if own.type == "choice" else params[own.name]
        for own in space.parameters
        if own.name in params
    }
