"""The schema of every run. A key that is not here is a typo, and an error."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING

from framework.data.settings import DataConfig


@dataclass
class ComponentConfig:
    """A component by name, with parameters that its own Config dataclass checks."""

    name: str = MISSING
    params: dict[str, Any] = field(default_factory=dict)


@dataclass
class RuleConfig:
    """What a strategy does differently for one segment; null keeps the strategy's own, an empty list no reranker."""

    recommender: ComponentConfig | None = None
    reranker: Any = None
    policy: ComponentConfig | None = None


@dataclass
class StrategyConfig:
    """What a team would launch: recommender and policy, for all users, with its own rule for segments that need one.

    `reranker` reorders the recommender's candidates before the policy chooses: a component, or a list of them applied
    in turn (`framework.reranking`). `model` segments the users for this strategy; null takes the study's model.
    """

    recommender: ComponentConfig = field(default_factory=ComponentConfig)
    reranker: Any = None
    policy: ComponentConfig = field(default_factory=lambda: ComponentConfig("greedy"))
    model: ComponentConfig | None = None
    segments: dict[str, RuleConfig] = field(default_factory=dict)
    description: str = ""


@dataclass
class MetricConfig:
    """A metric and its role in the decision: "primary", "secondary" or "guardrail".

    A guardrail is harmed where its effect's interval lies beyond `margin` on the bad side. Margins are in the metric's
    unit: shares as fractions, money in whole units of the currency. `alpha_share` is a primary metric's own share of
    alpha; all primary metrics have one, adding up to 1, or none has.
    """

    name: str = MISSING
    params: dict[str, Any] = field(default_factory=dict)
    role: str = "secondary"
    margin: float = 0.0
    alpha_share: float | None = None


@dataclass
class SimulatedConfig:
    """The simulated trial.

    `design` is "paired" (every user under every strategy, common random numbers) or "independent" (users split between
    the arms by a salted hash); `batches` is how many times learning policies get feedback; `users` caps the units
    (null: all).
    """

    design: str = "paired"
    batches: int = 10
    users: int | None = None
    shares: dict[str, float] = field(default_factory=dict)
    salt: str = "prelaunch"


@dataclass
class HoldoutConfig:
    """The holdout trial: which users of the later part count, "all" or "known" (seen before the split)."""

    users: str = "all"


@dataclass
class TrialConfig:
    """How strategies are compared: kinds of evidence, items a page shows, candidates a policy may choose from.

    `repeats` false keeps items that a user bought before out of the slates. Segments with fewer than `segment_floor`
    units are named, not tested.
    """

    evidence: list[str] = field(default_factory=lambda: ["holdout", "simulated"])
    positions: int = 10
    candidates: int = 50
    repeats: bool = True
    segment_floor: int = 50
    holdout: HoldoutConfig = field(default_factory=HoldoutConfig)
    simulated: SimulatedConfig = field(default_factory=SimulatedConfig)


@dataclass
class DecisionConfig:
    """The rule, written before the run.

    Ship where every named evidence shows a primary effect whose interval lies above `difference`; `alpha` is two-
    sided over the family, `power` is what undecided plans for. `guardrails`: "not harmed" (harm beyond the margin must
    be shown to stop a launch) or "non-inferior" (a launch needs harm beyond the margin to be ruled out). `prior` asks
    for a posterior beside each effect over all users: "flat", or "sceptical" (relative effects of about 10 %).
    `correction` is that over primary metrics and treatments (`stats.multiplicity.CORRECTIONS`, or "max_t" for paired
    trials), `segment_correction` that over segments; `gatekeeping` tests a segment only where the whole was shown.
    """

    alpha: float = 0.05
    power: float = 0.8
    difference: float = 0.0
    evidence: list[str] | None = None
    correction: str = "holm"
    segment_correction: str = "benjamini_hochberg"
    gatekeeping: bool = False
    guardrails: str = "not harmed"
    prior: str | None = None


@dataclass
class PlanConfig:
    """What `plan` works out: relative `effects` to find (0.05: 5 %), the `traffic` share that enters the live test.

    `looks` above 1 plans a group-sequential test by the rule `spending`. `follow_up` days are waited for the outcomes
    of the last users to come.
    """

    effects: list[float] = field(default_factory=lambda: [0.01, 0.02, 0.05, 0.1])
    traffic: float = 1.0
    looks: int = 1
    spending: str = "lan_demets_obrien_fleming"
    follow_up: int = 0


@dataclass
class CalibrateConfig:
    """How `calibrate` replicates the trial: how often, over how many processes (null: one a core).

    `planted` is the relative effect whose detection is counted; null plants what each metric can just detect.
    """

    replications: int = 10000
    planted: float | None = None
    jobs: int | None = None


@dataclass
class ReportConfig:
    """What is written besides `result.json`, and how wide the terminal's table may be.

    `html` is the page; `units` writes every unit's value on every metric to `units.parquet`, which holds user ids;
    `segments` writes every user's segment to `segments.parquet`, for `python -m framework export`, with user ids too;
    `artefacts` keeps every strategy's fitted recommender below `artefacts/`, with user ids and what they bought, for
    `python -m framework recommend`.
    """

    html: bool = True
    units: bool = False
    segments: bool = False
    artefacts: bool = False
    width: int | None = None


@dataclass
class TrainerConfig:
    """How neural recommenders are trained; the words that Lightning has too pass straight to its Trainer.

    `accelerator` "auto" takes the run's `device`, and where that is "auto" the best one here. `devices` above 1 trains
    that many copies in processes of their own (`strategy` "auto": forked), each on its share of the batches: a step
    then sees that many batches at once, so it is another model. `epochs` null leaves them to each recommender, and so
    does `gradient_clip_val`. After every `validate_every` epochs the validation part is ranked; `patience` looks in a
    row without a better score end the training (null: none do), and the best epoch's weights are kept. `progress`
    shows a bar in a terminal, `tensorboard` writes its logs besides the CSV.
    """

    accelerator: str = "auto"
    devices: int | str = 1
    strategy: str = "auto"
    precision: str = "32-true"
    epochs: int | None = None
    accumulate_grad_batches: int = 1
    gradient_clip_val: float | None = None
    validate_every: int = 1
    patience: int | None = 10
    deterministic: bool = True
    progress: bool = False
    tensorboard: bool = False


@dataclass
class SearchConfig:
    """The search for each strategy's parameters on the validation part; every strategy gets the same budget.

    `trials` or `seconds` (of fitting and ranking, over all workers) for each strategy; with neither nothing is
    searched. `metric` is the label of a metric, or a list of objectives, "fit_seconds" and "latency" (milliseconds a
    user) among them, of which the first decides; null takes the first primary metric. `space` maps a strategy, or "*",
    to parameters with {low, high, log, step} or {choices}, and {when: {other: value}}; a strategy that it does not name
    takes what its recommender says of itself. `sampler`: "tpe", "random", "grid" or "nsga2"; `pruner`: "median",
    "hyperband" or "none". `storage` is a file or the URL of a database (null: a file in the run's folder); `share` lets
    several runs search in it together. `jobs` workers try at once, here ("loky") or on a cluster ("ray").
    """

    trials: int = 0
    seconds: float | None = None
    metric: Any = None
    space: dict[str, Any] = field(default_factory=dict)
    sampler: str = "tpe"
    pruner: str = "median"
    storage: str | None = None
    share: bool = False
    jobs: int = 1
    backend: str = "loky"


@dataclass
class CostsConfig:
    """How the wait for one answer is measured of every arm.

    At most `requests` are timed after a warm-up (0: none), and none is begun once `seconds` have passed; both for each
    arm.
    """

    requests: int = 200
    seconds: float = 2.0


@dataclass
class SegmentationConfig:
    """How a study's `segmentations` are compared, on the same users: "buyers", or "all" that the log has seen.

    `resamples` refits on users drawn with replacement say how stable the groups are, `splits` random halves how well
    one half's groups foretell the other's. A segmentation can win where it has two groups or more, none with fewer than
    `floor` users, and a mean adjusted Rand index of its refits of at least `stable`. `outcome`, of the later period, is
    "revenue" or "log_revenue" (log of 1 + the amount). `conditions` is how many a group's rule may have.
    """

    users: str = "buyers"
    resamples: int = 20
    splits: int = 5
    floor: int = 50
    stable: float = 0.8
    outcome: str = "log_revenue"
    conditions: int = 5


@dataclass
class SupportConfig:
    """What a log must hold before an estimate from its weights is shown, and before it is shown without a warning.

    Withheld where: `effective_rows` (the sum of weights squared over the sum of squares) or `effective_rewarded` (the
    same of weighted rewards) is less, one weight's share of all is more than `largest_share`, the mean weight is off 1
    by more than `mean_weight` standard errors, or the log never shows more than `unsupported` of the policy's mass.
    Warned of where fewer than `trusted_rewarded` effective rows were rewarded: intervals cover less than they claim.
    """

    effective_rows: float = 100.0
    effective_rewarded: float = 2.0
    trusted_rewarded: float = 60.0
    largest_share: float = 0.1
    mean_weight: float = 5.0
    unsupported: float = 0.01


@dataclass
class EvaluationConfig:
    """Off-policy evaluation, where the source holds logged decisions.

    `policy` is a JSON file with the policy to evaluate (`action_dist`: a row an action, a column a place); null takes
    the one that the source offers. `estimators` are shown side by side; the verdict rests on the one named in `decides`
    by its key. `folds` of the reward model's cross-fitting, which is fitted anew in each of `refits` resamples for the
    interval of what rests on the model alone. `support` says when an estimate is withheld.
    """

    policy: str | None = None
    estimators: dict[str, ComponentConfig] = field(default_factory=dict)
    decides: str = "snips"
    folds: int = 3
    refits: int = 100
    support: SupportConfig = field(default_factory=SupportConfig)


@dataclass
class RegretConfig:
    """How `regret` lets the strategies' policies play: `rounds` visitors, in batches after each of which they learn.

    `worlds` are simulators that plant arms of their own; every policy plays each of them with `seeds` seeds, which are
    the units of all intervals, over `jobs` processes (null: one a core). A policy is compared with the one of the
    study's `control`.
    """

    rounds: int = 10000
    batch: int = 50
    seeds: int = 50
    worlds: dict[str, ComponentConfig] = field(default_factory=dict)
    jobs: int | None = None


@dataclass
class RunConfig:
    """One run: a log, a model, strategies to compare, how to compare them, and the rule that decides.

    `recommender`, where a study names one, is the one that it is about: strategies refer to it by interpolation, and
    `result.json` holds its own values as `metrics`. `baselines` are recommenders, with their defaults and for everybody
    alike, that are ranked on the holdout beside the strategies and shown; no test, correction or verdict knows them.
    One that a strategy is already is left out. `segmentations` are models to be compared with each other, in a study of
    their own. `trackers` hear of the run while it goes on.
    """

    study: str = "unnamed"
    question: str = ""
    seed: int = 0
    source: ComponentConfig = field(default_factory=ComponentConfig)
    data: DataConfig = field(default_factory=DataConfig)
    model: ComponentConfig = field(default_factory=lambda: ComponentConfig("rfm"))
    simulator: ComponentConfig = field(default_factory=lambda: ComponentConfig("purchase_response"))
    recommender: ComponentConfig | None = None
    strategies: dict[str, StrategyConfig] = field(default_factory=dict)
    baselines: list[str] = field(default_factory=lambda: ["popular", "recent_popular", "random"])
    control: str = "control"
    metrics: dict[str, MetricConfig] = field(default_factory=dict)
    segmentations: dict[str, ComponentConfig] = field(default_factory=dict)
    segmentation: SegmentationConfig = field(default_factory=SegmentationConfig)
    trial: TrialConfig = field(default_factory=TrialConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    decision: DecisionConfig = field(default_factory=DecisionConfig)
    report: ReportConfig = field(default_factory=ReportConfig)
    plan: PlanConfig = field(default_factory=PlanConfig)
    calibrate: CalibrateConfig = field(default_factory=CalibrateConfig)
    regret: RegretConfig = field(default_factory=RegretConfig)
    trainer: TrainerConfig = field(default_factory=TrainerConfig)
    search: SearchConfig = field(default_factory=SearchConfig)
    costs: CostsConfig = field(default_factory=CostsConfig)
    trackers: dict[str, ComponentConfig] = field(default_factory=dict)
    device: str = "auto"
