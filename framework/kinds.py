"""The kinds of components, as structural protocols: have the methods, and you are one.

A component is built as `Class(config)` from its own `Config` dataclass (no parameters: `Class()` is not called;
every component class has a nested or module-level dataclass named in its attribute `Config`). Abilities that only
some components have are protocols of their own, found by `isinstance`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from framework.data.rawlog import RawLog
from framework.data.tables import Dataset, ItemTable, Window
from framework.records import (
    Actions,
    Context,
    FeatureRows,
    Feedback,
    LoggedDecisions,
    Outcomes,
    Part,
    PolicyValue,
    Queries,
    Responses,
    Run,
    Segmentation,
    SimulatorCheck,
    Slates,
    TargetPolicy,
    Training,
    UnitValues,
    WeightedRows,
    WeightedSlates,
    WeightedTrajectories,
)

KINDS = (
    "source",
    "model",
    "recommender",
    "reranker",
    "policy",
    "estimator",
    "simulator",
    "metric",
    "uplift",
    "classifier",
    "tracker",
)
"""Every kind that a plugin may offer a component of."""


@runtime_checkable
class Source(Protocol):
    """Says where a log lies and what its columns mean."""

    def read(self, context: Context) -> RawLog:
        """Return the log's description; a generator writes its files below `context.folder` first."""
        ...


@runtime_checkable
class LoggedSource(Protocol):
    """A source of logged decisions in place of events: what was shown, with which probability, and what came of it."""

    logger: str
    """Name of the policy that took the decisions."""

    def read_decisions(self, context: Context) -> LoggedDecisions:
        """Return the log, in the order of time."""
        ...

    def target(self, decisions: LoggedDecisions) -> TargetPolicy | None:
        """Return the policy to evaluate where a study names none; None where there is no such thing."""
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
class NeuralModel(Protocol):
    """A model that Lightning trains, in one go or in several, each of which goes on from what the one before learned.

    In place of `fit` it has `trainings`; the engine makes the Trainer each time. `segment` is a model's.
    """

    def trainings(self, data: Dataset, context: Context) -> Iterator[Training]:
        """Give one training after the other: when the next is asked for, the module of the last is trained.

        After the last one it finishes what `segment` answers by. Same data and `context.rng` state, same weights.
        """
        ...

    def segment(self, data: Dataset) -> Segmentation:
        """Return as `Model.segment`."""
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
class Neural(Protocol):
    """What Lightning trains: a recommender, or an agent that learns of an environment or of a log of its steps."""

    def training(self, data: Any, context: Context) -> Training:
        """Return the module, made afresh, and its batches. Same data and `context.rng` state, same weights."""
        ...

    def learned(self) -> None:
        """Take in what the module knows by now."""
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
class Reranker(Protocol):
    """Reorders a recommender's candidates before the policy chooses: for diversity, or by what the shop wants."""

    def fit(self, data: Dataset, context: Context) -> None:
        """Learn what it needs to know of users and items up to `data.as_of`."""
        ...

    def rerank(self, queries: Queries, slates: Slates, k: int) -> Slates:
        """Return min(k, candidates) of each query's own candidates, distinct, in the order to show them.

        Scores fall from left to right; -1 with score -inf fills the end where a candidate was taken out or missing.
        `fallback` stays as it was. Queries do not touch each other.
        """
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
class TakesItems(Protocol):
    """A fitted recommender that can recommend items that came after its training, by what is known of them."""

    def take_items(self, items: NDArray[np.str_], table: ItemTable) -> None:
        """Append items that no training saw, in this order after those known; later slates may hold their indexes.

        `items` (A,) are ids that it does not know, all different; `table` has one row for each of them, with categories
        by their own numbering. From then on slates, histories and exclusions are over the longer catalogue.
        """
        ...


@runtime_checkable
class NamesParts(Protocol):
    """A Config whose component is made of other components: that one is built as `Class(config, parts)`."""

    def named_parts(self) -> Mapping[str, Part]:
        """Return what to build, by the path below the parameters that names it ("members.als")."""
        ...


@runtime_checkable
class MadeOfParts(Protocol):
    """A component whose Config names parts. The engine fits them first, neural ones too, then the whole by its `fit`.

    Each part gets the same data and a context of its own; a neural one is trained for its own number of epochs.
    """

    def built_parts(self) -> Mapping[str, Any]:
        """Return the parts that it was built with, by the names that its Config gave them."""
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
class Estimator(Protocol):
    """Off-policy value: what a policy would have earned, from decisions that another one took."""

    label: str
    """Name with its parameters, as the report prints it: "switch_dr(5)"."""
    takes: str
    """What `estimate` gets: "rows" (`WeightedRows`), "slates" (`WeightedSlates`), "trajectories"."""
    needs_reward_model: bool
    """Whether `fitted` and `expected` must be there."""
    uses_weights: bool
    """Whether the weights enter it: if so, it is withheld where the log does not support them."""

    def estimate(self, logged: WeightedRows | WeightedSlates | WeightedTrajectories) -> PolicyValue:
        """Return the policy's value for one decision (slate, trajectory), with every row's influence. Draws nothing."""
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
class World(Protocol):
    """A simulator that needs no log: it has visitors and arms of its own, and knows what each page is worth."""

    delay: int
    """Batches of visitors that come and go before a batch's feedback is known; 0: it is known before the next."""

    def plant(self, rng: np.random.Generator) -> None:
        """Draw the truth anew, and begin its time; same `rng` state, same world."""
        ...

    def arrive(self, count: int, positions: int, rng: np.random.Generator) -> tuple[Queries, Slates]:
        """Let the next `count` visitors come; their candidates are all arms, in an order that tells nothing.

        What comes does not depend on what earlier visitors were shown.
        """
        ...

    def expected(self, queries: Queries, items: NDArray[np.int32]) -> NDArray[np.float64]:
        """Return the present chance that each of items (n, k) is bought where it is shown; 0 for no item (-1)."""
        ...

    def respond(self, queries: Queries, actions: Actions, rng: np.random.Generator) -> Responses:
        """Draw responses by those chances, as `Simulator.respond`."""
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


@runtime_checkable
class UpliftLearner(Protocol):
    """Learns from a test what a treatment changes of each unit's outcome."""

    def fit(
        self,
        features: NDArray[np.float64],
        treated: NDArray[np.bool_],
        outcome: NDArray[np.float64],
        propensity: NDArray[np.float64],
        rng: np.random.Generator,
    ) -> None:
        """Learn from units: features (n, d), arm (n,), outcome (n,), known probability of treatment (n,), in (0, 1)."""
        ...

    def effect(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the predicted effect (n,) in the outcome's unit, for whatever units. Draws nothing."""
        ...


@runtime_checkable
class FormsGroups(Protocol):
    """An uplift learner whose predictions are those of a few segments with a rule each."""

    def groups(self, features: NDArray[np.float64]) -> NDArray[np.int32]:
        """Return each unit's segment (n,), 0 the one with the largest effect."""
        ...

    def rules(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return the segments' rules in words, in the order of `groups`; `names` (d,) are the features'."""
        ...


@runtime_checkable
class Classifier(Protocol):
    """Tells the probability of "yes" from a row of columns, or from a text.

    One that learns in epochs may have `curve` after `fit`: a mapping an epoch with `epoch`, `train_loss` and
    `dev_accuracy`, of rows that it kept back from those it was given.
    """

    reads: str
    """"table" or "text"."""
    CHOICES: Sequence[Mapping[str, Any]]
    """Parameters to choose among by inner cross-validation; empty: there is nothing to choose."""

    def fit(self, rows: FeatureRows, label: NDArray[np.bool_], weight: NDArray[np.float64], context: Context) -> None:
        """Learn from n rows, of both classes; `weight` (n,) has mean 1. Same rows and `context.rng`, same answers."""
        ...

    def probability(self, rows: FeatureRows) -> NDArray[np.float64]:
        """Return the probability (m,) that each row is positive. Rows do not touch each other."""
        ...


@runtime_checkable
class Tracker(Protocol):
    """Sends what a run comes to, while it goes on, to a place where a team keeps its runs side by side.

    Whatever one raises is warned of once, and the run goes on without it.
    """

    def start(self, run: Run) -> None:
        """Open the run there, with its whole config."""
        ...

    def log(self, values: Mapping[str, float], step: int | None) -> None:
        """Take finite numbers by name; `step` counts a training's batches, None where no training goes on."""
        ...

    def finish(self, words: Mapping[str, str], files: Sequence[Path]) -> None:
        """Close the run: its verdict in words, and the files that it wrote."""
        ...

    def fail(self, status: str, reason: str) -> None:
        """Close a run that came to no result: `status` is "failed" or "interrupted"."""
        ...
