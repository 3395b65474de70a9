"""The kinds of components, as structural protocols: have the methods, and you are one.

A component is built as `Class(config)` from its own `Config` dataclass (no parameters: `Class()` is not called;
every component class has a nested or module-level dataclass named in its attribute `Config`). Abilities that only
some components have are protocols of their own, found by `isinstance`.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np

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
