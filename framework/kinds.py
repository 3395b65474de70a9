"""The kinds of components, as structural protocols: have the methods, and you are one.

A component is built as `Class(config)` from its own `Config` dataclass (no parameters: `Class()` is not called;
every component class has a nested or module-level dataclass named in its attribute `Config`). Abilities that only
some components have are protocols of their own, found by `isinstance`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from framework.data.rawlog import RawLog
from framework.data.tables import Dataset, Window
from framework.records import (
    Actions,
    Context,
    Feedback,
    Outcomes,
    Queries,
    Responses,
    Segmentation,
    SimulatorCheck,
    Slates,
    Training,
    UnitValues,
)

KINDS = ("source", "model", "recommender", "reranker", "policy", "estimator", "simulator", "metric", "tracker")
"""Every kind that a plugin may offer a component of."""


@runtime_checkable
class Source(Protocol):
    """Says where a log lies and what its columns mean."""

    def read(self, context: Context) -> RawLog:
        """Return the log's description; a generator writes its files below `context.folder` first."""
        ...


@runtime_checkable
class Model(Protocol):
    """Learns users. Here: puts every user of a data set into a segment."""

    def fit(self, data: Dataset, context: Context) -> None:
        """Learn from the log up to `data.as_of`; same data and `context.rng` state, same result."""
        ...

    def segment(self, data: Dataset) -> Segmentation:
        """Return every user's segment, also for users that `fit` did not see."""
        ...


@runtime_checkable
class Recommender(Protocol):
    """Ranks items for users."""

    def fit(self, data: Dataset, context: Context) -> None:
        """Learn from the log up to `data.as_of`; `data.segments` is set where the strategy has a model."""
        ...

    def recommend(self, queries: Queries, k: int) -> Slates:
        """Return the best min(k, catalogue) items for each query, distinct, best first, ties by item index.

        Unknown users (index -1) and users without history get a sensible fallback (popularity) and are marked in
        `Slates.fallback`. Items in `queries.exclude` never appear.
        """
        ...


@runtime_checkable
class NeuralRecommender(Protocol):
    """A recommender that Lightning trains: the engine makes the Trainer, on whatever the study asks for.

    In place of `fit` it has `training`; the engine trains, and calls `learned` before every look at the validation part
    and after the last epoch. `recommend` is a recommender's.
    """

    def training(self, data: Dataset, context: Context) -> Training:
        """Return the module, made afresh, and its batches. Same data and `context.rng` state, same weights."""
        ...

    def learned(self) -> None:
        """Take in what the module knows by now, so that `recommend` answers by it."""
        ...

    def recommend(self, queries: Queries, k: int) -> Slates:
        """Return as `Recommender.recommend`."""
        ...


@runtime_checkable
class Stored(Protocol):
    """A fitted component that can be written down and read again, without its data and without running foreign code."""

    def state(self) -> Mapping[str, NDArray[Any]]:
        """Return everything that it answers by, as plain arrays (numbers and bools) by name."""
        ...

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take the state of an equal component, unfitted so far, so that it answers as that one does."""
        ...


@runtime_checkable
class Searchable(Protocol):
    """A component whose class says which of its parameters are worth a search, and where."""

    SEARCH: Mapping[str, Mapping[str, Any]]
    """By parameter: {"low", "high", and "log" or "step"} for numbers, {"choices": [...]} for others."""


@runtime_checkable
class Policy(Protocol):
    """Decides what to show, with a probability."""

    def act(self, queries: Queries, slates: Slates, rng: np.random.Generator) -> Actions:
        """Choose `queries.positions` items for each query out of its slate of candidates, with propensities."""
        ...


@runtime_checkable
class Learns(Protocol):
    """A policy that learns while the trial runs."""

    def learn(self, feedback: Feedback) -> None:
        """Take in one batch of decisions and what came of them."""
        ...


@runtime_checkable
class Simulator(Protocol):
    """How users respond to what they are shown, fitted to the log."""

    def fit(self, early: Dataset, later: Window, context: Context) -> None:
        """Learn responses: features from `early`, outcomes from the window right after it."""
        ...

    def prepare(self, data: Dataset) -> None:
        """Take `data` as the world in which `respond` answers: its users, items and histories."""
        ...

    def check(self, early: Dataset, later: Window, context: Context) -> SimulatorCheck:
        """Foretell `later` from `early`, both later than what `fit` saw, and say how well that went."""
        ...

    def respond(self, queries: Queries, actions: Actions, rng: np.random.Generator) -> Responses:
        """Draw responses.

        Two calls with equally seeded generators answer an equal (user, item) alike, whatever else is shown: common
        random numbers.
        """
        ...


@runtime_checkable
class Metric(Protocol):
    """One number per unit from a trial's outcomes."""

    label: str
    """Name with its parameters, as the report prints it: "ndcg@10"."""
    unit: str
    """"share", "count", "money" or "score": how to print it. Money is in minor units."""
    higher_is_better: bool
    evidence: tuple[str, ...]
    """Kinds of evidence that the metric can be read from."""

    def measure(self, outcomes: Outcomes) -> UnitValues:
        """Return the metric's value of every unit."""
        ...


@runtime_checkable
class Summary(Protocol):
    """A figure of a whole arm that is no average over units (catalogue coverage, Gini): shown, not tested."""

    label: str
    unit: str
    higher_is_better: bool
    evidence: tuple[str, ...]

    def summarise(self, outcomes: Outcomes) -> float:
        """Return the arm's value."""
        ...
