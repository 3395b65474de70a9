"""Broken distributions, one way of being broken each: what their one line must say."""

from __future__ import annotations

from dataclasses import dataclass, field

COMPONENTS = """
from framework import Component, hookimpl

@hookimpl
def prelaunch_components():
    return [Component("recommender", "{name}", "{module}.plugin:Nothing", "from the zoo")]
"""


@dataclass(frozen=True)
class Member:
    """A distribution of the zoo: its plugin module, further files, and words that its line must hold."""

    name: str
    plugin: str
    says: tuple[str, ...]
    files: dict[str, str] = field(default_factory=dict)


ZOO = (
    Member("zoo_missing_module", "import surely_not_installed\n", ("needs the module 'surely_not_installed'",)),
    Member("zoo_raises", 'raise RuntimeError("the zoo\\nis closed")\n', ("raises on import", "the zoo is closed")),
    Member("zoo_api", "PRELAUNCH_API = 99\n", ("API 99", "this prelaunch has 1")),
    Member(
        "zoo_unknown_hook",
        "from framework import hookimpl\n\n@hookimpl\ndef prelaunch_run_finish(run):\n    pass\n",
        ("'prelaunch_run_finish' is no hook", "Did you mean 'prelaunch_run_finished'"),
    ),
    Member(
        "zoo_hook_argument",
        "from framework import hookimpl\n\n@hookimpl\ndef prelaunch_run_started(run, speed):\n    pass\n",
        ("'prelaunch_run_started'", "(run)", "not 'speed'"),
    ),
    Member(
        "zoo_name_clash", COMPONENTS.format(name="popular", module="zoo_name_clash"), ("recommender 'popular'", "has")
    ),
    Member(
        "zoo_config_clash",
        COMPONENTS.format(name="zoo_config_clash", module="zoo_config_clash"),
        ("config file 'recommender/popular.yaml'", "prelaunch"),
        {"conf/recommender/popular.yaml": "name: zoo_config_clash\nparams: {}\n"},
    ),
)
