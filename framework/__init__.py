"""Which strategy to launch, for which users, and how sure. Plugin authors import from here; nothing heavy is loaded."""

from framework.errors import ConfigError, DataError, PluginError, PrelaunchError, RunError, TrialError
from framework.hookspecs import PRELAUNCH_API, hookimpl
from framework.records import (
    Actions,
    Component,
    Context,
    Feedback,
    Outcomes,
    Queries,
    ReportSection,
    Responses,
    Result,
    Run,
    Segmentation,
    SimulatorCheck,
    Slates,
    Training,
    Trial,
    UnitValues,
)

__all__ = [
    "PRELAUNCH_API",
    "Actions",
    "Component",
    "ConfigError",
    "Context",
    "DataError",
    "Feedback",
    "Outcomes",
    "PluginError",
    "PrelaunchError",
    "Queries",
    "ReportSection",
    "Responses",
    "Result",
    "Run",
    "RunError",
    "Segmentation",
    "SimulatorCheck",
    "Slates",
    "Training",
    "Trial",
    "TrialError",
    "UnitValues",
    "hookimpl",
]
