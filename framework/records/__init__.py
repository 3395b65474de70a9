"""Frozen records that the stages, the components and the hooks hand on."""

from framework.data.account import Cleaning, CleaningRow, SplitSummary
from framework.records.component import Component, Part, ReportSection
from framework.records.decisions import Actions, Context, Feedback, Queries, Responses, Slates
from framework.records.logged import (
    LoggedDecisions,
    PolicyValue,
    TargetPolicy,
    WeightedRows,
    WeightedSlates,
    WeightedTrajectories,
)
from framework.records.outcomes import Outcomes
from framework.records.result import (
    ArmValue,
    Evidence,
    Result,
    SegmentCard,
    SimulatorCheck,
    StrategySummary,
)
from framework.records.rows import FeatureRows
from framework.records.run import Ranked, Run, Trial
from framework.records.segments import NEW_USERS, Segmentation
from framework.records.training import Training
from framework.stats.decision import Verdict
from framework.stats.samples import UnitValues

__all__ = [
    "NEW_USERS",
    "Actions",
    "ArmValue",
    "Cleaning",
    "CleaningRow",
    "Component",
    "Context",
    "Evidence",
    "FeatureRows",
    "Feedback",
    "LoggedDecisions",
    "Outcomes",
    "Part",
    "PolicyValue",
    "Queries",
    "Ranked",
    "ReportSection",
    "Responses",
    "Result",
    "Run",
    "SegmentCard",
    "Segmentation",
    "SimulatorCheck",
    "Slates",
    "SplitSummary",
    "StrategySummary",
    "TargetPolicy",
    "Training",
    "Trial",
    "UnitValues",
    "Verdict",
    "WeightedRows",
    "WeightedSlates",
    "WeightedTrajectories",
]
